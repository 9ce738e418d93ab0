import type { RouteConfig } from '@hono/zod-openapi'
import {
  isSecretError,
  secretId,
  type AccountSecrets,
  type SecretId,
  type SecretReader,
  type SecretRecord,
  type SecretRegistry,
} from '@strongroom/core'
import { Hono } from 'hono'
import type { Authenticate, Caller } from './authentication/authenticate.ts'
import { callerOf } from './authentication/caller-of.ts'
import { bodyText } from './body.ts'
import { DOCS_POLICY, docsFiles } from './docs-page.ts'
import { openApiDocument } from './document.ts'
import { answer, exchangeOf, headersOf, problemAnswer, textAnswer, traceIn, type AppContext, type AppEnv, type Exchange } from './exchange.ts'
import { Places, RateLimits, type RateLimit } from './limits.ts'
import { ifMatchOf } from './preconditions.ts'
import { Problem } from './problem.ts'
import { Readiness, type ReadinessCheck } from './readiness.ts'
import { observed, type RequestEvent } from './request-event.ts'
import * as routes from './routes.ts'
import type { Keys } from './schemas.ts'
import { signalOf, type Trace } from './tracing.ts'
import { validBody, validHeaders, validQuery } from './validation.ts'
import { etagOf, pageResource, secretResource } from './wire.ts'

/** Who may call, what there is beside the registry, and the limits. */
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

/** The API, made. */
export interface SecretsApp {
  /**
   * A web-standard handler: it mounts wherever one is taken. It never throws. `env`: what the server knows of the connection; where it is that of
   * `@hono/node-server`, the access log is told the address.
   */
  readonly fetch: (request: Request, env?: object) => Promise<Response>
  /** The OpenAPI 3.1 document of its routes. */
  readonly document: () => object
}

type Route = RouteConfig & { readonly getRoutingPath: () => string }
type Work = (context: AppContext) => Response | Promise<Response>

/** A `Location` is relative to the request's URL: where the app is mounted, it does not know the path before its own. */
const LAST_OF_PATH = routes.SECRETS.slice(routes.SECRETS.lastIndexOf('/') + 1)
const MAX_BODY_BYTES = 1_048_576
const MAX_CONCURRENT = 1000

/**
 * The secrets API over a registry.
 * @throws TypeError for options that are wrong; SecretError `misconfigured` when `docs` is asked for and its package is not installed
 */
