import { isIP } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { isSecretError, startMaintenance, type MaintenanceReport } from '@strongroom/core'
import {
  anyOf,
  apiKeyAuthentication,
  createSecretsApp,
  jwtAuthentication,
  troubleOf,
  unsafeAnyone,
  type Authenticate,
  type RequestEvent,
} from '@strongroom/http'
import { startSecretsServer, type RefusedRequest, type SecretsServer } from '@strongroom/http/node'
import type { Surroundings } from '../../config/credentials.ts'
import type { HttpConfig } from '../../config/http.ts'
import { loadConfig } from '../../config/load.ts'
import { ConfigError } from '../../config/problems.ts'
import { openLoaded, type Strongroom } from '../../open-strongroom.ts'
import { EXIT, messageOf, UsageError } from '../failure.ts'
import { LineLog } from '../line-log.ts'
import type { GlobalOptions } from '../program.ts'
import type { TlsFiles } from '../tls-files.ts'

export interface ServeOptions extends GlobalOptions {
  readonly host: string
  readonly port: number
  readonly unsafeNoAuthentication?: boolean
}

/**
 * A server's objects are a request's, and go with it. Where many requests are under way V8 may take those of one place in the code for lasting
 * ones, and make them old from the start; whatever such a one refers to then stays too, and each collection of young objects takes 15 ms, not 1.
 */
const ALL_ARE_YOUNG = '--no-allocation-site-pretenuring'
/** How long a process that has stopped waits for whoever reads its log. */
const UNREAD_MS = 2000
/** A package manager that was told by the terminal too passes it on, as another signal at times: one Ctrl-C comes twice. */
const SAME_MS = 500

/** Serves until the process is told to stop; then finishes what is under way. */
export async function serve(options: ServeOptions): Promise<void> {
  const { port } = options
  // As it stands in a URL.
  const host = options.host.replace(/^\[(.*)\]$/, '$1')
  // To Node it would be every address of the machine.
  if (host === '') throw new UsageError('--host is an address or a name of this machine; it is empty')
  if (port > 65_535) throw new UsageError('a port is a whole number from 0 to 65535')
  if (process.versions['bun'] === undefined) setFlagsFromString(ALL_ARE_YOUNG)
  const loaded = await loadConfig(options.config, process.env)
  const { http = {}, keys, requestKeys } = loaded.checked
  const surroundings: Surroundings = { source: loaded.source, folder: loaded.folder, environment: process.env, warn }
  const authenticate = authenticationOf(http, { ...options, host }, loaded.source)
  const tls = await tlsOf(http, surroundings)
  if (requestKeys === undefined) warn('requestKeys is not set, so requests with an Idempotency-Key are refused')

  await using room = await openLoaded(loaded, { onWarning: warn })
  const registry = await room.registry()
  // A service is not its log's reader's, nor a terminal's.
  process.stdout.removeAllListeners('error')
  process.stderr.on('error', () => {})
  const log = new LineLog(process.stdout)
  const limits = http.limits ?? {}
  const app = createSecretsApp(registry, {
    authenticate,
    keys,
    reader: http.readValues === true ? await room.reader() : undefined,
    docs: http.docs,
    readiness: { store: signal => storeAnswers(room, signal) },
    maxBodyBytes: limits.bodyBytes,
    maxConcurrent: limits.concurrent,
    rateLimit: http.rateLimit,
    onRequest: event => log.write(lineOf(event)),
    unsafeOnError: (error, { requestId }) =>
      log.write({ time: new Date(), event: 'unexpected_error', request_id: requestId, kind: troubleOf(error).kind }),
  })
  const stopping = stopSignal(tls === undefined ? ['SIGINT', 'SIGTERM', 'SIGHUP'] : ['SIGINT', 'SIGTERM'])
  const server = await startSecretsServer({
    fetch: app.fetch,
    host,
    port,
    tls,
    times: { headersMs: limits.headersMs, requestMs: limits.requestMs, answerMs: limits.answerMs, keepAliveMs: limits.keepAliveMs },
    maxConnections: limits.connections,
    onRefused: refused => log.write(lineOf(refused)),
    onDropped: connections => log.write({ time: new Date(), event: 'connections_dropped', connections }),
    maxHeaderBytes: limits.headerBytes,
  }).catch((error: unknown) => {
    throw listenProblem(error, host, port)
  })
  if (tls !== undefined) process.on('SIGHUP', () => void renewTls(server, http, surroundings, log))
  const onError = (error: unknown): void => log.write({ time: new Date(), event: 'maintenance_failed', kind: troubleOf(error).kind })
  const maintenance = startMaintenance(registry, { onReport: report => reportOf(report, log), onError })
  process.stderr.write(`strongroom: listening on ${server.url}\n`)
  log.write({ time: new Date(), event: 'listening', url: server.url })

  await stopping
  process.stderr.write('strongroom: stopping; what is under way is finished\n')
  await server.stop({ graceMs: limits.shutdownMs })
  await maintenance.stop()
  // A write that was cut off is under way here still.
  await room.close()
  log.write({ time: new Date(), event: 'stopped' })
  log.flush()
  setTimeout(() => process.exit(), UNREAD_MS).unref()
}

