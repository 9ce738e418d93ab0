import process from 'node:process'
import { CONFIGURATIONS } from './configurations.ts'
import { report } from './report.ts'

const { text, failed } = report(CONFIGURATIONS, line => process.stdout.write(`${line}\n`), process.argv.includes('--traces'))
process.stdout.write(`${text}\n`)
process.exitCode = failed ? 1 : 0