export function createSecretsApp(registry: SecretRegistry, options: SecretsAppOptions): SecretsApp {
  if (typeof options?.authenticate !== 'function') throw new TypeError('authenticate is required: a function that says who calls')
  const { authenticate, keys = 'portable', reader, docs = false, onRequest, unsafeOnError } = options
  const maxBodyBytes = whole('maxBodyBytes', options.maxBodyBytes ?? MAX_BODY_BYTES)
  const places = new Places(whole('maxConcurrent', options.maxConcurrent ?? MAX_CONCURRENT))
  const rates = new RateLimits(options.rateLimit)
  const readiness = new Readiness({ database: () => databaseAnswers(registry), ...options.readiness })
  const app = new Hono<AppEnv>()
  const documented: Route[] = []
  const document = (): object => openApiDocument(documented)

  const open = (route: Route, work: Work): void => {
    documented.push(route)
    app.on(route.method, route.getRoutingPath(), context => {
      context.env.route = route.path
      return work(context)
    })
  }
  /** Who calls, and how often, is asked before anything of a request is looked at. */
  const known = (route: Route, work: Work): void =>
    open(route, async context => {
      context.env.caller = await callerOf(authenticate, context.req.raw)
      await rates.take(context.env.caller.client)
      return await work(context)
    })
  const on = (route: Route, work: Work): void => known(route, async context => await places.within(async () => await work(context)))
  /** A body takes no place before it has come. */
  const withBody = (route: Route, work: (context: AppContext, text: string) => Promise<Response>): void =>
    known(route, async context => {
      const text = await bodyText(context.req.raw, maxBodyBytes)
      return await places.within(() => work(context, text))
    })
  const secrets = ({ env }: AppContext): AccountSecrets => {
    const { account, actor } = callerIn(env)
    return registry.account(account, actor)
  }

  const create = routes.createSecret(keys)
  withBody(create, async (context, text) => {
    const { headers, body } = create.request
    const { 'idempotency-key': idempotencyKey } = validHeaders(headers, context)
    const { key, value, value_base64: base64, description } = validBody(body.content['application/json'].schema, text)
    context.env.asked = { ifMatch: false, idempotencyKey: idempotencyKey !== undefined, value: value === undefined ? 'value_base64' : 'value' }
    const input = { key, value: value ?? bytesOf(base64 ?? ''), ...(typeof description === 'string' && { description }) }
    const record = await secrets(context).create(input, { idempotencyKey, signal: signalOf(context.env) })
    return one(context, record, { location: `${LAST_OF_PATH}/${record.id}` })
  })

  on(routes.listSecrets, async context => {
    const query = validQuery(routes.listSecrets.request.query, context)
    const { limit, starting_after: after, ending_before: before, sort_by: sortBy, sort_order: sortOrder } = query
    const cursor = after !== undefined ? 'starting_after' : before !== undefined ? 'ending_before' : undefined
    context.env.asked = { ifMatch: false, idempotencyKey: false, cursor }
    const startingAfter = after === undefined ? undefined : secretId(after)
    const endingBefore = before === undefined ? undefined : secretId(before)
    return answer(context.env, pageResource(await secrets(context).list({ limit, startingAfter, endingBefore, sortBy, sortOrder })))
  })

  on(routes.getSecret, async context => one(context, await secrets(context).describe(idOf(context))))

  withBody(routes.updateSecret, async (context, text) => {
    const { headers, body } = routes.updateSecret.request
    const { 'idempotency-key': idempotencyKey, 'if-match': ifMatch } = validHeaders(headers, context)
    const id = idOf(context)
    const { value, value_base64: base64, description } = validBody(body.content['application/json'].schema, text)
    context.env.asked = {
      ifMatch: ifMatch !== undefined,
      idempotencyKey: idempotencyKey !== undefined,
      value: value === undefined ? 'value_base64' : 'value',
    }
    const given = value ?? (base64 === undefined ? undefined : bytesOf(base64))
    const options = { ifRevision: ifMatchOf(ifMatch), idempotencyKey, signal: signalOf(context.env) }
    return one(context, await secrets(context).update(id, { value: given, description }, options))
  })

  on(routes.deleteSecret, async context => {
    const { 'if-match': ifMatch } = validHeaders(routes.deleteSecret.request.headers, context)
    const id = idOf(context)
    context.env.asked = { ifMatch: ifMatch !== undefined, idempotencyKey: false }
    await secrets(context).delete(id, { ifRevision: ifMatchOf(ifMatch), signal: signalOf(context.env) })
    context.env.secret = id
    return new Response(null, { status: 204, headers: headersOf(context.env, {}) })
  })

  if (reader !== undefined) {
    on(routes.readValue, async context => {
      const { account, actor } = callerIn(context.env)
      const { record, value } = await reader.account(account, actor).read({ id: idOf(context) }, { signal: signalOf(context.env) })
      try {
        const { id, key } = record
        context.env.secret = id
        const shown = value.isText ? { value: value.revealText() } : { value_base64: base64Of(value.revealBytes()) }
        return answer(context.env, { id, key, object: 'sgp_cloud_secret_value' as const, ...shown }, { etag: etagOf(record) })
      } finally {
        value[Symbol.dispose]()
      }
    })
  }

  open(routes.health, ({ env }) => answer(env, { status: 'ok' }))
  open(routes.ready, async ({ env }) => answer(env, { status: 'ready', checks: await readiness.check() }))

  let documentText: string | undefined
  app.get('/openapi.json', ({ env }) => {
    env.route = '/openapi.json'
    return textAnswer(env, (documentText ??= JSON.stringify(document())))
  })
  if (docs) {
    const file = docsFiles()
    const show = async (context: AppContext): Promise<Response> => {
      context.env.route = '/docs'
      const found = await file(context.req.param('file') ?? '')
      if (found === undefined) throw noRoute()
      const headers = headersOf(context.env, { 'content-type': found.type, 'content-security-policy': DOCS_POLICY })
      return new Response(found.body as string, { status: 200, headers })
    }
    app.get('/docs', show)
    app.get('/docs/:file', show)
  }

  const tell = (error: unknown, exchange: Exchange): void => {
    try {
      unsafeOnError?.(error, traceIn(exchange))
    } catch {
      // An observer does not change an answer.
    }
  }
  const failed = (error: unknown, exchange: Exchange): Response => {
    const unexpected = !(error instanceof Problem) && !isSecretError(error)
    if (unexpected) tell(error, exchange)
    return problemAnswer(exchange, error)
  }
  // Beside the routes, not among them: a route that alone has its path costs Hono less.
  const others = otherMethods(app)
  app.notFound(async ({ req, env }) => await others.fetch(req.raw, env))
  for (const each of [app, others]) each.onError((error, { env }) => failed(error, env))

  const answered = async (request: Request, exchange: Exchange): Promise<Response> => {
    try {
      return await app.fetch(request, exchange)
    } catch (error) {
      // What Hono itself could not take, such as a path that cannot be read.
      return failed(error, exchange)
    }
  }
  const respond = onRequest === undefined ? answered : observed(onRequest, answered)
  return { document, fetch: async (request, env) => await respond(request, exchangeOf(request, env)) }
}

