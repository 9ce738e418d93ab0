import { randomBytes, randomUUID } from 'node:crypto'
import { accountId, memoryDriver, SecretError, type Authorize, type SecretDriver } from '@strongroom/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiKeyAuthentication, createSecretsApp } from '../src/index.ts'
import { OTHER_KEY, ROBOT, startService, type Answer, type Service } from './support/service.ts'

// Every status, header and decision of the API, at the wire.

const SECRETS = '/v5/sgp/secrets'
const VALUE = 'the-value-that-no-answer-has'
const ID = /^[a-z0-9-]{1,64}$/
const NOWHERE = '01890a5d-ac96-774b-bcce-b302099a8057'

let service: Service
beforeAll(async () => void (service = await startService()))
afterAll(async () => await service[Symbol.asyncDispose]())

const newKey = (): string => `key-${randomBytes(6).toString('hex')}`
const created = async (more: object = {}): Promise<Answer> => await service.call('POST', SECRETS, { key: newKey(), value: VALUE, ...more })
const fields = (answer: Answer): readonly string[] => answer.json.errors.map(({ path }: { readonly path: string }) => path)

function expectProblem(answer: Answer, status: number, code: string): void {
  expect(answer.status, answer.text).toBe(status)
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  expect(answer.json).toMatchObject({ type: 'about:blank', status, code, title: expect.any(String), detail: expect.any(String) })
  expect(answer.json.request_id).toBe(answer.headers.get('x-request-id'))
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect(answer.text).not.toContain(VALUE)
}

describe('a secret', () => {
  it('has ten fields when it is created, an ETag and a Location', async () => {
    const answer = await created({ key: 'openai-api-key', description: 'for the tests' })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(answer.headers.get('etag')).toBe('"1"')
    expect(new URL(answer.headers.get('location') ?? '', service.url + SECRETS).href).toBe(`${service.url}${SECRETS}/${answer.json.id}`)
    expect(answer.json).toEqual({
      id: expect.stringMatching(ID),
      account_id: 'acme',
      cloud_secret_path: expect.stringContaining(answer.json.id),
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      created_by: { id: 'ada', type: 'user', object: 'identity' },
      key: 'openai-api-key',
      description: 'for the tests',
      object: 'sgp_cloud_secret',
      updated_at: null,
      updated_by: null,
    })
    const shown = await service.call('GET', `${SECRETS}/${answer.json.id}`)
    expect(shown.json).toEqual(answer.json)
    expect(shown.headers.get('etag')).toBe('"1"')
  })

  it('is updated in its description without a call to the cloud, and in its value', async () => {
    const { id } = (await created()).json
    const described = await service.call('PATCH', `${SECRETS}/${id}`, { description: 'x' }, { 'x-api-key': OTHER_KEY })
    expect(described.json).toMatchObject({ description: 'x', updated_by: ROBOT.id, updated_at: expect.any(String) })
    expect(described.headers.get('etag')).toBe('"2"')
    const rotated = await service.call('PATCH', `${SECRETS}/${id}`, { value: 'another' })
    expect([rotated.json.description, rotated.headers.get('etag')]).toEqual(['x', '"3"'])
    const emptied = await service.call('PATCH', `${SECRETS}/${id}`, { description: null })
    expect(emptied.json.description).toBeNull()
    const read = await service.reader.account(accountId('acme'), ROBOT).read({ id })
    expect(read.value.revealText()).toBe('another')
  })

  it('takes bytes in base64', async () => {
    const bytes = randomBytes(100)
    const { id } = (await service.call('POST', SECRETS, { key: newKey(), value_base64: bytes.toString('base64') })).json
    const { value } = await service.reader.account(accountId('acme'), ROBOT).read({ id })
    expect([value.isText, Buffer.from(value.revealBytes()).equals(bytes)]).toEqual([false, true])
  })

  it('is gone after a delete, from the metadata and the cloud, and its key is free', async () => {
    const key = newKey()
    const { id } = (await created({ key })).json
    const deleted = await service.call('DELETE', `${SECRETS}/${id}`)
    expect([deleted.status, deleted.text, deleted.headers.get('cache-control')]).toEqual([204, '', 'no-store'])
    expectProblem(await service.call('GET', `${SECRETS}/${id}`), 404, 'not_found')
    expectProblem(await service.call('DELETE', `${SECRETS}/${id}`), 404, 'not_found')
    expect((await created({ key })).status).toBe(200)
  })

  it('of another account is not there', async () => {
    const { id } = (await created()).json
    const other = { 'x-selected-account-id': 'other' }
    expectProblem(await service.call('GET', `${SECRETS}/${id}`, undefined, other), 404, 'not_found')
    expectProblem(await service.call('PATCH', `${SECRETS}/${id}`, { description: 'x' }, other), 404, 'not_found')
    expectProblem(await service.call('DELETE', `${SECRETS}/${id}`, undefined, other), 404, 'not_found')
    expectProblem(await service.call('GET', `${SECRETS}?starting_after=${id}`, undefined, other), 422, 'invalid_argument')
    expect((await service.call('GET', `${SECRETS}/${id}`)).status).toBe(200)
  })

  it('that never was is a 404, whatever the form of its id', async () => {
    for (const id of [NOWHERE, 'sec_123', 'A', '%00', '%F0%9F%98%80', '..%2f..', 'a'.repeat(65), '%zz']) {
      for (const method of ['GET', 'DELETE']) expectProblem(await service.call(method, `${SECRETS}/${id}`), 404, 'not_found')
      expectProblem(await service.call('PATCH', `${SECRETS}/${id}`, { description: 'x' }), 404, 'not_found')
    }
  })
})

