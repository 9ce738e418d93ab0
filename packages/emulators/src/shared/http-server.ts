import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { setTimeout as delay } from 'node:timers/promises'
import { traceOf, type Controls } from './controls.ts'
import type { Fault } from './fault.ts'
import { HOST, listen, type Listening } from './listen.ts'

const MAX_BODY = 33_554_432

export interface WireRequest {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/** An answer as it goes over the wire. */
export interface WireAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body: string | Buffer
}

/** What the server needs to know of a protocol. */
export interface Protocol {
  /** The backend's own name of what is asked for, and the secret it is asked of. */
  operationOf(request: WireRequest): { readonly operation: string; readonly name: string | undefined }
  /** Applies the request. It is not asynchronous, so that each request is one atomic step. Also says who may do what. */
  handle(request: WireRequest, operation: string): WireAnswer
  throttled(retryAfterMs: number | undefined): WireAnswer
  /** The answer that a code of the backend's stands for. @throws RangeError for a code that the backend has not */
  failed(code: string): WireAnswer
}

export interface RunningServer extends Listening {
  readonly url: string
}

/** An HTTP server on a free port of the loopback that answers by a protocol, and meets each request with its fault. */
export async function serve(protocol: Protocol, controls: Controls, tls?: { readonly key: string; readonly cert: string }): Promise<RunningServer> {
  const listener = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    void answer(incoming, outgoing).catch(() => incoming.socket.destroy())
  }
  const server = tls === undefined ? createServer(listener) : createSecureServer(tls, listener)

  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const { method = 'GET', headers } = incoming
    const url = new URL(incoming.url ?? '/', `http://${HOST}`)
    const request: WireRequest = { method, url, headers, body: await collect(incoming) }
    const { operation, name } = protocol.operationOf(request)
    const fault = controls.takeFault(operation)
    if (fault?.kind === 'hold' && !fault.applied) await fault.release()
    const wire = insteadOf(fault, protocol) ?? (fault?.kind === 'reset' || fault?.kind === 'stall' ? undefined : protocol.handle(request, operation))
    const silent = wire === undefined || fault?.kind === 'lose'
    controls.journal.push({
      at: controls.clock.now(),
      operation,
      name,
      answered: silent ? 'none' : wire.status,
      fault: fault?.kind,
      ...traceOf(headers),
    })
    if (fault?.kind === 'stall') return
    if (wire === undefined || fault?.kind === 'lose') {
      incoming.socket.destroy()
      return
    }
    if (fault?.kind === 'hold' && fault.applied) await fault.release()
    await send(outgoing, wire, fault)
  }

  const listening = await listen(server)
  return { ...listening, url: `${tls === undefined ? 'http' : 'https'}://${HOST}:${listening.port}` }
}

/** The answer that a fault gives in place of the backend's. */
export function insteadOf(fault: Fault | undefined, protocol: Pick<Protocol, 'throttled' | 'failed'>): WireAnswer | undefined {
  if (fault?.kind === 'throttle') return protocol.throttled(fault.retryAfterMs)
  if (fault?.kind === 'fail') return protocol.failed(fault.code)
  if (fault?.kind === 'answer') return { headers: { 'content-type': 'text/html' }, ...fault }
  return undefined
}

/** Sends an answer, cut, slowed or delayed if the fault says so. */
export async function send(outgoing: ServerResponse, { status, headers, body }: WireAnswer, fault: Fault | undefined): Promise<void> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  if (fault?.kind === 'delay') await delay(fault.ms, undefined, { ref: false })
  const length = status === 204 || status === 304 ? {} : { 'content-length': String(bytes.byteLength) }
  outgoing.writeHead(status, { ...length, ...headers })
  if (fault?.kind === 'cut') {
    outgoing.write(bytes.subarray(0, Math.floor(bytes.byteLength / 2)), () => outgoing.socket?.destroy())
    return
  }
  if (fault?.kind === 'slow') {
    const piece = Math.max(1, Math.ceil(bytes.byteLength / 8))
    for (let at = 0; at < bytes.byteLength && !outgoing.destroyed; at += piece) {
      outgoing.write(bytes.subarray(at, at + piece))
      await delay(fault.gapMs, undefined, { ref: false })
    }
    outgoing.end()
    return
  }
  outgoing.end(bytes)
}

export async function collect(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream) {
    size += (chunk as Buffer).byteLength
    if (size > MAX_BODY) throw new RangeError('the body is too large')
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks)
}
