import { createSecretStore, isSecretError, SecretError, type OperationEvent, type StorePolicy } from '@strongroom/core'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { POLICY, RegistryWorld } from './support/registry-world.ts'
import { failureOf, fails, lost, ScriptedDriver, until, type Scripted } from './support/scripted.ts'

const QUICK: StorePolicy = { deadlineMs: 2_000, attempts: 4 }
const unhandled: unknown[] = []
const note = (reason: unknown): void => void unhandled.push(reason)

beforeEach(() => {
  vi.spyOn(Math, 'random').mockReturnValue(0)
  unhandled.length = 0
  process.on('unhandledRejection', note)
})
afterEach(async () => {
  await new Promise(resolve => setTimeout(resolve, 0))
  process.off('unhandledRejection', note)
  vi.restoreAllMocks()
  expect(unhandled).toEqual([])
})

/** The timer of the deadlines, which all calls share, and which is armed for what is left of 60 seconds; a wait is 10 at most. */
const isDeadline = (ms: number): boolean => ms > 30_000

/** A store with one secret, `name`, whose value is `first`; the calls so far are forgotten. */
async function open(policy: StorePolicy = QUICK, ...driver: ConstructorParameters<typeof ScriptedDriver>) {
  const scripted = new ScriptedDriver(...driver)
  const store = createSecretStore(scripted.driver, policy)
  await store.put('name', 'first')
  scripted.calls.length = 0
  return { scripted, store }
}

describe('retries', () => {
  it('repeats a retryable read until it works, counting attempts', async () => {
    const { scripted, store } = await open()
    scripted.on('read', fails(), lost(), fails({ code: 'throttled' }))
    expect((await store.get('name')).value.revealText()).toBe('first')
    expect(scripted.calls.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4])
  })

  it('stops at `attempts`, with the last failure', async () => {
    const { scripted, store } = await open({ ...QUICK, attempts: 2 })
    scripted.on('read', fails(), fails({ code: 'throttled' }), fails())
    expect(await failureOf(store.get('name'))).toMatchObject({
      code: 'throttled',
      retryable: true,
      effect: 'none',
      operation: 'get',
      secretName: 'name',
    })
    expect(scripted.count()).toBe(2)
  })

  it.each(['not_found', 'permission_denied', 'unknown', 'unavailable'] as const)('does not repeat %s that is not retryable', async code => {
    const { scripted, store } = await open()
    scripted.on('read', fails({ code, retryable: false }))
    expect(await failureOf(store.get('name'))).toMatchObject({ code })
    expect(scripted.count()).toBe(1)
  })

  it('does not repeat a write without an answer whose effect cannot be looked up', async () => {
    const { scripted, store } = await open(QUICK, { versionProof: 'position' })
    scripted.on('append', lost())
    expect(await failureOf(store.put('name', 'second'))).toMatchObject({ code: 'unavailable', effect: 'unknown' })
    expect(scripted.methods).toEqual(['append'])
  })

  it.each(['restore', 'delete'] as const)('does not repeat a %s without an answer', async operation => {
    const { scripted, store } = await open()
    if (operation === 'restore') await store.delete('name')
    scripted.calls.length = 0
    scripted.on(operation === 'restore' ? 'restore' : 'remove', lost())
    expect(await failureOf(store[operation]('name'))).toMatchObject({ effect: 'unknown' })
    expect(scripted.count()).toBe(1)
  })

  it('repeats a purge and the destruction of a version, which are no more when done twice', async () => {
    const { scripted, store } = await open()
    scripted.on('destroyVersion', async act => (await act(), Promise.reject(lost())))
    scripted.on('remove', async act => (await act(), Promise.reject(lost())))
    await store.destroyVersion('name', '1' as never)
    expect(await store.delete('name', { purge: true })).toEqual({ state: 'gone' })
    expect(scripted.methods).toEqual(['destroyVersion', 'destroyVersion', 'remove', 'remove'])
  })

  it('looks a lost put up by its token, and does not append twice', async () => {
    const { scripted, store } = await open()
    scripted.on('append', async act => (await act(), Promise.reject(lost())))
    const { version } = await store.put('name', 'second')
    expect(scripted.methods).toEqual(['append', 'versions'])
    expect((await store.get('name')).version).toBe(version)
    expect(await Array.fromAsync(store.versions('name'))).toHaveLength(2)
  })

  it('appends again when the token is not there', async () => {
    const { scripted, store } = await open()
    scripted.on('append', lost())
    await store.put('name', 'second')
    expect(scripted.methods).toEqual(['append', 'versions', 'append'])
    const [one, two] = scripted.calls.filter(({ method }) => method === 'append')
    expect(one?.request['token']).toBe(two?.request['token'])
  })

  it('goes on when the look itself fails, and says that the effect is unknown when it never gets through', async () => {
    const { scripted, store } = await open({ ...QUICK, attempts: 3 })
    scripted.on('append', lost()).on('versions', fails(), fails({ code: 'permission_denied', retryable: false }))
    expect(await failureOf(store.put('name', 'second'))).toMatchObject({ code: 'permission_denied', effect: 'unknown' })
    expect(scripted.methods).toEqual(['append', 'versions', 'versions'])
  })

  it('takes `not_found` while looking for a token as not there: the first put of a secret survives a lost append', async () => {
    const { scripted, store } = await open()
    scripted.on('append', lost())
    const { version } = await store.put('new', 'fresh')
    expect(scripted.methods).toEqual(['append', 'versions', 'append', 'create'])
    expect(await store.get('new')).toMatchObject({ version })
    // One token for all, so that the lost append cannot make a second version when it lands late.
    expect(new Set(scripted.calls.flatMap(({ request }) => request['token'] ?? [])).size).toBe(1)
  })

  it('says that the effect is unknown when a refusal follows a put without an answer, also one request later', async () => {
    const { scripted, store } = await open()
    scripted.on('append', lost(), fails({ code: 'permission_denied', retryable: false }))
    expect(await failureOf(store.put('name', 'second'))).toMatchObject({ code: 'permission_denied', effect: 'unknown' })
    scripted.on('append', lost()).on('create', fails({ code: 'permission_denied', retryable: false }))
    expect(await failureOf(store.put('new', 'second'))).toMatchObject({ code: 'permission_denied', effect: 'unknown' })
  })

  it('repeats a lost create by its token, and makes one secret', async () => {
    const { scripted, store } = await open()
    scripted.on('create', async act => (await act(), Promise.reject(lost())))
    const { version } = await store.put('new', 'fresh', { ifAbsent: true })
    expect(scripted.methods).toEqual(['create', 'create'])
    expect(version).toBe('1')
  })

  it('never calls a read’s effect unknown', async () => {
    const { scripted, store } = await open({ ...QUICK, attempts: 1 })
    scripted.on('read', lost())
    expect(await failureOf(store.get('name'))).toMatchObject({ effect: 'none' })
  })
})

