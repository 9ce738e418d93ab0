import type {
  CreateSecretBody,
  ListQuery as WireQuery,
  SecretPageResource,
  SecretResource,
  SecretValueResource,
  UpdateSecretBody,
} from '../schemas.ts'
import { baseUrlOf } from './base-url.ts'
import { headerFields } from './header-fields.ts'
import { jsonIn } from './json-in.ts'
import { problemIn } from './problem-in.ts'
import { SecretsApiError } from './secrets-api-error.ts'

/** Where the API is, and who asks. */
export interface SecretsClientOptions {
  /** Such as `https://secrets.example.com`. */
  readonly baseUrl: string | URL
  /** Sent as `x-api-key`. */
  readonly apiKey?: string | undefined
  /** Sent as `Authorization: Bearer`; asked for at each request where it is a function. */
  readonly token?: string | (() => string | Promise<string>) | undefined
  /** Sent as `x-selected-account-id`. */
  readonly account?: string | undefined
  /** The runtime's own by default. */
  readonly fetch?: ((request: Request) => Promise<Response>) | undefined
  /** Milliseconds for a request; 30,000 by default. */
  readonly timeoutMs?: number | undefined
}

/** Of every call. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}
/** Of a write to a secret that is there. */
export interface WriteOptions extends CallOptions {
  /** The `etag` that the secret must still have. */
  readonly ifMatch?: string | undefined
}
/** Of a call that may be repeated with one effect. */
export interface RepeatableOptions extends CallOptions {
  /** For a call that may be repeated: for a day the same key and request have one effect and one answer. */
  readonly idempotencyKey?: string | undefined
}

/** As in the API: `limit`, `starting_after` or `ending_before`, `sort_by`, `sort_order`. */
export type ListQuery = Readonly<WireQuery>
/** A secret, and the tag of its revision, for `ifMatch`. */
export type SecretWithTag = SecretResource & { readonly etag: string }

/** The API as functions. Each throws a {@link SecretsApiError}; none repeats by itself. */
export interface SecretsClient {
  create(body: CreateSecretBody, options?: RepeatableOptions): Promise<SecretWithTag>
  list(query?: ListQuery, options?: CallOptions): Promise<SecretPageResource>
  get(id: string, options?: CallOptions): Promise<SecretWithTag>
  update(id: string, body: UpdateSecretBody, options?: RepeatableOptions & WriteOptions): Promise<SecretWithTag>
  delete(id: string, options?: WriteOptions): Promise<void>
  /** Where the server has the route for it. */
  readValue(id: string, options?: CallOptions): Promise<SecretValueResource>
  /** Page by page until none is left: forward from the last id, or with `ending_before` backward from the first. */
  pages(query?: ListQuery, options?: CallOptions): AsyncGenerator<SecretPageResource, void>
  /** The secrets of those pages. */
  all(query?: ListQuery, options?: CallOptions): AsyncGenerator<SecretResource, void>
}

interface Call {
  readonly operation: string
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: ListQuery | undefined
  readonly body?: CreateSecretBody | UpdateSecretBody | undefined
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly signal?: AbortSignal | undefined
}

/** One that came to its end. */
interface Answer {
  readonly response: Response
  readonly text: string
}

/** What each answer says that it is. */
interface Typed {
  readonly object: string
}
interface Understood<Resource> {
  readonly value: Resource
  readonly etag: string
}

const SECRETS = 'v5/sgp/secrets'
const ACCEPT = 'application/json, application/problem+json'
const TIMEOUT_MS = 30_000
/** What a timer can wait. */
const MAX_TIMEOUT_MS = 2_147_483_647

