import { OpenAPIHono, type Hook } from '@hono/zod-openapi'
import {
  isSecretError,
  secretId,
  type AccountSecrets,
  type SecretId,
  type SecretReader,
  type SecretRecord,
  type SecretRegistry,
} from '@strongroom/core'
import type { Context, MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { Authenticate, Caller, Refusal } from './authentication/authenticate.ts'
import { ACCOUNT_HEADER } from './authentication/authenticate.ts'
import { bodyText } from './body.ts'
import { DOCS_POLICY, docsFiles } from './docs-page.ts'
import { openApiDocument } from './document.ts'
import { Places, RateLimits, type RateLimit } from './limits.ts'
import { ifMatchOf } from './preconditions.ts'
import { invalid, Problem, problemDocument, problemOf, type Asked, type FieldProblem } from './problem.ts'
import { Readiness, type ReadinessCheck } from './readiness.ts'
import * as routes from './routes.ts'
import type { Keys } from './schemas.ts'
import { signalOf, traceOf, type Trace } from './tracing.ts'
import { etagOf, pageResource, secretResource } from './wire.ts'

export interface SecretsAppOptions {
  /** Who calls. Required: for tests and a developer's own machine there is {@link unsafeAnyone}. */
  readonly authenticate: Authenticate
  /** As the registry's option: what the key of a new secret may be. `portable` by default. */
  readonly keys?: Keys | undefined
  /** Adds `GET /v5/sgp/secrets/{secret_id}/value`. The reader's own `authorize` decides, by the action `secret.read_value`. */
  readonly reader?: SecretReader | undefined
  /** Adds `/docs`, a page for people. Needs the package `swagger-ui-dist`, and a runtime with files. */
  readonly docs?: boolean | undefined
  /** What `/readyz` looks at, beside the database. */
  readonly readiness?: Readonly<Record<string, ReadinessCheck>> | undefined
  /** The largest body, in bytes; 1 MiB by default. */
  readonly maxBodyBytes?: number | undefined
  /** Requests that are worked on at once; beyond, 503 with `Retry-After`. 1,000 by default. */
  readonly maxConcurrent?: number | undefined
  /** For each caller's key; beyond, 429 with `Retry-After`. None by default. */
  readonly rateLimit?: RateLimit | undefined
  /** Told of every request once it has been answered: for an access log. */
  readonly onRequest?: ((event: RequestEvent) => void) | undefined
  /** Told of what was thrown where nobody expected it. It may quote a request, so it belongs into no log as it is. */
  readonly unsafeOnError?: ((error: unknown, trace: Trace) => void) | undefined
}

/** What may be known of a request in a log: no query, no body, no credential, no path that a client made up. */
export interface RequestEvent extends Trace {
  readonly at: Date
  readonly durationMs: number
  readonly method: string
  /** The route's pattern; undefined for a path that is no route. */
  readonly route: string | undefined
  readonly status: number
  /** The problem's code. */
  readonly code: string | undefined
  /** Where the caller is known. */
  readonly client: string | undefined
  readonly account: string | undefined
  readonly actor: string | undefined
  readonly secret: string | undefined
}

export interface SecretsApp {
  /** A web-standard handler: it mounts wherever one is taken. It never throws. */
  readonly fetch: (request: Request) => Promise<Response>
  /** The OpenAPI 3.1 document of its routes. */
  readonly document: () => object
}

/** What the handlers and the log share of one request. */
interface Exchange extends Trace {
  route: string | undefined
  code: string | undefined
  caller: Caller | undefined
  secret: SecretId | undefined
  asked: Asked
}
type AppEnv = { Bindings: Exchange }
type AppContext = Context<AppEnv>

const MAX_BODY_BYTES = 1_048_576
const MAX_CONCURRENT = 1000
const JSON_TYPE = 'application/json'
const PROBLEM_TYPE = 'application/problem+json'
/** The names of fields that a client made up are repeated only where they are short and plain. */
const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,39}$/

/**
 * The secrets API over a registry.
 * @throws TypeError for options that are wrong; Error when `docs` is asked for and its package is not installed
 */
