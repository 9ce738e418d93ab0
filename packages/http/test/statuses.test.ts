import { randomUUID } from 'node:crypto'
import {
  createSecretRegistry,
  memoryDriver,
  memoryMetadata,
  unsafeAllowEveryone,
  type Failure,
  type SecretDriver,
  type SecretErrorCode,
} from '@strongroom/core'
import { describe, expect, it } from 'vitest'
import { createSecretsApp } from '../src/index.ts'
import { startSecretsServer } from '../src/node/index.ts'
import { answersIn, exchange } from './support/raw.ts'
import { startService, type Answer, type Service, type ServiceOptions } from './support/service.ts'

// Every status and code of the API, each by a request that gets it, over the wire.

const SECRETS = '/v5/sgp/secrets'
const NOWHERE = `${SECRETS}/01890a5d-ac96-774b-bcce-b302099a8057`
const VALUE = 'the-value-that-no-answer-has'
const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  417: 'Expectation Failed',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}

interface Seen {
  readonly status: number
  readonly code: string
  readonly effect?: string | undefined
  readonly retryAfter?: string | undefined
  readonly shouldRetry?: string | undefined
  readonly paths?: readonly string[] | undefined
}

interface Case extends Seen {
  /** What makes it. */
  readonly of: string
  readonly options?: ServiceOptions
  readonly ask: (service: Service) => Promise<Answer>
}

const bare = (fields: Seen): Seen => JSON.parse(JSON.stringify(fields)) as Seen
const seenIn = ({ status, headers, json }: Answer): Seen =>
  bare({
    status,
    code: json.code,
    effect: json.effect,
    retryAfter: headers.get('retry-after') ?? undefined,
    shouldRetry: headers.get('x-should-retry') ?? undefined,
    paths: json.errors?.map(({ path }: { readonly path: string }) => path),
  })

const list = async (service: Service, headers = {}): Promise<Answer> => await service.call('GET', SECRETS, undefined, headers)
const create = async (service: Service, body: object = {}, headers = {}): Promise<Answer> =>
  await service.call('POST', SECRETS, { key: 'a', value: VALUE, ...body }, headers)
const twice = async (work: () => Promise<Answer>): Promise<Answer> => (await work(), await work())
const raw =
  (bytes: string) =>
  async (service: Service): Promise<Answer> => {
    const [answer] = answersIn(await exchange(service.server.port, bytes, { end: false }))
    if (answer === undefined) throw new Error('no answer')
    return { status: answer.status, headers: new Headers(answer.headers), text: answer.body, json: JSON.parse(answer.body) }
  }

let open: () => void = () => {}
/** Creates wait until `open` is called. */
function heldCreates(): ServiceOptions {
  const driver = memoryDriver()
  const gate = new Promise<void>(done => void (open = done))
  return { driver: { ...driver, create: async (...all: Parameters<typeof driver.create>) => (await gate, await driver.create(...all)) } }
}

