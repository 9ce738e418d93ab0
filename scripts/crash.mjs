// `npm run crash`: kills real processes in the middle of writes, and looks at what is left. See docs/crash-matrix.md.
import process from 'node:process'
import { provisionPython } from './provision-python.mjs'
import { ensureInstalled, fail, root, run, say } from './workspace.mjs'

try {
  await ensureInstalled()
  await provisionPython({ log: say }) // for OpenBao; without it that backend is left out, and the run says so
  process.exitCode = await run('node', ['--conditions=@strongroom/source', `${root}/packages/crash/src/main.ts`, ...process.argv.slice(2)])
} catch (error) {
  fail(error)
}
