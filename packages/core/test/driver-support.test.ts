import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { get } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { isSecretError } from '../src/index.ts'
import {
  classifier,
  DriverFinding,
  explained,
  LazyClient,
  loadSdk,
  networkFailure,
  neverSent,
  noAnswer,
  optionChecks,
  refused,
  retryAfterMs,
  withCircumstances,
  type OptionChecks,
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
