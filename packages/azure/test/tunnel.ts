import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'

export interface Tunnel {
  readonly url: string
  /** Those that were ever opened, and those that are open. */
  readonly opened: () => number
  readonly open: () => number
  readonly stop: () => Promise<void>
}

/** A proxy for HTTPS on the loopback, which passes on what it cannot read. */
export async function startTunnel(): Promise<Tunnel> {
  const clients = new Set<Socket>()
  let opened = 0
  const server = createServer().on('connect', ({ url = '' }, client: Socket, head: Buffer) => {
    const { hostname, port } = new URL(`http://${url}`)
    opened += 1
    clients.add(client)
    const vault = connect(Number(port), hostname, () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      vault.write(head)
      vault.pipe(client).pipe(vault)
    })
    vault.on('error', () => client.destroy())
    client.on('error', () => vault.destroy())
    vault.on('close', () => client.destroy())
    client.on('close', () => (vault.destroy(), clients.delete(client)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    opened: () => opened,
    open: () => clients.size,
    stop: async () => {
      for (const client of clients) client.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
