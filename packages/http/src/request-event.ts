import type { SecretId } from '@strongroom/core'
import { traceIn, type Exchange } from './exchange.ts'
import type { Trace } from './tracing.ts'

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
    const { route, code, caller, secret } = exchange
    const about = { at, durationMs: performance.now() - startedAt, method: request.method, route, status: response.status, ...traceIn(exchange) }
    try {
      onRequest({ ...about, code, client: caller?.client, account: caller?.account, actor: caller?.actor.id, secret })
    } catch {
      // An observer does not change an answer.
    }
    return response
  }
}
