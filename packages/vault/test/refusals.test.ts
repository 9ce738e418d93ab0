import { randomUUID } from 'node:crypto'
import type { Failure, NativePath, SecretDriver, VersionId } from '@strongroom/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { vaultDriver, type VaultOptions } from '../src/index.ts'
import { missing, startOwnVault, type Vault, suite } from './vault.ts'

// What a real server refuses, and how: policies, quotas, a seal, mounts and namespaces that are not there. A server of its own.

const call = { signal: new AbortController().signal, attempt: 1 }
const payload = { bytes: new TextEncoder().encode('v'), text: true }

describe.skipIf(missing !== undefined)(suite('a real server refuses'), () => {
  let vault: Vault
  beforeAll(async () => {
    vault = await startOwnVault()
  })
  afterAll(() => vault?.stop())

  const driverWith = (more: Partial<VaultOptions> = {}): SecretDriver =>
    vaultDriver({ address: vault.url, auth: { method: 'token', token: vault.token }, ...more })
  const failureOf = async (driver: SecretDriver, work: Promise<unknown>): Promise<Failure> =>
    await work.then(
      () => {
        throw new Error('it must fail')
      },
      (error: unknown) => driver.classify(error),
    )
  const operations = (driver: SecretDriver, path: NativePath): Readonly<Record<string, () => Promise<unknown>>> => ({
    create: () => driver.create({ path: `new-${randomUUID()}` as NativePath, payload, labels: {}, token: 'x' }, call),
    append: () => driver.append({ path, payload, token: 'x', after: undefined, staged: false }, call),
    read: () => driver.read({ path, version: undefined }, call),
    versions: () => driver.versions({ path, after: undefined, page: undefined }, call),
    list: () => driver.list({ prefix: '', withLabels: true, page: undefined }, call),
    destroy: () => driver.destroyVersion({ path, version: '1' as VersionId }, call),
    remove: () => driver.remove({ path, purge: true }, call),
  })
  const made = async (): Promise<NativePath> => {
    const path = `made-${randomUUID()}` as NativePath
    await vault.admin('POST', `secret/data/${path}`, { data: { value: 'v' } })
    return path
  }
  const everyCode = async (driver: SecretDriver, path: NativePath): Promise<readonly string[]> => {
    const codes = await Promise.all(
      Object.values(operations(driver, path)).map(async act => {
        const { code, effect, retryable } = await failureOf(driver, act())
        return `${code} ${effect} ${retryable}`
      }),
    )
    return [...new Set(codes)]
  }

  test('who has no rights: permission_denied, whatever is asked', async () => {
    const token = await vault.tokenFor({ 'somewhere/else': ['read'] })
    expect(await everyCode(driverWith({ auth: { method: 'token', token } }), await made())).toEqual(['permission_denied none false'])
  })

  test('each operation by a policy that forbids just that one', async () => {
    const path = await made()
    const rules = {
      'secret/data/*': ['create', 'update', 'read'],
      'secret/metadata/*': ['create', 'update', 'read', 'delete', 'list'],
      'secret/destroy/*': ['update'],
    }
    const without = async (rule: keyof typeof rules, ...taken: readonly string[]): Promise<SecretDriver> => {
      const left = rules[rule].filter(capability => !taken.includes(capability))
      return driverWith({ auth: { method: 'token', token: await vault.tokenFor({ ...rules, [rule]: left.length === 0 ? ['deny'] : left }) } })
    }
    const denied = async (driver: SecretDriver, name: string): Promise<string> => {
      const { code, effect } = await failureOf(driver, operations(driver, path)[name]?.() ?? Promise.resolve())
      return `${code} ${effect}`
    }
    expect(await denied(await without('secret/data/*', 'read'), 'read')).toBe('permission_denied none')
    expect(await denied(await without('secret/data/*', 'create'), 'create')).toBe('permission_denied none')
    expect(await denied(await without('secret/data/*', 'update'), 'append')).toBe('permission_denied none')
    expect(await denied(await without('secret/metadata/*', 'read'), 'versions')).toBe('permission_denied none')
    expect(await denied(await without('secret/metadata/*', 'list'), 'list')).toBe('permission_denied none')
    expect(await denied(await without('secret/metadata/*', 'delete'), 'remove')).toBe('permission_denied none')
    expect(await denied(await without('secret/destroy/*', 'update'), 'destroy')).toBe('permission_denied none')
    // The value is written by then.
    expect(await denied(await without('secret/metadata/*', 'update', 'create'), 'create')).toBe('permission_denied unknown')
  })

  test('a bad token: unauthenticated, whatever is asked', async () => {
    const driver = driverWith({ auth: { method: 'token', token: 's.no-such-token' } })
    expect(await everyCode(driver, await made())).toEqual(['unauthenticated none false'])
  })

  test('a mount or a namespace that is not there, and a mount of version 1: misconfigured, and nothing was written', async () => {
    const v1 = await vault.mount('1')
    const path = await made()
    for (const more of [{ mount: 'no-such-mount' }, { namespace: 'no-such-namespace' }, { mount: v1 }, { mount: 'sys' }, { mount: 'cubbyhole' }]) {
      const driver = driverWith(more)
      expect([more, await everyCode(driver, path)]).toEqual([more, ['misconfigured none false']])
      expect((await failureOf(driver, driver.read({ path, version: undefined }, call))).hint).toBeTypeOf('string')
    }
    expect((await vault.ask('GET', `${v1}/?list=true`)).status).toBe(404)
  })

  test('namespaces keep apart, and the full path has the namespace in it', async () => {
    for (const name of ['team', 'team/part']) {
      const parent = name.includes('/') ? { namespace: 'team' } : {}
      expect((await vault.ask('POST', `sys/namespaces/${name.split('/').at(-1)}`, {}, parent)).status).toBe(200)
      expect((await vault.ask('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } }, { namespace: name })).status).toBe(204)
    }
    for (const namespace of ['', 'team', 'team/part']) {
      const driver = driverWith(namespace === '' ? {} : { namespace })
      const bytes = new TextEncoder().encode(`in ${namespace}`)
      const create = (): ReturnType<SecretDriver['create']> =>
        driver.create({ path: 'same' as NativePath, payload: { bytes, text: true }, labels: {}, token: 'x' }, call)
      let made = await create().catch((error: unknown) => driver.classify(error))
      // A mount that was made a moment ago says that it is not ready.
      for (let tries = 0; 'code' in made && made.retryable && tries < 100; tries += 1)
        made = await create().catch((error: unknown) => driver.classify(error))
      if ('code' in made) throw new Error(made.code)
      expect(made.fullPath).toBe(`${namespace === '' ? '' : `${namespace}/`}secret/data/same`)
      expect((await vault.ask('GET', made.fullPath)).body.data).toMatchObject({ data: { value: `in ${namespace}` } })
    }
  })

  test('a rate limit: throttled, with the time to wait where the server tells it', async () => {
    const path = await made()
    const mount = await vault.mount()
    await vault.admin('POST', `${mount}/data/${path}`, { data: { value: 'v' } })
    await vault.admin('POST', 'sys/quotas/config', { enable_rate_limit_response_headers: true })
    const driver = driverWith({ mount })
    await driver.read({ path, version: undefined }, call)
    await vault.admin('POST', 'sys/quotas/rate-limit/one', { path: mount, rate: 1, interval: '1h' })
    await driver.read({ path, version: undefined }, call)
    const failure = await failureOf(driver, driver.read({ path, version: undefined }, call))
    expect(failure).toMatchObject({ code: 'throttled', retryable: true, effect: 'none' })
    expect(failure.retryAfterMs).toBeGreaterThan(1_000)
    expect(failure.retryAfterMs).toBeLessThanOrEqual(3_600_000)
    const write = await failureOf(driver, driver.create({ path: 'new' as NativePath, payload, labels: {}, token: 'x' }, call))
    expect([write.code, write.effect]).toEqual(['throttled', 'none'])
    await vault.admin('DELETE', 'sys/quotas/rate-limit/one')
  })

  test('a body that is too large for the server: too_large', async () => {
    const driver = driverWith()
    const bytes = Buffer.alloc(33 * 1_048_576, 'a')
    const work = driver.create({ path: 'huge' as NativePath, payload: { bytes, text: true }, labels: {}, token: 'x' }, call)
    expect(await failureOf(driver, work)).toMatchObject({ code: 'too_large', retryable: false, effect: 'none' })
  })

  test('a mount that is not ready yet says so: unavailable, retryable, and nothing was written', async () => {
    // Right after it is made; whether the server is quick enough is its own affair, so every outcome but another error is right.
    const name = `fresh-${randomUUID()}`
    await vault.admin('POST', `sys/mounts/${name}`, { type: 'kv', options: { version: '2' } })
    const driver = driverWith({ mount: name })
    const outcome = await driver
      .create({ path: 'a' as NativePath, payload, labels: {}, token: 'x' }, call)
      .catch((error: unknown) => driver.classify(error))
    if ('code' in outcome) expect(outcome).toMatchObject({ code: 'unavailable', retryable: true, effect: 'none' })
    else expect(outcome.version).toBe('1')
  })

  test('a server that is sealed: unavailable, retryable, and nothing was written', async () => {
    const path = await made()
    const driver = driverWith()
    await driver.read({ path, version: undefined }, call)
    await vault.admin('PUT', 'sys/seal', {})
    expect(await everyCode(driver, path)).toEqual(['unavailable none true'])
    expect(await everyCode(driverWith(), path)).toEqual(['unavailable none true'])
    const login = driverWith({ auth: { method: 'approle', roleId: 'r', secretId: 's' } })
    expect(await everyCode(login, path)).toEqual(['unavailable none true'])
  })
})
