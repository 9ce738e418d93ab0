import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { accountId, createSecretRegistry, memoryMetadata, unsafeAllowEveryone } from '@strongroom/core'
import type { AccountSecrets, CreateInput, MetadataStore, RegistryOptions, SecretRecord, UpdateInput, UpdateOptions } from '@strongroom/core'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ACCOUNT, ACTOR, RegistryWorld } from './support/registry-world.ts'
import { failureOf, lost, until } from './support/scripted.ts'
import { tracked } from './support/tracked.ts'

beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(0))

const DAY_MS = 86_400_000
const KEY = 'request-7'
const VALUE = 'a value to be found'
const requestKeys = [Buffer.alloc(32, 1)]
const mismatch = { code: 'idempotency_mismatch', effect: 'none', retryable: false }

const open = (world: RegistryWorld, options: Partial<RegistryOptions> = {}): Promise<AccountSecrets> => world.secrets({ requestKeys, ...options })

describe('the same request', () => {
  it('creates once, and is answered as at first by any registry, also after a change and a delete', async () => {
    const world = new RegistryWorld()
    const input = { key: 'k', value: VALUE, description: 'text' }
    const first = await (await open(world)).create(input, { idempotencyKey: KEY })
    const other = await open(world)
    world.now += 1000
    expect(await other.create(input, { idempotencyKey: KEY })).toEqual(first)
    await other.update(first.id, { value: 'changed' })
    expect(await other.create(input, { idempotencyKey: KEY })).toEqual(first)
    await other.delete(first.id)
    expect(await (await open(world)).create(input, { idempotencyKey: KEY })).toEqual(first)
    expect(world.cloud.count('create')).toBe(1)
  })

  it('updates once: a value, and a description, whatever the revision is by then', async () => {
    const world = new RegistryWorld()
    const secrets = await open(world)
    const { id } = await secrets.create({ key: 'k', value: 'before' })
    const change = { value: VALUE, description: null }
    const first = await secrets.update(id, change, { idempotencyKey: KEY, ifRevision: 1 })
    expect(first.revision).toBe(2)
    expect(await secrets.update(id, change, { idempotencyKey: KEY, ifRevision: 1 })).toEqual(first)
    const described = await secrets.update(id, { description: 'text' }, { idempotencyKey: 'another', ifRevision: 2 })
    expect(described.revision).toBe(3)
    expect(await secrets.update(id, { description: 'text' }, { idempotencyKey: 'another', ifRevision: 2 })).toEqual(described)
    expect(world.cloud.count('append')).toBe(1)
    expect(await secrets.describe(id)).toEqual(described)
    const listed = await secrets.update(id, change, { idempotencyKey: 'a list', ifRevision: [1, 3] })
    expect(await secrets.update(id, change, { idempotencyKey: 'a list', ifRevision: [1, 3] })).toEqual(listed)
    expect(await failureOf(secrets.update(id, change, { idempotencyKey: 'a list', ifRevision: [1, 4] }))).toMatchObject(mismatch)
  })

  it('waits for the first while that is under way', async () => {
    const world = new RegistryWorld()
    const policy = { deadlineMs: 20_000, leaseMs: 50_000 }
    const [one, two] = [await open(world, { policy }), await open(world, { policy })]
    let asked = 0
    world.cloud.on('create', async act => {
      await until(() => asked > 2)
      return await act()
    })
    const metadata = tracked(
      'metadata',
      world.metadata,
      async (step, call) => {
        if (step.method === 'beginCreate') asked += 1
        return await call()
      },
      { next: 0 },
    )
    const third = await open(world, { metadata, policy })
    const input = { key: 'k', value: VALUE }
    const records = await Promise.all([one, two, third].map(secrets => secrets.create(input, { idempotencyKey: KEY })))
    expect(records).toEqual([records[0], records[0], records[0]])
    expect(world.cloud.count('create')).toBe(1)
  })

  it('is a conflict, and sends nothing, when the first is not through by the deadline', async () => {
    const world = new RegistryWorld()
    world.cloud.on('create', lost())
    const secrets = await open(world)
    const input = { key: 'k', value: VALUE }
    world.cloud.on('create', lost())
    expect(await failureOf(secrets.create(input, { idempotencyKey: KEY }))).toMatchObject({ effect: 'unknown' })
    const sent = world.cloud.count()
    expect(await failureOf(secrets.create(input, { idempotencyKey: KEY }))).toMatchObject({ code: 'conflict', retryable: true, effect: 'none' })
    expect(world.cloud.count()).toBe(sent)
    world.now += 2000 // the lease is over
    const record = await secrets.create(input, { idempotencyKey: KEY })
    expect(await secrets.describe(record.id)).toEqual(record)
    expect((await secrets.list()).total).toBe(1)
  })

  it('is decided anew when it was refused', async () => {
    const world = new RegistryWorld()
    const secrets = await open(world)
    const { id } = await secrets.create({ key: 'k', value: 'x' })
    expect(await failureOf(secrets.create({ key: 'k', value: VALUE }, { idempotencyKey: KEY }))).toMatchObject({ code: 'already_exists' })
    await secrets.delete(id)
    expect(await secrets.create({ key: 'k', value: VALUE }, { idempotencyKey: KEY })).toMatchObject({ key: 'k' })
  })

  it('is another one after a day, and maintain forgets what has expired', async () => {
    const world = new RegistryWorld()
    const registry = await world.registry({ requestKeys })
    const secrets = registry.account(ACCOUNT, ACTOR)
    const { id } = await secrets.create({ key: 'k', value: 'x' })
    const update = (description: string): Promise<SecretRecord> => secrets.update(id, { description }, { idempotencyKey: KEY })
    expect((await update('one')).revision).toBe(2)
    world.now += DAY_MS - 1
    expect((await update('one')).revision).toBe(2)
    expect(await failureOf(update('two'))).toMatchObject(mismatch)
    expect(await registry.maintain()).toMatchObject({ forgotten: 0 })
    world.now += 1
    expect((await update('two')).revision).toBe(3)
    world.now += DAY_MS
    expect(await registry.maintain()).toMatchObject({ forgotten: 1, backlog: 0 })
    for (const key of ['1', '2', '3']) await secrets.update(id, { description: key }, { idempotencyKey: key })
    world.now += DAY_MS
    const forgotten: number[] = []
    for (let pass = 0; pass < 3; pass += 1) forgotten.push((await registry.maintain({ maxItems: 2 })).forgotten)
    expect(forgotten).toEqual([2, 1, 0])
  })
})

