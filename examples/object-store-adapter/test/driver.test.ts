import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { DriverCall, Failure, NativePath, SecretDriver, VersionId } from '@strongroom/core'
import type { Fault, FaultProxy } from '@strongroom/emulators'
import { missingProgram, moto, suiteTitle, type TestServer } from '@strongroom/testbed'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { failureOfFetch } from '../src/classify.ts'
import { objectStoreDriver } from '../src/index.ts'
import { driverAt, makeBucket, raw, refusal, signAs, startStore, startStoreProxy } from './store-server.ts'

const missing = missingProgram(moto, 'moto')
const call: DriverCall = { signal: new AbortController().signal, attempt: 1 }
const FIRST = '00000001' as VersionId
const HTML = '<html><body>hello</body></html>'
/** More requests than any call makes. */
const MANY = 1_000

describe.skipIf(missing !== undefined)(suiteTitle('the driver against a server', missing), () => {
  let server: TestServer
  let proxy: FaultProxy
  let bucket: string
  let driver: SecretDriver
  let made = 0

  beforeAll(async () => {
    server = await startStore()
    proxy = await startStoreProxy(server.url)
    bucket = await makeBucket(server.url)
    driver = driverAt(proxy.url, bucket)
  })
  afterEach(() => proxy.clearFaults())
  afterAll(async () => {
    await proxy?.stop()
    await server?.stop()
  })

  const freshPath = (): NativePath => {
    made += 1
    return `secret-${made}` as NativePath
  }
  const put = async (path: NativePath, value: string, on: SecretDriver = driver): Promise<VersionId> => {
    const request = { path, payload: payloadOf(value), token: crypto.randomUUID(), labels: {}, after: undefined, staged: false }
    const known = await on.read({ path, version: undefined }, call).then(
      () => true,
      () => false,
    )
    return (known ? await on.append(request, call) : await on.create(request, call)).version
  }
  const create = (path: NativePath, value: string, on: SecretDriver = driver): Promise<{ readonly version: VersionId }> =>
    on.create({ path, payload: payloadOf(value), token: crypto.randomUUID(), labels: {} }, call)
  const read = async (path: NativePath, version?: VersionId): Promise<string> =>
    new TextDecoder().decode((await driver.read({ path, version }, call)).payload.bytes)
  const failureOf = async (work: Promise<unknown>, on: SecretDriver = driver): Promise<Failure> => {
    const outcome = await work.then(
      () => 'done',
      (error: unknown) => on.classify(error),
    )
    if (typeof outcome === 'string') throw new Error('it succeeded')
    return outcome
  }
  const purge = (path: NativePath, on: SecretDriver = driver): ReturnType<SecretDriver['remove']> => on.remove({ path, purge: true }, call)
  /** An object that somebody puts around the adapter. */
  const slip = (path: NativePath, version: string, body: string): Promise<Response> =>
    raw(`${server.url}/${bucket}/${path}/${version}`, { method: 'PUT', body, headers: { 'content-type': 'text/plain' } })

  const cuts: readonly (readonly [string, Fault])[] = [
    ['is not applied', { kind: 'fail', code: 'InternalError' }],
    ['is applied without an answer', { kind: 'lose' }],
  ]
  test.each(cuts)('a purge that ends at any of its requests, which %s, never shows an older value, and can be repeated', async (_, fault) => {
    const values = ['one', 'two', 'three', 'four']
    const seen = new Set<string>()
    for (let requests = 0; ; requests += 1) {
      const path = freshPath()
      for (const value of values) await put(path, value)
      if (requests > 0) proxy.inject({ kind: 'delay', ms: 0 }, { count: requests })
      proxy.inject(fault, { count: MANY })
      const failure = await purge(path).then(
        () => undefined,
        (error: unknown) => driver.classify(error),
      )
      proxy.clearFaults()
      if (failure === undefined) {
        expect(requests).toBeGreaterThan(values.length)
        break
      }
      const now = await read(path).catch((error: unknown) => driver.classify(error).code)
      seen.add(now)
      if (failure.effect === 'none') expect(now).toBe('four')
      // The name is not free before it is wholly gone: what is made anew is never beside what was.
      const again = await create(path, 'new').then(
        () => 'made',
        (error: unknown) => driver.classify(error).code,
      )
      expect(again).toBe(now === 'not_found' ? 'made' : 'already_exists')
      if (again === 'made') expect(await read(path)).toBe('new')
      expect(await purge(path)).toEqual({ state: 'gone' })
      await create(path, 'new')
      expect(await read(path)).toBe('new')
      expect((await driver.versions({ path, after: undefined, page: undefined }, call)).items.map(({ version }) => version)).toEqual([FIRST])
    }
    expect(seen).toContain('four')
    for (const now of seen) expect(['four', 'version_unusable', 'not_found']).toContain(now)
  })

  test('an append that lands while a purge is under way is told as pending, and the next purge takes it', async () => {
    const path = freshPath()
    await put(path, 'one')
    let asked = 0
    const slow = objectStoreDriver({
      endpoint: proxy.url,
      bucket,
      sign: async request => {
        asked += 1
        if (asked === 3) await slip(path, '00000002', 'late') // after the list and the only removal, before the last look
        return await signAs('open')(request)
      },
    })
    expect(await purge(path, slow)).toMatchObject({ state: 'pending' })
    expect(await failureOf(read(path))).toMatchObject({ code: 'not_found' })
    expect(await purge(path)).toEqual({ state: 'gone' })
  })

  test('a version that a purge has missed is nobody’s value: not read as current, not listed, and a create says what to do', async () => {
    const path = freshPath()
    await slip(path, '00000007', 'from an earlier life')
    const { items } = await driver.versions({ path, after: undefined, page: undefined }, call)
    expect(items).toMatchObject([{ version: '00000007', state: 'usable', current: false }])
    expect(await failureOf(read(path))).toMatchObject({ code: 'not_found' })
    expect((await driver.list({ prefix: path, withLabels: false, page: undefined }, call)).items).toEqual([])
    expect(await failureOf(create(path, 'new'))).toMatchObject({ code: 'name_held', effect: 'none' })
    await purge(path)
    await create(path, 'new')
    expect(await read(path)).toBe('new')
  })

  test('a destroyed version leaves an empty object, whose labels stay and whose number is not used again', async () => {
    const path = freshPath()
    await driver.create({ path, payload: payloadOf('one'), labels: { owner: 'a' }, token: 'token' }, call)
    await driver.destroyVersion({ path, version: FIRST }, call)
    expect(await (await raw(`${server.url}/${bucket}/${path}/${FIRST}`)).text()).toBe('')
    expect(await failureOf(read(path))).toMatchObject({ code: 'version_unusable' })
    const { items } = await driver.list({ prefix: path, withLabels: true, page: undefined }, call)
    expect(items).toMatchObject([{ path, labels: { owner: 'a' } }])
    const request = { path, payload: payloadOf('two'), token: 'other', after: FIRST, staged: false }
    expect((await driver.append(request, call)).version).toBe('00000002')
  })

  test('more versions than a page holds are listed once each, oldest first, with their tokens', async () => {
    const path = freshPath()
    await put(path, 'one')
    const tokens = Array.from({ length: 54 }, (_, index) => `token-${index}`)
    for (const token of tokens) await driver.append({ path, payload: payloadOf('more'), token, after: undefined, staged: false }, call)
    const one = await driver.versions({ path, after: undefined, page: undefined }, call)
    const other = await driver.versions({ path, after: undefined, page: one.next }, call)
    expect([one.items.length, other.items.length, other.next]).toEqual([50, 5, undefined])
    expect([...one.items, ...other.items].slice(1).map(({ token }) => token)).toEqual(tokens)
    expect([...one.items, ...other.items].filter(({ current }) => current).map(({ version }) => version)).toEqual(['00000055'])
  })

  test.each(['with space + plus', 'a?b#c&d=e%2F', 'größe/🔑', "it's (a) ~ path!*", 'nested/00000001', 'nested'])(
    'the native path %s is used as it is',
    async name => {
      const path = name as NativePath
      await create(path, `value of ${name}`)
      expect(await read(path)).toBe(`value of ${name}`)
      const { items } = await driver.list({ prefix: name, withLabels: false, page: undefined }, call)
      expect(items.map(entry => entry.path)).toContain(path)
      const versions = await driver.versions({ path, after: undefined, page: undefined }, call)
      expect(versions.items).toHaveLength(1)
    },
  )

  test('a list is read as S3 writes it, where a plus is a space, which moto writes otherwise', async () => {
    const item = '<Contents><Key>a+b%2Bc/00000001</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>1</Size></Contents>'
    const next = '<NextContinuationToken>a&amp;b&lt;c</NextContinuationToken>'
    const body = `<?xml version="1.0"?>\n<ListBucketResult xmlns="http://s3/">\n<IsTruncated>true</IsTruncated>${item}${next}</ListBucketResult>`
    proxy.inject({ kind: 'answer', status: 200, body, headers: { 'content-type': 'application/xml' } })
    const list = await driver.list({ prefix: 'a', withLabels: false, page: undefined }, call)
    const createdAt = new Date('2026-01-01T00:00:00.000Z')
    expect(list).toEqual({
      items: [{ path: 'a b+c', fullPath: `s3://${bucket}/a b+c/`, createdAt, updatedAt: undefined, labels: undefined }],
      next: 'a&b<c',
    })
  })

  test.each(['..', '../other-bucket', 'a/../b', './a', 'a/..'])(
    'the path %s would lead elsewhere, and is refused before anything is sent',
    async name => {
      const before = proxy.requests()
      const path = name as NativePath
      expect(await failureOf(driver.read({ path, version: FIRST }, call))).toMatchObject({ code: 'invalid_argument', effect: 'none' })
      expect(await failureOf(driver.destroyVersion({ path, version: FIRST }, call))).toMatchObject({ code: 'invalid_argument', effect: 'none' })
      expect(proxy.requests()).toBe(before)
    },
  )

  test('a bucket that keeps old versions is refused: nothing in it is ever erased', async () => {
    const versioned = await makeBucket(server.url)
    const body = '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>'
    await raw(`${server.url}/${versioned}?versioning`, { method: 'PUT', body })
    const failure = await failureOf(create('a' as NativePath, 'one', driverAt(proxy.url, versioned)))
    expect(failure).toMatchObject({ code: 'misconfigured', effect: 'unknown' })
  })

  test('a bucket that is not there is misconfigured, not missing', async () => {
    const none = driverAt(proxy.url, 'no-such-bucket')
    expect(await failureOf(none.read({ path: 'a' as NativePath, version: FIRST }, call))).toMatchObject({ code: 'misconfigured' })
    expect(await failureOf(none.remove({ path: 'a' as NativePath, purge: true }, call))).toMatchObject({ code: 'misconfigured', effect: 'none' })
  })

  test('a redirect is refused, and nobody else is asked', async () => {
    let asked = 0
    const other = createServer((_, answer) => {
      asked += 1
      answer.end()
    }).listen(0, '127.0.0.1')
    await once(other, 'listening')
    const location = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`
    for (const status of [301, 302, 307, 308]) {
      proxy.inject({ kind: 'answer', status, body: '', headers: { location } })
      expect(await failureOf(read('a' as NativePath, FIRST))).toMatchObject({ code: 'misconfigured', effect: 'none' })
    }
    expect(asked).toBe(0)
    other.close()
  })

  test('a page of a proxy is not taken for a value, a list, tags, or a write', async () => {
    const path = freshPath()
    await put(path, 'one')
    const page = (operation: string): void =>
      proxy.inject({ kind: 'answer', status: 200, body: HTML, headers: { 'content-type': 'text/html' } }, { operations: [`open:${operation}`] })
    page('GetObject')
    expect(await failureOf(read(path, FIRST))).toMatchObject({ code: 'unavailable', retryable: true, effect: 'none' })
    page('ListObjectsV2')
    expect(await failureOf(read(path))).toMatchObject({ code: 'unavailable', retryable: true, effect: 'none' })
    page('GetObjectTagging')
    const versions = driver.versions({ path, after: undefined, page: undefined }, call)
    expect(await failureOf(versions)).toMatchObject({ code: 'unavailable', retryable: true, effect: 'none' })
    page('PutObject')
    expect(await failureOf(create(freshPath(), 'one'))).toMatchObject({ code: 'unavailable', retryable: true, effect: 'unknown' })
  })

  const answers: readonly (readonly [status: number, code: string, failure: Partial<Failure>])[] = [
    [403, 'AccessDenied', { code: 'permission_denied', retryable: false, effect: 'none' }],
    [403, 'SignatureDoesNotMatch', { code: 'unauthenticated', retryable: false, effect: 'none' }],
    [400, 'ExpiredToken', { code: 'unauthenticated', retryable: false, effect: 'none' }],
    [404, 'NoSuchBucket', { code: 'misconfigured', retryable: false, effect: 'none' }],
    [409, 'ConditionalRequestConflict', { code: 'conflict', retryable: true, effect: 'none' }],
    [503, 'SlowDown', { code: 'throttled', retryable: true, effect: 'none', retryAfterMs: 3_000 }],
    [400, 'RequestTimeout', { code: 'unavailable', retryable: true, effect: 'unknown' }],
    [500, 'InternalError', { code: 'unavailable', retryable: true, effect: 'unknown' }],
    [503, 'ServiceUnavailable', { code: 'unavailable', retryable: true, effect: 'unknown' }],
    [400, 'InvalidTag', { code: 'invalid_argument', retryable: false, effect: 'none' }],
    [400, 'EntityTooLarge', { code: 'too_large', retryable: false, effect: 'none' }],
    [501, 'NotImplemented', { code: 'misconfigured', retryable: false, effect: 'none' }],
    [418, 'NeverHeardOf', { code: 'unknown', retryable: false, effect: 'unknown' }],
  ]
  test.each(answers)('a write that is answered with %s %s is told apart', async (status, code, failure) => {
    proxy.inject(answerOf(status, code), { operations: ['open:PutObject'] })
    expect(await failureOf(create(freshPath(), 'one'))).toMatchObject(failure)
  })

  const pages: readonly (readonly [status: number, failure: Partial<Failure>])[] = [
    [401, { code: 'unauthenticated', effect: 'none' }],
    [403, { code: 'permission_denied', effect: 'none' }],
    [404, { code: 'misconfigured', effect: 'none' }],
    [429, { code: 'throttled', retryable: true, effect: 'none' }],
    [502, { code: 'unavailable', retryable: true, effect: 'unknown' }],
  ]
  test.each(pages)('a write that is answered with %s and no code of S3’s is told by its status', async (status, failure) => {
    proxy.inject({ kind: 'answer', status, body: HTML }, { operations: ['open:PutObject'] })
    expect(await failureOf(create(freshPath(), 'one'))).toMatchObject(failure)
  })

  test('a request that cannot be signed is unauthenticated, and the next one is signed anew', async () => {
    let asked = 0
    const signed = objectStoreDriver({
      endpoint: proxy.url,
      bucket,
      sign: async request => {
        asked += 1
        if (asked === 1) throw new Error('no credentials yet')
        return await signAs('open')(request)
      },
    })
    const path = freshPath()
    expect(await failureOf(create(path, 'one', signed))).toMatchObject({ code: 'unauthenticated', effect: 'none' })
    await create(path, 'one', signed)
    expect(await read(path)).toBe('one')
  })
})

describe('the driver alone', () => {
  test.each([
    [{ endpoint: 'not a URL', bucket: 'bucket' }],
    [{ endpoint: 'ftp://store', bucket: 'bucket' }],
    [{ endpoint: 'https://user:password@store', bucket: 'bucket' }],
    [{ endpoint: 'https://store?key=1', bucket: 'bucket' }],
    [{ endpoint: 'https://store', bucket: '../bucket' }],
    [{ endpoint: 'https://store', bucket: '' }],
  ])('wrong options are refused: %o', options => {
    expect(() => objectStoreDriver(options)).toThrow(expect.objectContaining({ code: 'invalid_argument' }))
  })

  test('the location is the place, however the endpoint is written', () => {
    const locations = ['https://Store.example', 'https://store.example:443/', 'https://store.example//'].map(
      endpoint => objectStoreDriver({ endpoint, bucket: 'bucket' }).location,
    )
    expect(new Set(locations)).toEqual(new Set(['object-store:https://store.example/bucket']))
  })

  test.each([
    ['ECONNREFUSED', { code: 'unavailable', retryable: true, effect: 'none' }],
    ['ENOTFOUND', { code: 'unavailable', retryable: true, effect: 'none' }],
    ['ECONNRESET', { code: 'unavailable', retryable: true, effect: 'unknown' }],
    ['UND_ERR_SOCKET', { code: 'unavailable', retryable: true, effect: 'unknown' }],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', { code: 'misconfigured', retryable: false, effect: 'none' }],
  ])('what fetch says of %s', (code, failure) => {
    expect(failureOfFetch(new TypeError('fetch failed', { cause: { code } }))).toMatchObject(failure)
  })
})

function payloadOf(value: string): { readonly bytes: Uint8Array; readonly text: boolean } {
  return { bytes: new TextEncoder().encode(value), text: true }
}

function answerOf(status: number, code: string): Fault {
  const { headers = {}, body } = refusal(status, code, { 'retry-after': '3' })
  return { kind: 'answer', status, headers, body: String(body) }
}
