import { once } from 'node:events'
import type { Server, Socket } from 'node:net'

export const HOST = '127.0.0.1'

export interface Listening {
  readonly port: number
  /** Ends every connection, and the server. May be called twice. */
  stop(): Promise<void>
}

/** Binds a server to a free port of the loopback. */
export async function listen(server: Server): Promise<Listening> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  // One that ends an idle connection may do so while a request is on its way, which is then reset: seen on a machine under load.
  if ('keepAliveTimeout' in server) server.keepAliveTimeout = 0
  server.listen(0, HOST)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      if (!server.listening) return
      server.close()
      await once(server, 'close')
    },
  }
}
