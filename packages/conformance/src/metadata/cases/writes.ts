import { aText, equal, includes, expectRefused } from '../expect.ts'
import type { MetadataCase } from '../metadata-case.ts'
import { randomUUID } from 'node:crypto'
import { ACCOUNT, ALICE, committed, LEASE, newId, OTHER_ACCOUNT, OTHER_REGISTRY, path, REGISTRY, ROBOT, version } from '../world.ts'

export const writes: readonly MetadataCase[] = [
  {
    id: 'writes/create-writes-what-the-intent-holds',
    title: 'creates a record with what the intent holds',
    async run(world) {
      const request = world.createRequest({ description: 'the key of the mailer' })
      const begun = await world.store.beginCreate(request, {})
      const { registry: _registry, leaseMs: _leaseMs, ...same } = request
      equal(begun, {
        state: 'begun',
        intent: {
          ...same,
          id: aText,
          operation: 'create',
          base: undefined,
          begunAt: new Date(world.now),
          leaseUntil: new Date(world.now + LEASE),
          recoveries: 0,
        },
      })
      equal(await world.find(request.secret), undefined)
      if (begun.state !== 'begun') return
      world.wait(5)
      const outcome = await world.commitCreate(begun.intent)
      const record = {
        id: request.secret,
        accountId: ACCOUNT,
        cloudSecretPath: `full/${request.path}`,
        createdAt: new Date(world.now),
        createdBy: ALICE,
        key: request.key,
        description: 'the key of the mailer',
        updatedAt: null,
        updatedBy: null,
        revision: 1,
      }
      equal(outcome, { state: 'committed', record, claimed: [] })
      const first = { version: 'v1', revision: 1, committedAt: record.createdAt, committedBy: ALICE }
      const stored = { ...record, pointer: { store: 'main', path: request.path, version: 'v1' }, versions: [first] }
      equal(await world.find(request.secret), stored)
      equal(await world.store.find({ registry: REGISTRY, account: ACCOUNT, key: request.key }, {}), stored)
      equal(await world.references(), { records: 1, intents: 0, tasks: 0 })
    },
  },
  {
    id: 'writes/find-by-one-of-id-and-key',
    title: 'finds by one of id and key',
    async run(world) {
      const { id, key } = await world.create()
      await expectRefused(world.store.find({ registry: REGISTRY, account: ACCOUNT }, {}), 'invalid_argument')
      await expectRefused(world.store.find({ registry: REGISTRY, account: ACCOUNT, id, key }, {}), 'invalid_argument')
      equal(await world.store.find({ registry: REGISTRY, account: ACCOUNT, key: 'other' }, {}), undefined)
    },
  },
  {
    id: 'writes/one-creator-of-a-key-begins',
    title: 'lets one of many creators of a key begin',
    async run(world) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => world.store.beginCreate(world.createRequest({ key: 'one' }), {})))
      const begun = answers.filter(({ state }) => state === 'begun')
      equal(begun.length, 1)
      const [first] = begun
      if (first?.state !== 'begun') return
      equal(
        answers.filter(({ state }) => state === 'busy'),
        Array.from({ length: 19 }, () => ({ state: 'busy', intent: first.intent.id, expired: false })),
      )
      await world.commitCreate(first.intent)
      await expectRefused(world.store.beginCreate(world.createRequest({ key: 'one' }), {}), 'already_exists')
    },
  },
  {
    id: 'writes/busy-tells-when-a-lease-is-over',
    title: 'says when the lease of a busy intent is over, to the millisecond',
    async run(world) {
      const intent = await world.begin({ key: 'one' })
      world.wait(LEASE - 1)
      equal(await world.store.beginCreate(world.createRequest({ key: 'one' }), {}), { state: 'busy', intent: intent.id, expired: false })
      world.wait(1)
      equal(await world.store.beginCreate(world.createRequest({ key: 'one' }), {}), { state: 'busy', intent: intent.id, expired: true })
    },
  },
  {
    id: 'writes/begin-again-answers-the-same-intent',
    title: 'answers a repeated begin with the same intent, but not once recovery has claimed it',
    async run(world) {
      const request = world.createRequest()
      const first = await world.store.beginCreate(request, {})
      world.wait(10)
      equal(await world.store.beginCreate(request, {}), first)
      if (first.state !== 'begun') return
      await expectRefused(world.store.beginCreate(world.createRequest({ token: request.token }), {}), 'invalid_argument')
      const record = committed(await world.commitCreate(first.intent))
      const update = world.updateRequest(record, { ifRevision: 1 })
      const begun = await world.store.beginUpdate(update, {})
      equal(begun.state, 'begun')
      equal(await world.store.beginUpdate(update, {}), begun)
      const other = await world.create()
      await expectRefused(world.store.beginUpdate({ ...update, secret: other.id }, {}), 'invalid_argument')
      world.wait(LEASE)
      const claimed = await world.recover()
      equal(await world.store.beginUpdate(update, {}), { state: 'busy', intent: claimed[0]?.id, expired: false })
    },
  },
  {
    id: 'writes/ids-and-paths-are-used-once',
    title: 'refuses an id or a path that was used before',
    async run(world) {
      const record = await world.create()
      await expectRefused(world.begin({ secret: record.id, key: 'another' }), 'invalid_argument')
      await expectRefused(world.begin({ path: path(`path-${record.id}`) }), 'invalid_argument')
      const intent = await world.begin()
      await expectRefused(world.begin({ path: intent.path }), 'invalid_argument')
      await world.delete(record)
      await expectRefused(world.begin({ secret: record.id, key: 'another', path: path('another') }), 'invalid_argument')
      includes(await world.references(), { records: 0, intents: 1 })
    },
  },
  {
    id: 'writes/begin-update-refusals-in-order',
    title: 'begins an update: not_found, conflict, then busy',
    async run(world) {
      const record = await world.create()
      const request = world.updateRequest(record, { description: 'new' })
      await expectRefused(world.store.beginUpdate({ ...request, secret: newId() }, {}), 'not_found')
      await expectRefused(world.store.beginUpdate({ ...request, ifRevision: 2 }, {}), 'conflict')
      const begun = await world.store.beginUpdate({ ...request, ifRevision: 1 }, {})
      includes(begun, {
        state: 'begun',
        intent: { operation: 'update', key: record.key, actor: ROBOT, description: 'new', base: { version: 'v1', revision: 1 }, store: 'main' },
        record: { ...record, pointer: { store: 'main', path: `path-${record.id}`, version: 'v1' }, versions: [{ version: 'v1' }] },
      })
      if (begun.state !== 'begun') return
      const busy = { state: 'busy', intent: begun.intent.id, expired: false }
      equal(await world.store.beginUpdate({ ...request, token: randomUUID() }, {}), busy)
      await expectRefused(world.store.beginUpdate({ ...request, token: randomUUID(), ifRevision: 7 }, {}), 'conflict')
      equal(await world.describe(record, 'x'), busy)
      equal(await world.delete(record), busy)
    },
  },
  {
    id: 'writes/one-of-several-revisions',
    title: 'takes a list of revisions, of which the record has to have one',
    async run(world) {
      const record = await world.create()
      const update = (ifRevision: readonly number[]) => world.store.beginUpdate(world.updateRequest(record, { ifRevision }), {})
      const ways = [
        update,
        (ifRevision: readonly number[]) => world.describe(record, 'x', { ifRevision }),
        (ifRevision: readonly number[]) => world.rollback(record, 'v1', { ifRevision }),
        (ifRevision: readonly number[]) => world.delete(record, { ifRevision }),
      ]
      for (const way of ways) await expectRefused(way([2, 7]), 'conflict')
      const begun = await update([7, 1])
      if (begun.state !== 'begun') return equal(begun.state, 'begun')
      committed(await world.commitUpdate(begun.intent, 'v2'))
      includes(await world.describe(record, 'x', { ifRevision: [7, 2] }), { state: 'done', record: { revision: 3 } })
      includes(await world.rollback(record, 'v1', { ifRevision: [3, 7] }), { state: 'done', record: { revision: 4 } })
      includes(await world.delete(record, { ifRevision: [7, 4, 9] }), { state: 'done' })
    },
  },
  {
    id: 'writes/commit-update-moves-the-pointer',
    title: 'moves the pointer, counts the revision and sets the description of the intent',
    async run(world) {
      const record = await world.create({ description: 'old' })
      world.wait(1)
      const kept = committed(await world.commitUpdate(await world.beginUpdate(record), 'v2'))
      equal(kept, { ...record, updatedAt: new Date(world.now), updatedBy: ROBOT.id, revision: 2 })
      world.wait(1)
      const cleared = committed(await world.commitUpdate(await world.beginUpdate(record, null), 'v3'))
      equal(cleared, { ...record, description: null, updatedAt: new Date(world.now), updatedBy: ROBOT.id, revision: 3 })
      const set = committed(await world.commitUpdate(await world.beginUpdate(record, 'new'), 'v4'))
      equal(set.description, 'new')
      includes(await world.find(record.id), { revision: 4, pointer: { path: `path-${record.id}`, version: 'v4' } })
      equal(await world.references(), { records: 1, intents: 0, tasks: 0 })
    },
  },
  {
    id: 'writes/description-only',
    title: 'updates a description only',
    async run(world) {
      const record = await world.create()
      world.wait(3)
      await expectRefused(world.describe(record, 'x', { ifRevision: 2 }), 'conflict')
      await expectRefused(world.describe({ ...record, id: newId() }, 'x'), 'not_found')
      const token = randomUUID()
      const done = await world.describe(record, 'x', { ifRevision: 1, token })
      const changed = { ...record, description: 'x', updatedAt: new Date(world.now), updatedBy: ROBOT.id, revision: 2 }
      equal(done, { state: 'done', record: changed })
      world.wait(3)
      equal(await world.describe(record, 'x', { ifRevision: 1, token }), { state: 'done', record: changed })
      equal((await world.find(record.id))?.pointer.version, 'v1')
      equal((await world.audit()).length, 2)
      await world.delete(record)
      await expectRefused(world.describe(record, 'x', { token }), 'not_found')
    },
  },
  {
    id: 'writes/delete-frees-the-key-and-queues-the-purge',
    title: 'deletes: the key is free at once and the purge is the caller’s',
    async run(world) {
      const record = await world.create({ key: 'one' })
      await expectRefused(world.delete(record, { ifRevision: 2 }), 'conflict')
      const token = randomUUID()
      const done = await world.delete(record, { ifRevision: 1, token })
      equal(done, {
        state: 'done',
        claimed: [
          {
            id: aText,
            task: 'purge_path',
            account: ACCOUNT,
            secret: record.id,
            store: 'main',
            path: `path-${record.id}`,
            version: undefined,
            token: undefined,
            attempts: 1,
            queuedAt: new Date(world.now),
            claim: aText,
          },
        ],
      })
      equal(await world.find(record.id), undefined)
      equal(await world.delete(record, { ifRevision: 1, token }), { state: 'done', claimed: [] })
      await expectRefused(world.delete(record), 'not_found')
      equal(await world.references(), { records: 0, intents: 0, tasks: 1 })
      await world.create({ key: 'one' })
      equal(await world.claim(), [])
      world.wait(LEASE)
      includes(await world.claim(), [{ task: 'purge_path', attempts: 2 }])
    },
  },
  {
    id: 'writes/commit-again-answers-the-row',
    title: 'answers a repeated commit with the row as it is now',
    async run(world) {
      const intent = await world.begin()
      const record = committed(await world.commitCreate(intent, [{ task: 'watch_path', store: 'main', path: path('p'), claimMs: 5 }]))
      equal(await world.commitCreate(intent), { state: 'committed', record, claimed: [] })
      const update = await world.beginUpdate(record)
      const updated = committed(await world.commitUpdate(update))
      equal(await world.commitUpdate(update), { state: 'committed', record: updated, claimed: [] })
      equal(await world.commitCreate(intent), { state: 'committed', record: updated, claimed: [] })
      equal(await world.abandon(update), { state: 'committed', record: updated })
      await world.delete(record)
      equal(await world.commitUpdate(update), { state: 'committed', record: undefined, claimed: [] })
      equal(await world.abandon(intent), { state: 'committed', record: undefined })
      equal(
        (await world.audit()).map(({ action, outcome }) => `${action} ${outcome}`),
        ['secret.create ok', 'secret.update ok', 'secret.delete ok'],
      )
    },
  },
  {
    id: 'writes/abandon-once',
    title: 'abandons once, after which a commit is undone',
    async run(world) {
      const intent = await world.begin({ key: 'one' })
      const enqueue = [{ task: 'purge_path', store: 'main', path: intent.path, token: intent.token }] as const
      equal(await world.abandon(intent, enqueue), { state: 'undone' })
      equal(await world.abandon(intent, enqueue), { state: 'undone' })
      equal(await world.commitCreate(intent), { state: 'undone' })
      equal(await world.references(), { records: 0, intents: 0, tasks: 1 })
      includes(await world.audit(), [
        {
          actor: ALICE,
          action: 'secret.create',
          outcome: 'failed',
          code: 'deadline_exceeded',
          secret: intent.secret,
          key: 'one',
          operationId: intent.token,
        },
      ])
      await world.begin({ key: 'one' })
    },
  },
  {
    id: 'writes/an-intent-ends-with-its-own-token-only',
    title: 'does not let an intent be ended with another token, account or registry, nor as another operation',
    async run(world) {
      const intent = await world.begin()
      const common = {
        registry: REGISTRY,
        intent: intent.id,
        account: ACCOUNT,
        token: intent.token,
        version: version('v1'),
        fullPath: 'full',
        keep: 1,
        enqueue: [],
      }
      for (const wrong of [{ token: randomUUID() }, { account: OTHER_ACCOUNT }, { registry: OTHER_REGISTRY }]) {
        equal(await world.store.commitCreate({ ...common, ...wrong }, {}), { state: 'undone' })
        equal(await world.store.abandon({ ...common, ...wrong, code: 'unknown' }, {}), { state: 'undone' })
      }
      equal(await world.store.commitUpdate(common, {}), { state: 'undone' })
      equal(await world.references(), { records: 0, intents: 1, tasks: 0 })
    },
  },
  {
    id: 'writes/nothing-points-at-what-is-to-be-destroyed',
    title: 'refuses to point at what is queued to be destroyed, and keeps the intent',
    async run(world) {
      const record = await world.create()
      const at = { store: 'main', path: path(`path-${record.id}`) }
      const [other] = await world.enqueue({ ...at, task: 'destroy_version', version: version('v2'), claimMs: LEASE }, { ...at, task: 'watch_path' })
      const intent = await world.beginUpdate(record)
      equal(await world.commitUpdate(intent, 'v2'), { state: 'refused' })
      includes(await world.references(), { intents: 1 })
      if (other === undefined) return
      await world.settle(other, { state: 'done' })
      includes(await world.commitUpdate(intent, 'v2'), { state: 'committed' })

      const create = await world.begin()
      await world.enqueue({ task: 'purge_path', store: 'other', path: create.path }, { ...at, task: 'destroy_version', version: version('v1') })
      includes(await world.commitUpdate(await world.beginUpdate(record), 'v9'), { state: 'committed' })
      await world.enqueue({ task: 'purge_path', store: 'main', path: create.path })
      equal(await world.commitCreate(create), { state: 'refused' })
      equal(await world.find(create.secret), undefined)
    },
  },
  {
    id: 'writes/accounts-and-registries-are-apart',
    title: 'keeps accounts and registries apart',
    async run(world) {
      const record = await world.create({ key: 'one' })
      equal(await world.find(record.id, OTHER_ACCOUNT), undefined)
      equal(await world.find(record.id, ACCOUNT, OTHER_REGISTRY), undefined)
      equal(await world.store.find({ registry: REGISTRY, account: OTHER_ACCOUNT, key: 'one' }, {}), undefined)
      await expectRefused(world.describe(record, 'x', { account: OTHER_ACCOUNT }), 'not_found')
      await expectRefused(world.delete(record, { account: OTHER_ACCOUNT }), 'not_found')
      await expectRefused(world.delete(record, { registry: OTHER_REGISTRY }), 'not_found')
      await world.create({ key: 'one', account: OTHER_ACCOUNT })
      await world.create({ key: 'one', registry: OTHER_REGISTRY, secret: record.id })
      equal(await world.references(), { records: 2, intents: 0, tasks: 0 })
      await world.begin({ key: 'two' })
      await world.begin({ key: 'two', account: OTHER_ACCOUNT })
      equal(await world.recover({ registry: OTHER_REGISTRY }), [])
      equal((await world.audit(ACCOUNT, OTHER_REGISTRY)).length, 1)
    },
  },
  {
    id: 'writes/bad-arguments-change-nothing',
    title: 'changes nothing when an argument is bad',
    async run(world) {
      const intent = await world.begin()
      const bad = [
        { task: 'watch_path', store: 'main', path: path('p') },
        { task: 'watch_path', store: 'main', path: path('p'), delayMs: -1 },
      ] as const
      await expectRefused(world.commitCreate(intent, bad), 'invalid_argument')
      await expectRefused(world.abandon(intent, bad), 'invalid_argument')
      await expectRefused(world.begin({ leaseMs: 0.5 }), 'invalid_argument')
      equal(await world.references(), { records: 0, intents: 1, tasks: 0 })
      equal(await world.audit(), [])
      const record = committed(await world.commitCreate(intent))
      await expectRefused(world.commitUpdate(await world.beginUpdate(record), 'v2', bad), 'invalid_argument')
      await expectRefused(world.delete(await world.create(), { claimMs: Number.NaN }), 'invalid_argument')
      equal(await world.references(), { records: 2, intents: 1, tasks: 0 })
      equal((await world.find(record.id))?.revision, 1)
    },
  },
  {
    id: 'writes/copies-are-handed-out',
    title: 'hands out copies',
    async run(world) {
      const record = await world.create()
      record.createdAt.setTime(0)
      Object.assign(record.createdBy, { id: 'mallory' })
      includes(await world.find(record.id), { createdAt: new Date(world.now), createdBy: ALICE })
      for (const entry of await world.audit()) entry.at.setTime(0)
      equal((await world.audit())[0]?.at, new Date(world.now))
    },
  },
]
