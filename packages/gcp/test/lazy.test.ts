import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)

// A process of its own, whose module hooks see every file that is loaded, by `import` and by `require`.
const SCRIPT = `
import { registerHooks } from 'node:module'
const loaded = []
registerHooks({
  load(url, context, next) {
    if (/node_modules\\/(@google-cloud|google-gax|google-auth-library|@grpc|protobufjs)/.test(url)) loaded.push(url)
    return next(url, context)
  },
})
const { gcpDriver, gcpSecretStore } = await import(${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)})
const options = { projectId: 'strongroom-test', endpoint: 'http://127.0.0.1:9' }
gcpDriver(options).classify(new Error('x'))
await using store = gcpSecretStore(options, { attempts: 1 })
const unused = gcpSecretStore(options)
await unused.close()
const before = loaded.length
const error = await store.get('a').catch(error => error)
process.stdout.write(JSON.stringify({ before, after: loaded.length, code: error.code, effect: error.effect }))
`

test('the SDK is loaded by the first call, not by the import, nor by making a driver', async () => {
  const { stdout } = await run(process.execPath, ['--conditions=@strongroom/source', '--input-type=module', '--eval', SCRIPT], {
    cwd: import.meta.dirname,
  })
  const { before, after, code, effect } = JSON.parse(stdout) as Readonly<Record<string, unknown>>
  expect(before).toBe(0)
  expect(after).toBeGreaterThan(0)
  expect([code, effect]).toEqual(['unavailable', 'none'])
})
