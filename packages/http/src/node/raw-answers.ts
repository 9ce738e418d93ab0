import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { http } from './http.ts'
import { problemDocument, problemOf, type ProblemInit } from '../problem.ts'
import { troubleOf, type Trouble } from '../trouble.ts'

const MALFORMED: ProblemInit = { status: 400, code: 'malformed_request', detail: 'this is not HTTP/1.1 as it should be' }
const BROKEN = problemOf(undefined)
const NO_PROXY: ProblemInit = {
  status: 405,
  code: 'method_not_allowed',
  detail: 'this is no proxy',
  headers: { allow: 'GET, HEAD, POST, PATCH, DELETE' },
}
const NO_EXPECTATION: ProblemInit = { status: 417, code: 'expectation_failed', detail: 'only 100-continue can be expected' }
/** How long a client that was refused has to close the connection. */
const LINGER_MS = 2000
const byCode = (maxHeaderBytes: number): Readonly<Record<string, ProblemInit>> => ({
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, code: 'request_timeout', detail: 'the request did not come in time' },
  HPE_HEADER_OVERFLOW: {
    status: 431,
    code: 'headers_too_large',
    detail: `the URL and the header fields are too large, or too many; at most ${maxHeaderBytes} bytes together`,
  },
})

/** A request that never came to the handler, such as one that is no HTTP; or whose handler threw. */
export interface RefusedRequest {
  readonly at: Date
  readonly status: number
  readonly code: string
  readonly requestId: string
  /** The IP address that it came from. */
  readonly address: string | undefined
  /** Of a handler that threw: the kind of what it threw. */
  readonly trouble: Trouble | undefined
}

type Tell = (refused: RefusedRequest) => void

/** What Node refuses before there is a request: it has its problem document too. */
export function answerRawErrors(server: Server, tell: Tell, maxHeaderBytes: number): void {
  const problems = byCode(maxHeaderBytes)
  const answered = new WeakSet<Duplex>()
  const answer = (socket: Duplex, init: ProblemInit): void => {
    answered.add(socket)
    const { body, headers } = refusal(init, tell, socket)
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.end(`HTTP/1.1 ${init.status} ${http.STATUS_CODES[init.status]}\r\n${lines.join('')}\r\n${body}`)
    // What the client still sends is read and thrown away: closed upon it, the connection would be reset, and the answer lost.
    socket.resume()
    const late = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(late))
  }
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (answered.has(socket) && error.code !== 'ECONNRESET') return
    const before = answerBefore(socket)
    if (error.code === 'ECONNRESET' || !socket.writable || before?.headersSent === true) socket.destroy()
    // What came whole is being worked on: its answer is the next, and the last. Another in its place would be taken for it.
    else if (before?.req.complete === true) before.shouldKeepAlive = false
    else answer(socket, problems[error.code ?? ''] ?? MALFORMED)
  })
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    socket.on('error', () => socket.destroy())
    answer(socket, NO_PROXY)
  })
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    request.resume()
    const { body, headers } = refusal(NO_EXPECTATION, tell, request.socket)
    response.writeHead(NO_EXPECTATION.status, headers).end(body)
  })
}

/** A request whose URL or host makes no URL. */
export function malformedAnswer(tell: Tell): Response {
  return asResponse(MALFORMED, tell)
}

/** A handler that threw, which `app.fetch` never does: what it threw may quote the request. */
export function brokenAnswer(tell: Tell, error: unknown): Response {
  return asResponse(BROKEN, tell, troubleOf(error))
}

function asResponse(init: ProblemInit, tell: Tell, trouble?: Trouble): Response {
  const { body, headers } = refusal(init, tell, undefined, trouble)
  return new Response(body, { status: init.status, headers })
}

function refusal(
  init: ProblemInit,
  tell: Tell,
  socket?: Duplex,
  trouble?: Trouble,
): { readonly body: string; readonly headers: Record<string, string> } {
  const { status, code } = init
  const requestId = randomUUID()
  try {
    tell({ at: new Date(), status, code, requestId, address: socket instanceof Socket ? socket.remoteAddress : undefined, trouble })
  } catch {
    // An observer does not change an answer.
  }
  const { document, headers } = problemDocument(init, requestId)
  const body = JSON.stringify(document)
  const ending = socket === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)), connection: 'close' }
  return { body, headers: { ...fixedHeaders(requestId), ...headers, ...ending } }
}

function fixedHeaders(requestId: string): Record<string, string> {
  return { 'content-type': 'application/problem+json', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'x-request-id': requestId }
}

/** The answer to the first of the requests that this connection has brought, where it has not been given yet. */
function answerBefore(socket: Duplex): ServerResponse | null | undefined {
  return (socket as { readonly _httpMessage?: ServerResponse | null })._httpMessage
}
