import { equal, expectRefused } from '../expect.ts'
import type { MetadataCase } from '../metadata-case.ts'
import { accountId, type PageRequest, type SecretId, type SecretRecord, type SortField, type SortOrder } from '@strongroom/core'
import * as fc from 'fast-check'
import { ACCOUNT, newId, OTHER_ACCOUNT, OTHER_REGISTRY, pageRequest, path, REGISTRY, type World } from '../world.ts'

const SORTS: readonly SortField[] = ['created_at', 'updated_at', 'key']
const ORDERS: readonly SortOrder[] = ['asc', 'desc']
/** UTF-16 would sort the third after the fourth; UTF-8 does not. */
const KEYS = ['b', 'a', '\u{ffee}', '\u{1f600}', 'a-', 'é', 'zz', 'Z', 'aa', 'a1']

export const pages: readonly MetadataCase[] = [
  {
    id: 'pages/scan-walks-a-store',
    title: 'walks all records of a store by their paths, page by page, while others come and go',
    async run(world) {
      const scan = (after: string | undefined, limit: number, store = 'main') =>
        world.store.scan({ registry: REGISTRY, store, after: after === undefined ? undefined : path(after), limit }, {})
      const made: SecretRecord[] = []
      for (const [index, name] of KEYS.entries())
        made.push(await world.create({ path: path(name), account: index % 2 === 0 ? ACCOUNT : OTHER_ACCOUNT }))
      await world.create({ path: path('a'), store: 'second' })
      await world.create({ path: path('c'), registry: OTHER_REGISTRY })
      const order = ['Z', 'a', 'a-', 'a1', 'aa', 'b', 'zz', 'é', '\u{ffee}', '\u{1f600}']
      const all = await scan(undefined, 100)
      equal(
        all.map(({ pointer }) => pointer.path),
        order,
      )
      for (const record of all) equal(record, await world.find(record.id, record.accountId))
      equal(all.map(({ id }) => id).toSorted(), made.map(({ id }) => id).toSorted())
      equal((await scan(undefined, 100, 'second')).length, 1)
      equal(await scan(undefined, 100, 'third'), [])
      const seen: string[] = []
      for (let after: string | undefined; ;) {
        const page = await scan(after, 3)
        seen.push(...page.map(({ pointer }) => pointer.path))
        after = page.at(-1)?.pointer.path
        if (after === undefined) break
        // The last one seen goes, one before it comes, and one that is still ahead.
        const last = page.at(-1)
        if (last !== undefined) await world.delete(last)
        if (seen.length === 3) for (const name of ['0', 'c']) await world.create({ path: path(name) })
      }
      equal(seen, order.toSpliced(6, 0, 'c'))
      await expectRefused(scan(undefined, 0), 'invalid_argument')
    },
  },
  {
    id: 'pages/unknown-account-is-empty',
    title: 'has an empty page for an unknown account',
    async run(world) {
      equal(await world.store.page(pageRequest(), {}), { items: [], hasMore: false, total: 0, limit: 100 })
    },
  },
  {
    id: 'pages/sorts',
    title: 'sorts keys by their UTF-8 bytes, dates by the millisecond, never updated first',
    async run(world) {
      const made: SecretRecord[] = []
      for (const key of KEYS) {
        made.push(await world.create({ key }))
        if (key !== 'a') world.wait(1)
      }
      const keys = async (sortBy: SortField, sortOrder: SortOrder) =>
        (await world.store.page(pageRequest({ sortBy, sortOrder }), {})).items.map(({ key }) => key)
      const sorted = ['Z', 'a', 'a-', 'a1', 'aa', 'b', 'zz', 'é', '\u{ffee}', '\u{1f600}']
      equal(await keys('key', 'asc'), sorted)
      equal(await keys('key', 'desc'), sorted.toReversed())
      const { items } = await world.store.page(pageRequest({ sortOrder: 'asc' }), {})
      equal(
        items,
        made.toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1)),
      )
      for (const record of made.slice(4)) {
        await world.update(record, 'v2')
        world.wait(1)
      }
      const updated = await keys('updated_at', 'asc')
      equal(updated.slice(4), KEYS.slice(4))
      equal(updated.slice(0, 4).toSorted(), KEYS.slice(0, 4).toSorted())
      equal(await keys('updated_at', 'desc'), updated.toReversed())
    },
  },
  {
    id: 'pages/cursors-of-this-account-only',
    title: 'takes only cursors of this account and registry, at most one, and a real limit',
    async run(world) {
      const record = await world.create()
      const foreign = await world.create({ account: OTHER_ACCOUNT })
      const elsewhere = await world.create({ registry: OTHER_REGISTRY })
      const deleted = await world.create({ account: OTHER_ACCOUNT })
      await world.delete(deleted)
      for (const { id } of [foreign, elsewhere, deleted, { id: newId() }]) {
        await expectRefused(world.store.page(pageRequest({ startingAfter: id }), {}), 'invalid_argument')
        await expectRefused(world.store.page(pageRequest({ endingBefore: id }), {}), 'invalid_argument')
      }
      await expectRefused(world.store.page(pageRequest({ startingAfter: record.id, endingBefore: record.id }), {}), 'invalid_argument')
      for (const limit of [0, -1, 1.5, Number.NaN]) await expectRefused(world.store.page(pageRequest({ limit }), {}), 'invalid_argument')
      equal(await world.store.page(pageRequest({ startingAfter: record.id }), {}), { items: [], hasMore: false, total: 1, limit: 100 })
    },
  },
  {
    id: 'pages/like-a-sorted-array',
    title: 'walks like a sorted array, in both directions of every sort, while records are deleted',
    async run(world) {
      const seed = Math.floor(Math.random() * 2 ** 31)
      let run = 0
      const step = fc.record({
        kind: fc.constantFrom('create', 'create', 'create', 'update', 'delete', 'page', 'page', 'page'),
        index: fc.nat(50),
        wait: fc.constantFrom(0, 0, 1),
        limit: fc.integer({ min: 1, max: 4 }),
        sortBy: fc.constantFrom(...SORTS),
        sortOrder: fc.constantFrom(...ORDERS),
        cursor: fc.constantFrom('none', 'startingAfter', 'startingAfter', 'endingBefore', 'endingBefore'),
      })
      const property = fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 40 }), async steps => {
        run += 1
        const account = accountId(`account-of-run-${run}`)
        const live = new Map<SecretId, SecretRecord>()
        const known = new Map<SecretId, SecretRecord>()
        for (const [at, { kind, index, wait, limit, sortBy, sortOrder, cursor }] of steps.entries()) {
          world.wait(wait)
          const target = [...live.values()][index % Math.max(live.size, 1)]
          if (kind === 'create') {
            // The number comes last, so that keys begin alike; a deleted key is used again now and then.
            const key = `${KEYS[index % KEYS.length]}${[...live.values()].some(({ key }) => key === KEYS[index % KEYS.length]) ? at : ''}`
            // A name with a number behind it can be another name of the list.
            if ([...live.values()].some(record => record.key === key)) continue
            const record = await world.create({ account, key })
            live.set(record.id, record)
            known.set(record.id, record)
          } else if (kind === 'update' && target !== undefined) {
            const record = await world.update(target, `v${at + 2}`)
            live.set(record.id, record)
            known.set(record.id, record)
          } else if (kind === 'delete' && target !== undefined) {
            await world.delete(target)
            live.delete(target.id)
          } else if (kind === 'page') {
            const from = cursor === 'none' ? undefined : [...known.values()][index % Math.max(known.size, 1)]
            const request = pageRequest({ account, limit, sortBy, sortOrder, ...(from === undefined ? {} : { [cursor]: from.id }) })
            equal(await world.store.page(request, {}), modelPage([...live.values()], from, request))
          }
        }
      })
      // The seed is in fast-check's message when it fails, and so is the shrunk case.
      await fc.assert(property, { seed, numRuns: 25 })
    },
  },
  {
    id: 'pages/walks-once-while-rows-go',
    title: 'walks forwards and backwards over everything once, while what was seen is deleted',
    async run(world) {
      for (let number = 0; number < 23; number += 1) {
        const record = await world.create()
        if (number % 3 === 0) world.wait(1)
        if (number % 4 === 0) await world.update(record, 'v2')
      }
      for (const sortBy of SORTS) {
        for (const sortOrder of ORDERS) {
          const all = (await world.store.page(pageRequest({ sortBy, sortOrder }), {})).items.map(({ id }) => id)
          equal(await walk(world, 'startingAfter', pageRequest({ sortBy, sortOrder, limit: 5 })), all)
          const last = await world.create()
          await world.update(last, 'v2')
          const edge = (await world.store.page(pageRequest({ sortBy, sortOrder }), {})).items.at(-1)
          if (edge === undefined) throw new Error('empty')
          await world.delete(edge)
          const rest = (await world.store.page(pageRequest({ sortBy, sortOrder }), {})).items.map(({ id }) => id)
          equal(await walk(world, 'endingBefore', pageRequest({ sortBy, sortOrder, limit: 5, endingBefore: edge.id })), rest)
        }
      }
    },
  },
]