describe('a body', () => {
  it.each([
    ['not JSON', '{"key":"a","value":', 'malformed_json'],
    ['empty', '', 'malformed_json'],
    ['not UTF-8', Buffer.concat([Buffer.from('{"key":"a","value":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]), 'malformed_json'],
  ])('%s: 400', async (_, body, code) => {
    expectProblem(await service.call('POST', SECRETS, body), 400, code)
  })

  it.each([
    ['no object', [], ['']],
    ['null', null, ['']],
    ['nothing in it', {}, ['key']],
    ['no value', { key: 'a' }, ['value']],
    ['a key with capitals', { key: 'OPENAI_API_KEY', value: VALUE }, ['key']],
    ['a key with a dot', { key: 'a.b', value: VALUE }, ['key']],
    ['a key too long', { key: 'a'.repeat(128), value: VALUE }, ['key']],
    ['an empty key', { key: '', value: VALUE }, ['key']],
    ['a key of a wrong type', { key: 7, value: VALUE }, ['key']],
    ['an empty value', { key: 'a', value: '' }, ['value']],
    ['a value of a wrong type', { key: 'a', value: { secret: VALUE } }, ['value']],
    ['a null value', { key: 'a', value: null }, ['value']],
    ['both values', { key: 'a', value: VALUE, value_base64: 'QUJD' }, ['value_base64']],
    ['base64 that is none', { key: 'a', value_base64: 'QUJ' }, ['value_base64']],
    ['base64 of padding', { key: 'a', value_base64: '====' }, ['value_base64']],
    ['base64 with too much padding', { key: 'a', value_base64: 'Q===' }, ['value_base64']],
    ['base64 with padding inside', { key: 'a', value_base64: 'QQ==QUJD' }, ['value_base64']],
    ['base64 for URLs', { key: 'a', value_base64: '_-8=' }, ['value_base64']],
    ['base64 in lines', { key: 'a', value_base64: 'QUJD\nQUJ' }, ['value_base64']],
    ['a lone surrogate', '{"key":"a","value":"\\ud800"}', ['value']],
    ['an unknown field', { key: 'a', value: VALUE, vlaue: VALUE }, ['vlaue']],
    ['an unknown field whose name is a value', { key: 'a', value: 'x', [`${VALUE} is in the name`]: 1 }, ['(a name that is not shown)']],
    ['a prototype', '{"key":"a","value":"x","__proto__":{"a":1}}', ['__proto__']],
    ['a description too long', { key: 'a', value: VALUE, description: 'x'.repeat(2001) }, ['description']],
    ['a description of a wrong type', { key: 'a', value: VALUE, description: [VALUE] }, ['description']],
    ['several mistakes', { key: '_', value: '', description: 7 }, ['key', 'value', 'description']],
  ])('of a create, %s: 422 with the path of each field', async (_, body, paths) => {
    const answer = await service.call('POST', SECRETS, typeof body === 'string' ? body : JSON.stringify(body))
    expectProblem(answer, 422, 'invalid_argument')
    expect(fields(answer).toSorted()).toEqual(paths.toSorted())
  })

  it('has a description of 2,000 characters at most, however many bytes each has', async () => {
    expect((await created({ description: '😀'.repeat(2000) })).json.description).toHaveLength(4000)
    for (const description of ['😀'.repeat(2001), 'x'.repeat(4001)]) {
      const answer = await created({ description })
      expectProblem(answer, 422, 'invalid_argument')
      expect(answer.json.errors).toEqual([{ path: 'description', message: 'at most 2,000 characters' }])
    }
  })

  it('with thousands of unknown fields: 422, which names the first twenty', async () => {
    const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`f${at}`, 0]))
    const answer = await service.call('POST', SECRETS, { key: 'a', value: VALUE, ...many })
    expectProblem(answer, 422, 'invalid_argument')
    expect(fields(answer)).toEqual(Array.from({ length: 20 }, (_, at) => `f${at}`))
    expect(answer.json.detail).toBe('20000 fields are not allowed as they are; the first 20 are named')
  })

  it.each([
    ['nothing in it', {}, ['']],
    ['an empty value', { value: '' }, ['value']],
    ['a key', { key: 'another' }, ['key']],
    ['both values', { value: VALUE, value_base64: 'QUJD' }, ['value_base64']],
  ])('of an update, %s: 422', async (_, body, paths) => {
    const { id } = (await created()).json
    const answer = await service.call('PATCH', `${SECRETS}/${id}`, body)
    expectProblem(answer, 422, 'invalid_argument')
    expect(fields(answer)).toEqual(paths)
  })

  it.each([
    undefined,
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'application/json; charset=latin1',
    'application/json; version=1; charset="utf-16"',
    'application/json, application/json',
    'application/merge-patch+json',
  ])('of the type %s: 415', async type => {
    const headers: Record<string, string> = { 'x-api-key': 'key-of-ada', 'x-selected-account-id': 'acme', ...(type && { 'content-type': type }) }
    const response = await fetch(service.url + SECRETS, { method: 'POST', headers, body: Buffer.from('{"key":"a","value":"x"}') })
    expect([response.status, response.headers.get('accept')]).toEqual([415, 'application/json'])
    expect(await response.json()).toMatchObject({ code: 'unsupported_media_type' })
  })

  it.each([
    'Application/JSON; charset=UTF-8',
    'application/json;charset="utf-8"',
    'application/json; charset=utf8',
    'application/json;',
    'application/json; version=1',
    'application/json; odata.metadata=minimal; charset=utf-8',
  ])('of the type %s is taken', async type => {
    expect((await service.call('POST', SECRETS, { key: newKey(), value: 'x' }, { 'content-type': type })).status).toBe(200)
  })

  it('that is compressed is not taken', async () => {
    expectProblem(await service.call('POST', SECRETS, { key: newKey(), value: 'x' }, { 'content-encoding': 'gzip' }), 415, 'unsupported_media_type')
  })

  it('too large: 413, with a length and without one', async () => {
    await using small = await startService({ maxBodyBytes: 1000 })
    expectProblem(await small.call('POST', SECRETS, { key: 'a', value: 'x'.repeat(1000) }), 413, 'body_too_large')
    const body = new ReadableStream({
      pull(controller) {
        controller.enqueue(Buffer.alloc(600, 0x20))
      },
    })
    const headers = { 'x-api-key': 'key-of-ada', 'x-selected-account-id': 'acme', 'content-type': 'application/json' }
    const response = await fetch(small.url + SECRETS, { method: 'POST', headers, body, duplex: 'half' } as RequestInit)
    expect([response.status, await response.json()]).toEqual([413, expect.objectContaining({ code: 'body_too_large' })])
    expect((await small.call('POST', SECRETS, { key: 'a', value: 'x'.repeat(900) })).status).toBe(200)
  })

  it('with a value larger than any cloud takes: 422, before any call', async () => {
    let calls = 0
    const driver: SecretDriver = memoryDriver()
    const counting = { ...driver, create: async (...all: Parameters<typeof driver.create>) => ((calls += 1), await driver.create(...all)) }
    await using counted = await startService({ driver: counting })
    const text = await counted.call('POST', SECRETS, { key: 'a', value: 'x'.repeat(25_001) })
    const bytes = await counted.call('POST', SECRETS, { key: 'a', value_base64: Buffer.alloc(18_751).toString('base64') })
    for (const answer of [text, bytes]) expectProblem(answer, 422, 'too_large')
    expect([text.json.errors, bytes.json.errors, calls]).toEqual([
      [{ path: 'value', message: 'the value has 25001 bytes of text, 25000 allowed, as every cloud takes; this store alone takes 65536' }],
      [{ path: 'value_base64', message: 'the value has 18751 bytes of binary, 18750 allowed, as every cloud takes; this store alone takes 65536' }],
      0,
    ])
    const { id } = (await counted.call('POST', SECRETS, { key: 'a', value: VALUE })).json
    const update = await counted.call('PATCH', `${SECRETS}/${id}`, { value_base64: Buffer.alloc(18_751).toString('base64') })
    expectProblem(update, 422, 'too_large')
    expect(fields(update)).toEqual(['value_base64'])
  })

  it('with megabytes of base64, where so much may come: 422, whether it is base64 or not', async () => {
    await using large = await startService({ maxBodyBytes: 16_777_216 })
    const base64 = 'A'.repeat(8_388_608)
    expectProblem(await large.call('POST', SECRETS, { key: 'a', value_base64: base64 }), 422, 'too_large')
    expectProblem(await large.call('POST', SECRETS, { key: 'a', value_base64: `${base64}AA==` }), 422, 'too_large')
    expectProblem(await large.call('POST', SECRETS, { key: 'a', value_base64: `${base64}!AAA` }), 422, 'invalid_argument')
  })
})

describe('a query', () => {
  it.each([
    ['limit=0', ['limit']],
    ['limit=10001', ['limit']],
    ['limit=', ['limit']],
    ['limit=1e2', ['limit']],
    ['limit=-1', ['limit']],
    ['limit=1&limit=2', ['limit']],
    ['limit=abc', ['limit']],
    ['sort_by=value', ['sort_by']],
    ['sort_by=KEY', ['sort_by']],
    ['sort_order=up', ['sort_order']],
    ['starting_after=', ['starting_after']],
    [`starting_after=${NOWHERE}`, ['starting_after']],
    [`ending_before=${NOWHERE}`, ['ending_before']],
    ['starting_after=%00', ['starting_after']],
    [`starting_after=${NOWHERE}&ending_before=${NOWHERE}`, ['ending_before']],
    ['limit=0&sort_by=x&sort_order=y', ['limit', 'sort_by', 'sort_order']],
  ])('%s: 422 with its path', async (query, paths) => {
    const answer = await service.call('GET', `${SECRETS}?${query}`)
    expectProblem(answer, 422, 'invalid_argument')
    expect(fields(answer)).toEqual(paths)
  })

  it('of an order that is not there names those that are', async () => {
    const answer = await service.call('GET', `${SECRETS}?sort_by=value`)
    expect(answer.json.errors[0].message).toBe('one of created_at, updated_at, key')
  })
})

describe('who calls', () => {
  it('nobody, or with a wrong key: 401 with a challenge', async () => {
    for (const key of ['', 'wrong', 'KEY-OF-ADA']) {
      const answer = await service.call('GET', SECRETS, undefined, { 'x-api-key': key })
      expectProblem(answer, 401, 'unauthenticated')
      expect(answer.headers.get('www-authenticate')).toBe('ApiKey')
    }
    const without = await fetch(service.url + SECRETS)
    expect(without.status).toBe(401)
  })

  it('is told so before anything of the request is looked at', async () => {
    const answer = await service.call('POST', SECRETS, '{', { 'x-api-key': 'wrong', 'content-type': 'text/plain' })
    expectProblem(answer, 401, 'unauthenticated')
  })

  it('for an account that is not theirs: 403; for none where there are several: 422', async () => {
    for (const account of ['elsewhere', '', 'ACME', 'a b']) {
      expectProblem(await service.call('GET', SECRETS, undefined, { 'x-selected-account-id': account }), 403, 'account_not_allowed')
    }
    const two = await fetch(service.url + SECRETS, { headers: { 'x-api-key': 'key-of-ada' } })
    expect([two.status, (await two.json()) as unknown]).toEqual([
      422,
      expect.objectContaining({ errors: [expect.objectContaining({ path: 'x-selected-account-id' })] }),
    ])
    const one = await fetch(service.url + SECRETS, { headers: { 'x-api-key': OTHER_KEY } })
    expect(one.status).toBe(200)
  })

  it('is denied by the registry: 403; by a function that fails: 503', async () => {
    const authorize: Authorize = async ({ actor, action }) => {
      if (action === 'secret.delete') throw new Error(VALUE)
      return actor.type === 'user'
    }
    await using guarded = await startService({ authorize })
    expectProblem(await guarded.call('GET', SECRETS, undefined, { 'x-api-key': OTHER_KEY }), 403, 'permission_denied')
    const failed = await guarded.call('DELETE', `${SECRETS}/${NOWHERE}`)
    expectProblem(failed, 503, 'unavailable')
    expect([failed.json.effect, failed.headers.get('retry-after')]).toEqual(['none', '1'])
  })

  it('cannot be told when the hook fails: 503, and what it threw is not shown', async () => {
    await using broken = await startService({
      authenticate: async () => {
        throw new Error(VALUE)
      },
    })
    expectProblem(await broken.call('GET', SECRETS), 503, 'unavailable')
  })
})

describe('routes', () => {
  it.each([
    '/',
    '/v5',
    '/v5/sgp/secrets/',
    '/v5/sgp/secrets/a/b',
    `/v5/sgp/secrets/${NOWHERE}/value`,
    '/V5/sgp/secrets',
    '/docs',
    '/v4/sgp/secrets',
    '//v5/sgp/secrets',
  ])('%s is none: 404', async path => {
    const answer = await service.call('GET', path)
    expectProblem(answer, 404, 'route_not_found')
  })

  it.each([
    ['PUT', SECRETS, 'GET, HEAD, POST'],
    ['DELETE', SECRETS, 'GET, HEAD, POST'],
    ['OPTIONS', SECRETS, 'GET, HEAD, POST'],
    ['PROPFIND', SECRETS, 'GET, HEAD, POST'],
    ['POST', `${SECRETS}/${NOWHERE}`, 'DELETE, GET, HEAD, PATCH'],
    ['PUT', `${SECRETS}/${NOWHERE}`, 'DELETE, GET, HEAD, PATCH'],
    ['POST', '/healthz', 'GET, HEAD'],
    ['POST', '/readyz', 'GET, HEAD'],
    ['DELETE', '/openapi.json', 'GET, HEAD'],
  ])('%s %s: 405 with Allow', async (method, path, allow) => {
    const answer = await service.call(method, path)
    expectProblem(answer, 405, 'method_not_allowed')
    expect(answer.headers.get('allow')).toBe(allow)
  })

  it('HEAD is a GET without its body', async () => {
    const { id } = (await created()).json
    const answer = await service.call('HEAD', `${SECRETS}/${id}`)
    expect([answer.status, answer.text, answer.headers.get('etag')]).toEqual([200, '', '"1"'])
  })

  it('health, readiness and the document need no key', async () => {
    expect((await (await fetch(`${service.url}/healthz`)).json()) as unknown).toEqual({ status: 'ok' })
    expect((await (await fetch(`${service.url}/readyz`)).json()) as unknown).toEqual({ status: 'ready', checks: { database: 'ok' } })
    expect((await (await fetch(`${service.url}/openapi.json`)).json()) as unknown).toEqual(service.app.document())
  })

  it('readiness says what is not ready, and asks it once in two seconds', async () => {
    let asked = 0
    const store = async (): Promise<void> => {
      asked += 1
      throw new Error(VALUE)
    }
    await using unready = await startService({ readiness: { store } })
    for (let turn = 0; turn < 3; turn += 1) {
      const answer = await unready.call('GET', '/readyz')
      expectProblem(answer, 503, 'unavailable')
      expect([answer.json.detail, answer.headers.get('retry-after')]).toEqual(['not ready: store', '2'])
    }
    expect(asked).toBe(1)
  })

  it('readiness that takes too long says to the log what it waits for', { timeout: 30_000 }, async () => {
    const events: unknown[] = []
    const waiting = async (): Promise<void> => await new Promise(() => {})
    await using unready = await startService({ readiness: { store: waiting }, onRequest: event => events.push(event) })
    expectProblem(await unready.call('GET', '/readyz'), 503, 'unavailable')
    expect(events).toMatchObject([{ status: 503, trouble: { kind: 'deadline_exceeded', operation: 'readiness.store' } }])
  })
})

describe('headers', () => {
  it('no copy is kept of an answer, and nothing says what answers', async () => {
    const { id } = (await created()).json
    for (const [method, path] of [
      ['GET', SECRETS],
      ['GET', `${SECRETS}/${id}`],
      ['GET', '/healthz'],
      ['GET', '/nowhere'],
      ['PUT', SECRETS],
    ] as const) {
      const { headers } = await service.call(method, path)
      expect([headers.get('cache-control'), headers.get('x-content-type-options')]).toEqual(['no-store', 'nosniff'])
      for (const name of ['server', 'x-powered-by', 'via']) expect(headers.has(name)).toBe(false)
    }
  })

  it('a request id is taken and given back, or made; one that could forge a log is not taken', async () => {
    expect((await service.call('GET', SECRETS, undefined, { 'x-request-id': 'abc-123' })).headers.get('x-request-id')).toBe('abc-123')
    for (const id of ['a b', 'x'.repeat(129), '"', '']) {
      expect((await service.call('GET', SECRETS, undefined, { 'x-request-id': id })).headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    }
  })

  it('a traceparent is passed on, and one that is none is not', async () => {
    const good = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    expect((await service.call('GET', SECRETS, undefined, { traceparent: good })).headers.get('traceparent')).toBe(good)
    for (const bad of ['00-00000000000000000000000000000000-00f067aa0ba902b7-01', 'x', good.toUpperCase()]) {
      expect((await service.call('GET', SECRETS, undefined, { traceparent: bad })).headers.has('traceparent')).toBe(false)
    }
  })
})

describe('an idempotency key', () => {
  it('makes a repeated create one, with one answer, also after it was changed or deleted', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    const body = { key: newKey(), value: VALUE }
    const first = await service.call('POST', SECRETS, body, headers)
    await service.call('PATCH', `${SECRETS}/${first.json.id}`, { description: 'since' })
    const again = await service.call('POST', SECRETS, body, headers)
    expect([again.status, again.json, again.headers.get('etag'), again.headers.get('location')]).toEqual([
      200,
      first.json,
      '"1"',
      first.headers.get('location'),
    ])
    await service.call('DELETE', `${SECRETS}/${first.json.id}`)
    expect((await service.call('POST', SECRETS, body, headers)).json).toEqual(first.json)
    expectProblem(await service.call('GET', `${SECRETS}/${first.json.id}`), 404, 'not_found')
  })

  it('of many at once has one effect', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    const body = { key: newKey(), value: VALUE }
    const answers = await Promise.all(Array.from({ length: 8 }, async () => await service.call('POST', SECRETS, body, headers)))
    expect(new Set(answers.map(({ status, json }) => `${status} ${json.id}`)).size).toBe(1)
    expect(answers[0]?.status).toBe(200)
  })

  it('makes a repeated update one', async () => {
    const { id } = (await created()).json
    const headers = { 'idempotency-key': randomUUID(), 'if-match': '"1"' }
    const first = await service.call('PATCH', `${SECRETS}/${id}`, { value: 'v2' }, headers)
    const again = await service.call('PATCH', `${SECRETS}/${id}`, { value: 'v2' }, headers)
    expect([first.headers.get('etag'), again.headers.get('etag'), again.status]).toEqual(['"2"', '"2"', 200])
  })

  it('makes a repeated update one under a list of tags too, also after it was changed or deleted', async () => {
    const { id } = (await created()).json
    const path = `${SECRETS}/${id}`
    for (const body of [{ value: 'v2' }, { description: 'x' }]) {
      const { etag } = Object.fromEntries((await service.call('GET', path)).headers)
      const headers = { 'idempotency-key': randomUUID(), 'if-match': `"77", ${etag}` }
      const first = await service.call('PATCH', path, body, headers)
      expect(first.status, first.text).toBe(200)
      const again = await service.call('PATCH', path, body, headers)
      expect([again.status, again.json, again.headers.get('etag')]).toEqual([200, first.json, first.headers.get('etag')])
      expectProblem(await service.call('PATCH', path, body, { ...headers, 'if-match': etag ?? '' }), 422, 'idempotency_mismatch')
    }
    const headers = { 'idempotency-key': randomUUID(), 'if-match': '"77", "3"' }
    const last = await service.call('PATCH', path, { value: 'v3' }, headers)
    await service.call('DELETE', path)
    expect((await service.call('PATCH', path, { value: 'v3' }, headers)).json).toEqual(last.json)
  })

  it('with another request: 422', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    const key = newKey()
    await service.call('POST', SECRETS, { key, value: VALUE }, headers)
    const answer = await service.call('POST', SECRETS, { key, value: 'another' }, headers)
    expectProblem(answer, 422, 'idempotency_mismatch')
    expect(fields(answer)).toEqual(['idempotency-key'])
  })

  it('of another form: 422; where the server has no keys for it: 422, and nothing is done', async () => {
    for (const bad of ['', 'x'.repeat(256), 'é']) {
      const answer = await service.call('POST', SECRETS, { key: newKey(), value: VALUE }, { 'idempotency-key': bad })
      expectProblem(answer, 422, 'invalid_argument')
      expect(fields(answer)).toEqual(['idempotency-key'])
    }
    await using without = await startService({ requestKeys: undefined })
    expectProblem(await without.call('POST', SECRETS, { key: 'a', value: VALUE }, { 'idempotency-key': 'x' }), 422, 'unsupported')
    expect((await without.call('GET', SECRETS)).json.total).toBe(0)
  })
})

