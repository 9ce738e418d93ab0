import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { isSecretError } from '../src/index.ts'
import {
  answerChecks,
  askedOf,
  base64Of,
  classifier,
  dateOf,
  DriverFinding,
  explained,
  hasMethods,
  isFlag,
  isFrom,
  isLike,
  isOneOf,
  isText,
  isToken,
  LazyClient,
  loadSdk,
  networkFailure,
  neverSent,
  noAnswer,
  optionChecks,
  PageTokens,
  payloadOfBase64,
  payloadOfText,
  refused,
  Renewed,
  retryAfterMs,
  textOf,
  tokenOf,
  unlessFailed,
  unsupported,
  withCircumstances,
  withEffect,
  type AnswerChecks,
  type OptionChecks,
  type Rules,
} from '../src/driver-support/index.ts'

const MARKER = 'value-that-must-not-show'

test('classify: circumstances say more than a finding, a finding more than the backend, and what nobody knows may have written', () => {
  const classify = classifier((error, operation) =>
    'code' in error ? refused(operation === 'create' ? 'name_held' : 'not_found', { retryable: true, retryAfterMs: 7 }) : undefined,
  )
  const coded = (): object => Object.assign(new Error(MARKER), { code: 5 })
  expect(classify(coded())).toEqual({ code: 'not_found', retryable: true, effect: 'none', retryAfterMs: 7 })
  expect(classify(withCircumstances(coded(), { operation: 'create' }))).toMatchObject({ code: 'name_held' })
  expect(classify(withCircumstances(withCircumstances(coded(), { operation: 'create' }), { effect: 'unknown' }))).toMatchObject({
    code: 'name_held',
    effect: 'unknown',
  })
  const written = withCircumstances(coded(), { effect: 'unknown' })
  expect(classify(withCircumstances(written, { effect: 'none' }))).toMatchObject({ effect: 'unknown' })
  expect(classify(new DriverFinding(refused('corrupt')))).toMatchObject({ code: 'corrupt', retryable: false })
  expect(classify(explained(new DriverFinding(refused('corrupt')), refused('closed')))).toMatchObject({ code: 'closed' })
  const waiting = withCircumstances(new DriverFinding(noAnswer), { retryAfterMs: 9 })
  expect(classify(waiting)).toMatchObject({ code: 'unavailable', retryAfterMs: 9 })
  expect(classify(withCircumstances(new DriverFinding(refused('corrupt')), { retryAfterMs: 9 })).retryAfterMs).toBeUndefined()
  for (const strange of [undefined, null, MARKER, 5, Symbol(MARKER), {}, new Error(MARKER)]) {
    expect(classify(strange)).toMatchObject({ code: 'unknown', retryable: false, effect: 'unknown' })
  }
})

test('classify never throws, whatever an error does when it is looked at', () => {
  const classify = classifier(error => (Reflect.get(error, 'code') === 1 ? refused('not_found') : undefined))
  const hostile = {
    get code(): never {
      throw new Error(MARKER)
    },
  }
  expect(classify(hostile)).toMatchObject({ code: 'unknown' })
})

test('explained: an error goes on unchanged, and what is no error becomes a finding', () => {
  const error = new Error(MARKER)
  expect(explained(error, refused('closed'))).toBe(error)
  expect(explained(MARKER, refused('closed'))).toMatchObject({ failure: { code: 'closed' }, message: 'closed' })
})

test('a real refused connection and a name that does not resolve were never sent', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  expect(networkFailure(await failureOf(`http://127.0.0.1:${port}/`))).toEqual(neverSent)
  expect(networkFailure(Object.assign(new Error('x'), { code: 'EAI_AGAIN', syscall: 'getaddrinfo' }))).toEqual(neverSent)
  expect(networkFailure(Object.assign(new Error('x'), { code: 'ETIMEDOUT', syscall: 'connect' }))).toEqual(neverSent)
})

