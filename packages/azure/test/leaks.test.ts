import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { direct } from './no-proxy.ts'
import { startTunnel } from './tunnel.ts'

const run = promisify(execFile)

// A process of its own: the SDK takes AZURE_LOG_LEVEL once, when it is loaded, and writes what it logs to the error output.
const SCRIPT = `
import { startAzureEmulator } from '@strongroom/emulators/azure'
const { azureSecretStore, azureDriver } = await import(${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)})
const vault = await startAzureEmulator()
const marker = process.env.MARKER
const raw = []
const tokens = []
const options = {
  vaultUrl: vault.vaultUrl,
  tls: { ca: vault.ca },
  disableChallengeResourceVerification: true,
  credential: {
    getToken: async () => {
      const token = vault.issueToken()
      tokens.push(token)
      return { token, expiresOnTimestamp: Date.now() + 3_600_000 }
    },
  },
}
const store = azureSecretStore(options, { attempts: 1, deadlineMs: 1_000, unsafeOnRawError: error => void raw.push(error) })
const errors = []
const failing = async act => void errors.push(await act().then(() => 'done', error => error))
// The first call loads the SDK, for which a second is short where other tests run.
const first = azureSecretStore(options)
await first.put('text', marker)
await first.close()
await store.put('text', marker + ' again')
await store.put('binary', new TextEncoder().encode(marker).fill(255, 0, 1))
await store.get('text')
await store.get('binary')
for await (const _ of store.versions('text'));
for await (const _ of store.list({ withLabels: true }));
const body = JSON.stringify({ value: marker })
const faults = [
  { kind: 'throttle' }, { kind: 'fail', code: 'InternalServerError' }, { kind: 'fail', code: 'BadParameter' }, { kind: 'fail', code: 'ForbiddenByRbac' },
  { kind: 'fail', code: 'ObjectIsDeletedButRecoverable' }, { kind: 'fail', code: 'Unauthorized' }, { kind: 'reset' }, { kind: 'lose' }, { kind: 'cut' }, { kind: 'stall' },
  { kind: 'answer', status: 200, body }, { kind: 'answer', status: 200, body: body.slice(0, -2), headers: { 'content-type': 'application/json' } },
  { kind: 'answer', status: 200, body: '<html>' + marker }, { kind: 'answer', status: 500, body: '<html>' + marker },
  { kind: 'answer', status: 400, body: JSON.stringify({ error: { code: 'BadParameter', message: marker } }), headers: { 'content-type': 'application/json' } },
]
for (const fault of faults) {
  vault.controls.inject(fault, { operations: ['SetSecret'] })
  await failing(() => store.put('text', marker))
  vault.controls.clearFaults()
  vault.controls.inject(fault, { operations: ['GetSecret'] })
  await failing(() => store.get('text'))
  vault.controls.clearFaults()
}
await failing(() => azureSecretStore({ ...options, tls: undefined }).put('text', marker))
const { inspect } = await import('node:util')
const all = { depth: Infinity, showHidden: true }
const rawHas = raw.some(error => error?.request?.body?.includes(marker))
const driver = azureDriver(options)
const shown = [store, driver, ...errors].map(one => inspect(one, all) + JSON.stringify(one) + String(one) + (one.stack ?? '')).join()
await store.close()
await vault.stop()
process.stdout.write(JSON.stringify({ failed: errors.filter(error => error !== 'done').length, of: errors.length, rawHas, shownHas: shown.includes(marker), tokens }))
`

test.each([
  ['straight', undefined],
  ['behind a proxy', ''],
  ['past a proxy', '127.0.0.1'],
])('with AZURE_LOG_LEVEL=verbose neither the SDK’s log nor anything of ours has a value or a token: %s', async (_, noProxy) => {
  const tunnel = noProxy === undefined ? undefined : await startTunnel()
  onTestFinished(() => tunnel?.stop())
  const proxied = tunnel === undefined ? {} : { HTTPS_PROXY: tunnel.url, NO_PROXY: noProxy, no_proxy: noProxy }
  const marker = `marker-${crypto.randomUUID()}`
  const { stdout, stderr } = await run(process.execPath, ['--conditions=@strongroom/source', '--input-type=module', '--eval', SCRIPT], {
    cwd: import.meta.dirname,
    env: { ...direct, ...proxied, AZURE_LOG_LEVEL: 'verbose', MARKER: marker, NO_COLOR: '1' },
    maxBuffer: 100_000_000,
  })
  const { failed, of, rawHas, shownHas, tokens } = JSON.parse(stdout) as Readonly<Record<string, unknown>> & { readonly tokens: readonly string[] }
  // Two puts and a get succeed after all: the SDK answers a 401 itself, and a name that was held is not held when it is looked at again.
  expect({ of, failed, shownHas }).toEqual({ of: 31, failed: 28, shownHas: false })
  expect((tunnel?.opened() ?? 0) > 0).toBe(noProxy === '')
  // The SDK does log, and its errors do have the value: otherwise this test would show nothing.
  expect(stderr).toContain('azure:keyvault-secrets:info Request')
  expect(rawHas).toBe(true)
  const forms = [marker, Buffer.from(marker).toString('base64').slice(2, -4), encodeURIComponent(marker), ...tokens]
  expect(tokens.length).toBeGreaterThan(0)
  // Not by a matcher, which would print the whole log.
  for (const form of forms) expect(stderr.split(form).length - 1).toBe(0)
  // What an agent knows, sockets and sessions of TLS, is not logged with every request.
  expect(/"(sockets|freeSockets|_sessionCache|ca)"/.exec(stderr)?.[0]).toBeUndefined()
})
