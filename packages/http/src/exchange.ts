import type { SecretId } from '@strongroom/core'
import type { Context } from 'hono'
import type { Caller } from './authentication/authenticate.ts'
import { Problem, problemDocument, problemOf, type Asked } from './problem.ts'
import { troubleOf, type Trouble } from './trouble.ts'
import { traceOf, type Trace } from './tracing.ts'

/** The socket of a request, where the server says it. */
export interface ClientSocket {
  readonly remoteAddress?: string
  readonly destroyed?: boolean
  readonly writableEnded?: boolean
}

/** What the handlers and the log share of one request. */
export interface Exchange extends Trace {
  readonly socket: ClientSocket | undefined
  readonly address: string | undefined
  route: string | undefined
  code: string | undefined
  trouble: Trouble | undefined
  caller: Caller | undefined
  secret: SecretId | undefined
  asked: Asked
}

export type AppEnv = { Bindings: Exchange }
export type AppContext = Context<AppEnv>

type Fields = Readonly<Record<string, string>>

const JSON_TYPE = 'application/json'
const PROBLEM_TYPE = 'application/problem+json'
const ASKED: Asked = { ifMatch: false, idempotencyKey: false }

export function exchangeOf({ headers }: Request, env: object = {}): Exchange {
  const { incoming } = env as { readonly incoming?: { readonly socket?: ClientSocket } }
  const socket = incoming?.socket
  const address = socket?.remoteAddress
  const { requestId, traceparent } = traceOf(headers)
  return {
    requestId,
    traceparent,
    socket,
    address,
    route: undefined,
    code: undefined,
    trouble: undefined,
    caller: undefined,
    secret: undefined,
    asked: ASKED,
  }
}

export function traceIn({ requestId, traceparent }: Exchange): Trace {
  return { requestId, traceparent }
}

/** What every answer has. No copy is kept of any, and nothing says what answers. */
export function headersOf({ requestId, traceparent }: Exchange, more: Fields): Record<string, string> {
  const headers = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'x-request-id': requestId, ...more }
  return traceparent === undefined ? headers : { ...headers, traceparent }
}

export function answer(exchange: Exchange, body: object, more: Fields = {}): Response {
  return textAnswer(exchange, JSON.stringify(body), more)
}

export function textAnswer(exchange: Exchange, json: string, more: Fields = {}): Response {
  return new Response(json, { status: 200, headers: headersOf(exchange, { 'content-type': JSON_TYPE, ...more }) })
}

export function problemAnswer(exchange: Exchange, error: unknown): Response {
  const init = problemOf(error, exchange.asked)
  const { document, headers } = problemDocument(init, exchange.requestId)
  exchange.code = init.code
  if (init.status >= 500) exchange.trouble = error instanceof Problem ? error.trouble : troubleOf(error)
  return new Response(JSON.stringify(document), {
    status: init.status,
    headers: headersOf(exchange, { 'content-type': PROBLEM_TYPE, ...headers }),
  })
}
