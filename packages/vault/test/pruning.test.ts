import { randomUUID } from 'node:crypto'
import { createSecretStore, isSecretError, type NativePath, type SecretDriver, type VersionId } from '@strongroom/core'
import { startFaultProxy, type FaultProxy } from '@strongroom/emulators'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { vaultDriver } from '../src/index.ts'
import { missing, proxied, startVault, suite, type Vault } from './vault.ts'

// KV keeps ten versions of a key if it is told nothing, and drops the oldest on a write for good: a registry's pointer names one.

const call = { signal: new AbortController().signal, attempt: 1 }
const encoder = new TextEncoder()

describe.skipIf(missing !== undefined)(suite('the server prunes'), () => {
  let vault: Vault
  let mount: string
  let proxy: FaultProxy
  let path: NativePath
  const driverWith = (maxVersions?: number): SecretDriver =>
    vaultDriver({ address: proxy.url, mount, auth: { method: 'token', token: vault.token }, ...(maxVersions === undefined ? {} : { maxVersions }) })

  beforeAll(async () => {
    vault = await startVault()
    mount = await vault.mount()
    proxy = await startFaultProxy(vault.url, proxied)
  })
  afterAll(async () => {
    await proxy?.stop()
    await vault?.stop()
  })
  beforeEach(() => {
    path = `key-${randomUUID()}` as NativePath
  })

  const payload = (value: string): { bytes: Uint8Array; text: boolean } => ({ bytes: encoder.encode(value), text: true })
  const create = async (driver: SecretDriver): Promise<VersionId> =>
    (await driver.create({ path, payload: payload('the pinned one'), labels: { owner: 'a' }, token: 'x' }, call)).version
  const append = async (driver: SecretDriver, value: string, after?: VersionId): Promise<VersionId> =>
    (await driver.append({ path, payload: payload(value), token: 'x', after, staged: false }, call)).version
  const readText = async (driver: SecretDriver, version: VersionId): Promise<string> =>
    new TextDecoder().decode((await driver.read({ path, version }, call)).payload.bytes)
  const outsider = (value: string): Promise<unknown> => vault.admin('POST', `${mount}/data/${path}`, { data: { value } })
  const maxVersionsOf = async (): Promise<unknown> =>
    (await vault.admin<{ data: { max_versions: unknown } }>('GET', `${mount}/metadata/${path}`)).data.max_versions
  const refusal = async (work: Promise<unknown>): Promise<unknown> => await work.catch((error: unknown) => driverWith().classify(error))

  test('a key that is told nothing loses its first version to the eleventh: the danger is real', async () => {
    for (let index = 1; index <= 11; index += 1) await outsider(`write ${index}`)
    const driver = driverWith()
    expect(await refusal(readText(driver, '1' as VersionId))).toMatchObject({ code: 'not_found' })
    expect(await readText(driver, '2' as VersionId)).toBe('write 2')
  })

  test('a version that is pinned outlives 25 writes of the driver and 25 of an outsider', async () => {
    const driver = driverWith()
    const pinned = await create(driver)
    let newest = pinned
    for (let index = 1; index <= 25; index += 1) newest = await append(driver, `write ${index}`, newest)
    expect(await readText(driver, pinned)).toBe('the pinned one')
    for (let index = 1; index <= 25; index += 1) await outsider(`write ${index} of an outsider`)
    expect(await readText(driver, pinned)).toBe('the pinned one')
    expect(await append(driver, 'once more')).toBe('52')
    expect(await readText(driver, pinned)).toBe('the pinned one')
    const { items } = await driver.versions({ path, after: undefined, page: undefined }, call)
    expect(items.map(({ version }) => Number(version))).toEqual(Array.from({ length: 52 }, (_, index) => index + 1))
  })

  test('the same on a mount that keeps fewer', async () => {
    await vault.admin('POST', `${mount}/config`, { max_versions: 2 })
    try {
      const driver = driverWith()
      const pinned = await create(driver)
      for (let index = 1; index <= 5; index += 1) await outsider(`write ${index}`)
      expect(await readText(driver, pinned)).toBe('the pinned one')
    } finally {
      await vault.admin('POST', `${mount}/config`, { max_versions: 0 })
    }
  })

  test('a key that somebody else made, or whose create stopped half-way, is told before the driver writes above it', async () => {
    await outsider('the pinned one')
    expect(await maxVersionsOf()).toBe(0)
    const driver = driverWith()
    for (let index = 1; index <= 25; index += 1) await append(driver, `write ${index}`)
    expect(await maxVersionsOf()).toBe(10_000)
    expect(await readText(driver, '1' as VersionId)).toBe('the pinned one')
  })

  test('a limit that somebody else set is kept for as long as nothing would be dropped, then raised', async () => {
    const driver = driverWith()
    await create(driver)
    await vault.admin('POST', `${mount}/metadata/${path}`, { max_versions: 3 })
    await append(driver, 'two')
    await append(driver, 'three')
    expect(await maxVersionsOf()).toBe(3)
    await append(driver, 'four')
    expect(await maxVersionsOf()).toBe(10_000)
    expect(await readText(driver, '1' as VersionId)).toBe('the pinned one')
    const { body } = await vault.ask('GET', `${mount}/metadata/${path}`)
    expect(body.data).toMatchObject({ custom_metadata: { owner: 'a' } })
  })

  test('when there is no more room an append is refused, and a destroyed version makes room', async () => {
    const driver = driverWith(10)
    const pinned = await create(driver)
    for (let index = 2; index <= 10; index += 1) await append(driver, `write ${index}`)
    expect(await refusal(append(driver, 'one too many'))).toMatchObject({ code: 'quota_exceeded', retryable: false, effect: 'none' })
    expect(await refusal(append(driver, 'one too many', '10' as VersionId))).toMatchObject({ code: 'quota_exceeded', effect: 'none' })
    expect(await readText(driver, pinned)).toBe('the pinned one')
    await driver.destroyVersion({ path, version: pinned }, call)
    expect(await append(driver, 'write 11')).toBe('11')
    expect(await refusal(append(driver, 'write 12'))).toMatchObject({ code: 'quota_exceeded' })
    expect(await readText(driver, '2' as VersionId)).toBe('write 2')
    // A driver that allows more raises it, and loses nothing.
    expect(await append(driverWith(20), 'write 12')).toBe('12')
    expect([await maxVersionsOf(), await readText(driver, '2' as VersionId)]).toEqual([20, 'write 2'])
  })

  test('a version that is deleted, but can be taken back, is not dropped either', async () => {
    const driver = driverWith(10)
    await create(driver)
    for (let index = 2; index <= 10; index += 1) await append(driver, `write ${index}`)
    await vault.admin('POST', `${mount}/delete/${path}`, { versions: [1] })
    expect(await refusal(append(driver, 'one too many'))).toMatchObject({ code: 'quota_exceeded' })
    await vault.admin('POST', `${mount}/undelete/${path}`, { versions: [1] })
    expect(await readText(driver, '1' as VersionId)).toBe('the pinned one')
  })

  test('a store tells it with a hint', async () => {
    const store = createSecretStore(driverWith(10))
    for (let index = 1; index <= 10; index += 1) await store.put(path, `write ${index}`)
    const error: unknown = await store.put(path, 'one too many').catch((thrown: unknown) => thrown)
    expect(isSecretError(error, 'quota_exceeded') && error.hint).toContain('raise maxVersions')
  })

  test('a limit that cannot be raised stops the write: nothing is dropped, and nothing was written', async () => {
    await outsider('the pinned one')
    const token = await vault.tokenFor({ [`${mount}/data/*`]: ['create', 'update'], [`${mount}/metadata/*`]: ['read'] })
    const driver = vaultDriver({ address: vault.url, mount, auth: { method: 'token', token } })
    expect(await refusal(append(driver, 'two'))).toMatchObject({ code: 'permission_denied', effect: 'none' })
    await driver.close()
    expect(await readText(driverWith(), '1' as VersionId)).toBe('the pinned one')
  })

  test('all this costs a create one request, and an append one look; raising it, once a key, one more', async () => {
    const driver = driverWith()
    const cost = async (work: () => Promise<unknown>): Promise<number> => {
      const before = proxy.requests()
      await work()
      return proxy.requests() - before
    }
    await driver.list({ prefix: path, withLabels: false, page: undefined }, call) // looks at the mount, once
    expect(await cost(() => create(driver))).toBe(2)
    expect(await cost(() => append(driver, 'two'))).toBe(2)
    expect(await cost(() => append(driver, 'three', '2' as VersionId))).toBe(2)
    await vault.admin('POST', `${mount}/metadata/${path}`, { max_versions: 0 })
    expect(await cost(() => append(driver, 'four'))).toBe(3)
    expect(await cost(() => append(driver, 'five'))).toBe(2)
  })
})