describe('If-Match', () => {
  it.each([
    ['the tag', '"1"', 200],
    ['any', '*', 200],
    ['a list with the tag', '"7", "1"', 200],
    ['another tag', '"2"', 412],
    ['a tag that is no revision', '"abc"', 412],
    ['a weak tag', 'W/"1"', 412],
    ['a list without the tag', '"7","8"', 412],
    ['an empty tag', '""', 412],
    ['no tag', '1', 422],
    ['half a tag', '"1', 422],
  ])('%s on an update', async (_, ifMatch, status) => {
    const { id } = (await created()).json
    const answer = await service.call('PATCH', `${SECRETS}/${id}`, { description: 'x' }, { 'if-match': ifMatch })
    expect(answer.status, answer.text).toBe(status)
    if (status === 412) expectProblem(answer, 412, 'precondition_failed')
    if (status === 422) expect(fields(answer)).toEqual(['if-match'])
    expect((await service.call('GET', `${SECRETS}/${id}`)).headers.get('etag')).toBe(status === 200 ? '"2"' : '"1"')
  })

  it('on an update of the value, on a delete, and on what is not there', async () => {
    const { id } = (await created()).json
    const path = `${SECRETS}/${id}`
    expectProblem(await service.call('PATCH', path, { value: 'x' }, { 'if-match': '"9"' }), 412, 'precondition_failed')
    expectProblem(await service.call('DELETE', path, undefined, { 'if-match': '"9"' }), 412, 'precondition_failed')
    expect((await service.call('DELETE', path, undefined, { 'if-match': '"1"' })).status).toBe(204)
    expectProblem(await service.call('DELETE', path, undefined, { 'if-match': '"1"' }), 404, 'not_found')
    expectProblem(await service.call('PATCH', path, { description: 'x' }, { 'if-match': '"1", "2"' }), 404, 'not_found')
  })

  it('keeps one of two writers who saw the same', async () => {
    const { id } = (await created()).json
    const write = async (description: string): Promise<Answer> =>
      await service.call('PATCH', `${SECRETS}/${id}`, { description }, { 'if-match': '"1"' })
    const answers = await Promise.all([write('a'), write('b')])
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 412]))
  })
})

