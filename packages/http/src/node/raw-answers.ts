import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { http } from './http.ts'
import { problemDocument, type ProblemInit } from '../problem.ts'

const MALFORMED: ProblemInit = { status: 400, code: 'malformed_request', detail: 'this is not HTTP/1.1 as it should be' }
const NO_PROXY: ProblemInit = {
  status: 405,
  code: 'method_not_allowed',
  detail: 'this is no proxy',
  headers: { allow: 'GET, HEAD, POST, PATCH, DELETE' },
}
/** How long a client that was refused has to close the connection. */
const LINGER_MS = 2000
const BY_CODE: Readonly<Record<string, ProblemInit>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, code: 'request_timeout', detail: 'the request did not come in time' },
  HPE_HEADER_OVERFLOW: { status: 431, code: 'headers_too_large', detail: 'the header fields are too large' },
}

/** What Node refuses before there is a request: it has its problem document too. */
export function answerRawErrors(server: Server): void {
  const answered = new WeakSet<Duplex>()
  const answer = (socket: Duplex, init: ProblemInit): void => {
    answered.add(socket)
    socket.end(rawAnswer(init))
    // What the client still sends is read and thrown away: closed upon it, the connection would be reset, and the answer lost.
    socket.resume()
    const late = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(late))
  }
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (answered.has(socket) && error.code !== 'ECONNRESET') return
    if (error.code === 'ECONNRESET' || !socket.writable || hasAnswer(socket)) socket.destroy()
    else answer(socket, BY_CODE[error.code ?? ''] ?? MALFORMED)
  })
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    socket.on('error', () => socket.destroy())
    answer(socket, NO_PROXY)
  })
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    request.resume()
    writeProblem(response, { status: 417, code: 'expectation_failed', detail: 'only 100-continue can be expected' })
  })
}

/** A request whose URL or host makes no URL. */
export function malformedAnswer(): Response {
  const { document, headers } = problemDocument(MALFORMED, randomUUID())
  return new Response(JSON.stringify(document), { status: 400, headers: { ...fixedHeaders(document.request_id), ...headers } })
}

function writeProblem(response: ServerResponse, init: ProblemInit): void {
  const { document, headers } = problemDocument(init, randomUUID())
  const body = JSON.stringify(document)
  const all = { ...fixedHeaders(document.request_id), ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' }
  response.writeHead(init.status, all).end(body)
}

function rawAnswer(init: ProblemInit): string {
  const { document, headers } = problemDocument(init, randomUUID())
  const body = JSON.stringify(document)
  const all = { ...fixedHeaders(document.request_id), ...headers, 'content-length': String(Buffer.byteLength(body)), connection: 'close' }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${init.status} ${http.STATUS_CODES[init.status]}\r\n${lines.join('')}\r\n${body}`
}

function fixedHeaders(requestId: string): Record<string, string> {
  return { 'content-type': 'application/problem+json', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'x-request-id': requestId }
}

/** Whether an answer to the request before has begun on this connection: nothing may be written into it. */
function hasAnswer(socket: Duplex): boolean {
  const { _httpMessage: answer } = socket as { readonly _httpMessage?: { readonly headersSent?: boolean } | null }
  return answer?.headersSent === true
}
