import { once } from 'node:events'
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'
import type { Socket } from 'node:net'

/** What the next requests meet instead of an answer. */
type Fault =
  | { readonly kind: 'lose' }
  | { readonly kind: 'stall' }
  | { readonly kind: 'answer'; readonly status: number; readonly body: string; readonly headers?: Readonly<Record<string, string>> }
  | { readonly kind: 'cut' }

export interface FaultProxy {
  readonly endpoint: string
  /** Requests seen so far. */
  readonly requests: () => number
  readonly next: (fault: Fault, count?: number) => void
  /** Answers requests of these targets (`GetSecretValue`, …), or all without, as denied; undefined ends it. */
  readonly deny: (targets: readonly string[] | undefined) => void
  readonly stop: () => Promise<void>
}

/** The body of an AWS JSON 1.1 error. */
export function awsError(name: string, message: string = name): string {
  return JSON.stringify({ __type: name, message })
}

/** A loopback proxy before an AWS endpoint that loses, delays and refuses as it is told. */
export async function startFaultProxy(upstream: string): Promise<FaultProxy> {
  const target = new URL(upstream)
  const secure = target.protocol === 'https:'
  const agent = secure ? new SecureAgent({ keepAlive: true }) : new Agent({ keepAlive: true })
  const send = secure ? secureRequest : request
  const sockets = new Set<Socket>()
  const faults: Fault[] = []
  let seen = 0
  let denied: readonly string[] | undefined

  const forward = (incoming: IncomingMessage, body: Buffer, answer: (from: IncomingMessage, bytes: Buffer) => void): void => {
    const { method, url, headers } = incoming
    const outgoing = send({ host: target.hostname, port: target.port, method, path: url, headers, agent }, from => {
      void collect(from).then(
        bytes => answer(from, bytes),
        () => incoming.socket.destroy(),
      )
    })
    outgoing.on('error', () => incoming.socket.destroy())
    outgoing.end(body)
  }

  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const body = await collect(incoming)
    seen += 1
    const operation = String(incoming.headers['x-amz-target']).replace('secretsmanager.', '')
    if (denied !== undefined && (denied.length === 0 || denied.includes(operation))) {
      reply(outgoing, 400, awsError('AccessDeniedException', `not authorized to perform: secretsmanager:${operation}`))
      return
    }
    const fault = faults.shift()
    if (fault?.kind === 'stall') return
    if (fault?.kind === 'answer') {
      reply(outgoing, fault.status, fault.body, fault.headers)
      return
    }
    forward(incoming, body, (from, bytes) => {
      if (fault?.kind === 'lose') {
        incoming.socket.destroy()
        return
      }
      outgoing.writeHead(from.statusCode ?? 500, from.headers)
      if (fault?.kind === 'cut') {
        outgoing.write(bytes.subarray(0, Math.floor(bytes.byteLength / 2)), () => incoming.socket.destroy())
        return
      }
      outgoing.end(bytes)
    })
  }

  const server = createServer((incoming, outgoing) => void handle(incoming, outgoing).catch(() => incoming.socket.destroy()))
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')

  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    requests: () => seen,
    next: (fault, count = 1) => void faults.push(...Array.from({ length: count }, () => fault)),
    deny: targets => {
      denied = targets
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      agent.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function reply(outgoing: ServerResponse, status: number, body: string, headers: Readonly<Record<string, string>> = {}): void {
  outgoing.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'content-length': Buffer.byteLength(body), ...headers })
  outgoing.end(body)
}

async function collect(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