describe('another request with the same key', () => {
  type Ask = (secrets: AccountSecrets, input?: Partial<CreateInput>) => Promise<SecretRecord>
  const create: Ask = (secrets, input = {}) => secrets.create({ key: 'k', value: VALUE, description: 'ab', ...input }, { idempotencyKey: KEY })
  const OTHERS: readonly (readonly [string, Partial<CreateInput>])[] = [
    ['another key', { key: 'another' }],
    ['another value', { value: `${VALUE}!` }],
    ['the same bytes as binary', { value: Buffer.from(VALUE) }],
    ['no description', { description: undefined }],
    ['an empty description', { description: '' }],
    ['what moved from one part to the next', { description: 'a', value: `b${VALUE}` }],
  ]
  it.each(OTHERS)('is refused: create with %s', async (_, input) => {
    const world = new RegistryWorld()
    const secrets = await open(world)
    const first = await create(secrets)
    expect(await failureOf(create(secrets, input))).toMatchObject({ ...mismatch, operation: 'registry.create', secretName: input.key ?? 'k' })
    expect(await create(secrets)).toEqual(first)
    expect([world.cloud.count('create'), (await secrets.list()).total]).toEqual([1, 1])
  })

  const UPDATES: readonly (readonly [string, UpdateInput, UpdateOptions])[] = [
    ['another value', { value: 'x', description: null }, {}],
    ['binary', { value: Buffer.from(VALUE), description: null }, {}],
    ['no value', { description: null }, {}],
    ['a description that is left', { value: VALUE }, {}],
    ['a revision', { value: VALUE, description: null }, { ifRevision: 1 }],
  ]
  it.each(UPDATES)('is refused: update with %s', async (_, change, options) => {
    const secrets = await open(new RegistryWorld())
    const { id } = await secrets.create({ key: 'k', value: 'before' })
    const other = await secrets.create({ key: 'other', value: 'before' })
    const first = await secrets.update(id, { value: VALUE, description: null }, { idempotencyKey: KEY })
    expect(await failureOf(secrets.update(id, change, { ...options, idempotencyKey: KEY }))).toMatchObject(mismatch)
    expect(await failureOf(secrets.update(other.id, { value: VALUE, description: null }, { idempotencyKey: KEY }))).toMatchObject(mismatch)
    expect(await failureOf(secrets.create({ key: 'new', value: VALUE }, { idempotencyKey: KEY }))).toMatchObject(mismatch)
    expect(await secrets.describe(id)).toEqual(first)
  })

  it('is refused before anything else is judged, and also when the first was undone', async () => {
    const world = new RegistryWorld()
    const secrets = await open(world)
    world.cloud.on('create', Object.assign(new Error('refused'), {}))
    vi.spyOn(world.cloud.driver, 'classify').mockReturnValueOnce({ code: 'quota_exceeded', retryable: false, effect: 'none' })
    expect(await failureOf(create(secrets))).toMatchObject({ code: 'quota_exceeded', effect: 'none' })
    expect(await failureOf(create(secrets, { value: 'x' }))).toMatchObject(mismatch)
    expect(await create(secrets)).toMatchObject({ key: 'k', revision: 1 })
  })
})