/** Every path of the API with every other method: 405, and what is allowed; and every other path. */
function otherMethods({ routes: known }: Hono<AppEnv>): Hono<AppEnv> {
  const methods = new Map<string, Set<string>>()
  for (const { method, path } of known) methods.set(path, (methods.get(path) ?? new Set()).add(method))
  const others = new Hono<AppEnv>()
  for (const [path, allowed] of methods) {
    if (allowed.has('GET')) allowed.add('HEAD')
    const allow = [...allowed].toSorted().join(', ')
    others.all(path, () => {
      throw new Problem({ status: 405, code: 'method_not_allowed', detail: `allowed: ${allow}`, headers: { allow } })
    })
  }
  others.notFound(({ env }) => problemAnswer(env, noRoute()))
  return others
}

function one({ env }: AppContext, record: SecretRecord, headers: Readonly<Record<string, string>> = {}): Response {
  env.secret = record.id
  return answer(env, secretResource(record), { etag: etagOf(record), ...headers })
}

function idOf(context: AppContext): SecretId {
  try {
    return secretId(context.req.param('secret_id') ?? '')
  } catch {
    // Its form is what is wrong: no secret has this id.
    throw new Problem({ status: 404, code: 'not_found', detail: 'there is no such secret' })
  }
}

function noRoute(): Problem {
  return new Problem({ status: 404, code: 'route_not_found', detail: 'there is no such route' })
}

function callerIn({ caller }: Exchange): Caller {
  if (caller === undefined) throw new Error('a route without authentication')
  return caller
}

async function databaseAnswers(registry: SecretRegistry): Promise<void> {
  // The first is enough: it has been asked for.
  for await (const _ of registry.pending()) return
}

function bytesOf(base64: string): Uint8Array {
  const text = atob(base64)
  // Not by Uint8Array.from, which takes twenty times as long.
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = text.charCodeAt(at)
  return bytes
}

function base64Of(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''))
}

function whole(name: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 1) throw new TypeError(`${name} is a whole number from 1`)
  return value
}
