import type { DriverEntry, NativePath, SecretDriver } from '@strongroom/core'
import { startFaultProxy, type FaultProxy } from '@strongroom/emulators'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { vaultDriver } from '../src/index.ts'
import { missing, proxied, startVault, suite, type Vault } from './vault.ts'

const call = { signal: new AbortController().signal, attempt: 1 }

describe.skipIf(missing !== undefined)(suite('lists'), () => {
  let vault: Vault
  let mount: string
  let proxy: FaultProxy
  let driver: SecretDriver
  beforeAll(async () => {
    vault = await startVault()
    proxy = await startFaultProxy(vault.url, proxied)
  })
  afterAll(async () => {
    await proxy?.stop()
    await vault?.stop()
  })
  beforeEach(async () => {
    mount = await vault.mount()
    driver = vaultDriver({ address: proxy.url, mount, auth: { method: 'token', token: vault.token } })
  })

  const write = async (paths: readonly string[]): Promise<void> => {
    for (const path of paths)
      await vault.admin('POST', `${mount}/data/${path.split('/').map(encodeURIComponent).join('/')}`, { data: { value: 'v' } })
  }
  const all = async (prefix: string, withLabels = false): Promise<DriverEntry[]> => {
    const items: DriverEntry[] = []
    let page: string | undefined
    do {
      const answer = await driver.list({ prefix, withLabels, page }, call)
      items.push(...answer.items)
      page = answer.next
    } while (page !== undefined)
    return items
  }
  const pathsOf = (items: readonly DriverEntry[]): string[] => items.map(({ path }) => path as string).toSorted()

  test('a key and a folder of one name, and everything below', async () => {
    const paths = ['a', 'a/x', 'a/y/z', 'a-b', 'a b#c?d/e', 'ü/🔑']
    await write(paths)
    expect(pathsOf(await all(''))).toEqual(paths.toSorted())
    expect(pathsOf(await all('a'))).toEqual(paths.filter(path => path.startsWith('a')).toSorted())
    expect(pathsOf(await all('a/'))).toEqual(['a/x', 'a/y/z'])
    expect(pathsOf(await all('a b#c?d/'))).toEqual(['a b#c?d/e'])
    expect(await all('b')).toEqual([])
    expect(await all('a//')).toEqual([])
    expect(await all('../')).toEqual([])
  })

  test('the server sorts as the walk does, and takes its tokens', async () => {
    const names = ['10', '9', 'A', 'Z', 'a', 'a-x', 'a.b', 'ab', 'zz', 'é', '€', '\uffee', '🔑'].concat(
      Array.from({ length: 237 }, (_, index) => `k${index}`),
    )
    await write(names)
    await write(['a/x', 'zz/y', 'é/z'])
    const before = proxy.requests()
    const found = await all('', true)
    expect(found).toHaveLength(names.length + 3)
    expect(new Set(pathsOf(found)).size).toBe(names.length + 3)
    // 253 metadata, three pages of 100 and what their folders cost.
    expect(proxy.requests() - before - 253).toBeLessThanOrEqual(1 + 3 + 6)
  })

  test('labels cost a request a secret, and nothing where nobody asked for them', async () => {
    const payload = { bytes: new TextEncoder().encode('v'), text: true }
    for (const name of ['one', 'two', 'three']) await driver.create({ path: name as NativePath, payload, labels: { name }, token: 'x' }, call)
    const cost = async (withLabels: boolean): Promise<number> => {
      const before = proxy.requests()
      await all('', withLabels)
      return proxy.requests() - before
    }
    expect([await cost(false), await cost(true)]).toEqual([1, 4])
    const items = await all('', true)
    expect(items.map(({ path, labels }) => labels?.['name'] === path)).toEqual([true, true, true])
    expect(items.every(({ createdAt, updatedAt }) => createdAt instanceof Date && updatedAt instanceof Date)).toBe(true)
  })

  test('a secret whose versions somebody else has deleted is listed and takes a new one; labels alone are none', async () => {
    await write(['soft', 'hard'])
    await vault.admin('DELETE', `${mount}/data/soft`)
    await vault.admin('POST', `${mount}/destroy/hard`, { versions: [1] })
    await vault.admin('POST', `${mount}/metadata/labels`, { custom_metadata: { owner: 'a' } })
    expect(pathsOf(await all('', true))).toEqual(['hard', 'soft'])
    for (const path of ['soft', 'hard'] as NativePath[]) {
      const code = async (work: Promise<unknown>): Promise<string> =>
        await work.then(
          () => 'ok',
          (error: unknown) => driver.classify(error).code,
        )
      const payload = { bytes: new TextEncoder().encode('new'), text: true }
      expect(await code(driver.read({ path, version: undefined }, call))).toBe('version_unusable')
      expect(await code(driver.create({ path, payload, labels: {}, token: 'x' }, call))).toBe('already_exists')
      expect(await driver.append({ path, payload, token: 'x', after: undefined, staged: false }, call)).toEqual({ version: '2' })
    }
  })

  test('a token that is not of this list is refused', async () => {
    for (const page of ['../x', 'other/x', 'a//b', '']) {
      const work = driver.list({ prefix: 'app/', withLabels: false, page }, call)
      expect(await work.catch((error: unknown) => driver.classify(error))).toMatchObject({ code: 'invalid_argument', effect: 'none' })
    }
  })
})