const OF_REQUESTS: readonly Case[] = [
  { of: 'what is no HTTP', status: 400, code: 'malformed_request', ask: raw('hello\r\n\r\n') },
  { of: 'what is no JSON', status: 400, code: 'malformed_json', ask: service => service.call('POST', SECRETS, '{') },
  { of: 'a host that is none', status: 400, code: 'malformed_request', ask: raw('GET /healthz HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n') },
  {
    of: 'what is not UTF-8',
    status: 400,
    code: 'malformed_json',
    ask: service => service.call('POST', SECRETS, Buffer.from('7b22ff227d', 'hex')),
  },
  { of: 'no key', status: 401, code: 'unauthenticated', ask: service => list(service, { 'x-api-key': 'x' }) },
  { of: 'another account', status: 403, code: 'account_not_allowed', ask: service => list(service, { 'x-selected-account-id': 'x' }) },
  { of: 'what is denied', status: 403, code: 'permission_denied', options: { authorize: async () => false }, ask: list },
  { of: 'no secret', status: 404, code: 'not_found', ask: service => service.call('GET', NOWHERE) },
  { of: 'an id of another form', status: 404, code: 'not_found', ask: service => service.call('GET', `${SECRETS}/sec_1`) },
  { of: 'no route', status: 404, code: 'route_not_found', ask: service => service.call('GET', '/nowhere') },
  { of: 'another method', status: 405, code: 'method_not_allowed', ask: service => service.call('PUT', SECRETS) },
  {
    of: 'a proxy’s request',
    status: 405,
    code: 'method_not_allowed',
    ask: raw('CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n'),
  },
  {
    of: 'a head that does not come',
    status: 408,
    code: 'request_timeout',
    options: { server: { times: { headersMs: 200 } } },
    ask: raw('GET /healthz'),
  },
  { of: 'a key that is there', status: 409, code: 'already_exists', shouldRetry: 'false', ask: service => twice(() => create(service)) },
  {
    of: 'another revision',
    status: 412,
    code: 'precondition_failed',
    shouldRetry: 'false',
    ask: async service => {
      const { id } = (await create(service)).json
      return await service.call('PATCH', `${SECRETS}/${id}`, { description: 'x' }, { 'if-match': '"2"' })
    },
  },
  { of: 'a body too large', status: 413, code: 'body_too_large', options: { maxBodyBytes: 20 }, ask: create },
  {
    of: 'a body of another type',
    status: 415,
    code: 'unsupported_media_type',
    ask: service => service.call('POST', SECRETS, 'x', { 'content-type': 'text/plain' }),
  },
  {
    of: 'a body that is compressed',
    status: 415,
    code: 'unsupported_media_type',
    ask: service => create(service, {}, { 'content-encoding': 'gzip' }),
  },
  {
    of: 'an expectation',
    status: 417,
    code: 'expectation_failed',
    ask: raw('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: the-unexpected\r\n\r\n'),
  },
  { of: 'a field that is wrong', status: 422, code: 'invalid_argument', paths: ['key'], ask: service => create(service, { key: 'A' }) },
  {
    of: 'no account, where there are several',
    status: 422,
    code: 'invalid_argument',
    paths: ['x-selected-account-id'],
    ask: async service => {
      const response = await fetch(service.url + SECRETS, { headers: { 'x-api-key': 'key-of-ada' } })
      const json = await response.json()
      return { status: response.status, headers: response.headers, text: '', json }
    },
  },
  {
    of: 'a cursor of nobody',
    status: 422,
    code: 'invalid_argument',
    paths: ['starting_after'],
    ask: service => service.call('GET', `${SECRETS}?starting_after=x`),
  },
  { of: 'a value too large', status: 422, code: 'too_large', paths: ['value'], ask: service => create(service, { value: 'x'.repeat(25_001) }) },
  {
    of: 'an idempotency key, without keys for it',
    status: 422,
    code: 'unsupported',
    paths: ['idempotency-key'],
    options: { requestKeys: undefined },
    ask: service => create(service, {}, { 'idempotency-key': 'x' }),
  },
  {
    of: 'an idempotency key that was used',
    status: 422,
    code: 'idempotency_mismatch',
    paths: ['idempotency-key'],
    ask: async service => {
      const headers = { 'idempotency-key': randomUUID() }
      await create(service, {}, headers)
      return await create(service, { key: 'b' }, headers)
    },
  },
  {
    of: 'one request too many',
    status: 429,
    code: 'rate_limited',
    retryAfter: '60',
    shouldRetry: 'true',
    options: { rateLimit: { requests: 1, perSeconds: 60 } },
    ask: service => twice(() => list(service)),
  },
  {
    of: 'header fields too large for it',
    status: 431,
    code: 'headers_too_large',
    options: { server: { maxHeaderBytes: 2000 } },
    ask: raw(`GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Large: ${'x'.repeat(3000)}\r\n\r\n`),
  },
  {
    of: 'who calls cannot be told',
    status: 503,
    code: 'unavailable',
    effect: 'none',
    retryAfter: '1',
    shouldRetry: 'true',
    options: { authenticate: async () => await Promise.reject(new Error(VALUE)) },
    ask: list,
  },
  {
    of: 'what is not ready',
    status: 503,
    code: 'unavailable',
    retryAfter: '2',
    shouldRetry: 'true',
    options: { readiness: { store: async () => await Promise.reject(new Error(VALUE)) } },
    ask: service => service.call('GET', '/readyz'),
  },
  {
    of: 'what throws before it looks',
    status: 503,
    code: 'unavailable',
    retryAfter: '2',
    shouldRetry: 'true',
    options: {
      readiness: {
        store: () => {
          throw new Error(VALUE)
        },
      },
    },
    ask: service => service.call('GET', '/readyz'),
  },
  {
    of: 'no place',
    status: 503,
    code: 'overloaded',
    effect: 'none',
    retryAfter: '1',
    shouldRetry: 'true',
    options: { ...heldCreates(), maxConcurrent: 1 },
    ask: async service => {
      const first = create(service)
      await expect.poll(async () => (await list(service)).status).toBe(503)
      const answer = await list(service)
      open()
      await first
      return answer
    },
  },
]

/** A store whose every create fails so. */
const failing = (code: SecretErrorCode, more: Partial<Failure> = {}): SecretDriver => ({
  ...memoryDriver(),
  create: async () => await Promise.reject(new Error(VALUE)),
  classify: () => ({ code, retryable: false, effect: 'none', ...more }),
})

const later = { retryable: true, retryAfterMs: 2500 }
/** What the store says, and what is answered then: with `later` too, to be asked again after 3 s. */
const OF_STORES: readonly (readonly [SecretErrorCode, number, string])[] = [
  ['unauthenticated', 502, 'store_refused'],
  ['permission_denied', 502, 'store_refused'],
  ['throttled', 503, 'throttled'],
  ['quota_exceeded', 503, 'quota_exceeded'],
  ['unavailable', 503, 'unavailable'],
  ['aborted', 503, 'unavailable'],
  ['closed', 503, 'unavailable'],
  ['deadline_exceeded', 504, 'deadline_exceeded'],
  ['corrupt', 502, 'corrupt'],
  ['unknown', 502, 'unknown'],
  ['misconfigured', 500, 'misconfigured'],
]
const backend: readonly Case[] = OF_STORES.flatMap(([code, status, shown]) => [
  {
    of: `a store: ${code}`,
    status,
    code: shown,
    effect: 'none',
    shouldRetry: 'false',
    options: { driver: failing(code), policy: { attempts: 1, deadlineMs: 500 } },
    ask: create,
  },
  {
    of: `a store: ${code}, which passes`,
    status,
    code: shown,
    effect: 'none',
    shouldRetry: 'true',
    retryAfter: '3',
    options: { driver: failing(code, later), policy: { attempts: 1, deadlineMs: 500 } },
    ask: create,
  },
])

