import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

export interface Listener {
  readonly url: string
  /** Connections that were made to it. */
  readonly connections: () => number
  readonly stop: () => Promise<void>
}

/** A port of the loopback that nobody should knock at; who connects is counted. */
export async function startListener(): Promise<Listener> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `https://127.0.0.1:${address.port}`,
    connections: () => sockets.size,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
