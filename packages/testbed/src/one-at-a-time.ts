import { once } from 'node:events'
import { createServer, request, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * A proxy that passes on one request after another. moto looks at `If-None-Match` and then writes, in several threads: of 8
 * creators at once about one time in 200 two of them win, where S3 has one winner always.
 */
export async function startOneAtATime(upstream: string): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const { hostname, port } = new URL(upstream)
  let turn: Promise<unknown> = Promise.resolve()
  const server = createServer((incoming, outgoing) => {
    const { method, url, headers } = incoming
    const work = async (): Promise<void> => {
      const onward = request({ host: hostname, port, method, path: url, headers: { ...headers, connection: 'close' } })
      incoming.pipe(onward)
      const [answer] = (await once(onward, 'response')) as [IncomingMessage]
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
      await once(answer, 'end')
    }
    turn = turn.then(work).catch(() => incoming.socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
