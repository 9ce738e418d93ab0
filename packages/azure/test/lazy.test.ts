import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { direct } from './no-proxy.ts'

const run = promisify(execFile)

// A process of its own, whose module hooks see every file that is loaded, by `import` and by `require`.
const SCRIPT = `
import { registerHooks } from 'node:module'
const loaded = { vault: 0, identity: 0 }
registerHooks({
  load(url, context, next) {
    if (/@azure[/+](identity|msal)/.test(url)) loaded.identity += 1
    else if (/@azure[/+]|@azure-rest|@typespec/.test(url)) loaded.vault += 1
    return next(url, context)
  },
})
const { azureDriver, azureSecretStore } = await import(${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)})
const at = credential => ({ vaultUrl: 'https://127.0.0.1:9', credential })
const token = { getToken: async () => ({ token: 'x', expiresOnTimestamp: Date.now() + 1e6 }) }
azureDriver(at({ kind: 'default' })).classify(new Error('x'))
const unused = azureSecretStore(at({ kind: 'default' }))
await unused.close()
const steps = [{ ...loaded }]
const outcomes = []
for (const credential of [token, { kind: 'client_secret', tenantId: 'a', clientId: 'b', clientSecret: 'c' }]) {
  await using store = azureSecretStore(at(credential), { attempts: 1 })
  const error = await store.get('a').catch(error => error)
  outcomes.push([error.code, error.effect])
  steps.push({ ...loaded })
}
process.stdout.write(JSON.stringify({ steps, outcomes }))
`

test('the SDK is loaded by the first call, and its credentials only for a kind of credential', async () => {
  const { stdout } = await run(process.execPath, ['--conditions=@strongroom/source', '--input-type=module', '--eval', SCRIPT], {
    cwd: import.meta.dirname,
    env: direct,
  })
  const { steps, outcomes } = JSON.parse(stdout) as {
    readonly steps: readonly { readonly vault: number; readonly identity: number }[]
    readonly outcomes: unknown
  }
  const [before, withToken, withKind] = steps
  expect(before).toEqual({ vault: 0, identity: 0 })
  expect(withToken?.vault).toBeGreaterThan(0)
  expect(withToken?.identity).toBe(0)
  expect(withKind?.identity).toBeGreaterThan(0)
  expect(outcomes).toEqual([
    ['unavailable', 'none'],
    ['unavailable', 'none'],
  ])
})