describe('a name that comes free by itself', () => {
  const held = (): Scripted => fails({ code: 'name_held' })

  /** No wait is waited out; answers all that were asked for. */
  function waits(): () => readonly number[] {
    const timer = globalThis.setTimeout
    const delays = vi
      .spyOn(globalThis, 'setTimeout')
      .mockImplementation(((done: () => void, ms: number) => timer(done, isDeadline(ms) ? ms : 0)) as typeof setTimeout)
    return () => delays.mock.calls.map(([, ms = 0]) => ms).filter(ms => !isDeadline(ms))
  }

  it.each([
    [0, 0.5],
    [0.999, 0.9995],
  ])('is waited for with waits that grow, with jitter (%s), which do not count as attempts', async (random, part) => {
    const asked = waits()
    const { scripted, store } = await open({ deadlineMs: 60_000, attempts: 2 })
    vi.spyOn(Math, 'random').mockReturnValue(random)
    scripted.on('create', held(), held(), held(), fails(), held(), held(), held())
    await store.put('other', 'value', { ifAbsent: true })
    const grown = [200, 400, 800, 1_600, 2_000, 2_000].map(most => most * part)
    expect(asked()).toEqual([...grown.slice(0, 3), 100 * random, ...grown.slice(3)])
    expect(scripted.count('create')).toBe(8)
  })

  it('and what else fails counts as ever', async () => {
    waits()
    const { scripted, store } = await open({ deadlineMs: 60_000, attempts: 2 })
    scripted.on('create', held(), fails(), held(), fails({ code: 'throttled' }))
    expect(await failureOf(store.put('other', 'value', { ifAbsent: true }))).toMatchObject({ code: 'throttled' })
    expect(scripted.count('create')).toBe(4)
  })

  it('is told as held when the deadline comes first, with nothing written', async () => {
    const { scripted, store } = await open({ deadlineMs: 500 })
    scripted.on('create', ...Array.from({ length: 20 }, held))
    expect(await failureOf(store.put('other', 'value', { ifAbsent: true }))).toMatchObject({ code: 'name_held', retryable: true, effect: 'none' })
  })

  it('is waited for as long as the backend asks, and not past the deadline', async () => {
    const { scripted, store } = await open({ deadlineMs: 60_000 })
    scripted.on('create', fails({ code: 'name_held', retryAfterMs: 120_000 }))
    expect(await failureOf(store.put('other', 'value', { ifAbsent: true }))).toMatchObject({ code: 'name_held', retryAfterMs: 120_000 })
    expect(scripted.count('create')).toBe(1)
  })

  it('is not waited for by who wants one attempt, nor where it is held for good', async () => {
    const { scripted, store } = await open({ ...QUICK, attempts: 1 })
    scripted.on('create', held())
    expect(await failureOf(store.put('other', 'value', { ifAbsent: true }))).toMatchObject({ code: 'name_held' })
    const patient = await open()
    patient.scripted.on('create', fails({ code: 'name_held', retryable: false }))
    expect(await failureOf(patient.store.put('other', 'value', { ifAbsent: true }))).toMatchObject({ code: 'name_held' })
    expect([scripted.count('create'), patient.scripted.count('create')]).toEqual([1, 1])
  })

  it('is waited for within a registry’s write, which leaves nothing behind when the deadline comes first', async () => {
    const world = new RegistryWorld()
    const secrets = await world.secrets({ policy: { ...POLICY, deadlineMs: 400 } })
    world.cloud.on('create', held())
    await secrets.create({ key: 'first', value: 'v' })
    world.cloud.on('create', ...Array.from({ length: 20 }, held))
    expect(await failureOf(secrets.create({ key: 'second', value: 'v' }))).toMatchObject({ code: 'name_held', effect: 'none' })
    expect(await Array.fromAsync((await world.registry()).pending())).toEqual([])
  })
})

