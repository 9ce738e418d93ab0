// `npm run histories`: records concurrent operations of several processes, and checks them for linearizability. See docs/histories.md.
import process from 'node:process'
import { provisionPython } from './provision-python.mjs'
import { ensureInstalled, fail, root, run, say } from './workspace.mjs'

try {
  await ensureInstalled()
  await provisionPython({ log: say }) // for OpenBao, which --backend can ask for
  process.exitCode = await run('node', ['--conditions=@strongroom/source', `${root}/packages/histories/src/main.ts`, ...process.argv.slice(2)])
} catch (error) {
  fail(error)
}