/** What a store says that the caller may mend. */
const OF_NAMES: readonly (readonly [SecretErrorCode, Seen, Seen])[] = [
  ['name_held', { status: 409, code: 'conflict', shouldRetry: 'false' }, { status: 409, code: 'conflict', shouldRetry: 'true' }],
  [
    'version_unusable',
    { status: 409, code: 'version_unusable', shouldRetry: 'false' },
    { status: 409, code: 'version_unusable', shouldRetry: 'true' },
  ],
  ['conflict', { status: 409, code: 'conflict', shouldRetry: 'false' }, { status: 409, code: 'conflict', shouldRetry: 'true', retryAfter: '1' }],
  ['invalid_argument', { status: 422, code: 'invalid_argument', paths: [''] }, { status: 422, code: 'invalid_argument', paths: [''] }],
  ['unsupported', { status: 422, code: 'unsupported', paths: [''] }, { status: 422, code: 'unsupported', paths: [''] }],
  ['too_large', { status: 422, code: 'too_large', paths: ['value'] }, { status: 422, code: 'too_large', paths: ['value'] }],
]
const names: readonly Case[] = OF_NAMES.flatMap(([code, once, again]) => [
  { of: `a store: ${code}`, ...once, options: { driver: failing(code), policy: { attempts: 1, deadlineMs: 500 } }, ask: create },
  {
    of: `a store: ${code}, which passes`,
    ...again,
    options: { driver: failing(code, later), policy: { attempts: 1, deadlineMs: 500 } },
    ask: create,
  },
])

const answered = new Set<string>()
const expectSeen = (answer: Answer, expected: Seen): void => {
  expect(seenIn(answer), answer.text).toEqual(bare(expected))
  expect(answer.json).toMatchObject({
    type: 'about:blank',
    status: expected.status,
    title: TITLES[expected.status],
    detail: expect.stringMatching(/./),
  })
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  expect(answer.text).not.toContain(VALUE)
  answered.add(expected.code)
}

describe('each status and code', () => {
  it.each([...OF_REQUESTS, ...backend, ...names])('of $of: $status $code', async ({ of: _, options, ask, ...expected }) => {
    await using service = await startService(options)
    expectSeen(await ask(service), expected)
  })

  it('of a store that does not answer: 503, and it may have happened', async () => {
    const silent: SecretDriver = {
      ...memoryDriver(),
      create: async (_, { signal }) => await new Promise((_done, fail) => signal.addEventListener('abort', () => fail(new Error(VALUE)))),
    }
    await using service = await startService({ driver: silent, policy: { attempts: 1, deadlineMs: 200, leaseMs: 500 } })
    const answer = await create(service)
    expectSeen(answer, { ...seenIn(answer), status: 503, code: 'unavailable', effect: 'unknown' })
    expect(['true', 'false']).toContain(answer.headers.get('x-should-retry'))
  })

  it('of what nobody expected: 500, told to unsafeOnError with the request’s trace, and to nobody else', async () => {
    const told: unknown[] = []
    const parts = { metadata: memoryMetadata(), stores: { main: memoryDriver() }, writeTo: 'main', authorize: unsafeAllowEveryone }
    await using registry = await createSecretRegistry({ id: 'wire', ...parts })
    const error = new Error(VALUE)
    const broken = Object.assign(Object.create(registry) as typeof registry, {
      account: () => {
        throw error
      },
    })
    const app = createSecretsApp(broken, {
      authenticate: async () => ({ account: 'acme' as never, actor: { id: 'ada', type: 'user' }, client: 'ada' }),
      unsafeOnError: (thrown, trace) => {
        told.push([thrown, trace])
        throw new Error(VALUE)
      },
    })
    await using server = await startSecretsServer({ fetch: app.fetch })
    const response = await fetch(server.url + SECRETS, { headers: { 'x-request-id': 'the-request' } })
    const text = await response.text()
    expectSeen(
      { status: response.status, headers: response.headers, text, json: JSON.parse(text) },
      { status: 500, code: 'internal', shouldRetry: 'false' },
    )
    expect(told).toEqual([[error, { requestId: 'the-request', traceparent: undefined }]])
  })

  it('of the document has been answered above', async () => {
    await using service = await startService()
    const { components } = service.app.document() as {
      readonly components: {
        readonly schemas: { readonly Problem: { readonly properties: { readonly code: { readonly enum: readonly string[] } } } }
      }
    }
    expect([...answered].toSorted()).toEqual(components.schemas.Problem.properties.code.enum.toSorted())
  })
})
