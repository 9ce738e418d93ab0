import type {
  CreateSecretBody,
  ListQuery as WireQuery,
  ProblemDocument,
  SecretPageResource,
  SecretResource,
  SecretValueResource,
  UpdateSecretBody,
} from '../schemas.ts'
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

const SECRETS = 'v5/sgp/secrets'
const TIMEOUT_MS = 30_000

/** A client of the secrets API. @throws TypeError for a `baseUrl` that is none */
export function createSecretsClient(options: SecretsClientOptions): SecretsClient {
  const base = new URL(String(options.baseUrl).replace(/\/?$/, '/'))
  const { fetch: send = async request => await fetch(request), timeoutMs = TIMEOUT_MS } = options

  const answer = async (call: Call): Promise<Answer> => {
    const { method, query, body, signal } = call
    const url = new URL(call.path, base)
    for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) url.searchParams.set(name, String(value))
    const headers = new Headers(await credentials(options))
    if (body !== undefined) headers.set('content-type', 'application/json')
    for (const [name, value] of Object.entries(call.headers ?? {})) if (value !== undefined) headers.set(name, value)
    const limit = AbortSignal.timeout(timeoutMs)
    const request = new Request(url, {
      method,
      headers,
      redirect: 'error',
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
  const json = async (call: Call): Promise<{ readonly value: unknown; readonly etag: string }> => {
    const { response, text } = await answer(call)
    try {
      return { value: JSON.parse(text), etag: response.headers.get('etag') ?? '' }
    } catch {
      throw notUnderstood(call, response.status)
    }
  }
  const tagged = async (call: Call): Promise<SecretWithTag> => {
    const { value, etag } = await json(call)
    return { ...(value as SecretResource), etag }
  }
  const pathOf = (id: string): string => `${SECRETS}/${encodeURIComponent(id)}`

  const client: SecretsClient = {
    create: async (body, { idempotencyKey, signal } = {}) =>
      await tagged({ operation: 'createSecret', method: 'POST', path: SECRETS, body, headers: { 'idempotency-key': idempotencyKey }, signal }),
    list: async (query, { signal } = {}) =>
      (await json({ operation: 'listSecrets', method: 'GET', path: SECRETS, query, signal })).value as SecretPageResource,
    get: async (id, { signal } = {}) => await tagged({ operation: 'getSecret', method: 'GET', path: pathOf(id), signal }),
    update: async (id, body, { idempotencyKey, ifMatch, signal } = {}) => {
      const headers = { 'idempotency-key': idempotencyKey, 'if-match': ifMatch }
      return await tagged({ operation: 'updateSecret', method: 'PATCH', path: pathOf(id), body, headers, signal })
    },
    delete: async (id, { ifMatch, signal } = {}) =>
      void (await answer({ operation: 'deleteSecret', method: 'DELETE', path: pathOf(id), headers: { 'if-match': ifMatch }, signal })),
    readValue: async (id, { signal } = {}) =>
      (await json({ operation: 'readSecretValue', method: 'GET', path: `${pathOf(id)}/value`, signal })).value as SecretValueResource,
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

async function credentials({ apiKey, token, account }: SecretsClientOptions): Promise<Record<string, string>> {
  const bearer = typeof token === 'function' ? await token() : token
  return {
    accept: 'application/json, application/problem+json',
    ...(apiKey !== undefined && { 'x-api-key': apiKey }),
    ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
    ...(account !== undefined && { 'x-selected-account-id': account }),
  }
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
  const { status } = response
  const problem = problemIn(response, text, [body?.value, body?.value_base64])
  if (problem === undefined) return notUnderstood(call, status)
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  const retryAfterMs = Number.isFinite(seconds) ? seconds * 1000 : undefined
  return new SecretsApiError({ operation, status, code: problem.code, effect: problem.effect, problem, retryAfterMs })
}

/** The problem document; undefined for anything else, and for one that quotes the value that was sent. */
function problemIn({ headers }: Response, text: string, sent: readonly (string | undefined)[]): ProblemDocument | undefined {
  try {
    if (headers.get('content-type')?.startsWith('application/problem+json') !== true) return undefined
    if (sent.some(value => value !== undefined && value.length > 3 && text.includes(JSON.stringify(value).slice(1, -1)))) return undefined
    const problem = JSON.parse(text) as ProblemDocument
    return typeof problem.code === 'string' && typeof problem.detail === 'string' ? problem : undefined
  } catch {
    // It is no problem document; what it is instead may quote the request.
    return undefined
  }
}

function notUnderstood({ operation, method }: Call, status: number): SecretsApiError {
  // Something on the way answered; what it did with a write is not known.
  return new SecretsApiError({ operation, status, code: 'not_understood', effect: method === 'GET' || status < 500 ? undefined : 'unknown' })
}
