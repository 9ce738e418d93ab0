import { adopt, beginMigrate, commitMigrate, dropOldCopies, migrate, oldCopies, returnTo, stored } from './moves.ts'
import { ACCOUNT, ALICE, pageRequest, path, REGISTRY, version, type World } from './world.ts'

/** Each write as it is usually made: without an idempotency key. */
export async function writeWithoutRequest(world: World): Promise<void> {
  const record = await world.create()
  await world.update(record, 'v2')
  await world.describe(record, 'x')
  await world.abandon(await world.beginUpdate(record))
  await world.delete(record)
}

/** Calls every method, with what makes it go through every statement it may have: for tests of how a database works them out. */
export async function useEverything(world: World): Promise<void> {
  const { store } = world
  // Not a random key: where a cursor stands among many rows, a database may go another way.
  const record = await world.create({ account: ACCOUNT, key: 'key-5' })
  await world.update(record, 'v2')
  await world.rollback(record, 'v1', { claimMs: 9 })
  await world.describe(record, 'x')
  await world.abandon(await world.beginUpdate(record))
  const request = { ids: ['new', 'old'], fingerprints: ['f'], keepMs: 5 }
  const asked = await world.begin({ request })
  await world.begin({ request, key: 'another' }).catch(() => {}) // busy
  await world.commitCreate(asked)
  await world.commitCreate(asked)
  world.wait(5)
  await store.forgetRequests({ registry: REGISTRY, limit: 9 }, {})
  const at = { store: 'main', path: (await world.begin({ leaseMs: 0 })).path }
  const [first, second] = await world.enqueue({ ...at, task: 'purge_path', claimMs: 9 }, { ...at, task: 'purge_path', claimMs: 9 })
  if (first === undefined || second === undefined) throw new Error('not claimed')
  await world.settle(first, { state: 'retry', delayMs: 0 })
  await world.settle(second, { state: 'done', ifPointer: undefined })
  await world.settle(second, { state: 'done' })
  await world.enqueue(
    { task: 'watch_path', store: 'other', path: at.path },
    { task: 'destroy_version', store: 'main', path: path('path-7'), version: version('v1') },
  )
  await world.claim()
  const [intent] = await world.recover({ leaseMs: 0 })
  if (intent !== undefined) await store.claimExpiredIntents({ registry: REGISTRY, limit: 9, leaseMs: 0, intent: intent.id }, {})
  await store.troubled({ registry: REGISTRY, stores: ['main'], limit: 5 }, {})
  await store.troubled({ registry: REGISTRY, stores: [], limit: 5 }, {})
  await world.delete(record)
  for (const sortBy of ['key', 'created_at', 'updated_at'] as const) {
    await store.page(pageRequest({ sortBy, startingAfter: record.id }), {})
  }
  await store.find({ registry: REGISTRY, account: ACCOUNT, key: 'key-7' }, {})
  await store.owners({ registry: REGISTRY, store: 'main', paths: [at.path] }, {})
  for (const kind of ['intents', 'tasks'] as const) {
    const { next } = await store.pending({ registry: REGISTRY, of: kind, after: undefined, limit: 1 }, {})
    if (next !== undefined) await store.pending({ registry: REGISTRY, of: kind, after: next, limit: 1 }, {})
  }
  await store.scan({ registry: REGISTRY, store: 'main', after: at.path, limit: 5 }, {})
  await world.accounts(ACCOUNT, 5)
  const repair = { registry: REGISTRY, account: ACCOUNT, secret: record.id, actor: ALICE, token: 'r', task: 'purge_path' } as const
  await store.queueRepair({ ...repair, store: 'main', path: path('nobody') }, {})
  await world.references()
  await world.references('main')
  await moveEverything(world)
  await store.bindStores({ registry: REGISTRY, stores: { main: 'memory:1' } }, {})
  await store.appendAudit(
    { registry: REGISTRY, entry: { account: ACCOUNT, actor: ALICE, action: 'audit.read', outcome: 'ok', operationId: 'o' } },
    {},
  )
  await store.readAudit({ registry: REGISTRY, account: ACCOUNT, after: 10, limit: 5 }, {})
}

async function moveEverything(world: World): Promise<void> {
  const record = await stored(world, await world.create())
  await migrate(world, record)
  await oldCopies(world, 'main', record)
  const returned = await returnTo(world, record, record.pointer)
  if (returned.state !== 'done') throw new Error(returned.state)
  const move = await beginMigrate(world, record)
  await world.store.beginMigrate({ ...move.intent, registry: REGISTRY, from: record.pointer, leaseMs: 5 }, {})
  await commitMigrate(world, move)
  if ((await dropOldCopies(world, 'main', 2)) === 0) throw new Error('no old copy')
  await world.delete(await adopt(world))
  await world.delete(record)
}
