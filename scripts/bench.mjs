// `npm run bench`: measures what users get, so it builds first.
import process from 'node:process'
import { ensureInstalled, fail, root, run } from './workspace.mjs'

try {
  await ensureInstalled()
  process.exitCode = await run('turbo', ['run', 'build', '--output-logs=errors-only', '--ui=stream'])
  if (process.exitCode === 0) process.exitCode = await run('node', [`${root}/bench/run.ts`, ...process.argv.slice(2)])
} catch (error) {
  fail(error)
}
