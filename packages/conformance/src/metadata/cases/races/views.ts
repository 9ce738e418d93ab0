import { randomUUID } from 'node:crypto'
import { verifyAudit, type SecretId, type SecretRecord } from '@strongroom/core'
import { equal, includes } from '../../expect.ts'
import type { MetadataCase } from '../../metadata-case.ts'
import { answersOf, race } from '../../race.ts'
import { ACCOUNT, ALICE, pageRequest, REGISTRY } from '../../world.ts'

/** What is seen while others write, and of what they have written. */
export const views: readonly MetadataCase[] = [
  {
    id: 'races/what-is-written-is-seen-by-others',
    title: 'what one process has written, another reads at once',
    async run(world) {
      const twin = await world.twin()
      const record = await world.create({ key: 'one' })
      const { pointer, versions, ...seen } = (await twin.find(record.id)) ?? { pointer: undefined, versions: undefined }
      equal(seen, record)
      includes(pointer, { store: 'main', version: 'v1' })
      includes(versions, [{ version: 'v1' }])
      await twin.update(record, 'v2')
      includes(await world.find(record.id), { revision: 2, pointer: { version: 'v2' } })
      await world.delete(record)
      equal(await twin.find(record.id), undefined)
    },
  },
  {
    id: 'races/the-audit-chain-is-whole',
    title: 'writes of many at once are one chain without a gap, and the total is exact',
    async run(world) {
      const kept = await world.create()
      const outcomes = await race(world, 24, async (from, index) => {
        if (index % 3 === 0) {
          const entry = { account: ACCOUNT, actor: ALICE, action: 'secret.read_value', outcome: 'denied', operationId: randomUUID() } as const
          return await from.store.appendAudit({ registry: REGISTRY, entry }, {})
        }
        const record = await from.create()
        if (index % 3 === 1) await from.delete(record)
      })
      answersOf(outcomes)
      const entries = await world.audit()
      includes(await verifyAudit(entries), { ok: true, entries: 1 + 8 + 16 + 8 })
      equal(
        entries.map(({ sequence }) => sequence),
        entries.map((_, index) => index + 1),
      )
      const { total, items } = await world.store.page(pageRequest({ limit: 100 }), {})
      equal([total, items.length, items.some(({ id }) => id === kept.id)], [9, 9, true])
    },
  },
  {
    id: 'races/pages-while-others-write',
    title: 'a walk through the pages sees all that was there throughout once, while another process adds and deletes',
    async run(world) {
      const twin = await world.twin()
      const lasting: SecretRecord[] = []
      const leaving: SecretRecord[] = []
      for (let made = 0; made < 24; made += 1) (made % 3 === 0 ? leaving : lasting).push(await world.create())
      let walking = true
      const writer = async (): Promise<void> => {
        while (walking) {
          const gone = leaving.pop()
          if (gone !== undefined) await twin.delete(gone)
          await twin.create()
        }
      }
      const writing = writer()
      try {
        for (const sortOrder of ['asc', 'desc'] as const) {
          const seen: SecretId[] = []
          for (let startingAfter: SecretId | undefined; ;) {
            const { items, hasMore } = await world.store.page(pageRequest({ sortOrder, sortBy: 'key', limit: 4, startingAfter }), {})
            seen.push(...items.map(({ id }) => id))
            startingAfter = items.at(-1)?.id
            // New keys can come faster than the walk: it has seen enough once it is past the last of the lasting ones.
            if (!hasMore || lasting.every(({ id }) => seen.includes(id))) break
          }
          equal(new Set(seen).size, seen.length)
          equal(
            lasting.filter(({ id }) => !seen.includes(id)).map(({ key }) => key),
            [],
          )
        }
      } finally {
        walking = false
        await writing
      }
    },
  },
]
