import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { isSecretError, type DriverEntry, type DriverPage, type NativePath } from '@strongroom/core'
import type { CaseContext } from '../case-context.ts'
import type { DriverCase } from '../driver-case.ts'

const DAY_MS = 86_400_000
const PAGE_LIMIT = 1_000
const CREATORS = 4

export const listCases: readonly DriverCase[] = [
  {
    id: 'list/finds-what-was-made',
    title: 'a list has the native paths that were made, each once',
    needs: [],
    async run(context) {
      const made = [await context.create(), await context.create(), await context.create()].map(({ path }) => path)
      await context.settled(async () => assert.deepEqual(await listed(context), made.toSorted()))
    },
  },
  {
    id: 'list/full-path-as-create',
    title: 'a list tells the full path of each secret, as its create did',
    needs: [],
    async run(context) {
      const made = [await context.create(), await context.create()].map(({ path, fullPath }) => ({ path, fullPath }))
      for (const withLabels of [false, true]) {
        await context.settled(async () => {
          const found = (await context.list(context.prefix, withLabels)).map(({ path, fullPath }) => ({ path, fullPath }))
          assert.deepEqual(new Set(found), new Set(made))
        })
      }
    },
  },
  {
    id: 'list/prefix-is-exact',
    title: 'a list has the paths that start with the prefix, and no others',
    needs: [],
    async run(context) {
      const suffixes = ['alpha', 'alpha-one', 'alpha-two', 'alphabet', 'beta-alpha', 'beta']
      for (const suffix of suffixes) await context.create('a value', { path: context.path(suffix) })
      for (const prefix of ['', 'a', 'alpha', 'alpha-', 'alpha-two', 'b', 'beta-', 'alpha-three', 'lpha']) {
        const expected = suffixes.filter(suffix => suffix.startsWith(prefix)).map(suffix => context.path(suffix))
        await context.settled(async () => assert.deepEqual(await listed(context, context.prefix + prefix), expected.toSorted(), `prefix "${prefix}"`))
      }
    },
  },
  {
    id: 'list/nothing-is-an-empty-list',
    title: 'a prefix that nothing has gives an empty list, and the pages end',
    needs: [],
    async run(context) {
      assert.deepEqual(await context.list(`${context.prefix}nothing-here`), [])
    },
  },
  {
    id: 'list/every-item-once-across-pages',
    title: 'every secret is listed once, however many pages there are',
    needs: [],
    async run(context) {
      const made = await makeMany(context)
      await context.settled(async () => assert.deepEqual(await listed(context), made.toSorted()))
    },
  },
  {
    id: 'list/while-others-write',
    title: 'while others create and remove between the pages, nothing is repeated and nothing that stayed is missed',
    needs: [],
    async run(context) {
      const made = await makeMany(context)
      const before = await context.create('goes away in between', { path: context.path('item0000-a-goner') })
      await context.settled(async () => assert.equal((await listed(context)).length, made.length + 1))
      const seen: NativePath[] = []
      let page: string | undefined
      for (let pages = 0; pages < PAGE_LIMIT; pages += 1) {
        const answer: DriverPage<DriverEntry> = await context.driver.list({ prefix: context.prefix, withLabels: false, page }, context.call())
        seen.push(...answer.items.map(({ path }) => path))
        page = answer.next
        if (page === undefined) break
        if (pages === 0) await context.purge(before.path)
        if (pages < 5) {
          await context.create('in between', { path: context.path(`a-new-one-${pages}-in-front`) })
          await context.create('in between', { path: context.path(`z-new-one-${pages}-at-the-end`) })
        }
      }
      assert.equal(page, undefined, 'the pages end')
      assert.equal(new Set(seen).size, seen.length, 'nothing is repeated')
      for (const path of made) assert.ok(seen.includes(path), `${path} was there all the time, and is missed`)
    },
  },
  {
    id: 'list/page-token-works-twice',
    title: 'the same page token gives the same page again, since core repeats a request that was lost',
    needs: [],
    async run(context) {
      await makeMany(context)
      const first = await context.driver.list({ prefix: context.prefix, withLabels: false, page: undefined }, context.call())
      if (first.next === undefined) context.skip(`${context.settings.pagingItems} secrets fit into one page`)
      const request = { prefix: context.prefix, withLabels: false, page: first.next }
      const second = await context.driver.list(request, context.call())
      const again = await context.driver.list(request, context.call())
      assert.deepEqual(
        again.items.map(({ path }) => path),
        second.items.map(({ path }) => path),
      )
    },
  },
  {
    id: 'list/labels-round-trip',
    title: 'labels come back as they were given when asked for, and are undefined when not',
    needs: [],
    async run(context) {
      const labels = { a: 'one', 'strongroom.record': 'f3c1/2', 'with.dots_and-more': 'a value with spaces + = @', long: 'x'.repeat(256) }
      const { path } = await context.create('a value', { labels })
      const bare = await context.create('a value')
      await context.settled(async () => {
        const entries = await context.list(context.prefix, true)
        const found = entries.find(entry => entry.path === path)
        assert.ok(found !== undefined, 'it is listed')
        if (found.labels === undefined) context.skip('the backend keeps no labels')
        assert.deepEqual({ ...found.labels }, labels)
        assert.deepEqual({ ...entries.find(entry => entry.path === bare.path)?.labels }, {})
      })
      for (const entry of await context.list(context.prefix, false)) assert.equal(entry.labels, undefined)
    },
  },
  {
    id: 'list/eight-labels',
    title: 'the portable number of labels fits',
    needs: [],
    async run(context) {
      const labels = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`label-${index}-${'n'.repeat(40)}`, `value ${index}`]))
      const { path } = await context.create('a value', { labels })
      await context.settled(async () => {
        const found = (await context.list(path, true)).find(entry => entry.path === path)
        assert.ok(found !== undefined, 'it is listed')
        if (found.labels === undefined) context.skip('the backend keeps no labels')
        assert.deepEqual({ ...found.labels }, labels)
      })
    },
  },
  {
    id: 'list/removed-is-left-out',
    title: 'a removed secret is not listed, and a restored one is',
    needs: ['capability:remove=recoverable'],
    async run(context) {
      const stays = await context.create()
      const goes = await context.create()
      await context.driver.remove({ path: goes.path, purge: false }, context.call())
      await context.settled(async () => assert.deepEqual(await listed(context), [stays.path]))
      await context.driver.restore({ path: goes.path }, context.call())
      await context.settled(async () => assert.deepEqual(await listed(context), [stays.path, goes.path].toSorted()))
    },
  },
  {
    id: 'list/purged-is-left-out',
    title: 'a purged secret is not listed',
    needs: [],
    async run(context) {
      const stays = await context.create()
      const goes = await context.create()
      await context.purge(goes.path)
      await context.settled(async () => assert.deepEqual(await listed(context), [stays.path]))
    },
  },
  {
    id: 'list/have-plausible-dates',
    title: 'createdAt and updatedAt are dates about now in their order, or undefined',
    needs: [],
    async run(context) {
      const { path } = await context.create()
      await context.append(path, 'another')
      for (const { createdAt, updatedAt } of await context.list(path)) {
        for (const date of [createdAt, updatedAt]) {
          if (date === undefined) continue
          assert.ok(date instanceof Date && Math.abs(date.getTime() - Date.now()) < DAY_MS, 'a Date about now')
        }
        if (createdAt !== undefined && updatedAt !== undefined) assert.ok(createdAt <= updatedAt, 'made before it was updated')
      }
    },
  },
  {
    id: 'list/carries-no-value',
    title: 'a list has no value in it',
    needs: [],
    async run(context) {
      await context.create('marker-in-a-value-9b2c')
      const shown = inspect(await context.list(context.prefix, true), { depth: Infinity, showHidden: true })
      assert.ok(!shown.includes('marker-in-a-value-9b2c'), 'no value is listed')
    },
  },
  {
    id: 'list/aborts-between-pages',
    title: 'a store’s list ends with `aborted` when its signal does, even between pages',
    needs: [],
    async run(context) {
      const made = await makeMany(context)
      await context.settled(async () => assert.equal((await listed(context)).length, made.length))
      const controller = new AbortController()
      const entries = context.store().list({ signal: controller.signal })[Symbol.asyncIterator]()
      await entries.next()
      controller.abort()
      const rest = async (): Promise<number> => {
        let items = 1
        while ((await entries.next()).done !== true) items += 1
        return items
      }
      const outcome = await rest().catch((error: unknown) => (isSecretError(error) ? error.code : 'another error'))
      // A page that is here already is given out, so a list of one page has nothing left to abort.
      if (outcome === context.settings.pagingItems) context.skip('all secrets fit into one page')
      assert.equal(outcome, 'aborted')
    },
  },
]

async function makeMany(context: CaseContext): Promise<NativePath[]> {
  const paths = Array.from({ length: context.settings.pagingItems }, () => context.path())
  const waiting = paths.values()
  await Promise.all(
    Array.from({ length: CREATORS }, async () => {
      for (const path of waiting) await context.create('a value', { path })
    }),
  )
  return paths
}

async function listed(context: CaseContext, prefix: string = context.prefix): Promise<string[]> {
  return (await context.list(prefix)).map(({ path }) => path).toSorted()
}
