import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { HOST } from '../shared/http-server.ts'

/** What stands before the emulator, so that the verb LIST gets through. */
export interface ListVerbFront {
  readonly port: number
  stop(): Promise<void>
}

/**
 * Node's HTTP parser refuses the verb LIST with 400, and has no option for it. LINK is as long, it is a verb that Node takes, and
 * nobody uses it: the front changes the first bytes of a request from one to the other and passes on everything else.
 */
export async function startListVerbFront(port: number): Promise<ListVerbFront> {
  const sockets = new Set<Socket>()
  const server = createServer(client => {
    const upstream = connect(port, HOST)
    let isStart = true // no bytes of a request since the last bytes of an answer
    client.on('data', (bytes: Buffer) => {
      const isList = isStart && bytes.subarray(0, 5).toString('latin1') === 'LIST '
      isStart = false
      if (!upstream.write(isList ? Buffer.concat([Buffer.from('LINK '), bytes.subarray(5)]) : bytes)) client.pause()
    })
    upstream.on('data', (bytes: Buffer) => {
      isStart = true
      if (!client.write(bytes)) upstream.pause()
    })
    upstream.on('drain', () => client.resume())
    client.on('drain', () => upstream.resume())
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {}) // 'close' follows
      socket.on('end', () => other.end())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroySoon()
      })
    }
  })
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
