import { equal, expectRefused, includes } from '../expect.ts'
import type { MetadataCase } from '../metadata-case.ts'
import { adopt, adoptRequest, beginMigrate, migrate, stored } from '../moves.ts'
import { ACCOUNT, ALICE, LEASE, newId, OTHER_ACCOUNT, OTHER_REGISTRY, pageRequest, path, REGISTRY, ROBOT, version, type World } from '../world.ts'

const scan = (world: World) => world.store.scan({ registry: REGISTRY, store: 'main', after: undefined, limit: 9 }, {})

export const adoptions: readonly MetadataCase[] = [
  {
    id: 'adoptions/write-the-row',
    title: 'writes the row of a secret that is there already, and says what was there, until the record leaves it',
    async run(world) {
      const created = await world.create({ key: 'a' })
      world.wait(1)
      const request = adoptRequest({ key: 'b', description: 'theirs', actor: ROBOT })
      const record = {
        id: request.secret,
        accountId: ACCOUNT,
        cloudSecretPath: request.fullPath,
        createdAt: new Date(world.now),
        createdBy: ROBOT,
        key: 'b',
        description: 'theirs',
        updatedAt: null,
        updatedBy: null,
        revision: 1,
      }
      equal(await world.store.adopt(request, {}), { state: 'done', record })
      const versions = [{ version: 't1', revision: 1, committedAt: new Date(world.now), committedBy: ROBOT }]
      const row = { ...record, pointer: request.pointer, versions, adopted: 't1' }
      equal(await world.find(request.secret), row)
      equal(await world.store.find({ registry: REGISTRY, account: ACCOUNT, key: 'b' }, {}), row)
      equal(await scan(world), [await stored(world, created), row])
      includes(await world.store.page(pageRequest({ sortBy: 'key', sortOrder: 'asc' }), {}), { items: [{ id: created.id }, record], total: 2 })
      includes((await world.audit()).slice(1), [
        { action: 'secret.adopt', outcome: 'ok', actor: ROBOT, secret: request.secret, key: 'b', operationId: request.token },
      ])
      const [owner] = await world.store.owners({ registry: REGISTRY, store: 'main', paths: [request.pointer.path] }, {})
      const named = { account: ACCOUNT, secret: request.secret, version: 't1', kept: ['t1'], adopted: 't1' }
      equal(owner, { path: request.pointer.path, row: named, intents: 0, tasks: 0, destroys: 0, purges: 0 })
      await world.update(record, 't2')
      includes(await world.find(request.secret), { adopted: 't1', versions: [{ version: 't2' }, { version: 't1' }] })
      await world.describe(record, 'ours')
      await world.rollback(record, 't1')
      includes(await world.find(request.secret), { adopted: 't1', revision: 4 })
      equal((await migrate(world, record)).adopted, undefined)
      equal((await stored(world, created)).adopted, undefined)
    },
  },
  {
    id: 'adoptions/owned-is-left',
    title: 'adopts no path that a row, an intent or a task names, whoever’s it is',
    async run(world) {
      const other = await world.create({ account: OTHER_ACCOUNT })
      const create = await world.begin({ account: OTHER_ACCOUNT })
      const { intent } = await beginMigrate(world, other)
      await world.enqueue({ task: 'watch_path', store: 'main', path: path('watched'), delayMs: LEASE })
      const before = [await world.references(), await world.audit()]
      const at = async (place: string, store = 'main') =>
        await world.store.adopt(adoptRequest({ pointer: { store, path: path(place), version: version('t1') } }), {})
      for (const place of [`path-${other.id}`, create.path, 'watched']) equal(await at(place), { state: 'owned' })
      equal(await at(intent.path, 'second'), { state: 'owned' })
      equal([await world.references(), await world.audit()], before)
      includes(await at('watched', 'second'), { state: 'done' })
      const elsewhere = adoptRequest({ registry: OTHER_REGISTRY, pointer: { store: 'main', path: create.path, version: version('t1') } })
      includes(await world.store.adopt(elsewhere, {}), { state: 'done' })
    },
  },
  {
    id: 'adoptions/refusals-in-order',
    title: 'adopts under a key that is free and not being created, and under an id that is new',
    async run(world) {
      const record = await world.create({ key: 'taken' })
      const gone = await world.create()
      await world.delete(gone)
      for (const entry of await world.claim()) await world.settle(entry, { state: 'done' })
      const create = await world.begin({ key: 'coming', leaseMs: 10 })
      const try_ = (more: Parameters<typeof adoptRequest>[0]) => world.store.adopt(adoptRequest(more), {})
      const pointer = { store: 'main', path: path(`path-${record.id}`), version: version('t1') }
      await expectRefused(try_({ key: 'taken', pointer }), 'already_exists')
      equal(await try_({ key: 'coming', pointer }), { state: 'busy', intent: create.id, expired: false })
      world.wait(10)
      equal(await try_({ key: 'coming', pointer }), { state: 'busy', intent: create.id, expired: true })
      equal(await try_({ secret: record.id, pointer }), { state: 'owned' })
      await expectRefused(try_({ secret: record.id }), 'invalid_argument')
      await expectRefused(try_({ secret: gone.id }), 'invalid_argument')
      await expectRefused(try_({ secret: record.id, account: OTHER_ACCOUNT }), 'invalid_argument')
      equal((await world.audit()).length, 3)
      includes(await try_({ key: 'taken', account: OTHER_ACCOUNT }), { state: 'done' })
      // A migration holds no key.
      const leaving = await world.create({ key: 'leaving' })
      await beginMigrate(world, leaving)
      await world.delete(leaving)
      includes(await try_({ key: 'leaving' }), { state: 'done' })
      await expectRefused(world.begin({ key: 'leaving' }), 'already_exists')
    },
  },
  {
    id: 'adoptions/again',
    title: 'answers a repeated adoption with the row as it is now, and writes nothing',
    async run(world) {
      const request = adoptRequest()
      const first = await world.store.adopt(request, {})
      if (first.state !== 'done') throw new Error(first.state)
      equal(await world.store.adopt(request, {}), first)
      await world.update(first.record, 't2')
      includes(await world.store.adopt(request, {}), { state: 'done', record: { revision: 2 } })
      await migrate(world, first.record)
      includes(await world.store.adopt(request, {}), { state: 'done', record: { revision: 2 } })
      equal((await world.audit()).filter(({ action }) => action === 'secret.adopt').length, 1)
      equal((await world.references()).records, 1)
    },
  },
  {
    id: 'adoptions/what-was-there-is-not-destroyed',
    title: 'queues the destruction of what came after an adoption, and never of what was there before',
    async run(world) {
      const record = await adopt(world)
      await world.update(record, 't2', 1)
      includes(await world.find(record.id), { versions: [{ version: 't2' }], adopted: 't1' })
      equal(await world.claim(), [])
      await world.update(record, 't3', 1)
      includes(await world.claim(), [{ task: 'destroy_version', version: 't2' }])
      await world.commitUpdate(await world.beginUpdate(record, undefined, version('t1')), 't4', [], 9)
      equal((await world.references()).tasks, 1)
    },
  },
  {
    id: 'adoptions/deleted-and-left',
    title: 'leaves what was adopted where it is when its record is deleted, unless it is told to purge it',
    async run(world) {
      const remove = async (purgeAdopted: boolean | undefined, more: Parameters<typeof adopt>[1] = {}) => {
        const record = await adopt(world, more)
        const request = { registry: REGISTRY, account: ACCOUNT, secret: record.id, ifRevision: undefined, actor: ALICE, token: `of ${record.id}` }
        return await world.store.commitDelete({ ...request, claimMs: LEASE, purgeAdopted }, {})
      }
      const secret = newId()
      equal(await remove(undefined, { secret, key: 'one' }), { state: 'done', claimed: [] })
      equal(await remove(false), { state: 'done', claimed: [] })
      equal(await world.references(), { records: 0, intents: 0, tasks: 0 })
      equal(await world.find(secret), undefined)
      includes((await world.audit()).slice(1, 2), [{ action: 'secret.delete', outcome: 'ok', secret, key: 'one' }])
      // Its path and its key are free, its id is not.
      const pointer = { store: 'main', path: path(`theirs-${secret}`), version: version('t1') }
      await expectRefused(world.store.adopt(adoptRequest({ secret, key: 'one', pointer }), {}), 'invalid_argument')
      includes(await remove(true, { key: 'one', pointer }), { state: 'done', claimed: [{ task: 'purge_path', store: 'main', path: pointer.path }] })
      // What a migration has made is the registry's own.
      const moved = await migrate(world, await adopt(world))
      includes(await world.delete(moved), { state: 'done', claimed: [{ task: 'purge_path', ...moved.pointer, version: undefined }] })
    },
  },
]
