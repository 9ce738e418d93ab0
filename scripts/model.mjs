// `npm run model`: explores the model of the write protocol, and takes out each rule. See docs/model.md.
import process from 'node:process'
import { ensureInstalled, fail, root, run } from './workspace.mjs'

try {
  await ensureInstalled()
  process.exitCode = await run('node', ['--conditions=@strongroom/source', `${root}/packages/model/src/main.ts`, ...process.argv.slice(2)])
} catch (error) {
  fail(error)
}
