import { randomUUID } from 'node:crypto'
import type { IdempotentRequest, Intent, SecretRecord } from '@strongroom/core'
import { equal, expectRefused, includes } from '../expect.ts'
import type { MetadataCase } from '../metadata-case.ts'
import { committed, LEASE, newId, OTHER_ACCOUNT, OTHER_REGISTRY, REGISTRY, ROBOT, type World } from '../world.ts'

const KEEP = 86_400_000

/** A request as core gives it, under one key. */
export function asked(id: string, fingerprint: string = `what ${id} is for`, keepMs: number = KEEP): IdempotentRequest {
  return { ids: [id], fingerprints: [fingerprint], keepMs }
}

/** The same create once more, as another process sends it: with an id, a path and a token of its own. */
function createAgain(world: World, request: IdempotentRequest, key = 'one'): ReturnType<World['store']['beginCreate']> {
  return world.store.beginCreate(world.createRequest({ key, request }), {})
}

function updateAgain(world: World, record: SecretRecord, request: IdempotentRequest): ReturnType<World['store']['beginUpdate']> {
  return world.store.beginUpdate(world.updateRequest(record, { request }), {})
}

async function beginUpdate(world: World, record: SecretRecord, request: IdempotentRequest): Promise<Intent> {
  const answer = await updateAgain(world, record, request)
  if (answer.state !== 'begun') throw new Error(`the update must begin, not be ${answer.state}`)
  return answer.intent
}

