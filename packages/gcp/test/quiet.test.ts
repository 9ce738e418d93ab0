import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)

// Google's client prints requests and answers when it is told to by the environment, so what it prints is looked at whole.
const SCRIPT = `
const { startGcpEmulator } = await import('@strongroom/emulators/gcp')
const { officialOverRest, bearer } = await import(${JSON.stringify(new URL('place.ts', import.meta.url).href)})
const { gcpSecretStore } = await import(${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)})
const emulator = await startGcpEmulator()
const { projectId, url, grpcPort } = emulator
for (const transport of ['grpc', 'rest']) {
  const endpoint = transport === 'rest' ? url : 'http://127.0.0.1:' + grpcPort
  const store = gcpSecretStore({ projectId, transport, endpoint, authClient: bearer('token-' + process.argv[1]) })
  await store.put(transport, 'value-' + process.argv[1])
  await store.get(transport)
  await store.put(transport, 'value-' + process.argv[1])
  await store.get('missing').catch(() => {})
  await store.close()
}
// For comparison: what Google's own methods do with a value.
const official = officialOverRest(projectId, url)
await official.addSecretVersion({ parent: 'projects/' + projectId + '/secrets/rest', payload: { data: Buffer.from('shown') } })
await official.close()
await emulator.stop()
`
const MARKER = 'c0ffee5ec2e7'

const SHOWN = Buffer.from('shown').toJSON().data.join(',')

test.each([
  [{ GOOGLE_SDK_NODE_LOGGING: 'all' }, SHOWN],
  [{ GOOGLE_SDK_NODE_LOGGING: 'secret-manager,secretmanager,auth,google-gax' }, SHOWN],
  [{ GRPC_VERBOSITY: 'DEBUG', GRPC_TRACE: 'all' }, 'grpc-status'],
])('neither values nor tokens are printed with %o', async (environment, shown) => {
  const args = ['--conditions=@strongroom/source', '--input-type=module', '--eval', SCRIPT, MARKER]
  const { stdout, stderr } = await run(process.execPath, args, {
    cwd: import.meta.dirname,
    env: { ...process.env, ...environment },
    maxBuffer: 2 ** 28,
  })
  const printed = (stdout + stderr).replaceAll(/\s+/g, '')
  expect(printed.includes(shown), 'it prints, or this would prove nothing').toBe(true)
  for (const secret of [`value-${MARKER}`, `token-${MARKER}`]) {
    const bytes = Buffer.from(secret)
    for (const form of [secret, bytes.toString('base64'), bytes.toString('hex'), bytes.toJSON().data.join(',')]) {
      expect(printed.includes(form), `${secret.slice(0, 5)} as ${form.slice(0, 4)}…`).toBe(false)
    }
  }
})
