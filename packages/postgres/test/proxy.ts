import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** What happens to a connection when its client sends a COMMIT. */
export type Cut =
  | 'never'
  /** The server gets it; its answer is lost with the connection. */
  | 'after'
  /** The server does not get it. */
  | 'before'
  /** The server gets it; its answer is held back, and the connection stays. */
  | 'silent'

export interface Proxy {
  readonly url: string
  cut: Cut
  /** How many COMMITs it has done that to. */
  readonly cuts: number
  close(): Promise<void>
}

/** The simple query of PostgreSQL's protocol, as `pg` sends it. */
const COMMIT = Buffer.from('Q\0\0\0\x0bCOMMIT\0', 'latin1')

/** A proxy before the database that can lose a connection while a COMMIT is under way. */
export async function startProxy(upstream: string): Promise<Proxy> {
  const { hostname, port } = new URL(upstream)
  const sockets = new Set<Socket>()
  let cuts = 0
  const server = createServer(client => {
    const onward = connect(Number(port), hostname)
    let mode: Cut = 'never'
    for (const socket of [client, onward]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    }
    const end = (): void => {
      client.destroy()
      onward.destroy()
    }
    client.on('close', end).on('data', (bytes: Buffer) => {
      if (bytes.includes(COMMIT) && proxy.cut !== 'never') {
        mode = proxy.cut
        cuts += 1
      }
      if (mode === 'before') end()
      else onward.write(bytes)
    })
    onward.on('close', end).on('data', (bytes: Buffer) => {
      if (mode === 'after') end()
      else if (mode !== 'silent') client.write(bytes)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(upstream)
  url.port = String((server.address() as AddressInfo).port)
  const proxy = {
    url: url.href,
    cut: 'never' as Cut,
    get cuts() {
      return cuts
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  return proxy
}