describe('waiting between attempts', () => {
  it.each([
    ['unavailable', [100, 200, 400]],
    ['throttled', [500, 1_000, 2_000]],
  ] as const)('full jitter, doubled each time, for %s', async (code, bounds) => {
    const timer = globalThis.setTimeout
    const delays = vi
      .spyOn(globalThis, 'setTimeout')
      .mockImplementation(((done: () => void, ms: number) => timer(done, isDeadline(ms) ? ms : 0)) as typeof setTimeout)
    for (const random of [0, 0.5, 0.999]) {
      const { scripted, store } = await open({ deadlineMs: 60_000, attempts: 4 })
      vi.spyOn(Math, 'random').mockReturnValue(random)
      delays.mockClear()
      scripted.on('read', fails({ code }), fails({ code }), fails({ code }))
      await store.get('name')
      const waited = delays.mock.calls.map(([, ms]) => ms).filter(ms => !isDeadline(ms ?? 0))
      expect(waited).toEqual(bounds.map(bound => bound * random))
    }
  })

  it('waits the whole time that the server asked for', async () => {
    const { scripted, store } = await open()
    const delays = vi.spyOn(globalThis, 'setTimeout')
    scripted.on('read', fails({ code: 'throttled', retryAfterMs: 30 }))
    await store.get('name')
    expect(delays.mock.calls.map(([, ms]) => ms)).toContain(30)
  })

  it('does not begin a wait that the deadline would end: the error comes at once, with the time', async () => {
    const { scripted, store } = await open({ deadlineMs: 60_000 })
    scripted.on('read', fails({ code: 'throttled', retryAfterMs: 120_000 }))
    expect(await failureOf(store.get('name'))).toMatchObject({ code: 'throttled', retryAfterMs: 120_000, retryable: true })
    expect(scripted.count()).toBe(1)
  })

  it('ends the wait when the caller aborts', async () => {
    const { scripted, store } = await open({ deadlineMs: 60_000 })
    const controller = new AbortController()
    scripted.on('read', fails({ retryAfterMs: 30_000 }))
    const work = failureOf(store.get('name', { signal: controller.signal }))
    await until(() => scripted.count() === 1)
    controller.abort()
    expect(await work).toMatchObject({ code: 'aborted', effect: 'none' })
    expect(scripted.count()).toBe(1)
  })
})