export const requests: readonly MetadataCase[] = [
  {
    id: 'requests/a-create-is-answered-again',
    title: 'answers the request of a committed create with the record as it was, also when it has been changed or deleted since',
    async run(world) {
      const request = asked('r-1')
      const intent = await world.begin({ key: 'one', description: 'text', request })
      equal(intent.request, 'r-1')
      const record = committed(await world.commitCreate(intent))
      const answered = { state: 'answered', record }
      world.wait(5)
      equal(await createAgain(world, request), answered)
      const updated = await world.update(record, 'v2')
      equal(await createAgain(world, request), answered)
      const before = [await world.references(), await world.audit()]
      equal(await createAgain(world, request), answered)
      equal([await world.references(), await world.audit()], before)
      await world.delete(updated)
      equal(await createAgain(world, request), answered)
      // The key of the secret is free; that of the request is not.
      includes(await world.store.beginCreate(world.createRequest({ key: 'one' }), {}), { state: 'begun' })
    },
  },
  {
    id: 'requests/an-update-is-answered-again',
    title: 'answers the request of a committed update with the record as it was, and its repeated commit too',
    async run(world) {
      const created = await world.create()
      world.wait(5)
      const request = asked('r-1')
      const intent = await beginUpdate(world, created, request)
      const record = committed(await world.commitUpdate(intent))
      equal(record, { ...created, revision: 2, updatedAt: new Date(world.now), updatedBy: ROBOT.id })
      world.wait(5)
      await world.update(created, 'v3')
      equal(await updateAgain(world, created, request), { state: 'answered', record })
      equal(await world.commitUpdate(intent), { state: 'committed', record, claimed: [] })
      await world.delete(created)
      equal(await updateAgain(world, created, request), { state: 'answered', record })
      equal(await world.commitUpdate(intent), { state: 'committed', record, claimed: [] })
    },
  },
  {
    id: 'requests/a-description-is-answered-again',
    title: 'answers the request of a description with the record as it was, whatever the revision is by now',
    async run(world) {
      const created = await world.create()
      const request = asked('r-1')
      const token = randomUUID()
      const done = await world.describe(created, 'one', { request, token, ifRevision: 1 })
      includes(done, { state: 'done', record: { description: 'one', revision: 2 } })
      await world.describe(created, 'two')
      equal(await world.describe(created, 'one', { request, ifRevision: 1 }), { ...done, state: 'answered' })
      equal(await world.describe(created, 'one', { request, ifRevision: 1, token }), done)
      includes(await world.find(created.id), { description: 'two', revision: 3 })
      equal((await world.audit()).length, 3)
      await world.delete(created)
      equal(await world.describe(created, 'one', { request, ifRevision: 1 }), { ...done, state: 'answered' })
    },
  },
  {
    id: 'requests/another-request-is-refused',
    title: 'refuses another request of the same id, in flight, answered or undone, whatever it is for',
    async run(world) {
      const request = asked('r-1')
      const other = asked('r-1', 'something else')
      const record = await world.create()
      const refused = async (): Promise<void> => {
        await expectRefused(createAgain(world, other), 'idempotency_mismatch')
        await expectRefused(createAgain(world, other, record.key), 'idempotency_mismatch')
        await expectRefused(updateAgain(world, record, other), 'idempotency_mismatch')
        await expectRefused(updateAgain(world, { ...record, id: newId() }, other), 'idempotency_mismatch')
        await expectRefused(world.describe(record, 'x', { request: other }), 'idempotency_mismatch')
      }
      const first = await world.begin({ key: 'one', request })
      await refused()
      await world.abandon(first)
      await refused()
      const made = committed(await world.commitCreate(await world.begin({ key: 'one', request })))
      await refused()
      equal(await createAgain(world, request), { state: 'answered', record: made })
      includes(await world.references(), { records: 2, intents: 0 })
      includes(await world.find(record.id), { description: null, revision: 1 })
    },
  },
  {
    id: 'requests/in-flight-is-busy',
    title: 'is busy with the intent of a request in flight, and begins it again for its own token alone',
    async run(world) {
      const request = asked('r-1')
      const own = world.createRequest({ key: 'one', request })
      const begun = await world.store.beginCreate(own, {})
      if (begun.state !== 'begun') throw new Error(begun.state)
      const busy = { state: 'busy', intent: begun.intent.id, expired: false }
      equal(await createAgain(world, request), busy)
      // Whatever it is that the request is about: its fingerprint says that it is the same.
      equal(await createAgain(world, request, 'another'), busy)
      equal(await world.store.beginCreate(own, {}), begun)
      world.wait(LEASE)
      equal(await createAgain(world, request), { ...busy, expired: true })
      await world.recover()
      equal(await createAgain(world, request), busy)
      equal(await world.store.beginCreate(own, {}), busy)
      equal(await world.references(), { records: 0, intents: 1, tasks: 0 })
    },
  },
  {
    id: 'requests/undone-begins-anew',
    title: 'begins a request anew once its operation is undone, and answers what that one did',
    async run(world) {
      const request = asked('r-1')
      const first = await world.begin({ key: 'one', request })
      await world.abandon(first)
      const second = await world.begin({ key: 'one', request })
      equal(await world.commitCreate(first), { state: 'undone' })
      const record = committed(await world.commitCreate(second))
      equal(record.id, second.secret)
      equal(await createAgain(world, request), { state: 'answered', record })

      const change = asked('r-2')
      await world.abandon(await beginUpdate(world, record, change))
      const updated = committed(await world.commitUpdate(await beginUpdate(world, record, change)))
      equal(await updateAgain(world, record, change), { state: 'answered', record: updated })
      equal(updated.revision, 2)
    },
  },
  {
    id: 'requests/recovery-keeps-the-answer',
    title: 'answers what recovery has committed',
    async run(world) {
      const created = await world.create()
      const request = asked('r-1')
      const intent = await beginUpdate(world, created, request)
      world.wait(LEASE)
      const [claimed] = await world.recover()
      equal(claimed?.request, 'r-1')
      if (claimed === undefined) return
      const record = committed(await world.commitUpdate(claimed))
      equal(await updateAgain(world, created, request), { state: 'answered', record })
      await world.update(created, 'v3')
      equal(await world.commitUpdate(intent), { state: 'committed', record, claimed: [] })
    },
  },
  {
    id: 'requests/refusals-leave-nothing',
    title: 'remembers nothing of a request that was refused',
    async run(world) {
      const record = await world.create({ key: 'one' })
      await expectRefused(createAgain(world, asked('r-1')), 'already_exists')
      await expectRefused(updateAgain(world, { ...record, id: newId() }, asked('r-2')), 'not_found')
      await expectRefused(world.describe(record, 'x', { request: asked('r-3'), ifRevision: 7 }), 'conflict')
      const intent = await world.beginUpdate(record)
      includes(await updateAgain(world, record, asked('r-4')), { state: 'busy', intent: intent.id })
      await world.abandon(intent)
      equal(await world.store.forgetRequests({ registry: REGISTRY, limit: 9 }, {}), 0)
      for (const id of ['r-1', 'r-2', 'r-3', 'r-4']) {
        includes(await world.describe(record, id, { request: asked(id, 'something else') }), { state: 'done' })
      }
    },
  },
  {
    id: 'requests/accounts-and-registries-are-apart',
    title: 'keeps the requests of accounts and registries apart',
    async run(world) {
      const request = asked('r-1')
      const record = await world.create({ request })
      for (const place of [{ account: OTHER_ACCOUNT }, { registry: OTHER_REGISTRY }]) {
        const other = await world.store.beginCreate(world.createRequest({ ...place, request: asked('r-1', 'something else') }), {})
        includes(other, { state: 'begun' })
      }
      equal(await createAgain(world, request), { state: 'answered', record })
      world.wait(KEEP)
      equal(await world.store.forgetRequests({ registry: OTHER_REGISTRY, limit: 9 }, {}), 1)
      equal(await world.store.forgetRequests({ registry: REGISTRY, limit: 9 }, {}), 2)
    },
  },
  {
    id: 'requests/kept-so-long-and-no-longer',
    title: 'keeps a request so long and no longer, to the millisecond, by the clock of the database',
    async run(world) {
      const record = await world.create()
      const request = asked('r-1', 'it', 1000)
      const first = await world.describe(record, 'one', { request })
      world.wait(999)
      equal(await world.describe(record, 'one', { request }), { ...first, state: 'answered' })
      world.wait(1)
      includes(await world.describe(record, 'two', { request: asked('r-1', 'something else', 1000) }), { state: 'done', record: { revision: 3 } })
      world.wait(1000)
      // In flight when its time is over: it does not hold up who comes after it.
      const late = await beginUpdate(world, record, request)
      world.wait(1000)
      await expectRefused(createAgain(world, asked('r-1', 'x'), record.key), 'already_exists')
      includes(await updateAgain(world, record, asked('r-1', 'x')), { state: 'busy', intent: late.id })
      committed(await world.commitUpdate(late))
    },
  },
  {
    id: 'requests/expired-ones-are-forgotten',
    title: 'forgets what has expired, the oldest first, no more at once than is asked for, and nothing else',
    async run(world) {
      const record = await world.create()
      for (let made = 0; made < 5; made += 1) await world.describe(record, `${made}`, { request: asked(`r-${made}`, 'it', 1000 + made) })
      const kept = asked('kept')
      const last = await world.describe(record, 'last', { request: kept })
      const forget = (limit: number): Promise<number> => world.store.forgetRequests({ registry: REGISTRY, limit }, {})
      await expectRefused(forget(0), 'invalid_argument')
      equal(await forget(9), 0)
      world.wait(1003)
      equal(await forget(3), 3)
      equal(await forget(3), 1)
      equal(await forget(3), 0)
      world.wait(1)
      equal(await forget(3), 1)
      equal(await world.describe(record, 'last', { request: kept }), { ...last, state: 'answered' })
    },
  },
  {
    id: 'requests/known-by-any-of-its-ids',
    title: 'knows a request by any of its ids and fingerprints, and writes it under the first',
    async run(world) {
      const old = asked('old', 'by the old')
      const both = { ids: ['new', 'old'], fingerprints: ['by the new', 'by the old'], keepMs: KEEP }
      const record = await world.create({ request: old })
      equal(await createAgain(world, both), { state: 'answered', record })
      await expectRefused(createAgain(world, { ...both, fingerprints: ['x', 'y'] }), 'idempotency_mismatch')

      const before = asked('old-2', 'by the old')
      const after = { ...both, ids: ['new-2', 'old-2'] }
      await world.abandon(await world.begin({ key: 'two', request: before }))
      const taken = await world.begin({ key: 'two', request: after })
      equal(taken.request, 'new-2')
      includes(await createAgain(world, { ...after, ids: ['old-2', 'new-2'] }, 'two'), { state: 'busy', intent: taken.id })
      const second = committed(await world.commitCreate(taken))
      equal(await createAgain(world, { ...after, ids: ['old-2', 'new-2'] }, 'two'), { state: 'answered', record: second })
      equal(await createAgain(world, asked('new-2', 'by the new'), 'two'), { state: 'answered', record: second })
      await expectRefused(world.begin({ request: { ids: [], fingerprints: [], keepMs: KEEP } }), 'invalid_argument')
      await expectRefused(world.begin({ request: asked('x', 'y', -1) }), 'invalid_argument')
      includes(await world.references(), { records: 2, intents: 0 })
    },
  },
]
