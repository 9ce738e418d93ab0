import type { IncomingHttpHeaders } from 'node:http'
import { DriverFinding, neverSent, noAnswer } from './failure.ts'

/** For authors of drivers whose backend has no client that will do. `tls`: PEM, `ca` in place of the trusted roots. */
export interface HttpSenderOptions {
  readonly secure: boolean
  readonly tls?: { readonly ca?: string | undefined; readonly cert?: string | undefined; readonly key?: string | undefined } | undefined
  /** Milliseconds until a connection is there. Default 3,000. */
  readonly connectMs?: number | undefined
  /** Milliseconds without a byte of the answer. Default 10,000. */
  readonly silenceMs?: number | undefined
}

/** A request as it is sent. When `signal` aborts, it ends. */
export interface HttpRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Buffer | undefined
  readonly signal: AbortSignal
}

/** The whole answer, whatever its status is. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
}

/** Sends requests, until it is closed. */
export interface HttpSender {
  /** Whatever the status is. @throws a DriverFinding for a time that is over, or Node's own error (`networkFailure`) */
  readonly send: (url: string, request: HttpRequest) => Promise<HttpAnswer>
  readonly close: () => void
}

const SOCKETS = 128

/** For authors of drivers: requests by `node:http`, over connections that are kept: it follows nothing, repeats nothing and logs nothing. */
export function httpSender({ secure, tls = {}, connectMs = 3_000, silenceMs = 10_000 }: HttpSenderOptions): HttpSender {
  const { Agent, request: open } = secure ? process.getBuiltinModule('node:https') : process.getBuiltinModule('node:http')
  const given = Object.fromEntries(Object.entries(tls).filter(([, pem]) => pem !== undefined))
  // Said outright, so that no variable of the environment can switch the check off.
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS, timeout: silenceMs, ...(secure ? { ...given, rejectUnauthorized: true } : {}) })

  const send: HttpSender['send'] = (url, { body, ...request }) =>
    new Promise((resolve, reject) => {
      const headers = body === undefined ? request.headers : { ...request.headers, 'Content-Length': String(body.byteLength) }
      const outgoing = open(url, { ...request, agent, headers }, incoming => {
        collect(incoming).then(bytes => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, bytes }), reject)
      })
      let connecting: NodeJS.Timeout | undefined
      outgoing.on('socket', socket => {
        if (!socket.connecting) return
        connecting = setTimeout(() => outgoing.destroy(new DriverFinding(neverSent)), connectMs).unref()
        socket.once(secure ? 'secureConnect' : 'connect', () => clearTimeout(connecting))
      })
      outgoing.setTimeout(silenceMs, () => outgoing.destroy(new DriverFinding(noAnswer)))
      outgoing.on('error', reject)
      outgoing.on('close', () => clearTimeout(connecting))
      outgoing.end(body)
    })

  return { send, close: () => agent.destroy() }
}

async function collect(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