describe('deadline and abort', () => {
  it.each([
    ['read', 'none'],
    ['append', 'unknown'],
  ] as const)('ends a %s whose driver ignores its signal', async (method, effect) => {
    const { scripted, store } = await open({ deadlineMs: 200 })
    let reject: (error: Error) => void = () => {}
    scripted.on(method, () => new Promise((_, no) => (reject = no)))
    const error = await failureOf(method === 'read' ? store.get('name') : store.put('name', 'second'))
    expect(error).toMatchObject({ code: 'deadline_exceeded', effect, retryable: true })
    expect(scripted.calls[0]?.signal.aborted).toBe(true)
    reject(new Error('too late')) // nobody waits any more: no unhandled rejection
  })

  it('ends each of many calls at its own time, whatever ends between them', async () => {
    const answers = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const isLost = index % 3 !== 0
        const { scripted, store } = await open({ deadlineMs: isLost ? 60 + ((index * 37) % 60) * 5 : 30_000, attempts: 1 })
        scripted.on('read', isLost ? () => new Promise(() => {}) : async act => (await new Promise(done => setTimeout(done, index * 4)), await act()))
        return isLost ? ((await failureOf(store.get('name'))) as SecretError).code : (await store.get('name')).value.revealText()
      }),
    )
    expect(answers).toEqual(Array.from({ length: 60 }, (_, index) => (index % 3 === 0 ? 'first' : 'deadline_exceeded')))
  })

  it('holds for all the requests of one put together', async () => {
    const { scripted, store } = await open({ deadlineMs: 300 })
    const startedAt = performance.now()
    scripted.on('append', async act => (await new Promise(resolve => setTimeout(resolve, 200)), await act()))
    scripted.on('create', () => new Promise(() => {}))
    expect(await failureOf(store.put('new', 'fresh'))).toMatchObject({ code: 'deadline_exceeded' })
    expect(performance.now() - startedAt).toBeLessThan(480)
  })

  it('calls nothing for a signal that is aborted already', async () => {
    const { scripted, store } = await open()
    const options = { signal: AbortSignal.abort(new Error('MARKER')) }
    for (const work of [
      store.get('name', options),
      store.put('name', 'x', options),
      store.getMany(['name'], options),
      store.delete('name', options),
      Array.fromAsync(store.list(options)),
    ]) {
      const error = await failureOf(work)
      expect(error).toMatchObject({ code: 'aborted', effect: 'none', retryable: false })
      expect(inspect(error)).not.toContain('MARKER')
    }
    expect(scripted.count()).toBe(0)
  })

  it('ends a call when the caller aborts, at the driver too', async () => {
    const { scripted, store } = await open()
    const controller = new AbortController()
    scripted.on('append', () => new Promise(() => {}))
    const work = failureOf(store.put('name', 'second', { signal: controller.signal }))
    await until(() => scripted.count() === 1)
    controller.abort()
    expect(await work).toMatchObject({ code: 'aborted', effect: 'unknown' })
    expect(scripted.calls[0]?.signal.aborted).toBe(true)
  })

  it('leaves no listener on the caller’s signal', async () => {
    const { scripted, store } = await open()
    const { signal } = new AbortController()
    const added = vi.spyOn(signal, 'addEventListener')
    const removed = vi.spyOn(signal, 'removeEventListener')
    scripted.on('read', fails())
    await store.get('name', { signal })
    expect(added).toHaveBeenCalled()
    expect(removed).toHaveBeenCalledTimes(added.mock.calls.length)
  })
})

describe('close', () => {
  it('refuses new calls and closes the driver once, however often it is called', async () => {
    const { scripted, store } = await open()
    await Promise.all([store.close(), store.close(), store[Symbol.asyncDispose]()])
    expect(scripted.closed).toBe(1)
    const entries: readonly Promise<unknown>[] = [
      store.get('name'),
      store.getMany(['name']),
      store.put('name', 'x'),
      Array.fromAsync(store.list()),
      Array.fromAsync(store.versions('name')),
      store.destroyVersion('name', '1' as never),
      store.delete('name'),
      store.restore('name'),
    ]
    for (const work of entries) expect(await failureOf(work)).toMatchObject({ code: 'closed', effect: 'none' })
    expect(scripted.count()).toBe(0)
  })

  it('waits for a call of several requests as a whole', async () => {
    const { scripted, store } = await open()
    let go: () => void = () => {}
    scripted.on('append', async act => (await new Promise<void>(resolve => (go = resolve)), await act()))
    const put = store.put('new', 'fresh') // an append, then a create
    await until(() => scripted.count() === 1)
    const closed = store.close()
    expect(await failureOf(store.get('name'))).toMatchObject({ code: 'closed' })
    expect(scripted.closed).toBe(0)
    go()
    expect(await put).toMatchObject({ version: '1' })
    await closed
    expect(scripted.closed).toBe(1)
  })

  it('ends a list under way at its next page', async () => {
    const { scripted, store } = await open()
    scripted.on('list', () => ({ items: [{ path: 'a' }], next: 'more' }))
    const list = store.list()[Symbol.asyncIterator]()
    expect((await list.next()).value).toMatchObject({ name: 'a' })
    await store.close()
    expect(await failureOf(list.next())).toMatchObject({ code: 'closed' })
    expect(scripted.count('list')).toBe(1)
  })

  it('leaves a shared driver to its last user', async () => {
    const { scripted, store } = await open()
    const other = createSecretStore(scripted.driver)
    await store.close()
    expect(scripted.closed).toBe(0)
    expect((await other.get('name')).value.revealText()).toBe('first')
    await other.close()
    expect(scripted.closed).toBe(1)
  })

  it('wraps what the driver’s own close throws', async () => {
    const { driver } = new ScriptedDriver()
    const store = createSecretStore({ ...driver, close: () => Promise.reject(new Error('MARKER')) })
    const error = await failureOf(store.close())
    expect(error).toMatchObject({ code: 'unknown', operation: 'close' })
    expect(inspect(error)).not.toContain('MARKER')
  })
})