/** A client of the secrets API. @throws TypeError for an option that cannot be: a `baseUrl` that is none, a credential that no header field can have */
export function createSecretsClient(options: SecretsClientOptions): SecretsClient {
  const { apiKey, token, account, fetch: send = async request => await fetch(request), timeoutMs = TIMEOUT_MS } = options
  const base = baseUrlOf(options.baseUrl)
  const fixed = headerFields({ accept: ACCEPT, 'x-api-key': apiKey, 'x-selected-account-id': account })
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > MAX_TIMEOUT_MS) {
    throw new TypeError(`timeoutMs is a whole number from 1 to ${MAX_TIMEOUT_MS}`)
  }

  const answer = async (call: Call): Promise<Answer> => {
    const { method, query, body, signal } = call
    const url = new URL(call.path, base)
    for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) url.searchParams.set(name, String(value))
    const bearer = typeof token === 'function' ? await token() : token
    const authorization = bearer === undefined ? undefined : `Bearer ${bearer}`
    const type = body === undefined ? undefined : 'application/json'
    const headers = headerFields({ authorization, 'content-type': type, ...call.headers }, fixed)
    const limit = AbortSignal.timeout(timeoutMs)
    const request = new Request(url, {
      method,
      headers,
      // Never followed: what was sent is for this server. The answer says that there is one.
      redirect: 'manual',
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const { response, text } = await whole(call, async () => {
      const begun = await send(request)
      return { response: begun, text: await begun.text() }
    })
    if (!response.ok) throw errorOf(call, response, text)
    return { response, text }
  }
  const json = async <Resource extends Typed>(call: Call, object: Resource['object']): Promise<Understood<Resource>> => {
    const { response, text } = await answer(call)
    const value = jsonIn<Typed>(text)
    if (value?.object !== object) throw notUnderstood(call, response)
    return { value: value as Resource, etag: response.headers.get('etag') ?? '' }
  }
  const tagged = async (call: Call): Promise<SecretWithTag> => {
    const { value, etag } = await json<SecretResource>(call, 'sgp_cloud_secret')
    return { ...value, etag }
  }
  const pathOf = (id: string): string => `${SECRETS}/${encodeURIComponent(id)}`

  const client: SecretsClient = {
    create: async (body, { idempotencyKey, signal } = {}) =>
      await tagged({ operation: 'createSecret', method: 'POST', path: SECRETS, body, headers: { 'idempotency-key': idempotencyKey }, signal }),
    list: async (query, { signal } = {}) =>
      (await json<SecretPageResource>({ operation: 'listSecrets', method: 'GET', path: SECRETS, query, signal }, 'list')).value,
    get: async (id, { signal } = {}) => await tagged({ operation: 'getSecret', method: 'GET', path: pathOf(id), signal }),
    update: async (id, body, { idempotencyKey, ifMatch, signal } = {}) => {
      const headers = { 'idempotency-key': idempotencyKey, 'if-match': ifMatch }
      return await tagged({ operation: 'updateSecret', method: 'PATCH', path: pathOf(id), body, headers, signal })
    },
    delete: async (id, { ifMatch, signal } = {}) => {
      const call: Call = { operation: 'deleteSecret', method: 'DELETE', path: pathOf(id), headers: { 'if-match': ifMatch }, signal }
      const { response, text } = await answer(call)
      // A page to log in, of something on the way, is no delete.
      if (text !== '') throw notUnderstood(call, response)
    },
    readValue: async (id, { signal } = {}) => {
      const call: Call = { operation: 'readSecretValue', method: 'GET', path: `${pathOf(id)}/value`, signal }
      return (await json<SecretValueResource>(call, 'sgp_cloud_secret_value')).value
    },
    async *pages(query = {}, given = {}) {
      const backward = query.ending_before !== undefined
      for (let next: ListQuery | undefined = query; next !== undefined;) {
        const page: SecretPageResource = await client.list(next, given)
        yield page
        const at: string | undefined = backward ? page.items[0]?.id : page.items.at(-1)?.id
        next = !page.has_more || at === undefined ? undefined : { ...query, [backward ? 'ending_before' : 'starting_after']: at }
      }
    },
    async *all(query, given) {
      for await (const { items } of client.pages(query, given)) yield* items
    },
  }
  return client
}

/** The answer to its end: one that is cut off on the way says no more than none. @throws SecretsApiError; what the caller's own signal has */
async function whole({ operation, method, signal }: Call, exchange: () => Promise<Answer>): Promise<Answer> {
  try {
    return await exchange()
  } catch {
    signal?.throwIfAborted()
    // What a runtime says of a request may quote it.
    throw new SecretsApiError({ operation, status: undefined, code: 'no_answer', effect: method === 'GET' ? 'none' : 'unknown' })
  }
}

function errorOf(call: Call, response: Response, text: string): SecretsApiError {
  const { operation, body } = call
  const problem = problemIn(response, text, [body?.value, body?.value_base64])
  if (problem === undefined) return notUnderstood(call, response)
  const { code, effect } = problem
  return new SecretsApiError({ operation, status: response.status, code, effect, problem, retryAfterMs: retryAfterMsOf(response) })
}

function notUnderstood({ operation, method }: Call, response: Response): SecretsApiError {
  const { status } = response
  // Something on the way answered; what it did with a write is not known, unless it says that it did not take it.
  const isRefused = status >= 300 && status < 500
  const effect = method === 'GET' || isRefused ? undefined : 'unknown'
  return new SecretsApiError({ operation, status, code: 'not_understood', effect, retryAfterMs: retryAfterMsOf(response) })
}

function retryAfterMsOf({ headers }: Response): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) ? seconds * 1000 : undefined
}
