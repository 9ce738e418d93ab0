import { describe, expect, test } from 'vitest'
import { byBytes, walkFolders, type ListFolder } from '../src/driver-support/index.ts'

/** A server that keeps these paths; `paged`: it knows `after` and `limit`, as OpenBao does. */
function serverOf(paths: readonly string[], { paged, limit }: { readonly paged: boolean; readonly limit: number }) {
  let lists = 0
  const list: ListFolder = async (folder, after) => {
    lists += 1
    const below = paths.filter(path => path.startsWith(folder)).map(path => path.slice(folder.length))
    const names = [...new Set(below.map(rest => (rest.includes('/') ? rest.slice(0, rest.indexOf('/') + 1) : rest)))].toSorted(byBytes)
    const answered = paged ? names.filter(name => after === undefined || byBytes(name, after) > 0).slice(0, limit) : names
    return { names: answered.filter(name => after === undefined || byBytes(name, after) > 0), more: answered.length === limit }
  }
  return { list, lists: () => lists }
}

async function pages(prefix: string, size: number, list: ListFolder): Promise<{ paths: string[]; pages: number }> {
  const paths: string[] = []
  let page: string | undefined
  for (let count = 1; count < 10_000; count += 1) {
    const answer = await walkFolders({ prefix, page, size, isPath: () => true }, list)
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
    const { next } = await walkFolders({ prefix: '', page: undefined, size: 1_000, isPath: () => true }, server.list)
    expect([server.lists() <= 22, next === undefined]).toEqual([true, false])
    expect((await pages('', 1_000, server.list)).paths.toSorted()).toEqual(chains.toSorted())
  })

  test('what is written and deleted meanwhile does not make it miss or repeat the rest', async () => {
    const live = Array.from({ length: 40 }, (_, index) => `k${String(index).padStart(2, '0')}`)
    const seen: string[] = []
    let page: string | undefined
    do {
      const answer = await walkFolders({ prefix: '', page, size: 5, isPath: () => true }, serverOf(live, { paged: true, limit: 5 }).list)
      seen.push(...answer.paths)
      page = answer.next
      if (page !== undefined) live.splice(live.indexOf(page), 1) // the very one that the token names
      live.unshift(`a${seen.length}`)
      live.sort()
    } while (page !== undefined)
    expect(seen).toEqual(Array.from({ length: 40 }, (_, index) => `k${String(index).padStart(2, '0')}`))
  })

  test('leaves out what the driver does not take, with everything below it', async () => {
    const server = serverOf(['a', 'b', 'c/a', 'c/b/d', 'e/c'], { paged: false, limit: 100 })
    const { paths } = await walkFolders({ prefix: '', page: undefined, size: 100, isPath: path => !['b', 'c/b/'].includes(path) }, server.list)
    expect(paths).toEqual(['a', 'c/a', 'e/c'])
  })
})
