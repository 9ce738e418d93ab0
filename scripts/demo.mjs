// `npm run demo [-- --store aws]`: the main job from an empty folder, without a build.
import process from 'node:process'
import { provisionPython } from './provision-python.mjs'
import { ensureInstalled, fail, root, run, say } from './workspace.mjs'

const args = process.argv.slice(2)
try {
  await ensureInstalled()
  if (args.some(argument => argument === 'aws' || argument === '--store=aws')) {
    const python = await provisionPython({ log: say })
    if ('reason' in python) throw new Error(`the AWS demo needs moto, an AWS emulator in Python: ${python.reason}`)
  }
  process.exitCode = await run('node', ['--conditions=@strongroom/source', `${root}/examples/demo/demo.ts`, ...args])
} catch (error) {
  fail(error)
}