describe('the scope of a key', () => {
  it.each<readonly [string, { readonly account?: string; readonly actor?: typeof ACTOR; readonly id?: string }]>([
    ['account', { account: 'acc-2' }],
    ['actor', { actor: { id: 'u-2', type: 'user' } }],
    ['kind of actor', { actor: { id: 'u-1', type: 'service_account' } }],
    ['registry', { id: 'other' }],
  ])('another %s has another one', async (_, { account = ACCOUNT, actor = ACTOR, id = 'main' }) => {
    const world = new RegistryWorld()
    const { id: mine } = await (await open(world)).create({ key: 'k', value: VALUE }, { idempotencyKey: KEY })
    const theirs = (await world.registry({ requestKeys, id })).account(accountId(account), actor)
    const made = await theirs.create({ key: 'other', value: 'x' }, { idempotencyKey: KEY })
    expect(made.id).not.toBe(mine)
    expect(world.cloud.count('create')).toBe(2)
  })
})

describe('the request keys', () => {
  it('can be changed, step by step, with every request known throughout', async () => {
    const world = new RegistryWorld()
    const [old, young] = [Buffer.alloc(32, 'old'), Buffer.alloc(40, 'young')]
    const input = (key: string): CreateInput => ({ key, value: VALUE })
    const steps = [[old], [old, young], [young, old], [young]]
    const made: SecretRecord[] = []
    for (const [index, keys] of steps.entries()) {
      const secrets = await open(world, { requestKeys: keys })
      made.push(await secrets.create(input(`k-${index}`), { idempotencyKey: `key-${index}` }))
      // The step before may still be under way in another process.
      for (const before of [steps[index - 1] ?? keys, keys]) {
        const other = await open(world, { requestKeys: before })
        expect(await other.create(input(`k-${index}`), { idempotencyKey: `key-${index}` })).toEqual(made[index])
        expect(await failureOf(other.create(input('x'), { idempotencyKey: `key-${index}` }))).toMatchObject(mismatch)
      }
      if (index > 0) expect(await secrets.create(input(`k-${index - 1}`), { idempotencyKey: `key-${index - 1}` })).toEqual(made[index - 1])
    }
    expect(world.cloud.count('create')).toBe(4)
  })

  it('are copied, and are not shown', async () => {
    const world = new RegistryWorld()
    const mine = Buffer.alloc(32, 'the request key')
    const registry = await world.registry({ requestKeys: [mine] })
    mine.fill(0)
    const record = await registry.account(ACCOUNT, ACTOR).create({ key: 'k', value: VALUE }, { idempotencyKey: KEY })
    const other = await open(world, { requestKeys: [Buffer.alloc(32, 'the request key')] })
    expect(await other.create({ key: 'k', value: VALUE }, { idempotencyKey: KEY })).toEqual(record)
    expect(inspect(registry, { showHidden: true, depth: 9 })).not.toContain('the request key')
  })

  it('are needed, and without them nothing is done', async () => {
    const touched: string[] = []
    const world = new RegistryWorld()
    const metadata = tracked('metadata', world.metadata, async (step, call) => (touched.push(step.method), await call()), { next: 0 })
    const authorize = vi.fn(unsafeAllowEveryone)
    const secrets = await world.secrets({ metadata, authorize })
    touched.length = 0
    const refused = { code: 'misconfigured', effect: 'none', retryable: false }
    expect(await failureOf(secrets.create({ key: 'k', value: VALUE }, { idempotencyKey: KEY }))).toMatchObject(refused)
    const id = (await open(world).then(other => other.create({ key: 'k', value: VALUE }))).id
    expect(await failureOf(secrets.update(id, { value: VALUE }, { idempotencyKey: KEY }))).toMatchObject(refused)
    expect([touched, authorize.mock.calls]).toEqual([[], []])
  })
})