describe('observation', () => {
  it('tells attempts, code and time of each call, and neither name nor value', async () => {
    const events: OperationEvent[] = []
    const { scripted, store } = await open({ ...QUICK, onOperation: event => void events.push(event) })
    events.length = 0
    scripted.on('read', fails()).on('versions', fails({ code: 'permission_denied', retryable: false }))
    await store.get('name')
    await failureOf(store.get('MARKER'))
    await failureOf(Array.fromAsync(store.versions('name')))
    await failureOf(store.get('name', { signal: AbortSignal.abort() }))
    await store.put('name', 'MARKER')
    expect(events).toMatchObject([
      { operation: 'get', attempts: 2, code: 'ok' },
      { operation: 'get', attempts: 1, code: 'not_found' },
      { operation: 'versions', attempts: 1, code: 'permission_denied' },
      { operation: 'get', attempts: 0, code: 'aborted' },
      { operation: 'put', attempts: 1, code: 'ok' },
    ])
    expect(JSON.stringify(events)).not.toContain('MARKER')
    for (const event of events) {
      expect(Object.keys(event).toSorted()).toEqual(['attempts', 'code', 'durationMs', 'operation', 'store'])
      expect(event).toMatchObject({ store: 'memory:scripted' })
      expect(event.durationMs).toBeGreaterThanOrEqual(0)
    }
  })

  it('ignores what observers throw', async () => {
    const broken = (): never => {
      throw new Error('observer')
    }
    const { scripted, store } = await open({ ...QUICK, onOperation: broken, unsafeOnRawError: broken })
    scripted.on('read', fails())
    expect((await store.get('name')).value.revealText()).toBe('first')
  })

  it('gives the raw error to the unsafe hook, and to nobody else', async () => {
    const raw: unknown[] = []
    const { scripted, store } = await open({ ...QUICK, unsafeOnRawError: (...seen) => void raw.push(seen) })
    raw.length = 0
    const sdkError = Object.assign(new Error('MARKER'), { $response: { body: 'MARKER' } })
    scripted.on('read', sdkError)
    const error = await failureOf(store.get('name'))
    expect(raw).toEqual([[sdkError, 'get']])
    expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain('MARKER')
    expect(error).toMatchObject({ code: 'unknown' })
    expect((error as SecretError).cause).toBeUndefined()
  })

  it.each([
    [
      'throws',
      (): never => {
        throw new Error('MARKER')
      },
    ],
    ['answers nothing', (): undefined => undefined],
    ['answers no code', () => ({ retryable: true, effect: 'none' })],
    ['answers another code', () => ({ code: 'MARKER', retryable: true, effect: 'none' })],
    ['answers no effect', () => ({ code: 'throttled', retryable: true })],
  ])('takes a classify that %s for unknown', async (_, classify) => {
    const { driver } = new ScriptedDriver()
    const store = createSecretStore({ ...driver, append: () => Promise.reject(new Error('MARKER')), classify: classify as never }, QUICK)
    const error = await failureOf(store.put('name', 'x'))
    expect(isSecretError(error, 'unknown')).toBe(true)
    expect(error).toMatchObject({ effect: 'unknown', retryable: false })
    expect(inspect(error)).not.toContain('MARKER')
  })

  it('wraps a driver that throws at once instead of rejecting', async () => {
    const { driver } = new ScriptedDriver()
    const store = createSecretStore({
      ...driver,
      read: () => {
        throw new Error('MARKER')
      },
    })
    expect(await failureOf(store.get('name'))).toMatchObject({ code: 'unknown', effect: 'none' })
  })
})