describe('conflicts and the cloud’s trouble', () => {
  it('a key that is there: 409, which is not to be repeated', async () => {
    const key = newKey()
    await created({ key })
    const answer = await created({ key })
    expectProblem(answer, 409, 'already_exists')
    expect(answer.headers.get('x-should-retry')).toBe('false')
  })

  const trouble = (code: SecretError['code'], more: Partial<SecretError> = {}): SecretDriver => {
    const driver = memoryDriver()
    const failure = { code, retryable: false, effect: 'none', ...more } as const
    return {
      ...driver,
      create: async () => {
        throw new Error(VALUE)
      },
      classify: () => failure,
    }
  }
  it.each([
    ['throttled', { retryable: true, retryAfterMs: 2500 }, 503, 'throttled', '3'],
    ['unavailable', { retryable: true }, 503, 'unavailable', '1'],
    ['permission_denied', {}, 502, 'store_refused', null],
    ['unauthenticated', {}, 502, 'store_refused', null],
    ['quota_exceeded', {}, 503, 'quota_exceeded', null],
    ['unknown', {}, 502, 'unknown', null],
  ] as const)('%s', async (code, more, status, shown, retryAfter) => {
    await using troubled = await startService({ driver: trouble(code, more), policy: { attempts: 1, deadlineMs: 500 } })
    const answer = await troubled.call('POST', SECRETS, { key: 'a', value: VALUE })
    expectProblem(answer, status, shown)
    expect([answer.headers.get('retry-after'), answer.json.effect]).toEqual([retryAfter, 'none'])
  })

  it('no answer: 503, the effect is unknown, and a repeat with the same idempotency key finds out', async () => {
    const driver = memoryDriver()
    let silent = true
    const hanging: SecretDriver = {
      ...driver,
      create: async (request, call) => {
        if (!silent) return await driver.create(request, call)
        return await new Promise((_, fail) => call.signal.addEventListener('abort', () => fail(call.signal.reason as Error), { once: true }))
      },
    }
    await using slow = await startService({ driver: hanging, policy: { deadlineMs: 300, leaseMs: 700, attempts: 1 } })
    const headers = { 'idempotency-key': randomUUID() }
    const body = { key: 'a', value: VALUE }
    const first = await slow.call('POST', SECRETS, body, headers)
    expectProblem(first, 503, 'unavailable')
    expect([first.json.effect, first.headers.get('x-should-retry')]).toEqual(['unknown', expect.any(String)])
    silent = false
    let again = await slow.call('POST', SECRETS, body, headers)
    for (let turn = 0; turn < 20 && again.status === 409; turn += 1) again = await slow.call('POST', SECRETS, body, headers)
    expect(again.status, again.text).toBe(200)
    expect((await slow.call('GET', SECRETS)).json.total).toBe(1)
  })
})

