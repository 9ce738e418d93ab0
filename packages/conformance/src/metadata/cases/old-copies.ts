import { randomUUID } from 'node:crypto'
import type { MetadataStore } from '@strongroom/core'
import { equal, expectRefused, includes } from '../expect.ts'
import type { MetadataCase } from '../metadata-case.ts'
import { beginMigrate, commitMigrate, dropOldCopies, GRACE, leave, migrate, oldCopies, returnTo, stored } from '../moves.ts'
import { ACCOUNT, ALICE, LEASE, newId, OTHER_ACCOUNT, OTHER_REGISTRY, path, REGISTRY, ROBOT, version, type World } from '../world.ts'

const newRecord = async (world: World) => await stored(world, await world.create())

const owner = async (world: World, at: string): Promise<Awaited<ReturnType<MetadataStore['owners']>>[number] | undefined> =>
  (await world.store.owners({ registry: REGISTRY, store: 'main', paths: [path(at)] }, {}))[0]

export const copies: readonly MetadataCase[] = [
  {
    id: 'old-copies/told-until-claimed',
    title: 'tells what a migration left behind, by secret and store, until it is first claimed',
    async run(world) {
      const [first, second] = [await newRecord(world), await newRecord(world)]
      await world.update(second, 'v2')
      const before = await stored(world, second)
      await migrate(world, first)
      await migrate(world, second)
      const copyOf = ({ id: secret, pointer, cloudSecretPath, versions }: typeof first) => ({ secret, pointer, cloudSecretPath, versions })
      equal(await oldCopies(world, 'main', first), [copyOf(first)])
      const both = await oldCopies(world, 'main', second, first, second)
      equal(
        both.toSorted((a, b) => (a.secret === first.id ? -1 : b.secret === first.id ? 1 : 0)),
        [copyOf(first), copyOf(before)],
      )
      equal(await oldCopies(world, 'second', first, second), [])
      equal(await oldCopies(world, 'main'), [])
      equal(await world.store.oldCopies({ registry: OTHER_REGISTRY, store: 'main', secrets: [first.id] }, {}), [])
      await world.enqueue({ task: 'purge_path', store: 'main', path: path('no copy'), delayMs: GRACE })
      equal((await oldCopies(world, 'main', first)).length, 1)
      world.wait(GRACE)
      const claimed = await world.claim()
      equal(new Set(claimed.map(({ path: at }) => at)), new Set([first.pointer.path, second.pointer.path, 'no copy']))
      equal(await oldCopies(world, 'main', first, second), [])
      // What has been begun may have removed a part of it.
      for (const entry of claimed) await world.settle(entry, { state: 'retry', delayMs: GRACE })
      equal(await oldCopies(world, 'main', first, second), [])
    },
  },
  {
    id: 'old-copies/return-restores-what-was-kept',
    title: 'moves the pointer back onto an old copy: it keeps what the copy kept, committed as the record was, and nothing destroys it',
    async run(world) {
      const created = await world.create()
      world.wait(1)
      await world.update(created, 'v2')
      const before = await stored(world, created)
      world.wait(1)
      await world.describe(created, 'described')
      await migrate(world, created)
      await world.enqueue({ task: 'destroy_version', ...before.pointer }, { task: 'destroy_version', ...before.pointer, version: version('v1') })
      world.wait(1)
      const away = await stored(world, created)
      const token = randomUUID()
      const answer = await returnTo(world, created, before.pointer, { actor: ALICE, token, enqueue: [leave(away)] })
      const { pointer, versions, adopted, ...record } = await stored(world, created)
      equal(answer, { state: 'done', record })
      equal([pointer, versions, adopted], [before.pointer, before.versions, undefined])
      includes(record, {
        cloudSecretPath: before.cloudSecretPath,
        description: 'described',
        revision: 3,
        updatedAt: away.updatedAt,
        updatedBy: ROBOT.id,
      })
      const entries = (await world.audit()).filter(({ operationId }) => operationId === token)
      includes(entries, [{ action: 'secret.migrate', outcome: 'ok', actor: ALICE, secret: record.id, key: record.key }])
      equal(await oldCopies(world, 'main', created), [])
      equal((await oldCopies(world, 'second', created))[0]?.pointer, away.pointer)
      world.wait(GRACE)
      includes(await world.claim(), [{ task: 'purge_path', ...away.pointer }])
    },
  },
  {
    id: 'old-copies/return-after-a-write',
    title: 'says of the copy’s version that it was committed when and by whom the one was that the record leaves',
    async run(world) {
      const created = await world.create()
      await world.update(created, 'v2')
      const before = await stored(world, created)
      await migrate(world, created)
      world.wait(1)
      await world.update(created, 'm2')
      const third = { revision: 3, committedAt: new Date(world.now), committedBy: ROBOT }
      includes(await returnTo(world, created, before.pointer), { state: 'done', record: { revision: 3 } })
      includes(await stored(world, created), {
        pointer: before.pointer,
        versions: [
          { version: 'v2', ...third },
          { version: 'v1', revision: 1 },
        ],
      })
    },
  },
  {
    id: 'old-copies/return-refusals',
    title: 'returns to an old copy of that secret, from where the record is said to be, with no other write under way; else nothing changes',
    async run(world) {
      const [record, other] = [await newRecord(world), await newRecord(world)]
      const moved = await migrate(world, record)
      await migrate(world, other)
      const to = record.pointer
      const before = [await world.references(), await world.audit()]
      const refused = { state: 'refused' }
      equal(await returnTo(world, record, { ...to, version: version('v9') }), refused)
      equal(await returnTo(world, record, { ...to, store: 'second' }), refused)
      equal(await returnTo(world, record, moved.pointer), refused)
      equal(await returnTo(world, record, other.pointer), refused)
      equal(await returnTo(world, record, to, { from: { ...moved.pointer, version: version('m9') } }), refused)
      equal(await returnTo(world, record, to, { from: to }), refused)
      await expectRefused(returnTo(world, record, to, { account: OTHER_ACCOUNT }), 'not_found')
      await expectRefused(returnTo(world, record, to, { registry: OTHER_REGISTRY }), 'not_found')
      await expectRefused(returnTo(world, record, to, { secret: newId() }), 'not_found')
      await expectRefused(returnTo(world, record, to, { enqueue: [leave(moved, { delayMs: -1 })] }), 'invalid_argument')
      equal([await world.references(), await world.audit()], before)
      const update = await world.beginUpdate(record)
      equal(await returnTo(world, record, to), refused)
      await world.abandon(update)
      const { intent } = await beginMigrate(world, record, { store: 'main' })
      equal(await returnTo(world, record, to), refused)
      await world.abandon(intent)
      equal(await stored(world, record), moved)
      includes(await returnTo(world, record, to), { state: 'done' })
      // It is no old copy any more.
      equal(await returnTo(world, record, to), refused)
    },
  },
  {
    id: 'old-copies/return-not-onto-what-was-claimed',
    title: 'does not return to what somebody destroys, or has begun to destroy',
    async run(world) {
      const record = await newRecord(world)
      await migrate(world, record)
      const [destruction] = await world.enqueue({ task: 'destroy_version', ...record.pointer, claimMs: LEASE })
      if (destruction === undefined) throw new Error('not claimed')
      equal(await returnTo(world, record, record.pointer), { state: 'refused' })
      equal((await world.references()).tasks, 2)
      await world.settle(destruction, { state: 'done' })
      world.wait(GRACE)
      const [purge] = await world.claim()
      if (purge === undefined) throw new Error('not claimed')
      includes(purge, { task: 'purge_path', ...record.pointer, attempts: 1 })
      equal(await returnTo(world, record, record.pointer), { state: 'refused' })
      world.wait(LEASE)
      equal(await returnTo(world, record, record.pointer), { state: 'refused' })
      await world.settle(purge, { state: 'retry', delayMs: GRACE })
      equal(await returnTo(world, record, record.pointer), { state: 'refused' })
      equal((await world.references('main')).tasks, 1)
    },
  },
  {
    id: 'old-copies/return-again',
    title: 'answers a repeated return with the row as it is now, and writes nothing',
    async run(world) {
      const record = await newRecord(world)
      const moved = await migrate(world, record)
      const token = randomUUID()
      const again = () => returnTo(world, record, record.pointer, { from: moved.pointer, token, enqueue: [leave(moved)] })
      const first = await again()
      includes(first, { state: 'done', record: { revision: 1 } })
      equal(await again(), first)
      await world.update(record, 'v2')
      includes(await again(), { state: 'done', record: { revision: 2 } })
      equal((await world.audit()).filter(({ operationId }) => operationId === token).length, 1)
      equal(await world.references(), { records: 1, intents: 0, tasks: 1 })
      includes(await stored(world, record), { pointer: { store: 'main', version: 'v2' } })
    },
  },
  {
    id: 'old-copies/dropped',
    title: 'makes so many old copies of a store due, those that are not, and counts them',
    async run(world) {
      for (let made = 0; made < 3; made += 1) await migrate(world, await world.create())
      await migrate(world, await world.create({ store: 'third' }))
      const due = await newRecord(world)
      await commitMigrate(world, await beginMigrate(world, due), { enqueue: [leave(due, { delayMs: 0 })] })
      const claimed = await newRecord(world)
      await commitMigrate(world, await beginMigrate(world, claimed), { enqueue: [leave(claimed, { claimMs: GRACE })] })
      await world.enqueue({ task: 'purge_path', store: 'main', path: path('no copy'), delayMs: GRACE })
      await expectRefused(dropOldCopies(world, 'main', 0), 'invalid_argument')
      equal(await world.store.dropOldCopies({ registry: OTHER_REGISTRY, store: 'main', limit: 9 }, {}), 0)
      equal(await dropOldCopies(world, 'main', 2), 2)
      equal((await world.claim()).length, 3)
      equal(await dropOldCopies(world, 'main', 2), 1)
      equal(await dropOldCopies(world, 'main', 2), 0)
      includes(await world.claim(), [{ task: 'purge_path', store: 'main', attempts: 1 }])
      equal(await dropOldCopies(world, 'second'), 0)
      equal(await dropOldCopies(world, 'third'), 1)
      includes(await world.claim(), [{ task: 'purge_path', store: 'third' }])
    },
  },
  {
    id: 'old-copies/due-once-the-secret-is-deleted',
    title: 'makes the old copies of a secret due when it is deleted, and nobody else’s',
    async run(world) {
      const [record, other] = [await newRecord(world), await newRecord(world)]
      const second = await migrate(world, record)
      await migrate(world, record, { store: 'third' })
      await migrate(world, other)
      await world.enqueue({ task: 'watch_path', ...record.pointer, delayMs: GRACE })
      equal(await world.claim(), [])
      includes(await world.delete(record), { state: 'done', claimed: [{ task: 'purge_path', store: 'third' }] })
      const claimed = await world.claim()
      equal(new Set(claimed.map(({ path: at }) => at)), new Set([record.pointer.path, second.pointer.path]))
      equal(
        claimed.map(({ task, secret, attempts }) => `${task} ${secret} ${attempts}`),
        [`purge_path ${record.id} 1`, `purge_path ${record.id} 1`],
      )
      // In somebody's claim it stays.
      world.wait(GRACE)
      const held = (await world.claim(9, 2 * GRACE)).filter(({ secret }) => secret === other.id)
      equal(held.length, 1)
      await world.delete(other)
      equal(
        (await world.claim()).filter(({ secret }) => secret === other.id),
        [],
      )
      world.wait(2 * GRACE)
      includes(
        (await world.claim()).filter(({ path: at }) => at === other.pointer.path),
        [{ attempts: 2 }],
      )
    },
  },
  {
    id: 'old-copies/named-by-owners',
    title: 'counts an old copy among the tasks that name its store and path, and among the purges to come as long as nobody has claimed it',
    async run(world) {
      const record = await newRecord(world)
      const moved = await migrate(world, record)
      const at = record.pointer.path
      const named = { path: at, row: undefined, intents: 0, tasks: 1, destroys: 0 }
      equal(await owner(world, at), { ...named, purges: 1 })
      equal(await world.references('main'), { records: 0, intents: 0, tasks: 1 })
      equal(await world.references(), { records: 1, intents: 0, tasks: 1 })
      equal((await world.store.bindStores({ registry: REGISTRY, stores: { second: 'memory:2' } }, {})).missing, ['main'])
      await world.enqueue({ task: 'watch_path', store: 'main', path: at, claimMs: 1 }, { task: 'destroy_version', ...record.pointer, claimMs: 1 })
      includes(await owner(world, at), { tasks: 3, destroys: 1, purges: 1 })
      world.wait(GRACE)
      const purge = (await world.claim()).find(({ task }) => task === 'purge_path')
      if (purge === undefined) throw new Error('not claimed')
      includes(await owner(world, at), { tasks: 3, purges: 0 })
      world.wait(LEASE)
      includes(await owner(world, at), { tasks: 3, purges: 1 })
      await world.settle(purge, { state: 'retry', delayMs: GRACE })
      includes(await owner(world, at), { purges: 1 })
      await expectRefused(world.begin({ store: 'second', path: moved.pointer.path, account: ACCOUNT }), 'invalid_argument')
    },
  },
]
