import { randomUUID } from 'node:crypto'
import { createSecretStore, isSecretError, type Failure, type SecretDriver } from '@strongroom/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { vaultDriver } from '../src/index.ts'
import { missing, startOwnVault, suite, type Vault } from './vault.ts'

// What a real server refuses when it is full or shut; and what it drops when a secret has too many versions.
describe.skipIf(missing !== undefined)(suite('a server of our own'), () => {
  let vault: Vault
  let driver: SecretDriver
  let mount: string
  beforeAll(async () => {
    vault = await startOwnVault()
    mount = await vault.mount()
    driver = vaultDriver({ address: vault.url, mount, auth: { method: 'token', token: vault.token } })
  })
  afterAll(async () => {
    await driver?.close()
    await vault?.stop()
  })

  const payload = (text: string): { bytes: Uint8Array; text: true } => ({ bytes: new TextEncoder().encode(text), text: true })
  const call = { signal: new AbortController().signal, attempt: 1 }
  const failureOf = async (work: Promise<unknown>): Promise<Failure> => {
    const error: unknown = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    return driver.classify(error)
  }

  test('a version that a record may point at outlives 25 writes by the driver and 25 by an outsider', async () => {
    const path = 'pinned' as never
    const { version: pinned } = await driver.create({ path, payload: payload('the first'), labels: {}, token: randomUUID() }, call)
    for (let count = 1; count <= 25; count += 1) {
      await driver.append({ path, payload: payload(`driver ${count}`), token: randomUUID(), after: undefined, staged: false }, call)
      await vault.admin('POST', `${mount}/data/pinned`, { data: { value: `outsider ${count}` } })
    }
    const { payload: found } = await driver.read({ path, version: pinned }, call)
    expect(new TextDecoder().decode(found.bytes)).toBe('the first')
    expect((await driver.versions({ path, after: undefined, page: undefined }, call)).items).toHaveLength(51)
  })

  test('a secret that an outsider made, with room for 10 versions, gets more room before the driver writes the eleventh', async () => {
    const path = 'theirs' as never
    for (let count = 1; count <= 10; count += 1) await vault.admin('POST', `${mount}/data/theirs`, { data: { value: `outsider ${count}` } })
    await driver.append({ path, payload: payload('ours'), token: randomUUID(), after: undefined, staged: false }, call)
    const { payload: found } = await driver.read({ path, version: '1' as never }, call)
    expect(new TextDecoder().decode(found.bytes)).toBe('outsider 1')
  })

  test('a write that would push a version out of the most that is allowed is refused, and nothing is written', async () => {
    const small = createSecretStore(vaultDriver({ address: vault.url, mount, auth: { method: 'token', token: vault.token }, maxVersions: 10 }))
    for (let count = 1; count <= 10; count += 1) await small.put('small', `value ${count}`)
    const error: unknown = await small.put('small', 'one too many').catch((thrown: unknown) => thrown)
    expect(isSecretError(error) && [error.code, error.effect]).toEqual(['quota_exceeded', 'none'])
    expect((await small.get('small', { version: '1' as never })).value.revealText()).toBe('value 1')
    await small.destroyVersion('small', '1' as never)
    await small.put('small', 'now there is room')
    await small.close()
  })

  test('a quota that is used up is throttled, and retryable', async () => {
    await vault.admin('POST', 'sys/quotas/rate-limit/tight', { path: `${mount}/`, rate: 0.1, interval: '60s' })
    try {
      await driver.read({ path: 'pinned' as never, version: undefined }, call).catch(() => undefined)
      expect(await failureOf(driver.read({ path: 'pinned' as never, version: undefined }, call))).toMatchObject({
        code: 'throttled',
        retryable: true,
        effect: 'none',
      })
    } finally {
      await vault.admin('DELETE', 'sys/quotas/rate-limit/tight')
    }
  })

  test('a sealed server is unavailable, and retryable', async () => {
    await vault.admin('POST', 'sys/seal')
    expect(await failureOf(driver.read({ path: 'pinned' as never, version: undefined }, call))).toMatchObject({
      code: 'unavailable',
      retryable: true,
    })
  })
})
