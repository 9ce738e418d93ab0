import {
  cached,
  createSecretStore,
  fallback,
  memoryDriver,
  readOnly,
  SecretError,
  type GetOutcome,
  type SecretErrorCode,
  type SecretSource,
  type SecretStore,
  type VersionId,
} from '@strongroom/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

/** A source that fails as told, and counts. */
function failing(code: SecretErrorCode): SecretSource & { calls: number } {
  const error = (secretName: string): SecretError => new SecretError({ code, retryable: false, effect: 'none', operation: 'get', secretName })
  return {
    calls: 0,
    async get(name) {
      this.calls += 1
      throw error(name)
    },
    async getMany(names) {
      this.calls += 1
      return names.map((name): GetOutcome => ({ name, ok: false, error: error(name) }))
    },
    async close() {},
    async [Symbol.asyncDispose]() {},
  }
}

async function storeOf(values: Readonly<Record<string, string>>): Promise<SecretStore> {
  const store = createSecretStore(memoryDriver())
  for (const [name, value] of Object.entries(values)) await store.put(name, value)
  return store
}

const text = async (source: SecretSource, name: string): Promise<string> => (await source.get(name)).value.revealText()

describe('readOnly', () => {
  it('reads, and has nothing else at run time', async () => {
    const source = readOnly(await storeOf({ a: '1' }))
    expect(await text(source, 'a')).toBe('1')
    expect(Object.keys(source).toSorted()).toEqual(['close', 'get', 'getMany'])
  })
  it('closes its store', async () => {
    const store = await storeOf({ a: '1' })
    await readOnly(store).close()
    await expect(store.get('a')).rejects.toMatchObject({ code: 'closed' })
  })
})

describe('fallback', () => {
  it.each(['unavailable', 'throttled', 'quota_exceeded', 'deadline_exceeded'] as const)('asks the next source after %s', async code => {
    const source = fallback(failing(code), await storeOf({ a: '1' }))
    expect(await text(source, 'a')).toBe('1')
    expect((await source.getMany(['a', 'b'])).map(outcome => outcome.ok)).toEqual([true, false])
  })
  it.each(['not_found', 'permission_denied', 'unauthenticated', 'corrupt', 'version_unusable', 'unknown', 'aborted'] as const)(
    'asks nobody else after %s',
    async code => {
      const next = failing('unavailable')
      const source = fallback(failing(code), next)
      await expect(source.get('a')).rejects.toMatchObject({ code })
      expect((await source.getMany(['a']))[0]).toMatchObject({ ok: false, error: { code } })
      expect(next.calls).toBe(0)
    },
  )
  it('tells what the last source said when none can answer', async () => {
    const named = fallback(failing('unavailable'), await storeOf({ a: '1' }))
    await expect(named.get('a', { version: '1' as VersionId })).rejects.toMatchObject({ code: 'unavailable' })
    await expect(fallback(failing('unavailable'), failing('throttled')).get('a')).rejects.toMatchObject({ code: 'throttled' })
  })
  it('needs a source', () => {
    expect(() => fallback()).toThrow(expect.objectContaining({ code: 'invalid_argument' }))
    expect(() => fallback({} as SecretSource)).toThrow(expect.objectContaining({ code: 'invalid_argument' }))
  })
})