export function createSecretsApp(registry: SecretRegistry, options: SecretsAppOptions): SecretsApp {
  if (typeof options?.authenticate !== 'function') throw new TypeError('authenticate is required: a function that says who calls')
  const { authenticate, keys = 'portable', reader, docs = false, onRequest, unsafeOnError } = options
  const maxBodyBytes = whole('maxBodyBytes', options.maxBodyBytes ?? MAX_BODY_BYTES)
  const places = new Places(whole('maxConcurrent', options.maxConcurrent ?? MAX_CONCURRENT))
  const rates = new RateLimits(options.rateLimit)
  const readiness = new Readiness({ database: () => databaseAnswers(registry), ...options.readiness })
  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })

  const known =
    (route: string): MiddlewareHandler<AppEnv> =>
    async (context, next) => {
      context.env.route = route
      context.env.caller = await callerOf(authenticate, context.req.raw)
      await rates.take(context.env.caller.client)
      await next()
    }
  /** Before the checks of the body, after it has come. */
  const withBody: MiddlewareHandler<AppEnv> = async (context, next) => {
    const text = await bodyText(context.req.raw, maxBodyBytes)
    // Where Hono looks for it first; a promise, whatever its type says.
    context.req.bodyCache.text = Promise.resolve(text) as unknown as string
    await next()
  }
  const counted: MiddlewareHandler<AppEnv> = async (_, next) => await places.within(next)
  const secrets = ({ env }: AppContext): AccountSecrets => {
    const { account, actor } = callerIn(env)
    return registry.account(account, actor)
  }
  const one = (context: AppContext, record: SecretRecord, headers: Readonly<Record<string, string>> = {}): Response =>
    answer(context, 200, secretResource(record), { etag: etagOf(record), ...headers })

  app.openapi({ ...routes.createSecret(keys), middleware: [known(routes.SECRETS), withBody, counted] }, async context => {
    const { key, value, value_base64: base64, description } = context.req.valid('json')
    const { 'idempotency-key': idempotencyKey } = context.req.valid('header')
    context.env.asked = { ifMatch: false, idempotencyKey: idempotencyKey !== undefined }
    const input = { key, value: value ?? bytesOf(base64 ?? ''), ...(typeof description === 'string' && { description }) }
    const record = await secrets(context).create(input, { idempotencyKey, signal: signalOf(context.env) })
    context.env.secret = record.id
    return typed(one(context, record, { location: `${routes.SECRETS}/${record.id}` }))
  })

  app.openapi({ ...routes.listSecrets, middleware: [known(routes.SECRETS), counted] }, async context => {
    const { limit, starting_after: after, ending_before: before, sort_by: sortBy, sort_order: sortOrder } = context.req.valid('query')
    const cursor = after !== undefined ? 'starting_after' : before !== undefined ? 'ending_before' : undefined
    context.env.asked = { ifMatch: false, idempotencyKey: false, cursor }
    const startingAfter = after === undefined ? undefined : secretId(after)
    const endingBefore = before === undefined ? undefined : secretId(before)
    return typed(answer(context, 200, pageResource(await secrets(context).list({ limit, startingAfter, endingBefore, sortBy, sortOrder }))))
  })

  app.openapi({ ...routes.getSecret, middleware: [known(routes.SECRET), counted] }, async context =>
    typed(one(context, await secrets(context).describe(idOf(context)))),
  )

  app.openapi({ ...routes.updateSecret, middleware: [known(routes.SECRET), withBody, counted] }, async context => {
    const { value, value_base64: base64, description } = context.req.valid('json')
    const { 'idempotency-key': idempotencyKey, 'if-match': ifMatch } = context.req.valid('header')
    const id = idOf(context)
    context.env.asked = { ifMatch: ifMatch !== undefined, idempotencyKey: idempotencyKey !== undefined }
    const account = secrets(context)
    const ifRevision = await ifMatchOf(ifMatch, async () => (await account.describe(id)).revision)
    const given = value ?? (base64 === undefined ? undefined : bytesOf(base64))
    return typed(one(context, await account.update(id, { value: given, description }, { ifRevision, idempotencyKey, signal: signalOf(context.env) })))
  })

  app.openapi({ ...routes.deleteSecret, middleware: [known(routes.SECRET), counted] }, async context => {
    const { 'if-match': ifMatch } = context.req.valid('header')
    const id = idOf(context)
    context.env.asked = { ifMatch: ifMatch !== undefined, idempotencyKey: false }
    const account = secrets(context)
    const ifRevision = await ifMatchOf(ifMatch, async () => (await account.describe(id)).revision)
    await account.delete(id, { ifRevision, signal: signalOf(context.env) })
    return typed(new Response(null, { status: 204, headers: headersOf(context.env) }))
  })

  if (reader !== undefined) {
    app.openapi({ ...routes.readValue, middleware: [known(routes.VALUE), counted] }, async context => {
      const { account, actor } = callerIn(context.env)
      const { record, value } = await reader.account(account, actor).read({ id: idOf(context) }, { signal: signalOf(context.env) })
      try {
        const { id, key } = record
        const shown = value.isText ? { value: value.revealText() } : { value_base64: base64Of(value.revealBytes()) }
        return typed(answer(context, 200, { id, key, object: 'sgp_cloud_secret_value' as const, ...shown }, { etag: etagOf(record) }))
      } finally {
        value[Symbol.dispose]()
      }
    })
  }

  app.openapi(routes.health, context => {
    context.env.route = routes.health.path
    return typed(answer(context, 200, { status: 'ok' }))
  })
  app.openapi(routes.ready, async context => {
    context.env.route = routes.ready.path
    return typed(answer(context, 200, { status: 'ready', checks: await readiness.check() }))
  })

  let documentText: string | undefined
  const document = (): object => openApiDocument(app)
  app.get('/openapi.json', context => {
    context.env.route = '/openapi.json'
    documentText ??= JSON.stringify(document())
    return new Response(documentText, { status: 200, headers: { 'content-type': JSON_TYPE, ...headersOf(context.env) } })
  })
  if (docs) {
    const file = docsFiles()
    const show = async (context: AppContext): Promise<Response> => {
      context.env.route = '/docs'
      const found = await file(context.req.param('file') ?? '')
      if (found === undefined) throw noRoute()
      return new Response(found.body as string, {
        status: 200,
        headers: { 'content-type': found.type, ...headersOf(context.env), 'content-security-policy': DOCS_POLICY },
      })
    }
    app.get('/docs', show)
    app.get('/docs/:file', show)
  }

  refuseOtherMethods(app)
  app.notFound(context => problemResponse(context.env, noRoute()))
  app.onError((error, context) => {
    if (error instanceof HTTPException) return problemResponse(context.env, problemOfHono(error))
    const unexpected = !(error instanceof Problem) && !isSecretError(error)
    if (unexpected) unsafeOnError?.(error, traceIn(context.env))
    return problemResponse(context.env, error)
  })

  return {
    document,
    async fetch(request) {
      const at = new Date()
      const startedAt = performance.now()
      const exchange: Exchange = {
        ...traceOf(request.headers),
        route: undefined,
        code: undefined,
        caller: undefined,
        secret: undefined,
        asked: { ifMatch: false, idempotencyKey: false },
      }
      let response: Response
      try {
        response = await app.fetch(request, exchange)
      } catch (error) {
        // What Hono itself could not take, such as a path that cannot be read.
        unsafeOnError?.(error, traceIn(exchange))
        response = problemResponse(exchange, error)
      }
      if (onRequest !== undefined) observe(onRequest, { request, response, exchange, at, durationMs: performance.now() - startedAt })
      return response
    },
  }
}

