import type { SecretId } from '@strongroom/core'
import { traceIn, type ClientSocket, type Exchange } from './exchange.ts'
import type { Trace } from './tracing.ts'
import type { Trouble } from './trouble.ts'

/** What may be known of a request in a log: no query, no body, no credential, no path that a client made up. */
export interface RequestEvent extends Trace {
  readonly at: Date
  readonly durationMs: number
  readonly method: string
  /** The IP address that it came from, where the server says it; a proxy's, behind one. */
  readonly address: string | undefined
  /** The route's pattern; undefined for a path that is no route. */
  readonly route: string | undefined
  readonly status: number
  /** Whether the client had gone, or been let go, before it could be answered: nobody got the status. False where the server does not say it. */
  readonly aborted: boolean
  /** The problem's code. */
  readonly code: string | undefined
  /** Of a status from 500: what is wrong, behind the code. */
  readonly trouble: Trouble | undefined
  /** Where the caller is known. */
  readonly client: string | undefined
  readonly account: string | undefined
  readonly actor: string | undefined
  /** The secret, once it has been found or made: what a path says is its client's. */
  readonly secret: SecretId | undefined
}

/** Tells of every request once it has been answered. */
export function observed(
  onRequest: (event: RequestEvent) => void,
  answer: (request: Request, exchange: Exchange) => Promise<Response>,
): (request: Request, exchange: Exchange) => Promise<Response> {
  return async (request, exchange) => {
    const at = new Date()
    const startedAt = performance.now()
    const response = await answer(request, exchange)
    const { socket, address, route, code, trouble, caller, secret } = exchange
    const about = {
      at,
      durationMs: performance.now() - startedAt,
      method: request.method,
      address,
      route,
      status: response.status,
      aborted: isGone(socket),
      ...traceIn(exchange),
    }
    try {
      onRequest({ ...about, code, trouble, client: caller?.client, account: caller?.account, actor: caller?.actor.id, secret })
    } catch {
      // An observer does not change an answer.
    }
    return response
  }
}

/** Node ends its own side too when a client has closed its side. */
function isGone(socket: ClientSocket | undefined): boolean {
  return socket?.destroyed === true || socket?.writableEnded === true
}
