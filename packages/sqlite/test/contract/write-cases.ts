import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import {
  ACCOUNT,
  ALICE,
  committed,
  expectRefused,
  LEASE,
  newId,
  OTHER_ACCOUNT,
  OTHER_REGISTRY,
  path,
  REGISTRY,
  ROBOT,
  version,
  type World,
} from './world.ts'

export function writeCases(use: () => World): void {
  it('creates a record with what the intent holds', async () => {
    const world = use()
    const request = world.createRequest({ description: 'the key of the mailer' })
    const begun = await world.store.beginCreate(request, {})
    const { registry: _registry, leaseMs: _leaseMs, ...same } = request
    expect(begun).toEqual({
      state: 'begun',
      intent: { ...same, id: expect.any(String), operation: 'create', base: undefined, leaseUntil: new Date(world.now + LEASE), recoveries: 0 },
    })
    expect(await world.find(request.secret)).toBeUndefined()
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
    expect(outcome).toEqual({ state: 'committed', record, claimed: [] })
    const stored = { ...record, pointer: { store: 'main', path: request.path, version: 'v1' } }
    expect(await world.find(request.secret)).toEqual(stored)
    expect(await world.store.find({ registry: REGISTRY, account: ACCOUNT, key: request.key }, {})).toEqual(stored)
    expect(await world.references()).toEqual({ records: 1, intents: 0, tasks: 0 })
  })

  it('finds by one of id and key', async () => {
    const world = use()
    const { id, key } = await world.create()
    await expectRefused(world.store.find({ registry: REGISTRY, account: ACCOUNT }, {}), 'invalid_argument')
    await expectRefused(world.store.find({ registry: REGISTRY, account: ACCOUNT, id, key }, {}), 'invalid_argument')
    expect(await world.store.find({ registry: REGISTRY, account: ACCOUNT, key: 'other' }, {})).toBeUndefined()
  })

  it('lets one of many creators of a key begin', async () => {
    const world = use()
    const answers = await Promise.all(Array.from({ length: 20 }, () => world.store.beginCreate(world.createRequest({ key: 'one' }), {})))
    const begun = answers.filter(({ state }) => state === 'begun')
    expect(begun).toHaveLength(1)
    const [first] = begun
    if (first?.state !== 'begun') return
    expect(answers.filter(({ state }) => state === 'busy')).toEqual(
      Array.from({ length: 19 }, () => ({ state: 'busy', intent: first.intent.id, expired: false })),
    )
    await world.commitCreate(first.intent)
    await expectRefused(world.store.beginCreate(world.createRequest({ key: 'one' }), {}), 'already_exists')
  })

  it('says when the lease of a busy intent is over, to the millisecond', async () => {
    const world = use()
    const intent = await world.begin({ key: 'one' })
    world.wait(LEASE - 1)
    expect(await world.store.beginCreate(world.createRequest({ key: 'one' }), {})).toEqual({ state: 'busy', intent: intent.id, expired: false })
    world.wait(1)
    expect(await world.store.beginCreate(world.createRequest({ key: 'one' }), {})).toEqual({ state: 'busy', intent: intent.id, expired: true })
  })

  it('answers a repeated begin with the same intent, but not once recovery has claimed it', async () => {
    const world = use()
    const request = world.createRequest()
    const first = await world.store.beginCreate(request, {})
    world.wait(10)
    expect(await world.store.beginCreate(request, {})).toEqual(first)
    if (first.state !== 'begun') return
    await expectRefused(world.store.beginCreate(world.createRequest({ token: request.token }), {}), 'invalid_argument')
    const record = committed(await world.commitCreate(first.intent))
    const update = {
      registry: REGISTRY,
      account: ACCOUNT,
      secret: record.id,
      description: undefined,
      ifRevision: 1,
      actor: ROBOT,
      token: randomUUID(),
      leaseMs: LEASE,
    }
    const begun = await world.store.beginUpdate(update, {})
    expect(begun.state).toBe('begun')
    expect(await world.store.beginUpdate(update, {})).toEqual(begun)
    const other = await world.create()
    await expectRefused(world.store.beginUpdate({ ...update, secret: other.id }, {}), 'invalid_argument')
    world.wait(LEASE)
    const claimed = await world.store.claimExpiredIntents({ registry: REGISTRY, limit: 9, leaseMs: LEASE }, {})
    expect(await world.store.beginUpdate(update, {})).toEqual({ state: 'busy', intent: claimed[0]?.id, expired: false })
  })

  it('refuses an id or a path that was used before', async () => {
    const world = use()
    const record = await world.create()
    await expectRefused(world.begin({ secret: record.id, key: 'another' }), 'invalid_argument')
    await expectRefused(world.begin({ path: path(`path-${record.id}`) }), 'invalid_argument')
    const intent = await world.begin()
    await expectRefused(world.begin({ path: intent.path }), 'invalid_argument')
    await world.delete(record)
    await expectRefused(world.begin({ secret: record.id, key: 'another', path: path('another') }), 'invalid_argument')
    expect(await world.references()).toMatchObject({ records: 0, intents: 1 })
  })

  it('begins an update: not_found, conflict, then busy', async () => {
    const world = use()
    const record = await world.create()
    const request = {
      registry: REGISTRY,
      account: ACCOUNT,
      secret: record.id,
      description: 'new',
      ifRevision: undefined,
      actor: ROBOT,
      token: randomUUID(),
      leaseMs: LEASE,
    }
    await expectRefused(world.store.beginUpdate({ ...request, secret: newId() }, {}), 'not_found')
    await expectRefused(world.store.beginUpdate({ ...request, ifRevision: 2 }, {}), 'conflict')
    const begun = await world.store.beginUpdate({ ...request, ifRevision: 1 }, {})
    expect(begun).toMatchObject({
      state: 'begun',
      intent: { operation: 'update', key: record.key, actor: ROBOT, description: 'new', base: { version: 'v1', revision: 1 }, store: 'main' },
      record: { ...record, pointer: { store: 'main', path: `path-${record.id}`, version: 'v1' } },
    })
    if (begun.state !== 'begun') return
    const busy = { state: 'busy', intent: begun.intent.id, expired: false }
    expect(await world.store.beginUpdate({ ...request, token: randomUUID() }, {})).toEqual(busy)
    await expectRefused(world.store.beginUpdate({ ...request, token: randomUUID(), ifRevision: 7 }, {}), 'conflict')
    expect(await world.describe(record, 'x')).toEqual(busy)
    expect(await world.delete(record)).toEqual(busy)
  })

  it('moves the pointer, counts the revision and sets the description of the intent', async () => {
    const world = use()
    const record = await world.create({ description: 'old' })
    world.wait(1)
    const kept = committed(await world.commitUpdate(await world.beginUpdate(record), 'v2'))
    expect(kept).toEqual({ ...record, updatedAt: new Date(world.now), updatedBy: ROBOT.id, revision: 2 })
    world.wait(1)
    const cleared = committed(await world.commitUpdate(await world.beginUpdate(record, null), 'v3'))
    expect(cleared).toEqual({ ...record, description: null, updatedAt: new Date(world.now), updatedBy: ROBOT.id, revision: 3 })
    const set = committed(await world.commitUpdate(await world.beginUpdate(record, 'new'), 'v4'))
    expect(set.description).toBe('new')
    expect(await world.find(record.id)).toMatchObject({ revision: 4, pointer: { path: `path-${record.id}`, version: 'v4' } })
    expect(await world.references()).toEqual({ records: 1, intents: 0, tasks: 0 })
  })

  it('updates a description only', async () => {
    const world = use()
    const record = await world.create()
    world.wait(3)
    await expectRefused(world.describe(record, 'x', { ifRevision: 2 }), 'conflict')
    await expectRefused(world.describe({ ...record, id: newId() }, 'x'), 'not_found')
    const token = randomUUID()
    const done = await world.describe(record, 'x', { ifRevision: 1, token })
    const changed = { ...record, description: 'x', updatedAt: new Date(world.now), updatedBy: ROBOT.id, revision: 2 }
    expect(done).toEqual({ state: 'done', record: changed })
    world.wait(3)
    expect(await world.describe(record, 'x', { ifRevision: 1, token })).toEqual({ state: 'done', record: changed })
    expect((await world.find(record.id))?.pointer.version).toBe('v1')
    expect(await world.audit()).toHaveLength(2)
    await world.delete(record)
    await expectRefused(world.describe(record, 'x', { token }), 'not_found')
  })

  it('deletes: the key is free at once and the purge is the caller’s', async () => {
    const world = use()
    const record = await world.create({ key: 'one' })
    await expectRefused(world.delete(record, { ifRevision: 2 }), 'conflict')
    const token = randomUUID()
    const done = await world.delete(record, { ifRevision: 1, token })
    expect(done).toEqual({
      state: 'done',
      claimed: [
        {
          id: expect.any(String),
          task: 'purge_path',
          account: ACCOUNT,
          secret: record.id,
          store: 'main',
          path: `path-${record.id}`,
          version: undefined,
          token: undefined,
          attempts: 1,
          queuedAt: new Date(world.now),
          claim: expect.stringMatching(/./),
        },
      ],
    })
    expect(await world.find(record.id)).toBeUndefined()
    expect(await world.delete(record, { ifRevision: 1, token })).toEqual({ state: 'done', claimed: [] })
    await expectRefused(world.delete(record), 'not_found')
    expect(await world.references()).toEqual({ records: 0, intents: 0, tasks: 1 })
    await world.create({ key: 'one' })
    expect(await world.claim()).toEqual([])
    world.wait(LEASE)
    expect(await world.claim()).toMatchObject([{ task: 'purge_path', attempts: 2 }])
  })

  it('answers a repeated commit with the row as it is now', async () => {
    const world = use()
    const intent = await world.begin()
    const record = committed(await world.commitCreate(intent, [{ task: 'watch_path', store: 'main', path: path('p'), claimMs: 5 }]))
    expect(await world.commitCreate(intent)).toEqual({ state: 'committed', record, claimed: [] })
    const update = await world.beginUpdate(record)
    const updated = committed(await world.commitUpdate(update))
    expect(await world.commitUpdate(update)).toEqual({ state: 'committed', record: updated, claimed: [] })
    expect(await world.commitCreate(intent)).toEqual({ state: 'committed', record: updated, claimed: [] })
    expect(await world.abandon(update)).toEqual({ state: 'committed', record: updated })
    await world.delete(record)
    expect(await world.commitUpdate(update)).toEqual({ state: 'committed', record: undefined, claimed: [] })
    expect(await world.abandon(intent)).toEqual({ state: 'committed', record: undefined })
    expect((await world.audit()).map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'secret.create ok',
      'secret.update ok',
      'secret.delete ok',
    ])
  })

  it('abandons once, after which a commit is undone', async () => {
    const world = use()
    const intent = await world.begin({ key: 'one' })
    const enqueue = [{ task: 'purge_path', store: 'main', path: intent.path, token: intent.token }] as const
    expect(await world.abandon(intent, enqueue)).toEqual({ state: 'undone' })
    expect(await world.abandon(intent, enqueue)).toEqual({ state: 'undone' })
    expect(await world.commitCreate(intent)).toEqual({ state: 'undone' })
    expect(await world.references()).toEqual({ records: 0, intents: 0, tasks: 1 })
    expect(await world.audit()).toMatchObject([
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
  })

  it('does not let an intent be ended with another token, account or registry, nor as another operation', async () => {
    const world = use()
    const intent = await world.begin()
    const common = {
      registry: REGISTRY,
      intent: intent.id,
      account: ACCOUNT,
      token: intent.token,
      version: version('v1'),
      fullPath: 'full',
      enqueue: [],
    }
    for (const wrong of [{ token: randomUUID() }, { account: OTHER_ACCOUNT }, { registry: OTHER_REGISTRY }]) {
      expect(await world.store.commitCreate({ ...common, ...wrong }, {})).toEqual({ state: 'undone' })
      expect(await world.store.abandon({ ...common, ...wrong, code: 'unknown' }, {})).toEqual({ state: 'undone' })
    }
    expect(await world.store.commitUpdate(common, {})).toEqual({ state: 'undone' })
    expect(await world.references()).toEqual({ records: 0, intents: 1, tasks: 0 })
  })

  it('refuses to point at what is queued to be destroyed, and keeps the intent', async () => {
    const world = use()
    const record = await world.create()
    const at = { store: 'main', path: path(`path-${record.id}`) }
    const [other] = await world.enqueue({ ...at, task: 'destroy_version', version: version('v2'), claimMs: LEASE }, { ...at, task: 'watch_path' })
    const intent = await world.beginUpdate(record)
    expect(await world.commitUpdate(intent, 'v2')).toEqual({ state: 'refused' })
    expect(await world.references()).toMatchObject({ intents: 1 })
    if (other === undefined) return
    await world.settle(other, { state: 'done' })
    expect(await world.commitUpdate(intent, 'v2')).toMatchObject({ state: 'committed' })

    const create = await world.begin()
    await world.enqueue({ task: 'purge_path', store: 'other', path: create.path }, { ...at, task: 'destroy_version', version: version('v1') })
    expect(await world.commitUpdate(await world.beginUpdate(record), 'v9')).toMatchObject({ state: 'committed' })
    await world.enqueue({ task: 'purge_path', store: 'main', path: create.path })
    expect(await world.commitCreate(create)).toEqual({ state: 'refused' })
    expect(await world.find(create.secret)).toBeUndefined()
  })

  it('keeps accounts and registries apart', async () => {
    const world = use()
    const record = await world.create({ key: 'one' })
    expect(await world.find(record.id, OTHER_ACCOUNT)).toBeUndefined()
    expect(await world.find(record.id, ACCOUNT, OTHER_REGISTRY)).toBeUndefined()
    expect(await world.store.find({ registry: REGISTRY, account: OTHER_ACCOUNT, key: 'one' }, {})).toBeUndefined()
    await expectRefused(world.describe(record, 'x', { account: OTHER_ACCOUNT }), 'not_found')
    await expectRefused(world.delete(record, { account: OTHER_ACCOUNT }), 'not_found')
    await expectRefused(world.delete(record, { registry: OTHER_REGISTRY }), 'not_found')
    await world.create({ key: 'one', account: OTHER_ACCOUNT })
    await world.create({ key: 'one', registry: OTHER_REGISTRY, secret: record.id })
    expect(await world.references()).toEqual({ records: 2, intents: 0, tasks: 0 })
    await world.begin({ key: 'two' })
    await world.begin({ key: 'two', account: OTHER_ACCOUNT })
    expect(await world.store.claimExpiredIntents({ registry: OTHER_REGISTRY, limit: 9, leaseMs: 1 }, {})).toEqual([])
    expect(await world.audit(ACCOUNT, OTHER_REGISTRY)).toHaveLength(1)
  })

  it('changes nothing when an argument is bad', async () => {
    const world = use()
    const intent = await world.begin()
    const bad = [
      { task: 'watch_path', store: 'main', path: path('p') },
      { task: 'watch_path', store: 'main', path: path('p'), delayMs: -1 },
    ] as const
    await expectRefused(world.commitCreate(intent, bad), 'invalid_argument')
    await expectRefused(world.abandon(intent, bad), 'invalid_argument')
    await expectRefused(world.begin({ leaseMs: 0.5 }), 'invalid_argument')
    expect(await world.references()).toEqual({ records: 0, intents: 1, tasks: 0 })
    expect(await world.audit()).toEqual([])
    const record = committed(await world.commitCreate(intent))
    await expectRefused(world.commitUpdate(await world.beginUpdate(record), 'v2', bad), 'invalid_argument')
    await expectRefused(world.delete(await world.create(), { claimMs: Number.NaN }), 'invalid_argument')
    expect(await world.references()).toEqual({ records: 2, intents: 1, tasks: 0 })
    expect((await world.find(record.id))?.revision).toBe(1)
  })

  it('hands out copies', async () => {
    const world = use()
    const record = await world.create()
    record.createdAt.setTime(0)
    Object.assign(record.createdBy, { id: 'mallory' })
    expect(await world.find(record.id)).toMatchObject({ createdAt: new Date(world.now), createdBy: ALICE })
    for (const entry of await world.audit()) entry.at.setTime(0)
    expect((await world.audit())[0]?.at).toEqual(new Date(world.now))
  })
}