/** Every path of the API with every other method: 405, and what is allowed. */
function refuseOtherMethods(app: OpenAPIHono<AppEnv>): void {
  const methods = new Map<string, Set<string>>()
  for (const { method, path } of app.routes) {
    const known = methods.get(path) ?? new Set()
    if (method !== 'ALL') known.add(method)
    methods.set(path, known)
  }
  for (const [path, known] of methods) {
    if (known.has('GET')) known.add('HEAD')
    const allow = [...known].toSorted().join(', ')
    app.all(path, () => {
      throw new Problem({ status: 405, code: 'method_not_allowed', detail: `allowed: ${allow}`, headers: { allow } })
    })
  }
}

async function callerOf(authenticate: Authenticate, request: Request): Promise<Caller> {
  let answer: Caller | Refusal
  try {
    answer = await authenticate(request)
  } catch {
    // Whatever it threw may quote a credential, so it is not passed on.
    throw new Problem({
      status: 503,
      code: 'unavailable',
      detail: 'callers cannot be told apart now; nothing was done',
      effect: 'none',
      retryAfterMs: 1000,
      retry: true,
    })
  }
  if (!('refused' in answer)) return answer
  switch (answer.refused) {
    case 'unauthenticated':
      throw new Problem({
        status: 401,
        code: 'unauthenticated',
        detail: 'no credential, or a wrong one',
        headers: { 'www-authenticate': answer.challenge ?? 'ApiKey' },
      })
    case 'account_not_allowed':
      throw new Problem({ status: 403, code: 'account_not_allowed', detail: 'not this account' })
    case 'account_required':
      throw invalid([{ path: ACCOUNT_HEADER, message: 'the id of one of your accounts' }])
  }
}

