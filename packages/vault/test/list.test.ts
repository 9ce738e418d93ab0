import type { DriverEntry, NativePath, SecretDriver } from '@strongroom/core'
import { startFaultProxy, type FaultProxy } from '@strongroom/emulators'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { vaultDriver } from '../src/index.ts'
import { byBytes, walk } from '../src/walk.ts'
import { missing, proxied, startVault, suite, type Vault } from './vault.ts'

const call = { signal: new AbortController().signal, attempt: 1 }

/** A server that keeps these paths; `paged`: it knows `after` and `limit`, as OpenBao does. */
function serverOf(paths: readonly string[], { paged, limit }: { readonly paged: boolean; readonly limit: number }) {
  let lists = 0
  const list: Parameters<typeof walk>[1] = async (folder, after) => {
    lists += 1
    const below = paths.filter(path => path.startsWith(folder)).map(path => path.slice(folder.length))
    const names = [...new Set(below.map(rest => (rest.includes('/') ? rest.slice(0, rest.indexOf('/') + 1) : rest)))].toSorted(byBytes)
    const answered = paged ? names.filter(name => after === undefined || byBytes(name, after) > 0).slice(0, limit) : names
    return { names: answered.filter(name => after === undefined || byBytes(name, after) > 0), more: answered.length === limit }
  }
  return { list, lists: () => lists }
}

async function pages(prefix: string, size: number, list: Parameters<typeof walk>[1]): Promise<{ paths: string[]; pages: number }> {
  const paths: string[] = []
  let page: string | undefined
  for (let count = 1; count < 10_000; count += 1) {
    const answer = await walk({ prefix, page, size }, list)
    paths.push(...answer.paths)
    if (answer.next === undefined) return { paths, pages: count }
    expect(answer.next).not.toBe(page)
    page = answer.next
  }
  throw new Error('the pages do not end')
}

describe('a walk through folders', () => {
  const paths = ['a', 'a-x', 'a.b', 'a/', 'ab', 'a/a', 'a/b/c', 'a/b/d', 'a/b/d/e', 'b', 'B', 'ü', '🔑/x', '\uffee', 'z/z/z/z/z', '10', '9']
    .filter(path => !path.endsWith('/'))
    .concat(Array.from({ length: 60 }, (_, index) => `many/${index}`))
    .concat(Array.from({ length: 60 }, (_, index) => `deep/${index}/leaf`))

  test.each([true, false])('finds everything once, at every size of page, with paging %s', async paged => {
    for (const size of [1, 2, 3, 7, 50, 1_000]) {
      const server = serverOf(paths, { paged, limit: size })
      const found = await pages('', size, server.list)
      expect(found.paths.toSorted()).toEqual(paths.toSorted())
    }
  })

  test.each(['a', 'a/', 'a/b', 'a/b/', 'a/b/d', 'ab', 'deep/1', 'deep/1/', 'many/', 'z/z/z', 'nothing', 'a/nothing/'])(
    'finds what begins with %s',
    async prefix => {
      for (const size of [1, 3, 100]) {
        const found = await pages(prefix, size, serverOf(paths, { paged: true, limit: size }).list)
        expect(found.paths.toSorted()).toEqual(paths.filter(path => path.startsWith(prefix)).toSorted())
      }
    },
  )

  test('a page costs a bounded number of requests, also where folders hold nothing else than folders', async () => {
    const chains = Array.from({ length: 200 }, (_, index) => `f${index}/g/h`)
    const server = serverOf(chains, { paged: false, limit: 1_000 })
    const { next } = await walk({ prefix: '', page: undefined, size: 1_000 }, server.list)
    expect([server.lists() <= 22, next === undefined]).toEqual([true, false])
    expect((await pages('', 1_000, server.list)).paths.toSorted()).toEqual(chains.toSorted())
  })

  test('what is written and deleted meanwhile does not make it miss or repeat the rest', async () => {
    const live = Array.from({ length: 40 }, (_, index) => `k${String(index).padStart(2, '0')}`)
    const seen: string[] = []
    let page: string | undefined
    do {
      const answer = await walk({ prefix: '', page, size: 5 }, serverOf(live, { paged: true, limit: 5 }).list)
      seen.push(...answer.paths)
      page = answer.next
      if (page !== undefined) live.splice(live.indexOf(page), 1) // the very one that the token names
      live.unshift(`a${seen.length}`)
      live.sort()
    } while (page !== undefined)
    expect(seen).toEqual(Array.from({ length: 40 }, (_, index) => `k${String(index).padStart(2, '0')}`))
  })
})

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
