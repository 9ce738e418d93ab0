import { inspect } from 'node:util'
import type { SecretError, SecretErrorCode, SecretStore, StorePolicy } from '@strongroom/core'
import { describe, expect, it } from 'vitest'
import { errorOf, startEmulator, storeOn } from './emulated.ts'

// What a caller gives wrongly, or an account does not allow: a code, an effect, and nothing of the value.

const VALUE = 'marker-4c1d-of-a-secret-value'
const NATIVE: StorePolicy = { naming: 'native', limits: 'native' }
const labelsOf = (count: number): Record<string, string> => Object.fromEntries(Array.from({ length: count }, (_, index) => [`label${index}`, 'x']))

/** What is taken, what is one more, and the code that refuses it. */
const edges: readonly (readonly [what: string, at: Act, past: Act, code: SecretErrorCode])[] = [
  ['a name of 512 characters', put('x'.repeat(512)), put('x'.repeat(513)), 'invalid_argument'],
  ['a name that is not empty', put('x'), put(''), 'invalid_argument'],
  ['a name of the characters of AWS', put('aZ09/_+=.@-'), put('a b'), 'invalid_argument'],
  ['text of 65,536 bytes', put('a', 'ä'.repeat(32_768)), put('a', `${VALUE}${'ä'.repeat(32_768)}`), 'too_large'],
  ['binary of 65,536 bytes', put('a', new Uint8Array(65_536)), put('a', new Uint8Array(65_537)), 'too_large'],
  ['a value that is not empty', put('a', 'x'), put('a', ''), 'invalid_argument'],
  ['8 labels', create(labelsOf(8)), create(labelsOf(9)), 'invalid_argument'],
  ['a label of 256 characters', create({ owner: 'x'.repeat(256) }), create({ owner: 'x'.repeat(257) }), 'invalid_argument'],
  ['a label of a line', create({ owner: 'a team' }), create({ owner: 'a\nteam' }), 'invalid_argument'],
  ['a label that is not empty', create({ owner: 'x' }), create({ owner: '' }), 'invalid_argument'],
  ["a label's name of 63 characters", create({ ['x'.repeat(63)]: 'x' }), create({ ['x'.repeat(64)]: 'x' }), 'invalid_argument'],
  ["a label's name that is a line", create({ 'a-b': 'x' }), create({ 'a\nb': 'x' }), 'invalid_argument'],
]

type Act = (store: SecretStore) => Promise<unknown>

function put(name: string, value: string | Uint8Array = VALUE): Act {
  return store => store.put(name, value)
}

function create(labels: Readonly<Record<string, string>>): Act {
  return store => store.put('labelled', VALUE, { ifAbsent: true, labels })
}

describe('limits', () => {
  it.each(edges)('%s', async (_, at, past, code) => {
    const emulator = await startEmulator()
    const store = storeOn(emulator, NATIVE)
    const error = await errorOf(past(store))
    expect([error.code, error.effect, error.retryable]).toEqual([code, 'none', false])
    expectSilent(error)
    expect(await Array.fromAsync(store.list())).toEqual([])
    await at(store)
    expect(await Array.fromAsync(store.list())).toHaveLength(1)
  })

  it('portable limits are refused before anything is sent', async () => {
    const emulator = await startEmulator()
    const store = storeOn(emulator)
    expect((await errorOf(store.put('a', VALUE.repeat(1_000)))).code).toBe('too_large')
    expect(emulator.controls.requests).toBe(0)
  })

  it('a version that cannot be one is not_found or invalid_argument, without a value', async () => {
    const emulator = await startEmulator()
    const store = storeOn(emulator)
    await store.put('a', VALUE)
    const unknown = await errorOf(store.get('a', { version: '00000000-0000-4000-8000-000000000000' as never }))
    const short = await errorOf(store.get('a', { version: 'AWSCURRENT' as never }))
    expect([unknown.code, short.code]).toEqual(['not_found', 'invalid_argument'])
    expectSilent(unknown, short)
  })
})