describe('cached', () => {
  let now = 0
  beforeEach(() => {
    now = 1000
    vi.spyOn(performance, 'now').mockImplementation(() => now)
  })
  afterEach(() => vi.restoreAllMocks())

  function counted(store: SecretStore): { source: SecretSource; calls: string[] } {
    const calls: string[] = []
    const source: SecretSource = {
      get: (name, options) => (calls.push(name), store.get(name, options)),
      getMany: (names, options) => (calls.push(...names), store.getMany(names, options)),
      close: () => store.close(),
      [Symbol.asyncDispose]: () => store.close(),
    }
    return { source, calls }
  }

  it('asks again only when the answer is older than allowed', async () => {
    const store = await storeOf({ a: '1' })
    const { source, calls } = counted(store)
    const cache = cached(source, { pointerTtlMs: 50 })
    expect(await text(cache, 'a')).toBe('1')
    await store.put('a', '2')
    expect(await text(cache, 'a')).toBe('1')
    now += 50
    expect(await text(cache, 'a')).toBe('2')
    expect(calls).toEqual(['a', 'a'])
  })
  it('keeps a value by its version for good', async () => {
    const store = await storeOf({ a: '1' })
    const { source, calls } = counted(store)
    const cache = cached(source, { pointerTtlMs: 0 })
    const { version } = await store.get('a')
    for (let round = 0; round < 3; round += 1) {
      now += 1_000_000
      expect((await cache.get('a', { version })).value.revealText()).toBe('1')
    }
    expect(calls).toEqual(['a'])
  })
  it('gives each caller a copy: disposing of one leaves the others and the cache alone', async () => {
    const cache = cached(await storeOf({ a: '1' }), { pointerTtlMs: 50 })
    const first = await cache.get('a')
    first.value[Symbol.dispose]()
    expect(await text(cache, 'a')).toBe('1')
  })
  it('makes one call for all who ask at once, and one who gives up does not end it', async () => {
    const { source, calls } = counted(await storeOf({ a: '1' }))
    const cache = cached(source, { pointerTtlMs: 50 })
    const impatient = new AbortController()
    const waiting = [cache.get('a', { signal: impatient.signal }), cache.get('a'), cache.get('a')]
    impatient.abort()
    const outcomes = await Promise.allSettled(waiting)
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
    expect(calls).toEqual(['a'])
  })
  it('holds no more entries and bytes than allowed; what was used longest ago goes first', async () => {
    const { source, calls } = counted(await storeOf({ a: 'xx', b: 'xx', c: 'xx', large: 'xxxxxx' }))
    const cache = cached(source, { pointerTtlMs: 50, maxEntries: 2, maxBytes: 5 })
    for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) await cache.get(name)
    expect(calls).toEqual(['a', 'b', 'c', 'b'])
    expect(await text(cache, 'large')).toBe('xxxxxx')
  })
  it('serves what is stale during an outage for as long as allowed, and never what is gone', async () => {
    const store = await storeOf({ a: '1' })
    let code: SecretErrorCode | undefined
    const flaky: SecretSource = {
      get: (name, options) => (code === undefined ? store.get(name, options) : failing(code).get(name)),
      getMany: (names, options) => (code === undefined ? store.getMany(names, options) : failing(code).getMany(names)),
      close: () => store.close(),
      [Symbol.asyncDispose]: () => store.close(),
    }
    const cache = cached(flaky, { pointerTtlMs: 50, staleIfErrorMs: 100 })
    await cache.get('a')
    now += 60
    code = 'unavailable'
    expect(await text(cache, 'a')).toBe('1')
    expect((await cache.getMany(['a']))[0]).toMatchObject({ ok: true })
    code = 'not_found'
    await expect(cache.get('a')).rejects.toMatchObject({ code: 'not_found' })
    code = 'unavailable'
    now += 100
    await expect(cache.get('a')).rejects.toMatchObject({ code: 'unavailable' })
  })
  it('answers many from the cache and asks for the rest at once', async () => {
    const { source, calls } = counted(await storeOf({ a: '1', b: '2' }))
    const cache = cached(source, { pointerTtlMs: 50 })
    await cache.get('a')
    const outcomes = await cache.getMany(['b', 'a', 'nope'])
    expect(outcomes.map(outcome => (outcome.ok ? outcome.secret.value.revealText() : outcome.error.code))).toEqual(['2', '1', 'not_found'])
    expect(calls).toEqual(['a', 'b', 'nope'])
    await cache.getMany(['a', 'b'])
    expect(calls).toEqual(['a', 'b', 'nope'])
  })
  it('refuses wrong options and calls after close', async () => {
    const store = await storeOf({ a: '1' })
    for (const options of [{}, { pointerTtlMs: -1 }, { pointerTtlMs: 1, maxEntries: 0 }, { pointerTtlMs: 1, ttl: 5 }]) {
      expect(() => cached(store, options as { pointerTtlMs: number })).toThrow(expect.objectContaining({ code: 'invalid_argument' }))
    }
    const cache = cached(store, { pointerTtlMs: 50 })
    await cache.close()
    await expect(cache.get('a')).rejects.toMatchObject({ code: 'closed' })
    await expect(store.get('a')).rejects.toMatchObject({ code: 'closed' })
  })
})
