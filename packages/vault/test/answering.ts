import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { connect } from 'node:net'

export interface Listening {
  readonly port: number
  readonly url: string
  /** Connections that were ever made. */
  readonly connections: () => number
  readonly stop: () => Promise<void>
}

/** A server on a free port of the loopback. */
export async function listen(server: Server, host: string = '127.0.0.1'): Promise<Listening> {
  const sockets = new Set<Socket>()
  let connections = 0
  server.on('connection', (socket: Socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
  })
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://${host}:${port}`,
    connections: () => connections,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

export interface Answering extends Listening {
  readonly seen: readonly IncomingMessage[]
}

/** An HTTP server that answers as it is told. */
export async function answering(answer: RequestListener): Promise<Answering> {
  const seen: IncomingMessage[] = []
  const server = createServer((request, response) => {
    seen.push(request)
    answer(request, response)
  })
  return { ...(await listen(server)), seen }
}

/** Passes on what comes, byte by byte, and counts the connections. */
export async function passingOnTo(port: number, host?: string): Promise<Listening> {
  return await listen(
    createTcpServer(incoming => {
      const outgoing = connect(port, '127.0.0.1')
      outgoing.on('error', () => incoming.destroy())
      incoming.on('close', () => outgoing.destroy())
      outgoing.on('close', () => incoming.destroy())
      incoming.pipe(outgoing).pipe(incoming)
    }),
    host,
  )
}

export async function collect(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