describe('credentials', () => {
  it('one that expires in mid-run is unauthenticated for reads and writes, and good again when it is renewed', async () => {
    const emulator = await startEmulator()
    const { controls } = emulator
    controls.permit('someone', { expiresInMs: 60_000 })
    const store = storeOn(emulator)
    await store.put('a', VALUE)
    controls.clock.advance(60_000)
    const errors = [
      await errorOf(store.get('a')),
      await errorOf(store.put('a', `${VALUE}-2`)),
      await errorOf(store.put('b', VALUE, { ifAbsent: true })),
      await errorOf(Array.fromAsync(store.list())),
      await errorOf(store.delete('a')),
    ]
    for (const error of errors) expect([error.code, error.effect, error.retryable]).toEqual(['unauthenticated', 'none', false])
    expectSilent(...errors)
    const [outcome] = await store.getMany(['a'])
    expect(outcome?.ok === false && outcome.error.code).toBe('unauthenticated')
    controls.permit('someone')
    expect((await store.get('a')).value.revealText()).toBe(VALUE)
  })

  it('one that nobody knows, and one without permission, are told apart', async () => {
    const emulator = await startEmulator()
    emulator.controls.permit('guest', { operations: [] })
    const guest = storeOn(emulator, {}, { credentials: { accessKeyId: 'guest', secretAccessKey: 'x' } })
    const errors = [await errorOf(storeOn(emulator).put('a', VALUE)), await errorOf(guest.put('a', VALUE))]
    expect(errors.map(({ code, effect }) => [code, effect])).toEqual([
      ['unauthenticated', 'none'],
      ['permission_denied', 'none'],
    ])
    expectSilent(...errors)
  })

  it('a signature for another region is unauthenticated', async () => {
    const emulator = await startEmulator({ region: 'eu-central-1' })
    const error = await errorOf(storeOn(emulator, {}, { region: 'eu-west-1' }).put('a', VALUE))
    expect([error.code, error.effect]).toEqual(['unauthenticated', 'none'])
    expectSilent(error)
  })
})

describe('the endpoint', () => {
  it('with a certificate that nobody trusts is misconfigured, and nothing is sent', async () => {
    const emulator = await startEmulator({ tls: true })
    const error = await errorOf(storeOn(emulator).put('a', VALUE))
    expect([error.code, error.effect, error.retryable, error.hint]).toEqual([
      'misconfigured',
      'none',
      false,
      "the server's certificate is not trusted",
    ])
    expectSilent(error)
    expect(emulator.controls.requests).toBe(0)
  })

  it.each([
    ['EncryptionFailure', 'permission_denied', 'none'],
    ['DecryptionFailure', 'permission_denied', 'none'],
    ['LimitExceededException', 'quota_exceeded', 'none'],
    ['PreconditionNotMetException', 'conflict', 'none'],
    ['InternalServiceError', 'unavailable', 'unknown'],
    ['ServiceUnavailable', 'unavailable', 'unknown'],
    ['UnknownOperationException', 'misconfigured', 'none'],
  ] as const)('that says %s: %s', async (name, code, effect) => {
    const emulator = await startEmulator()
    const store = storeOn(emulator)
    emulator.controls.inject({ kind: 'fail', code: name })
    const error = await errorOf(store.put('a', VALUE))
    expect([error.code, error.effect]).toEqual([code, effect])
    expectSilent(error)
  })
})