/** Follows the cursors to the end, as the API's clients do. */
async function walk(world: World, direction: 'startingAfter' | 'endingBefore', first: PageRequest): Promise<readonly SecretId[]> {
  const seen: SecretId[] = []
  let request = first
  for (;;) {
    const { items, hasMore, limit } = await world.store.page(request, {})
    const ids = items.map(({ id }) => id)
    if (direction === 'startingAfter') seen.push(...ids)
    else seen.unshift(...ids)
    if (!hasMore) return seen
    equal(items.length, limit)
    request = { ...first, [direction]: direction === 'startingAfter' ? ids.at(-1) : ids[0] }
  }
}

/** What a page must be, from a sorted array. */
function modelPage(records: readonly SecretRecord[], from: SecretRecord | undefined, request: PageRequest) {
  const { sortBy, sortOrder, limit, endingBefore } = request
  const value = (record: SecretRecord): string => {
    if (sortBy === 'key') return Buffer.from(record.key).toString('hex')
    const time = sortBy === 'created_at' ? record.createdAt : record.updatedAt
    return time === null ? '' : String(time.getTime()).padStart(20, '0')
  }
  const compare = (a: SecretRecord, b: SecretRecord): number => {
    const [x, y] = [`${value(a)} ${a.id}`, `${value(b)} ${b.id}`]
    const ascending = x < y ? -1 : Number(x > y)
    return sortOrder === 'asc' ? ascending : -ascending
  }
  const sorted = records.toSorted(compare)
  const backwards = endingBefore !== undefined
  const rest = sorted.filter(record => from === undefined || (backwards ? compare(record, from) < 0 : compare(record, from) > 0))
  const items = backwards ? rest.slice(-limit) : rest.slice(0, limit)
  return { items, hasMore: rest.length > limit, total: records.length, limit }
}