describe('limits', () => {
  it.each([
    ['maxBodyBytes', { maxBodyBytes: Number.NaN }],
    ['maxConcurrent', { maxConcurrent: 0 }],
    ['rateLimit.requests', { rateLimit: { requests: Number('unset'), perSeconds: 60 } }],
    ['rateLimit.requests', { rateLimit: { requests: 0, perSeconds: 60 } }],
    ['rateLimit.perSeconds', { rateLimit: { requests: 1, perSeconds: 0 } }],
    ['rateLimit.perSeconds', { rateLimit: { requests: 1, perSeconds: Infinity } }],
  ])('that are none are refused at once: %s of %o', (name, options) => {
    const authenticate = apiKeyAuthentication([])
    expect(() => createSecretsApp(service.registry, { authenticate, ...options })).toThrow(new RegExp(`^${name} is a `))
  })

  it('each key has its rate: 429 with Retry-After, and the others go on', async () => {
    await using limited = await startService({ rateLimit: { requests: 3, perSeconds: 60 } })
    for (let turn = 0; turn < 3; turn += 1) expect((await limited.call('GET', SECRETS)).status).toBe(200)
    const answer = await limited.call('GET', SECRETS)
    expectProblem(answer, 429, 'rate_limited')
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    expect((await limited.call('GET', SECRETS, undefined, { 'x-api-key': OTHER_KEY })).status).toBe(200)
    expect((await limited.call('GET', '/healthz')).status).toBe(200)
  })

  it('more at once than there are places: 503 with Retry-After, nothing was done', async () => {
    const driver = memoryDriver()
    let go: () => void = () => {}
    const gate = new Promise<void>(done => void (go = done))
    let waiting: () => void = () => {}
    const isWaiting = new Promise<void>(done => void (waiting = done))
    const held: SecretDriver = { ...driver, create: async (...all) => (waiting(), await gate, await driver.create(...all)) }
    await using small = await startService({ driver: held, maxConcurrent: 1 })
    const first = small.call('POST', SECRETS, { key: 'a', value: VALUE })
    await isWaiting
    const answer = await small.call('POST', SECRETS, { key: 'b', value: VALUE })
    expectProblem(answer, 503, 'overloaded')
    expect([answer.headers.get('retry-after'), answer.json.effect]).toEqual(['1', 'none'])
    expect((await small.call('GET', '/healthz')).status).toBe(200)
    go()
    expect((await first).status).toBe(200)
    expect((await small.call('GET', SECRETS)).json.total).toBe(1)
  })
})