describe('what AWS may do', () => {
  it('holds a name for a moment after a purge: name_held, retryable, and free by and by', async () => {
    const emulator = await startEmulator({ nameHeldMs: 5_000 })
    const store = storeOn(emulator)
    await store.put('a', VALUE)
    await store.delete('a', { purge: true })
    const error = await errorOf(store.put('a', VALUE, { ifAbsent: true }))
    expect([error.code, error.effect, error.retryable]).toEqual(['name_held', 'none', true])
    expect((await errorOf(store.get('a'))).code).toBe('not_found')
    expectSilent(error)
    emulator.controls.clock.advance(5_000)
    await store.put('a', VALUE, { ifAbsent: true })
  })

  it('and a store waits for it, however often it has looked', async () => {
    const emulator = await startEmulator({ nameHeldMs: 60_000 })
    const store = storeOn(emulator, { attempts: 4 })
    await store.put('a', VALUE)
    await store.delete('a', { purge: true })
    const put = store.put('a', VALUE)
    await expect
      .poll(() => emulator.controls.journal.filter(({ operation, answered }) => operation === 'CreateSecret' && answered === 400).length, {
        timeout: 20_000,
      })
      .toBe(5)
    emulator.controls.clock.advance(60_000)
    await put
    expect((await store.get('a')).value.revealText()).toBe(VALUE)
  })

  it.each([
    ['until the end of its window', undefined],
    ['since its deletion', Date.now() / 1000 - 86_400],
  ])('keeps a deleted secret, dated %s, whose name is not waited for', async (_, DeletedDate) => {
    const emulator = await startEmulator()
    const store = storeOn(emulator, { attempts: 4 })
    await store.put('a', VALUE)
    await store.delete('a')
    if (DeletedDate !== undefined) {
      const answer = { kind: 'answer', status: 200, body: JSON.stringify({ Name: 'a', DeletedDate }) } as const
      emulator.controls.inject(answer, { operations: ['DescribeSecret'] })
    }
    emulator.controls.journal.length = 0
    const error = await errorOf(store.put('a', VALUE, { ifAbsent: true }))
    expect([error.code, error.effect, error.retryable]).toEqual(['name_held', 'none', false])
    expect(emulator.controls.journal.map(({ operation }) => operation)).toEqual(['CreateSecret', 'DescribeSecret'])
  })

  it('does not say which to one who may not look: retryable, as it may pass', async () => {
    const emulator = await startEmulator()
    const store = storeOn(emulator)
    await store.put('a', VALUE)
    await store.delete('a')
    emulator.controls.permit('someone', { operations: ['CreateSecret', 'TagResource'] })
    const error = await errorOf(store.put('a', VALUE, { ifAbsent: true }))
    expect([error.code, error.effect, error.retryable]).toEqual(['name_held', 'none', true])
  })

  it('answers batches in parts, and lists with short and empty pages: nothing is missing', async () => {
    const emulator = await startEmulator({ batchSize: 3, listScan: 2 })
    const others = storeOn(emulator, { prefix: 'aa/' })
    const store = storeOn(emulator, { prefix: 'b/' })
    const names = Array.from({ length: 11 }, (_, index) => `n${index}`)
    for (const name of names) {
      await others.put(name, 'not ours')
      await store.put(name, name)
    }
    const read = await store.getMany([...names, 'missing'])
    expect(read.map(outcome => (outcome.ok ? outcome.secret.value.revealText() : outcome.error.code))).toEqual([...names, 'not_found'])
    expect((await Array.fromAsync(store.list(), ({ name }) => name)).toSorted()).toEqual(names.toSorted())
  })

  it('lists late: what was just made is missing in a list, never in a read', async () => {
    const emulator = await startEmulator()
    const store = storeOn(emulator)
    emulator.controls.lag.lists = 60_000
    await store.put('a', VALUE)
    expect(await Array.fromAsync(store.list())).toEqual([])
    expect((await store.get('a')).value.revealText()).toBe(VALUE)
    emulator.controls.clock.advance(60_000)
    expect(await Array.fromAsync(store.list())).toHaveLength(1)
  })
})

function expectSilent(...errors: readonly SecretError[]): void {
  for (const error of errors) {
    const shown = [inspect(error, { depth: Infinity, showHidden: true }), JSON.stringify(error), String(error), error.stack]
    for (const text of shown) {
      expect(text).not.toContain(VALUE)
      expect(text).not.toContain(Buffer.from(VALUE).toString('base64').slice(0, 20))
    }
  }
}