/** The hook of every check by a schema. */
const refuseInvalid: Hook<unknown, AppEnv, string, unknown> = result => {
  if (result.success) return undefined
  // An id of another form is an id that no secret has.
  if (result.target === 'param') throw noSecret()
  const fields = result.error.issues.flatMap((issue): readonly FieldProblem[] => {
    const path = issue.path.map(part => String(part)).join('.')
    if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }]
    return issue.keys.map(name => ({ path: PLAIN_NAME.test(name) ? name : '(a name that is not shown)', message: 'no such field' }))
  })
  throw invalid(oneEach(fields))
}

/** A field is named once; what is wrong with the whole is said where no field is. */
function oneEach(fields: readonly FieldProblem[]): readonly FieldProblem[] {
  const first = fields.filter(({ path }, index) => fields.findIndex(field => field.path === path) === index)
  const named = first.filter(({ path }) => path !== '')
  return named.length > 0 ? named : first
}

/** What Hono's own checks throw: of a body that is not JSON, and of its type. */
function problemOfHono({ status }: HTTPException): Problem {
  if (status === 415) return new Problem({ status, code: 'unsupported_media_type', detail: 'a body is application/json, in UTF-8' })
  return new Problem({ status: 400, code: 'malformed_json', detail: 'the body is not JSON' })
}

function idOf(context: AppContext): SecretId {
  try {
    const id = secretId(context.req.param('secret_id') ?? '')
    context.env.secret = id
    return id
  } catch {
    // Its form is what is wrong: no secret has this id.
    throw noSecret()
  }
}

function noSecret(): Problem {
  return new Problem({ status: 404, code: 'not_found', detail: 'there is no such secret' })
}

function noRoute(): Problem {
  return new Problem({ status: 404, code: 'route_not_found', detail: 'there is no such route' })
}

function callerIn({ caller }: Exchange): Caller {
  if (caller === undefined) throw new Error('a route without authentication')
  return caller
}

function traceIn({ requestId, traceparent }: Exchange): Trace {
  return { requestId, traceparent }
}

/** What every answer has. No copy is kept of any, and nothing says what answers. */
function headersOf({ requestId, traceparent }: Exchange): Record<string, string> {
  return {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-request-id': requestId,
    ...(traceparent !== undefined && { traceparent }),
  }
}

function answer(context: AppContext, status: 200, body: object, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': JSON_TYPE, ...headersOf(context.env), ...headers } })
}

function problemResponse(exchange: Exchange, error: unknown): Response {
  const init = problemOf(error, exchange.asked)
  const { document, headers } = problemDocument(init, exchange.requestId)
  exchange.code = init.code
  return new Response(JSON.stringify(document), {
    status: init.status,
    headers: { 'content-type': PROBLEM_TYPE, ...headersOf(exchange), ...headers },
  })
}

/** The routes' types are of Hono's own answers; these are made with plain headers, which costs less. */
function typed(response: Response): never {
  return response as never
}

async function databaseAnswers(registry: SecretRegistry): Promise<void> {
  // The first is enough: it has been asked for.
  for await (const _ of registry.pending()) return
}

function observe(
  onRequest: (event: RequestEvent) => void,
  { request, response, exchange, at, durationMs }: { request: Request; response: Response; exchange: Exchange; at: Date; durationMs: number },
): void {
  const { requestId, traceparent, code, caller, secret } = exchange
  const event = {
    at,
    durationMs,
    method: request.method,
    route: exchange.route,
    status: response.status,
    requestId,
    traceparent,
    code,
    client: caller?.client,
    account: caller?.account,
    actor: caller?.actor.id,
    secret,
  }
  try {
    onRequest(event)
  } catch {
    // An observer does not change an answer.
  }
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), character => character.charCodeAt(0))
}

function base64Of(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''))
}

function whole(name: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 1) throw new TypeError(`${name} is a whole number from 1`)
  return value
}
