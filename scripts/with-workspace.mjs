// Runs a tool of the workspace after installing it: `node scripts/with-workspace.mjs oxfmt .`
import process from 'node:process'
import { ensureInstalled, fail, run } from './workspace.mjs'

const [tool, ...args] = process.argv.slice(2)
try {
  await ensureInstalled()
  process.exitCode = await run(tool, args)
} catch (error) {
  fail(error)
}
