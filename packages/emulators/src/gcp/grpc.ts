import { createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { setTimeout as delay } from 'node:timers/promises'
import { traceOf } from '../shared/controls.ts'
import type { Fault } from '../shared/fault.ts'
import type { RunningServer } from '../shared/http-server.ts'
import { HOST, listen } from '../shared/listen.ts'
import type { Context } from './context.ts'
import { credentialOf, perform, secretIdOf } from './protocol.ts'
import type { Protos, Rpc } from './protos.ts'
import type { Message } from './resources.ts'
import { GoogleStatus, invalid, statusOfName, throttled } from './status.ts'

const MAX_MESSAGE = 4_194_304
const PREFIX = 5

/** What goes back: a framed message and status 0, or a status alone, or something that is no gRPC. */
interface Answer {
  readonly code: number
  readonly headers: OutgoingHttpHeaders
  readonly body: Buffer | undefined
  readonly trailers: OutgoingHttpHeaders | undefined
}

/** Unary gRPC over HTTP/2 without TLS. Not a gRPC library's server, since faults have to happen on the wire. */
export async function serveGrpc(context: Context, protos: Protos): Promise<RunningServer> {
  const { controls } = context
  const server = createServer()

  const failed = (status: GoogleStatus): Answer => {
    const details = status.details.length === 0 ? {} : { 'grpc-status-details-bin': protos.encodeStatus(status).toString('base64') }
    const headers = { ...GRPC, 'grpc-status': status.code, 'grpc-message': percentEncoded(status.message), ...details }
    return { code: status.code, headers, body: undefined, trailers: undefined }
  }

  const handled = (rpc: Rpc | undefined, path: string, message: Message | undefined, headers: IncomingHttpHeaders): Answer => {
    try {
      if (rpc === undefined) throw new GoogleStatus('UNIMPLEMENTED', `Method not found: ${path}`)
      if (message === undefined) throw invalid('The request is not a message of this method.')
      const answer = perform(context, rpc.name, message, credentialOf(headers))
      return { code: 0, headers: GRPC, body: framed(rpc.encodeAnswer(answer)), trailers: { 'grpc-status': 0 } }
    } catch (error) {
      return failed(error instanceof GoogleStatus ? error : statusOfName('INTERNAL'))
    }
  }

  const insteadOf = (fault: Fault | undefined): Answer | undefined => {
    if (fault?.kind === 'throttle') return failed(throttled(context.project.number, fault.retryAfterMs))
    if (fault?.kind === 'fail') return failed(statusOfName(fault.code))
    if (fault?.kind !== 'answer') return undefined
    const headers = { ':status': fault.status, 'content-type': 'text/html', ...fault.headers }
    return { code: fault.status, headers, body: Buffer.from(fault.body), trailers: undefined }
  }

  const answer = async (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> => {
    const path = headers[':path'] ?? ''
    const rpc = protos.rpcs.get(path)
    const message = decoded(rpc, await collect(stream))
    const operation = rpc?.name ?? 'Unknown'
    const fault = controls.takeFault(operation)
    if (fault?.kind === 'hold' && !fault.applied) await fault.release()
    const given = insteadOf(fault) ?? (fault?.kind === 'reset' || fault?.kind === 'stall' ? undefined : handled(rpc, path, message, headers))
    const silent = given === undefined || fault?.kind === 'lose'
    const name = message === undefined ? undefined : secretIdOf(message)
    controls.journal.push({
      at: controls.clock.now(),
      operation,
      name,
      answered: silent ? 'none' : given.code,
      fault: fault?.kind,
      ...traceOf(headers),
    })
    if (fault?.kind === 'stall') return
    if (silent) return cutOff(stream)
    if (fault?.kind === 'hold' && fault.applied) await fault.release()
    await send(stream, given, fault)
  }

  server.on('session', session => session.on('error', () => session.destroy()))
  server.on('stream', (stream, headers) => {
    // A client that gives up resets its stream: nothing is left to do for it.
    stream.on('error', () => stream.destroy())
    void answer(stream, headers).catch(() => cutOff(stream))
  })
  const listening = await listen(server)
  return { ...listening, url: `http://${HOST}:${listening.port}` }
}

const GRPC: OutgoingHttpHeaders = { ':status': 200, 'content-type': 'application/grpc' }

async function send(stream: ServerHttp2Stream, { headers, body, trailers }: Answer, fault: Fault | undefined): Promise<void> {
  if (fault?.kind === 'delay') await delay(fault.ms, undefined, { ref: false })
  if (stream.destroyed) return
  if (body === undefined) {
    if (fault?.kind === 'cut') return cutOff(stream)
    stream.respond(headers, { endStream: true })
    return
  }
  stream.respond(headers, { waitForTrailers: trailers !== undefined })
  if (trailers !== undefined) stream.on('wantTrailers', () => stream.sendTrailers(trailers))
  if (fault?.kind === 'cut') {
    stream.write(body.subarray(0, Math.floor(body.byteLength / 2)), () => setImmediate(cutOff, stream))
    return
  }
  if (fault?.kind === 'slow') {
    const piece = Math.max(1, Math.ceil(body.byteLength / 8))
    for (let at = 0; at < body.byteLength && !stream.destroyed; at += piece) {
      stream.write(body.subarray(at, at + piece))
      await delay(fault.gapMs, undefined, { ref: false })
    }
    if (!stream.destroyed) stream.end()
    return
  }
  stream.end(body)
}

/** Ends the connection, and with it whatever else is under way on it. */
function cutOff(stream: ServerHttp2Stream): void {
  stream.session?.socket?.destroy()
  stream.session?.destroy()
}

async function collect(stream: ServerHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream) {
    size += (chunk as Buffer).byteLength
    if (size > MAX_MESSAGE + PREFIX) throw new RangeError('the message is too large')
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks)
}

/** The one message of a unary request; undefined for what is none, or is compressed. */
function decoded(rpc: Rpc | undefined, bytes: Buffer): Message | undefined {
  if (rpc === undefined || bytes.byteLength < PREFIX || bytes[0] !== 0 || bytes.readUInt32BE(1) !== bytes.byteLength - PREFIX) return undefined
  try {
    return rpc.decodeRequest(bytes.subarray(PREFIX))
  } catch {
    return undefined
  }
}

function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(PREFIX)
  prefix.writeUInt32BE(message.byteLength, 1)
  return Buffer.concat([prefix, message])
}

/** As the gRPC protocol wants `grpc-message`. */
function percentEncoded(text: string): string {
  return [...Buffer.from(text)]
    .map(byte =>
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25 ? String.fromCodePoint(byte) : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`,
    )
    .join('')
}