describe('around it', () => {
  it('a repeat is authorized, and the trail says what was shown and what was refused', async () => {
    const world = new RegistryWorld()
    let allowed = true
    const secrets = await open(world, { authorize: async () => allowed })
    const input = { key: 'k', value: VALUE }
    const { id } = await secrets.create(input, { idempotencyKey: KEY })
    await secrets.create(input, { idempotencyKey: KEY })
    await failureOf(secrets.create({ ...input, value: 'x' }, { idempotencyKey: KEY }))
    allowed = false
    expect(await failureOf(secrets.create(input, { idempotencyKey: KEY }))).toMatchObject({ code: 'permission_denied' })
    expect((await world.trail()).map(({ action, outcome, code, key }) => [action, outcome, code, key])).toEqual([
      ['secret.create', 'ok', undefined, 'k'],
      ['secret.describe', 'ok', undefined, 'k'],
      ['secret.create', 'failed', 'idempotency_mismatch', 'k'],
      ['secret.create', 'denied', 'permission_denied', 'k'],
    ])
    expect((await world.trail())[1]?.secret).toBe(id)
  })

  it('asks the database no more often with a key than without', async () => {
    const world = new RegistryWorld()
    const asked: string[] = []
    const metadata = tracked('metadata', world.metadata, async (step, call) => (asked.push(step.method), await call()), { next: 0 })
    const secrets = await open(world, { metadata })
    asked.length = 0
    const { id } = await secrets.create({ key: 'k', value: VALUE })
    await secrets.update(id, { value: 'x' })
    await secrets.update(id, { description: 'x' })
    const without = asked.splice(0)
    const keyed = await secrets.create({ key: 'k-2', value: VALUE }, { idempotencyKey: '1' })
    await secrets.update(keyed.id, { value: 'x' }, { idempotencyKey: '2' })
    await secrets.update(keyed.id, { description: 'x' }, { idempotencyKey: '3' })
    expect(asked).toEqual(without)
  })

  it('gives the database neither the key, nor the value, nor what could be made of it without the request keys', async () => {
    const world = new RegistryWorld()
    const given: unknown[] = []
    const plain = memoryMetadata()
    const watched = new Proxy(plain, {
      get(source, name) {
        const value: unknown = Reflect.get(source, name)
        if (typeof value !== 'function') return value
        return (...parameters: unknown[]): unknown => {
          given.push(parameters)
          return Reflect.apply(value, source, parameters)
        }
      },
    })
    const requestsOf = async (metadata: MetadataStore, keys: readonly Uint8Array[], id: string, value: string): Promise<string> => {
      given.length = 0
      const parts = { id, metadata, stores: { main: world.cloud.driver }, authorize: unsafeAllowEveryone }
      const registry = await createSecretRegistry({ ...parts, writeTo: 'main', requestKeys: keys })
      const secrets = registry.account(ACCOUNT, ACTOR)
      const record = await secrets.create({ key: `k-${given.length}`, value }, { idempotencyKey: KEY })
      await secrets.update(record.id, { value }, { idempotencyKey: `${KEY}-2` })
      return JSON.stringify(given)
    }
    const all = await requestsOf(watched, requestKeys, 'main', VALUE)
    expect(all.match(/"fingerprints":\["[\w-]{43}"\]/g)).toHaveLength(2)
    for (const algorithm of ['sha256', 'sha1', 'md5', 'sha512']) {
      for (const form of ['hex', 'base64', 'base64url'] as const) expect(all).not.toContain(createHash(algorithm).update(VALUE).digest(form))
    }
    for (const secret of [VALUE, KEY, Buffer.from(VALUE).toString('base64'), requestKeys[0]!.toString('hex')]) expect(all).not.toContain(secret)
    // Two writes of one value have nothing in common, in one registry or in two.
    const hashes = (text: string): readonly string[] => text.match(/[\w-]{43}(?=")/g) ?? []
    const other = await requestsOf(watched, requestKeys, 'other', VALUE)
    const mine = hashes(all)
    expect(new Set(mine).size).toBeGreaterThanOrEqual(4)
    expect(hashes(other).filter(hash => mine.includes(hash))).toEqual([])
  })
})