describe('the value', () => {
  it('is read where the flag is, by who has the permission for it, and leaves an entry', async () => {
    const authorize: Authorize = async ({ actor, action }) => action !== 'secret.read_value' || actor.type === 'service_account'
    await using open = await startService({ withReader: true, authorize })
    const { id } = (await open.call('POST', SECRETS, { key: 'a', value: 'plain' })).json
    const bytes = (await open.call('POST', SECRETS, { key: 'b', value_base64: '/wA=' })).json.id
    expectProblem(await open.call('GET', `${SECRETS}/${id}/value`), 403, 'permission_denied')
    const robot = { 'x-api-key': OTHER_KEY }
    const answer = await open.call('GET', `${SECRETS}/${id}/value`, undefined, robot)
    expect([answer.json, answer.headers.get('etag'), answer.headers.get('cache-control')]).toEqual([
      { id, key: 'a', object: 'sgp_cloud_secret_value', value: 'plain' },
      '"1"',
      'no-store',
    ])
    expect((await open.call('GET', `${SECRETS}/${bytes}/value`, undefined, robot)).json).toMatchObject({ value_base64: '/wA=' })
    expectProblem(await open.call('GET', `${SECRETS}/${NOWHERE}/value`, undefined, robot), 404, 'not_found')
    const trail = await Array.fromAsync(open.registry.account(accountId('acme'), ROBOT).audit())
    expect(trail.filter(({ action }) => action === 'secret.read_value').map(({ outcome }) => outcome)).toEqual(['denied', 'ok', 'ok', 'failed'])
    expect(JSON.stringify(open.app.document())).toContain('readSecretValue')
  })
})