/** @throws ConfigError where nobody could be told from anybody; UsageError where the whole network could come in */
function authenticationOf(http: HttpConfig, { host, unsafeNoAuthentication }: ServeOptions, source: string): Authenticate {
  const { apiKeys = [], jwt } = http
  const ways = [...(apiKeys.length > 0 ? [apiKeyAuthentication(apiKeys)] : []), ...(jwt === undefined ? [] : [jwtAuthentication(jwt)])]
  if (unsafeNoAuthentication === true) {
    if (ways.length > 0) throw new UsageError('--unsafe-no-authentication is for a configuration without http.apiKeys and http.jwt')
    if (!isLoopback(host)) throw new UsageError('--unsafe-no-authentication is for the loopback: --host 127.0.0.1, ::1 or localhost')
    warn('everyone on this machine is let in')
    return unsafeAnyone
  }
  if (ways.length > 0) return anyOf(...ways)
  throw new ConfigError(source, [{ path: 'http', found: 'nobody who may come in', allowed: 'apiKeys, or jwt, or both' }])
}

async function tlsOf({ tls }: HttpConfig, surroundings: Surroundings): Promise<TlsFiles | undefined> {
  return tls === undefined ? undefined : await (await import('../tls-files.ts')).tlsFilesOf(tls, surroundings)
}

/** Of new files that cannot be used the operator is told, and the old ones stay. */
async function renewTls(server: SecretsServer, http: HttpConfig, surroundings: Surroundings, log: LineLog): Promise<void> {
  try {
    const tls = await tlsOf(http, surroundings)
    if (tls !== undefined) server.renewTls(tls)
    log.write({ time: new Date(), event: 'tls_renewed' })
  } catch (error) {
    warn(`${messageOf(error)?.replace(/^strongroom: /, '')}; what was read before stays in use`)
    log.write({ time: new Date(), event: 'tls_not_renewed', kind: troubleOf(error).kind })
  }
}

/** Whether the default store answers: that it has no such secret is an answer. Named as the registry's own, which its policy lets in. */
async function storeAnswers(room: Strongroom, signal: AbortSignal): Promise<void> {
  try {
    for await (const _ of room.store().versions(`${room.config.id}-readiness`, { signal })) return
  } catch (error) {
    if (!isSecretError(error, 'not_found')) throw error
  }
}

/** Resolves at the first of these signals; a second ends the process at once. */
async function stopSignal(signals: readonly NodeJS.Signals[]): Promise<void> {
  await new Promise<void>(done => {
    let toldAt: number | undefined
    const tell = (): void => {
      if (toldAt !== undefined && performance.now() - toldAt >= SAME_MS) process.exit(EXIT.interrupted)
      toldAt ??= performance.now()
      done()
    }
    for (const signal of signals) process.on(signal, tell)
  })
}

/** No query, no body, no path that a client made up: all that is told of a request is fit for a log. */
function lineOf(told: RequestEvent | (RefusedRequest & { readonly durationMs?: never; readonly aborted?: never })): object {
  const { at: time, durationMs, requestId: request_id, aborted = false, ...rest } = told
  const duration_ms = durationMs === undefined ? undefined : Math.round(durationMs * 100) / 100
  return { time, event: 'request', ...rest, ...(aborted && { aborted }), duration_ms, request_id }
}

function reportOf({ needsAttention, unanswered, ...counts }: MaintenanceReport, log: LineLog): void {
  if (unanswered.length > 0) log.write({ time: new Date(), event: 'stores_unanswered', stores: unanswered, backlog: counts.backlog })
  if (needsAttention.length > 0) log.write({ time: new Date(), event: 'needs_attention', secrets: needsAttention, backlog: counts.backlog })
}

const NO_ADDRESS: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EINVAL', 'EAFNOSUPPORT'])

function listenProblem(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'EADDRINUSE') return new UsageError(`port ${port} of ${host} is taken; --port is another, or 0 for any that is free`)
  if (code === 'EACCES') return new UsageError(`port ${port} is not allowed to this user; --port is one from 1024, or 0 for any that is free`)
  if (NO_ADDRESS.has(code)) {
    return new UsageError(`--host is an address or a name of this machine, as 127.0.0.1, or 0.0.0.0 or :: for all of its addresses; ${host} is none`)
  }
  return /^E[A-Z]+$/.test(code) ? new UsageError(`the system does not let it listen on port ${port} of ${host} (${code})`) : error
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

function warn(message: string): void {
  process.stderr.write(`strongroom: warning: ${message}\n`)
}
