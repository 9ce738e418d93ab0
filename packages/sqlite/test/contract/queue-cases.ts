import type { Intent, IntentId } from '@strongroom/core'
import { expect, it } from 'vitest'
import { ACCOUNT, expectRefused, LEASE, OTHER_ACCOUNT, OTHER_REGISTRY, path, REGISTRY, version, type World } from './world.ts'

const expired = (world: World, more: { limit?: number; intent?: IntentId } = {}): Promise<readonly Intent[]> =>
  world.store.claimExpiredIntents({ registry: REGISTRY, limit: 9, leaseMs: LEASE, ...more }, {})

export function queueCases(use: () => World): void {
  const watch = { task: 'watch_path', store: 'main', path: path('watched'), token: 'token-1' } as const

  it('claims expired intents once each, the oldest first', async () => {
    const world = use()
    const second = await world.begin({ leaseMs: 20 })
    const first = await world.begin({ leaseMs: 10, account: OTHER_ACCOUNT })
    await world.begin({ leaseMs: 21 })
    world.wait(9)
    expect(await expired(world)).toEqual([])
    world.wait(11)
    expect(await expired(world, { limit: 1 })).toEqual([{ ...first, leaseUntil: new Date(world.now + LEASE), recoveries: 1 }])
    expect(await expired(world, { intent: first.id })).toEqual([])
    expect(await expired(world, { intent: second.id })).toMatchObject([{ id: second.id }])
    expect(await expired(world)).toEqual([])
    world.wait(LEASE)
    expect((await expired(world)).map(({ recoveries }) => recoveries).toSorted((a, b) => a - b)).toEqual([1, 2, 2])
  })

  it('claims tasks when they are due, the oldest first, for one claimant', async () => {
    const world = use()
    await world.enqueue({ ...watch, path: path('c'), delayMs: 10 })
    await world.enqueue({ ...watch, path: path('a') }, { ...watch, path: path('b') })
    expect((await world.claim(1)).map(entry => entry.path)).toEqual(['a'])
    expect((await world.claim()).map(entry => entry.path)).toEqual(['b'])
    world.wait(9)
    expect(await world.claim()).toEqual([])
    world.wait(1)
    expect(await world.claim()).toMatchObject([{ path: 'c', attempts: 1, token: 'token-1', version: undefined, account: ACCOUNT }])
    world.wait(LEASE - 11)
    expect(await world.claim()).toEqual([])
    world.wait(1)
    expect(await world.claim()).toMatchObject([
      { path: 'a', attempts: 2 },
      { path: 'b', attempts: 2 },
    ])
    expect(await world.claim(9, LEASE, OTHER_REGISTRY)).toEqual([])
  })

  it('claims for the caller what it queues with claimMs', async () => {
    const world = use()
    const claimed = await world.enqueue({ ...watch, claimMs: 10 }, watch)
    expect(claimed).toMatchObject([{ attempts: 1, claim: expect.stringMatching(/./) }])
    expect(await world.claim()).toHaveLength(1)
    world.wait(10)
    expect(await world.claim()).toMatchObject([{ id: claimed[0]?.id, attempts: 2 }])
  })

  it('gives a task to one of many claimants', async () => {
    const world = use()
    await world.enqueue(watch, watch, watch)
    const claims = await Promise.all(Array.from({ length: 8 }, () => world.claim(1)))
    expect(new Set(claims.flat().map(({ id }) => id)).size).toBe(3)
    expect(claims.flat()).toHaveLength(3)
  })

  it('settles only for the holder of the claim, and says so again when asked again', async () => {
    const world = use()
    await world.enqueue(watch)
    const [lost] = await world.claim()
    world.wait(LEASE)
    const [held] = await world.claim()
    if (lost === undefined || held === undefined) throw new Error('not claimed')
    expect(await world.settle(lost, { state: 'done' }, [watch])).toBe(false)
    expect(await world.settle({ ...held, claim: '' }, { state: 'done' })).toBe(false)
    expect(await world.references()).toMatchObject({ tasks: 1 })
    expect(await world.settle(held, { state: 'done' }, [{ ...watch, path: path('next') }])).toBe(true)
    expect(await world.settle(held, { state: 'done' }, [{ ...watch, path: path('next') }])).toBe(true)
    expect(await world.settle(lost, { state: 'done' })).toBe(false)
    expect(await world.claim()).toMatchObject([{ path: 'next', secret: held.secret, account: held.account, attempts: 1 }])
  })

  it('settles a claim whose time is over as long as nobody else has taken it', async () => {
    const world = use()
    await world.enqueue(watch)
    const [entry] = await world.claim()
    world.wait(LEASE * 2)
    if (entry === undefined) throw new Error('not claimed')
    expect(await world.settle(entry, { state: 'done' })).toBe(true)
    expect(await world.references()).toMatchObject({ tasks: 0 })
  })

  it('puts a task off, and releases its claim', async () => {
    const world = use()
    await world.enqueue(watch)
    const [entry] = await world.claim()
    if (entry === undefined) throw new Error('not claimed')
    await expectRefused(world.settle(entry, { state: 'retry', delayMs: -1 }), 'invalid_argument')
    expect(await world.settle(entry, { state: 'retry', delayMs: 50 }, [{ ...watch, path: path('also') }])).toBe(true)
    expect(await world.settle(entry, { state: 'retry', delayMs: 50 }, [{ ...watch, path: path('also') }])).toBe(true)
    expect((await world.claim()).map(claimed => claimed.path)).toEqual(['also'])
    world.wait(50)
    const [again] = await world.claim()
    expect(again).toMatchObject({ id: entry.id, attempts: 2, queuedAt: entry.queuedAt })
    expect(again?.claim).not.toBe(entry.claim)
  })

  it('ends a promotion only while the pointer is where it was promoted to', async () => {
    const world = use()
    const record = await world.create()
    const at = { store: 'main', path: path(`path-${record.id}`) }
    const [entry] = await world.enqueue({ ...at, task: 'promote', version: version('v1'), claimMs: LEASE })
    if (entry === undefined) throw new Error('not claimed')
    await world.update(record, 'v2')
    expect(await world.settle(entry, { state: 'done', ifPointer: version('v1') }, [watch])).toBe(false)
    const [again] = await world.claim()
    expect(again).toMatchObject({ id: entry.id, attempts: 2 })
    if (again === undefined) return
    expect(await world.references()).toMatchObject({ tasks: 1 })
    expect(await world.settle(entry, { state: 'done', ifPointer: version('v2') })).toBe(false)
    expect(await world.settle(again, { state: 'done', ifPointer: version('v2') })).toBe(true)
    expect(await world.references()).toMatchObject({ tasks: 0 })

    const [gone] = await world.enqueue({ ...at, path: path('nobody'), task: 'promote', claimMs: LEASE })
    if (gone === undefined) throw new Error('not claimed')
    expect(await world.settle(gone, { state: 'done', ifPointer: version('v2') })).toBe(false)
    expect(await world.settle({ ...gone, claim: (await world.claim())[0]?.claim ?? '' }, { state: 'done' })).toBe(true)
  })

  it('cancels what would destroy a row’s value, and nothing else', async () => {
    const world = use()
    const record = await world.create()
    const other = await world.create({ account: OTHER_ACCOUNT })
    const at = { store: 'main', path: path(`path-${record.id}`) }
    await world.enqueue(
      { ...at, task: 'destroy_version', version: version('v1') },
      { ...at, task: 'destroy_version', version: version('v0') },
      { ...at, task: 'destroy_version', version: version('v1'), store: 'second' },
      { ...at, task: 'purge_path', path: path(`path-${other.id}`) },
      { ...at, task: 'purge_path', store: 'second' },
      { ...at, task: 'promote', version: version('v1') },
      { ...at, task: 'watch_path' },
      { ...at, task: 'destroy_version', version: version('v1'), delayMs: 10 },
    )
    expect(await world.references()).toMatchObject({ tasks: 8 })
    expect((await world.claim(5)).map(({ task, version: named, store }) => [task, named, store])).toEqual([
      ['destroy_version', 'v0', 'main'],
      ['destroy_version', 'v1', 'second'],
      ['purge_path', undefined, 'second'],
      ['promote', 'v1', 'main'],
      ['watch_path', undefined, 'main'],
    ])
    expect(await world.references()).toMatchObject({ tasks: 6 })
    world.wait(10)
    expect(await world.claim()).toEqual([])
    expect(await world.references()).toMatchObject({ tasks: 5 })
  })

  it('leaves for later what an intent is based on or writes to', async () => {
    const world = use()
    const create = await world.begin()
    const record = await world.create()
    const at = { store: 'main', path: path(`path-${record.id}`) }
    const update = await world.beginUpdate(record)
    await world.update(await world.create(), 'v2')
    await world.enqueue({ task: 'purge_path', store: 'main', path: create.path }, { ...at, task: 'destroy_version', version: version('v2') }, watch)
    expect((await world.claim()).map(({ task }) => task)).toEqual(['destroy_version', 'watch_path'])
    await world.abandon(create)
    expect((await world.claim()).map(({ task }) => task)).toEqual(['purge_path'])
    await world.abandon(update)
    expect(await world.references()).toMatchObject({ tasks: 3 })
  })

  it('does not let a task that waits for an intent hold up the ones behind it', async () => {
    const world = use()
    const create = await world.begin()
    await world.enqueue(...Array.from({ length: 5 }, () => ({ task: 'purge_path', store: 'main', path: create.path }) as const), watch)
    expect((await world.claim(1)).map(({ task }) => task)).toEqual(['watch_path'])
  })

  it('says who names a path', async () => {
    const world = use()
    const record = await world.create()
    const create = await world.begin()
    const at = path(`path-${record.id}`)
    await world.beginUpdate(record)
    await world.enqueue(
      { task: 'watch_path', store: 'main', path: at },
      { task: 'promote', store: 'main', path: at },
      { task: 'watch_path', store: 'second', path: at },
    )
    const owners = (store: string, registry = REGISTRY) => world.store.owners({ registry, store, paths: [path('nobody'), create.path, at, at] }, {})
    expect(await owners('main')).toEqual([
      { path: create.path, row: undefined, intents: 1, tasks: 0 },
      { path: at, row: { secret: record.id, version: 'v1' }, intents: 1, tasks: 2 },
    ])
    expect(await owners('second')).toEqual([{ path: at, row: undefined, intents: 0, tasks: 1 }])
    expect(await owners('main', OTHER_REGISTRY)).toEqual([])
    expect(await world.references('second')).toEqual({ records: 0, intents: 0, tasks: 1 })
    expect(await world.references('main')).toEqual({ records: 2, intents: 2, tasks: 2 })
    expect(await world.references()).toEqual({ records: 2, intents: 2, tasks: 3 })
  })

  it('binds store names for good, all or none', async () => {
    const world = use()
    const bind = (stores: Readonly<Record<string, string>>, registry = REGISTRY) => world.store.bindStores({ registry, stores }, {})
    expect(await bind({ main: 'aws:1', second: 'aws:2' })).toEqual({ missing: [] })
    expect(await bind({ main: 'aws:1' })).toEqual({ missing: [] })
    await expectRefused(bind({ fresh: 'aws:4', second: 'aws:3' }), 'misconfigured')
    expect(await bind({ fresh: 'aws:5' })).toEqual({ missing: [] })
    expect(await bind({ main: 'aws:9' }, OTHER_REGISTRY)).toEqual({ missing: [] })
    await world.create()
    await world.begin({ store: 'intended' })
    await world.enqueue({ ...watch, store: 'é' }, { ...watch, store: 'constructor' }, { ...watch, store: 'second' })
    expect(await bind({ second: 'aws:2' })).toEqual({ missing: ['constructor', 'intended', 'main', 'é'] })
  })
}