test('a real reset, and an answer that is no HTTP, may have had their effect', async () => {
  for (const act of ['reset', 'nonsense'] as const) {
    const server = createServer(socket => {
      socket.on('error', () => {})
      socket.once('data', () => (act === 'reset' ? socket.resetAndDestroy() : socket.end('no HTTP\r\n\r\n')))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    expect(networkFailure(await failureOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`))).toEqual(noAnswer)
  }
})

test('a certificate that is not trusted is misconfigured; other errors are for the driver', () => {
  for (const code of ['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'CERT_HAS_EXPIRED', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE']) {
    expect(networkFailure(Object.assign(new Error('x'), { code }))).toMatchObject({ code: 'misconfigured', retryable: false })
  }
  const hidden = new Error('x', { cause: new Error('y', { cause: Object.assign(new Error('z'), { code: 'ECONNRESET' }) }) })
  expect(networkFailure(Object.assign(hidden, { code: 'ENOTFOUND' }))).toEqual(noAnswer)
  for (const other of [undefined, null, 'ECONNRESET', {}, { code: 5 }, { code: 'ENOENT' }]) expect(networkFailure(other)).toBeUndefined()
})

test('options: what is wrong is named with what is allowed, and never a value', () => {
  const check: OptionChecks = optionChecks('someDriver')
  const limits = { count: 1, key: 3, value: 5, reserved: 'own' }
  const wrong: readonly (() => unknown)[] = [
    () => check.keys(MARKER, 'options', ['a']),
    () => check.keys([], 'options', ['a']),
    () => check.keys({ b: MARKER }, 'options', ['a']),
    () => check.url(MARKER, 'endpoint'),
    () => check.url(`ftp://${MARKER}.example`, 'endpoint'),
    () => check.url(`https://user:${MARKER}@host`, 'endpoint'),
    () => check.url(`https://host/?${MARKER}`, 'endpoint'),
    () => check.url(`https://host/${MARKER}`, 'endpoint', 'origin'),
    () => check.labels(MARKER, 'tags', limits),
    () => check.labels({ a: '1', b: '2' }, 'tags', limits),
    () => check.labels({ abcd: '1' }, 'tags', limits),
    () => check.labels({ '': '1' }, 'tags', limits),
    () => check.labels({ OWN: '1' }, 'tags', limits),
    () => check.labels({ a: MARKER }, 'tags', limits),
    () => check.labels({ a: '\uD800' }, 'tags', limits),
    () => check.clash('a and b exclude each other'),
  ]
  const errors = wrong.map(one => {
    try {
      one()
    } catch (error) {
      return error
    }
    return undefined
  })
  expect(errors.every(error => isSecretError(error))).toBe(true)
  expect(errors.map(error => (error as { readonly code: string }).code)).toEqual([
    ...Array.from({ length: wrong.length - 1 }, () => 'invalid_argument'),
    'misconfigured',
  ])
  expect(errors.map(String).join()).not.toContain(MARKER)
  expect(String(errors[2])).toContain('unknown in options: "b"; allowed: a')
  check.keys({ a: 1 }, 'options', ['a', 'b'])
  check.labels({ a: '' }, 'tags', limits)
  expect(check.url('https://host/path', 'endpoint').pathname).toBe('/path')
})

test('a client is made once for many callers, again after a start that failed, and never after the close', async () => {
  let starts = 0
  const stopped: number[] = []
  const gate = Promise.withResolvers<void>()
  const lazy = new LazyClient(
    async () => {
      starts += 1
      const number = starts
      await gate.promise
      if (number === 1) throw new Error('the first start')
      return number
    },
    client => stopped.push(client),
  )
  const first = [lazy.get(), lazy.get()]
  gate.resolve()
  expect((await Promise.allSettled(first)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect([starts, lazy.ready]).toEqual([1, undefined])
  expect(await Promise.all([lazy.get(), lazy.get()])).toEqual([2, 2])
  expect([starts, lazy.ready]).toEqual([2, 2])
  await lazy.close()
  await lazy.close()
  expect([stopped, lazy.ready]).toEqual([[2], undefined])
  await expect(lazy.get()).rejects.toMatchObject({ failure: { code: 'closed' } })
})

test('a close in mid-start stops the client that comes of it', async () => {
  const gate = Promise.withResolvers<string>()
  const stopped: string[] = []
  const lazy = new LazyClient(
    () => gate.promise,
    client => stopped.push(client),
  )
  const call = lazy.get()
  const closed = lazy.close()
  gate.resolve('client')
  expect(await call).toBe('client')
  await closed
  expect([stopped, lazy.ready]).toEqual([['client'], undefined])
})

test('a package that is missing is named', async () => {
  const classify = classifier(() => undefined)
  const name = '@strongroom/no-such-package'
  const error: unknown = await loadSdk(name, () => import(name)).catch((caught: unknown) => caught)
  expect(classify(error)).toMatchObject({ code: 'misconfigured', hint: `cannot be loaded, install it: ${name}` })
  expect(await loadSdk(name, async () => 1)).toBe(1)
})

test('a refusal is final and without effect, unless it says otherwise', () => {
  expect(refused('not_found')).toEqual({ code: 'not_found', retryable: false, effect: 'none' })
  expect(new DriverFinding(refused('corrupt', { effect: 'unknown' })).failure).toEqual({ code: 'corrupt', retryable: false, effect: 'unknown' })
})

test('Retry-After is seconds or a date; what is neither says nothing', () => {
  expect(retryAfterMs('2')).toBe(2_000)
  expect(retryAfterMs('0')).toBe(0)
  expect(retryAfterMs('-1')).toBe(0)
  expect(retryAfterMs(new Date(0).toUTCString())).toBe(0)
  const wait = retryAfterMs(new Date(Date.now() + 3_600_000).toUTCString()) ?? 0
  expect(wait > 3_500_000 && wait <= 3_600_000).toBe(true)
  expect([undefined, null, '', ' ', 'soon', 7].map(header => retryAfterMs(header))).toEqual(Array.from({ length: 6 }))
})

function failureOf(url: string): Promise<unknown> {
  return new Promise(resolve => get(url, resolve).on('error', resolve))
}

describe('a page token', () => {
  const state = { page: 2, skip: 'a&b=c', kept: ['x'] }

  test('goes back to what it was made of', () => {
    const tokens = new PageTokens<unknown>()
    expect(tokens.open('list', tokens.seal('list', state))).toEqual(state)
  })

  test('of another driver, of another list, or changed, is refused', () => {
    const tokens = new PageTokens<unknown>()
    const sealed = tokens.seal('list', state)
    const [body, mark] = sealed.split('.')
    const other = Buffer.from(JSON.stringify({ ...state, skip: 'z' })).toString('base64url')
    for (const wrong of [
      new PageTokens<unknown>().seal('list', state),
      `${other}.${mark}`,
      `${body}.`,
      `${body}`,
      '',
      '.',
      'https://evil.example/secrets',
      '{}',
    ]) {
      expect(() => tokens.open('list', wrong), wrong).toThrow('invalid_argument')
    }
    expect(() => tokens.open('versions a', sealed)).toThrow('invalid_argument')
  })
})

test('a ready client is taken with its methods, and alone', () => {
  const check: OptionChecks = optionChecks('someDriver')
  const codeOf = (act: () => void): unknown => {
    try {
      return act()
    } catch (error) {
      return (error as { readonly code?: unknown }).code
    }
  }
  const client = { send: () => {} }
  expect(codeOf(() => check.client(client, ['send'], { endpoint: undefined }))).toBeUndefined()
  for (const wrong of [undefined, null, 5, MARKER, {}, { send: MARKER }]) {
    expect(codeOf(() => check.client(wrong, ['send'], {}))).toBe('invalid_argument')
  }
  expect(codeOf(() => check.client(client, ['send'], { endpoint: MARKER }))).toBe('misconfigured')
})

test('options by a table: what must be there is, what is there fits, and nothing else is there', () => {
  const check: OptionChecks = optionChecks('someDriver')
  const rules: Rules<Readonly<Record<'must' | 'may' | 'elsewhere', unknown>>> = {
    must: ['is text', isText, 'required'],
    may: ['is a whole number from 1 to 3', isFrom(1, 3)],
    elsewhere: undefined,
  }
  const said = (options: object, what = 'options'): string => {
    try {
      check.fields(options, what, rules)
      return ''
    } catch (error) {
      return String(error)
    }
  }
  for (const good of [{ must: 'x' }, { must: 'x', may: 3 }, { must: 'x', may: undefined, elsewhere: MARKER }]) expect(said(good)).toBe('')
  expect(said({})).toContain('must is text')
  expect(said({ must: 'x', may: 4 }, 'part')).toContain('part.may is a whole number from 1 to 3')
  expect(said({ must: 'x', other: MARKER })).toContain('allowed: must, may, elsewhere')
  expect([said({ must: 5 }), said({ must: 'x', may: MARKER })].join()).not.toContain(MARKER)
})

test('forms of options', () => {
  expect([isLike(/^a+$/)('aa'), isLike(/^a+$/, 1)('aa'), isLike(/^1$/)(1)]).toEqual([true, false, false])
  expect([isFrom(1, 2)(2), isFrom(1, 2)(1.5), isFrom(1, 2)('1')]).toEqual([true, false, false])
  expect([isOneOf('a')('a'), isOneOf('a')('b'), isFlag(false), isFlag('true')]).toEqual([true, false, true, false])
  expect([hasMethods('a')({ a: () => {} }), hasMethods('a')({ a: 1 }), hasMethods('a')(null)]).toEqual([true, false, false])
})

test.each([
  ['https://host.example', undefined, true],
  ['http://localhost:1', undefined, true],
  ['http://127.1.2.3', undefined, true],
  ['http://[::1]:1', undefined, true],
  ['http://host.example', undefined, false],
  ['http://127.0.0.1.example', undefined, false],
  ['http://localhost.example', false, false],
  ['http://host.example', true, true],
])('%s with leave %s for plain http: %s', (url, unsafePlainHttp, taken) => {
  const act = (): void => optionChecks('someDriver').plainHttp(new URL(url), 'endpoint', unsafePlainHttp)
  if (taken) act()
  else expect(act).toThrow('unsafePlainHttp: true would allow')
})

test('answers: what lacks a field is corrupt, with the effect of its call', () => {
  const answers: AnswerChecks = answerChecks('Somebody')
  expect(answers.damaged('unknown').failure).toMatchObject({ code: 'corrupt', effect: 'unknown', hint: 'the answer of Somebody is incomplete' })
  expect([answers.list(undefined), answers.list(null), answers.list([{ a: 1 }])]).toEqual([[], [], [{ a: 1 }]])
  expect([answers.object({ a: 1 }), answers.text('a')]).toEqual([{ a: 1 }, 'a'])
  for (const wrong of [5, {}, [1], [null], [[]]]) expect(() => answers.list(wrong)).toThrow('corrupt')
  for (const wrong of [undefined, null, 5, []]) expect(() => answers.object(wrong)).toThrow('corrupt')
  for (const wrong of [undefined, '', 5]) expect(() => answers.text(wrong)).toThrow('corrupt')
  expect([tokenOf('a'), tokenOf(''), tokenOf(5), tokenOf(null)]).toEqual(['a', undefined, undefined, undefined])
  expect([dateOf(new Date(5)), dateOf(5), dateOf('1970-01-01T00:00:00.005Z')]).toEqual([new Date(5), new Date(5), new Date(5)])
  expect([dateOf(new Date(Number.NaN)), dateOf('soon'), dateOf(''), dateOf(null), dateOf({})]).toEqual(Array.from({ length: 5 }))
})

test('a value goes into text and back, and what is no text or no base64 does not', () => {
  const bytes = new Uint8Array([0, 255, 7])
  const written = base64Of({ bytes: bytes.subarray(1), text: false })
  expect(payloadOfBase64(written)).toEqual({ bytes: bytes.slice(1), text: false })
  expect(['a', 'a=b=', '!!!!'].map(payloadOfBase64)).toEqual([undefined, undefined, undefined])
  expect(textOf(payloadOfText('\uFEFFä'))).toBe('\uFEFFä')
  expect(() => textOf({ bytes, text: true })).toThrow(TypeError)
})

test('a step of a call: its effect, and a failure that was expected', async () => {
  const classify = classifier(() => refused('conflict'))
  const failing = async (): Promise<never> => await Promise.reject(new Error(MARKER))
  expect(classify(await withEffect('unknown', failing()).catch((error: unknown) => error))).toMatchObject({ code: 'conflict', effect: 'unknown' })
  expect(await withEffect('unknown', Promise.resolve(1))).toBe(1)
  expect(await unlessFailed(failing(), error => classify(error).code === 'conflict')).toBeUndefined()
  await expect(unlessFailed(failing(), () => false)).rejects.toThrow(MARKER)
  expect(classify(await unsupported().catch((error: unknown) => error))).toMatchObject({ code: 'unsupported', effect: 'none' })
})

test('a token is what a header takes as it is', () => {
  expect(['a', '!~', 'x'.repeat(20_000)].filter(isToken)).toHaveLength(3)
  expect(['', ' ', 'a b', 'a\n', 'a\r\nX-Other: 1', 'a\0', 'größe', '日本', '\x7f', undefined, 5].filter(isToken)).toEqual([])
})

test('what a function of the caller’s gives: it fails, or does not fit, and means the same', async () => {
  const classify = classifier(() => undefined)
  const failure = refused('unauthenticated')
  const asked = (give: () => unknown): Promise<unknown> => askedOf(give, value => isText(value), failure).catch(classify)
  expect(await asked(() => 'x')).toBe('x')
  expect(await asked(async () => 'x')).toBe('x')
  for (const give of [
    () => 5,
    () => {
      throw new Error(MARKER)
    },
    async () => await Promise.reject(new Error(MARKER)),
  ]) {
    expect(await asked(give)).toMatchObject(failure)
  }
  const retryable = await askedOf(
    () => Promise.reject(new Error(MARKER)),
    value => isText(value),
    error => refused('unauthenticated', { retryable: error instanceof Error }),
  ).catch(classify)
  expect(retryable).toMatchObject({ code: 'unauthenticated', retryable: true })
})

test('what a function of the caller’s does not give in time: it means the same, and may be asked again', async () => {
  const classify = classifier(() => undefined)
  const failure = refused('unauthenticated')
  const asked = (give: () => unknown, withinMs?: number): Promise<unknown> => askedOf(give, value => isText(value), failure, withinMs).catch(classify)
  expect(await asked(() => new Promise(() => {}), 10)).toMatchObject({ code: 'unauthenticated', retryable: true, effect: 'none' })
  expect(await asked(() => delay(20, 'x'), Infinity)).toBe('x')
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const hanging = asked(() => new Promise(() => {}))
  vi.advanceTimersByTime(9_999)
  const answered = asked(async () => 'x')
  expect([await answered, vi.getTimerCount()]).toEqual(['x', 1])
  vi.advanceTimersByTime(1)
  expect(await hanging).toMatchObject({ code: 'unauthenticated', retryable: true })
})

describe('a token', () => {
  /** Tokens of 1,000 seconds that are as old as it says when they come; each renewal waits for its gate, if there is one. */
  function renewing() {
    const given: (string | undefined)[] = []
    const scene = { given, ageMs: 0, fails: false, gate: undefined as Promise<void> | undefined }
    const tokens = new Renewed(async held => {
      given.push(held?.token)
      const since = performance.now() - scene.ageMs
      await scene.gate
      if (scene.fails) throw new Error('no')
      return { token: `t${given.length}`, since, ttlMs: 1_000_000 }
    })
    const call = new AbortController()
    return { scene, given, tokens, get: () => tokens.get(call) }
  }
  const settled = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 0))
  const realNow = performance.now.bind(performance)
  const ahead = (ms: number): unknown => vi.spyOn(performance, 'now').mockImplementation(() => realNow() + ms)
  afterEach(() => void vi.restoreAllMocks())

  test('is got once for many, kept while it is young, then renewed once behind their backs', async () => {
    const { given, get } = renewing()
    expect(await Promise.all([get(), get()])).toEqual(['t1', 't1'])
    ahead(600_000)
    expect([await get(), given]).toEqual(['t1', [undefined]])
    ahead(700_000)
    expect(await Promise.all([get(), get()])).toEqual(['t1', 't1'])
    await settled()
    expect([await get(), given]).toEqual(['t2', [undefined, 't1']])
  })

  test('is used while its renewal has no answer, and nobody begins another', async () => {
    const { scene, given, get } = renewing()
    await get()
    ahead(700_000)
    const gate = Promise.withResolvers<void>()
    scene.gate = gate.promise
    expect([await get(), await get(), given]).toEqual(['t1', 't1', [undefined, 't1']])
    ahead(1_100_000)
    const waiting = get()
    gate.resolve()
    expect([await waiting, given.length]).toEqual(['t2', 2])
  })

  test('is used to its end where its renewal fails, which is tried again when half of what is left is over', async () => {
    const { scene, given, get } = renewing()
    await get()
    scene.fails = true
    for (const [ms, tries] of [
      [700_000, 1],
      [840_000, 1],
      [851_000, 2],
      [920_000, 2],
      [926_000, 3],
      [999_000, 4],
      [999_700, 4], // a second at least
    ] as const) {
      ahead(ms)
      expect(await get()).toBe('t1')
      await settled()
      expect([ms, given.length - 1]).toEqual([ms, tries])
    }
    ahead(1_000_100)
    await expect(get()).rejects.toThrow('no')
    await expect(get()).rejects.toThrow('no')
    scene.fails = false
    expect(await get()).toBe('t8')
    expect(given.slice(-3)).toEqual([undefined, undefined, undefined])
  })

  test('that the server refused is forgotten, unless it is another one by now', async () => {
    const { given, tokens, get } = renewing()
    await get()
    tokens.drop('t0')
    expect(await get()).toBe('t1')
    tokens.drop('t1')
    expect([await get(), given]).toEqual(['t2', [undefined, undefined]])
  })
})