describe('keys of another registry', () => {
  it('are wider where the option says so', async () => {
    await using wide = await startService({ keys: 'any' })
    expect((await wide.call('POST', SECRETS, { key: 'OPENAI_API_KEY', value: VALUE })).json.key).toBe('OPENAI_API_KEY')
    for (const key of ['"a\\nb"', String.raw`"\ud800"`]) {
      const answer = await wide.call('POST', SECRETS, `{"key":${key},"value":"x"}`)
      expectProblem(answer, 422, 'invalid_argument')
      expect(fields(answer)).toEqual(['key'])
    }
  })
})

describe('what a log is told', () => {
  it('has route, status and caller, and nothing that a client wrote', async () => {
    const events: unknown[] = []
    await using logged = await startService({ onRequest: event => events.push(event) })
    const { id } = (await logged.call('POST', SECRETS, { key: 'a', value: VALUE })).json
    await logged.call('GET', `${SECRETS}/${id}?token=${VALUE}`)
    await logged.call('GET', `/${VALUE}?${VALUE}`)
    await logged.call('GET', `${SECRETS}?sort_by=${VALUE}`)
    expect(events).toMatchObject([
      { method: 'POST', route: SECRETS, status: 200, aborted: false, account: 'acme', actor: 'ada', secret: id },
      { method: 'GET', route: `${SECRETS}/{secret_id}`, status: 200, secret: id },
      { method: 'GET', route: undefined, status: 404, code: 'route_not_found' },
      { method: 'GET', route: SECRETS, status: 422, code: 'invalid_argument' },
    ])
    expect(JSON.stringify(events)).not.toContain(VALUE)
    expect(JSON.stringify(events)).not.toContain('key-of-ada')
  })
})
