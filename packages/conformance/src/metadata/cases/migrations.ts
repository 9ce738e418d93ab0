import { randomUUID } from 'node:crypto'
import type { BeginMigrate, SecretRecord } from '@strongroom/core'
import { aText, equal, expectRefused, includes } from '../expect.ts'
import type { MetadataCase } from '../metadata-case.ts'
import { beginMigrate, commitMigrate, GRACE, leave, migrate, migrateRequest, stored, type Move } from '../moves.ts'
import { ACCOUNT, ALICE, LEASE, newId, OTHER_ACCOUNT, OTHER_REGISTRY, path, REGISTRY, ROBOT, version, type World } from '../world.ts'

const auditOf = async (world: World, token: string) => (await world.audit()).filter(({ operationId }) => operationId === token)

export const migrations: readonly MetadataCase[] = [
  {
    id: 'migrations/begin-answers-the-record',
    title: 'begins a copy at a new path, and answers what is to be copied; begun again with its token it is the same one',
    async run(world) {
      const created = await world.create()
      await world.update(created, 'v2')
      const record = await stored(world, created)
      world.wait(1)
      const request = await migrateRequest(world, record)
      const begun = await world.store.beginMigrate(request, {})
      const intent = {
        id: aText,
        operation: 'migrate',
        account: ACCOUNT,
        secret: record.id,
        key: record.key,
        actor: ROBOT,
        store: 'second',
        path: request.path,
        base: { version: 'v2', revision: 2 },
        description: undefined,
        token: request.token,
        begunAt: new Date(world.now),
        leaseUntil: new Date(world.now + LEASE),
        recoveries: 0,
        replaces: undefined,
        request: undefined,
      }
      equal(begun, { state: 'begun', intent, record })
      equal(await stored(world, record), record)
      equal(await world.references('second'), { records: 0, intents: 1, tasks: 0 })
      world.wait(1)
      equal(await world.store.beginMigrate(request, {}), begun)
      // Also after a write that went before it: the commit tells that.
      await world.update(record, 'v3')
      includes(await world.store.beginMigrate(request, {}), { state: 'begun', intent, record: { pointer: { version: 'v3' } } })
      equal((await world.references()).intents, 1)
    },
  },
  {
    id: 'migrations/begin-refusals-in-order',
    title: 'begins for a record that is where it is said to be, has no other intent, and goes to a path that nothing is at',
    async run(world) {
      const record = await stored(world, await world.create())
      const begin = async (more: Partial<BeginMigrate>) => world.store.beginMigrate(await migrateRequest(world, record, { from, ...more }), {})
      const from = record.pointer
      await expectRefused(begin({ secret: newId() }), 'not_found')
      await expectRefused(begin({ account: OTHER_ACCOUNT }), 'not_found')
      await expectRefused(begin({ registry: OTHER_REGISTRY }), 'not_found')
      await expectRefused(begin({ leaseMs: -1 }), 'invalid_argument')
      const update = await world.beginUpdate(record)
      await expectRefused(begin({ from: { ...from, version: version('v9') } }), 'conflict')
      await expectRefused(begin({ from: { ...from, store: 'second' } }), 'conflict')
      await expectRefused(begin({ from: { ...from, path: path('elsewhere') } }), 'conflict')
      equal(await begin({ path: from.path, store: 'main' }), { state: 'busy', intent: update.id, expired: false })
      world.wait(LEASE)
      equal(await begin({}), { state: 'busy', intent: update.id, expired: true })
      await world.abandon(update)
      const other = await world.create()
      const create = await world.begin()
      await expectRefused(begin({ store: 'main', path: path(`path-${other.id}`) }), 'invalid_argument')
      await expectRefused(begin({ store: 'main', path: create.path }), 'invalid_argument')
      await expectRefused(begin({ token: create.token }), 'invalid_argument')
      const { intent } = await beginMigrate(world, record, { leaseMs: 10 })
      equal(await begin({}), { state: 'busy', intent: intent.id, expired: false })
      world.wait(10)
      equal(await begin({}), { state: 'busy', intent: intent.id, expired: true })
      await expectRefused(begin({ from: { ...from, version: version('v9') } }), 'conflict')
      equal(await world.references(), { records: 2, intents: 2, tasks: 0 })
    },
  },
  {
    id: 'migrations/other-writes-go-on-beside',
    title: 'does not hold its record: it is updated, described, rolled back and deleted beside it, and its key is free after that',
    async run(world) {
      const record = await world.create()
      const { intent } = await beginMigrate(world, record)
      await world.update(record, 'v2')
      includes(await world.describe(record, 'beside'), { state: 'done', record: { revision: 3 } })
      includes(await world.rollback(record, 'v1'), { state: 'done', record: { revision: 4 } })
      const update = await world.beginUpdate(record)
      // Between writes it is as ever.
      includes(await world.describe(record, 'x'), { state: 'busy', intent: update.id })
      includes(await world.delete(record), { state: 'busy', intent: update.id })
      await world.abandon(update)
      includes(await world.delete(record), { state: 'done' })
      const next = await world.create({ key: record.key })
      includes(await world.store.beginMigrate(await migrateRequest(world, next), {}), { state: 'begun' })
      includes(await world.references(), { records: 1, intents: 2 })
      equal(await world.abandon(intent), { state: 'undone' })
    },
  },
  {
    id: 'migrations/commit-moves-the-pointer',
    title: 'moves the pointer and nothing else: the version is committed as it was before, and the revision stays',
    async run(world) {
      const created = await world.create({ description: 'mine' })
      world.wait(1)
      await world.update(created, 'v2')
      const committedAt = new Date(world.now)
      world.wait(1)
      await world.describe(created, 'described')
      world.wait(1)
      const move = await beginMigrate(world, created, { actor: ALICE })
      const { intent, record } = move
      const promote = { task: 'promote', store: 'second', path: intent.path, version: version('m1'), claimMs: 10 } as const
      const outcome = await commitMigrate(world, move, { enqueue: [leave(record), promote] })
      const { pointer: _pointer, versions: _versions, adopted: _adopted, ...old } = record
      const moved = { ...old, cloudSecretPath: `full/${intent.path}` }
      includes(outcome, { state: 'committed', record: moved, claimed: [{ task: 'promote', secret: record.id, account: ACCOUNT, attempts: 1 }] })
      equal(await stored(world, record), {
        ...moved,
        pointer: { store: 'second', path: intent.path, version: 'm1' },
        versions: [{ version: 'm1', revision: 2, committedAt, committedBy: ROBOT }],
        adopted: undefined,
      })
      includes(await auditOf(world, intent.token), [
        { action: 'secret.migrate', outcome: 'ok', actor: ALICE, secret: record.id, key: record.key, code: undefined, at: new Date(world.now) },
      ])
      equal(await world.references(), { records: 1, intents: 0, tasks: 2 })
      equal(await world.references('main'), { records: 0, intents: 0, tasks: 1 })
      // The next write is of the new place.
      const update = await world.beginUpdate(record)
      includes(update, { store: 'second', path: intent.path, base: { version: 'm1', revision: 3 } })
      await world.commitUpdate(update, 'm2')
      includes(await stored(world, record), { revision: 4, versions: [{ version: 'm2' }, { version: 'm1', revision: 2 }] })
    },
  },
  {
    id: 'migrations/commit-is-refused-after-another-write',
    title: 'commits nothing when another write came first, or has begun; what is no version of it is in nobody’s way',
    async run(world) {
      const isRefused = async (move: Move): Promise<void> => {
        const before = await world.find(move.record.id)
        equal(await commitMigrate(world, move), { state: 'refused' })
        equal(await world.find(move.record.id), before)
        equal(await auditOf(world, move.intent.token), [])
        equal(await world.abandon(move.intent), { state: 'undone' })
      }
      const record: SecretRecord = await world.create()
      const beforeUpdate = await beginMigrate(world, record)
      await world.update(record, 'v2')
      await isRefused(beforeUpdate)
      const beforeRollback = await beginMigrate(world, record)
      await world.rollback(record, 'v1')
      await isRefused(beforeRollback)
      const elsewhere = await beginMigrate(world, record)
      equal(await commitMigrate(world, elsewhere, { from: { ...elsewhere.record.pointer, version: version('v2') } }), { state: 'refused' })
      const update = await world.beginUpdate(record)
      equal(await commitMigrate(world, elsewhere), { state: 'refused' })
      await world.abandon(update)
      await world.describe(record, 'described')
      includes(await commitMigrate(world, elsewhere), { state: 'committed', record: { description: 'described', revision: 4 } })
      const beforeDelete = await beginMigrate(world, record, { store: 'main' })
      await world.delete(record)
      await isRefused(beforeDelete)
      includes(await world.references(), { records: 0, intents: 0 })
    },
  },
  {
    id: 'migrations/commit-is-refused-onto-what-is-queued',
    title: 'commits no copy that a task will destroy',
    async run(world) {
      const record = await world.create()
      const move = await beginMigrate(world, record)
      const at = { store: 'second', path: move.intent.path }
      await world.enqueue({ task: 'destroy_version', ...at, version: version('m0') })
      const [planned] = await world.enqueue({ task: 'destroy_version', ...at, version: version('m1'), claimMs: LEASE })
      if (planned === undefined) throw new Error('not claimed')
      equal(await commitMigrate(world, move), { state: 'refused' })
      await world.settle(planned, { state: 'done' }, [{ task: 'purge_path', ...at }])
      equal(await commitMigrate(world, move), { state: 'refused' })
      includes(await stored(world, record), { pointer: { store: 'main', version: 'v1' } })
      // While it is under way, the path is not purged.
      equal(
        (await world.claim()).map(({ task }) => task),
        ['destroy_version'],
      )
      await world.abandon(move.intent)
      includes(await world.claim(), [{ task: 'purge_path', ...at }])
    },
  },
  {
    id: 'migrations/commit-again',
    title: 'answers a repeated commit with what became of it, also after the record moved on, and ends an intent as what it is',
    async run(world) {
      const record = await world.create()
      const move = await beginMigrate(world, record)
      equal(await world.commitUpdate(move.intent), { state: 'undone' })
      equal(await world.commitCreate(move.intent), { state: 'undone' })
      equal(await commitMigrate(world, move, { token: randomUUID() }), { state: 'undone' })
      equal(await commitMigrate(world, move, { account: OTHER_ACCOUNT }), { state: 'undone' })
      equal(await commitMigrate(world, move, { registry: OTHER_REGISTRY }), { state: 'undone' })
      await expectRefused(commitMigrate(world, move, { enqueue: [leave(move.record, { delayMs: -1 })] }), 'invalid_argument')
      const first = await commitMigrate(world, move)
      if (first.state !== 'committed') throw new Error(first.state)
      equal(await commitMigrate(world, move), { state: 'committed', record: first.record, claimed: [] })
      includes(await world.update(record, 'm2'), { revision: 2 })
      includes(await commitMigrate(world, move), { state: 'committed', record: { revision: 2 }, claimed: [] })
      includes(await world.abandon(move.intent), { state: 'committed', record: { revision: 2 } })
      await world.delete(record)
      equal(await commitMigrate(world, move), { state: 'committed', record: undefined, claimed: [] })
      equal((await auditOf(world, move.intent.token)).length, 1)
      const undone = await beginMigrate(world, await world.create())
      await world.abandon(undone.intent)
      equal(await commitMigrate(world, undone), { state: 'undone' })
      const update = await world.beginUpdate(undone.record)
      equal(await commitMigrate(world, { intent: update, record: undone.record }), { state: 'undone' })
      includes(await stored(world, undone.record), { pointer: { store: 'main' } })
    },
  },
  {
    id: 'migrations/recovered-and-abandoned',
    title: 'is claimed by recovery once its lease is over, as what it is, and then committed or given up by that',
    async run(world) {
      const record = await world.create()
      const request = await migrateRequest(world, record, { leaseMs: 10 })
      const begun = await world.store.beginMigrate(request, {})
      if (begun.state !== 'begun') throw new Error(begun.state)
      const { intent } = begun
      equal(await world.recover(), [])
      world.wait(10)
      equal(await world.recover(), [{ ...intent, leaseUntil: new Date(world.now + LEASE), recoveries: 1 }])
      equal(await world.store.beginMigrate(request, {}), { state: 'busy', intent: intent.id, expired: false })
      const { items } = await world.store.pending({ registry: REGISTRY, of: 'intents', after: undefined, limit: 9 }, {})
      includes(items, [{ id: intent.id, task: 'settle', store: 'second', path: intent.path, secret: record.id, attempts: 1 }])
      await world.update(record, 'v2')
      const place = { store: 'second', path: intent.path }
      const tasks = [
        { task: 'purge_path', ...place },
        { task: 'watch_path', ...place, token: intent.token, delayMs: GRACE },
      ] as const
      equal(await world.abandon(intent, tasks), { state: 'undone' })
      equal(await world.abandon(intent, tasks), { state: 'undone' })
      includes(await auditOf(world, intent.token), [{ action: 'secret.migrate', outcome: 'failed', code: 'deadline_exceeded', secret: record.id }])
      includes(await world.claim(), [{ task: 'purge_path', ...place, secret: record.id, account: ACCOUNT }])
      equal(await world.references(), { records: 1, intents: 0, tasks: 2 })
      includes(await stored(world, record), { pointer: { store: 'main', version: 'v2' }, revision: 2 })
      const late = await beginMigrate(world, record, { leaseMs: 0 })
      const [claimed] = await world.recover()
      if (claimed === undefined) throw new Error('not claimed')
      includes(await commitMigrate(world, { intent: claimed, record: late.record }), { state: 'committed' })
    },
  },
  {
    id: 'migrations/found-at-the-new-place',
    title: 'a record that was moved is found, listed and scanned as ever, at its new place',
    async run(world) {
      const first = await world.create({ key: 'a' })
      const second = await world.create({ key: 'b' })
      const moved = await migrate(world, first)
      equal(await world.store.find({ registry: REGISTRY, account: ACCOUNT, key: 'a' }, {}), moved)
      const scan = (store: string) => world.store.scan({ registry: REGISTRY, store, after: undefined, limit: 9 }, {})
      equal(await scan('second'), [moved])
      equal(await scan('main'), [await stored(world, second)])
      const page = { registry: REGISTRY, account: ACCOUNT, limit: 9, sortBy: 'key', sortOrder: 'asc' } as const
      includes(await world.store.page({ ...page, startingAfter: undefined, endingBefore: undefined }, {}), {
        items: [{ id: first.id, cloudSecretPath: moved.cloudSecretPath, revision: 1, updatedAt: null }, { id: second.id }],
        total: 2,
      })
      await expectRefused(world.begin({ key: 'a' }), 'already_exists')
      // The path of before may be named anew only once its purge is done; the new one is the record's.
      await expectRefused(world.begin({ store: 'second', path: moved.pointer.path }), 'invalid_argument')
    },
  },
]
