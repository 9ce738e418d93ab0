import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import { isIPv6, type AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { Connections } from './connections.ts'
import { tellDropped } from './dropped.ts'
import { http } from './http.ts'
import { answerRawErrors, brokenAnswer, malformedAnswer, type RefusedRequest } from './raw-answers.ts'

/** How long a server waits for its clients. */
export interface ServerTimes {
  /** Milliseconds in which TLS must have been agreed upon, and then those in which the header fields must have come; 10,000 by default. */
  readonly headersMs?: number | undefined
  /** Milliseconds in which the whole request must have come; 30,000 by default. */
  readonly requestMs?: number | undefined
  /** Milliseconds that an idle connection is kept; 65,000 by default, longer than most balancers keep theirs. */
  readonly keepAliveMs?: number | undefined
  /** Milliseconds in which the client must have taken the answer, once it has begun; 60,000 by default. */
  readonly answerMs?: number | undefined
}

/** Certificate chain and private key, in PEM. */
export interface ServerTls {
  readonly cert: string | Uint8Array
  readonly key: string | Uint8Array
}

export interface SecretsServerOptions {
  /** The handler: `app.fetch`. */
  readonly fetch: (request: Request, env: object) => Response | Promise<Response>
  /** 127.0.0.1 by default: whoever serves others says so. */
  readonly host?: string | undefined
  /** 0, the default, for any that is free. */
  readonly port?: number | undefined
  readonly tls?: ServerTls | undefined
  readonly times?: ServerTimes | undefined
  /** Told of what was refused before the handler could see it, such as what is no HTTP, and of a handler that threw: for an access log. */
  readonly onRefused?: ((refused: RefusedRequest) => void) | undefined
  /** Connections at once; what is beyond is closed at once. No limit by default. */
  readonly maxConnections?: number | undefined
  /** Told how many connections were closed for that, at most once in a second. */
  readonly onDropped?: ((connections: number) => void) | undefined
  /** The most bytes that a request's header fields may have; 16 KiB by default. */
  readonly maxHeaderBytes?: number | undefined
}

/** A server that listens. */
export interface SecretsServer extends AsyncDisposable {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string
  readonly port: number
  /**
   * Connections that begin from now on are given this certificate; those that are there keep theirs.
   * @throws TypeError for a server without TLS; the system's error for what is no certificate and its key
   */
  renewTls(tls: ServerTls): void
  /**
   * Takes no further connection and no further request, and resolves when those under way have been answered. What has not been after `graceMs`
   * milliseconds (30,000 by default) is cut off.
   */
  stop(options?: { readonly graceMs?: number | undefined }): Promise<void>
}

const GRACE_MS = 30_000
/** Turns of the event loop in which a connection that waits is accepted, and then what has come on it is read. */
const TURNS = 3

type Listener = (incoming: IncomingMessage, outgoing: ServerResponse) => unknown

/** Node's own `Response`, which it stands on, takes Node longer to load than all of this package: it is not needed before a request. */
function lateListener(
  fetch: SecretsServerOptions['fetch'],
  tell: (refused: RefusedRequest) => void,
): { readonly load: () => Promise<Listener>; readonly take: Listener } {
  let loading: Promise<Listener> | undefined
  let loaded: Listener | undefined
  const load = (): Promise<Listener> =>
    (loading ??= import('@hono/node-server').then(
      ({ getRequestListener, RequestError }) =>
        (loaded = getRequestListener(fetch, {
          overrideGlobalObjects: true,
          errorHandler: error => (error instanceof RequestError ? malformedAnswer(tell) : brokenAnswer(tell, error)),
        })),
    ))
  return { load, take: async (incoming, outgoing) => await (loaded ?? (await load()))(incoming, outgoing) }
}

/** Serves a handler on Node. @throws the system's error when the port cannot be had */
export async function startSecretsServer(options: SecretsServerOptions): Promise<SecretsServer> {
  const { host = '127.0.0.1', port = 0, tls, maxConnections, maxHeaderBytes = 16_384, onRefused = () => {}, onDropped = () => {} } = options
  const { headersMs = 10_000, requestMs = 30_000, keepAliveMs = 65_000, answerMs = 60_000 } = options.times ?? {}
  const settings = {
    headersTimeout: Math.min(headersMs, requestMs),
    requestTimeout: requestMs,
    keepAliveTimeout: keepAliveMs,
    // How late a timeout may be noticed.
    connectionsCheckingInterval: Math.min(1000, headersMs),
    maxHeaderSize: maxHeaderBytes,
    // Node's own answer to it would be no problem document.
    requireHostHeader: false,
  }
  const listener = lateListener(options.fetch, onRefused)
  const secure: TlsServer | undefined =
    tls === undefined ? undefined : (await import('node:https')).createServer({ ...settings, ...contextOf(tls), handshakeTimeout: headersMs })
  const server: Server = secure ?? http.createServer(settings)
  const connections = new Connections(server, { isTls: tls !== undefined, answerMs })
  if (maxConnections !== undefined) server.maxConnections = maxConnections
  tellDropped(server, onDropped)
  answerRawErrors(server, onRefused, maxHeaderBytes)
  await new Promise<void>((done, fail) => {
    server.once('error', fail)
    server.listen(port, host, () => {
      server.off('error', fail)
      done()
    })
  })
  const address = server.address() as AddressInfo
  const authority = `${isIPv6(host) ? `[${host}]` : host}:${address.port}`
  server.on('request', (incoming, outgoing) => {
    // As old probes ask: only HTTP/1.1 has to say whom.
    if (incoming.httpVersion === '1.0') incoming.headers.host ??= authority
    void listener.take(incoming, outgoing)
  })
  // Once the caller has gone on: the first request, if it takes its time, need not wait for it.
  setTimeout(() => void listener.load(), 0).unref()

  let stopped: Promise<void> | undefined
  const stop = async (graceMs: number): Promise<void> => {
    connections.announceEnd()
    // What came while the process was at something else is a request too: closed unread, its connection would be reset.
    for (let turns = 0; turns < TURNS; turns += 1) await turn()
    const closed = new Promise<void>(done => server.close(() => done()))
    const late = setTimeout(() => connections.cutOff(), graceMs)
    // Node itself would wait for those on which no request has come yet.
    connections.finish()
    await closed
    clearTimeout(late)
  }
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${authority}`,
    port: address.port,
    renewTls: renewed => {
      if (secure === undefined) throw new TypeError('this server has no TLS')
      secure.setSecureContext(contextOf(renewed))
    },
    stop: async ({ graceMs = GRACE_MS } = {}) => await (stopped ??= stop(graceMs)),
    [Symbol.asyncDispose]: async () => await (stopped ??= stop(GRACE_MS)),
  }
}

function contextOf({ cert, key }: ServerTls): { readonly cert: Buffer; readonly key: Buffer; readonly minVersion: 'TLSv1.2' } {
  return { cert: Buffer.from(cert), key: Buffer.from(key), minVersion: 'TLSv1.2' }
}
