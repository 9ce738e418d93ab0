import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { HOST } from './place.ts'

/** A proxy that passes on one request after another, for a server that is not safe with several at once. */
export async function startOneAtATime(upstream: string): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const { hostname, port } = new URL(upstream)
  let turn: Promise<unknown> = Promise.resolve()
  const passOn = async ({ method, url, headers }: IncomingMessage, body: Buffer, outgoing: ServerResponse): Promise<void> => {
    const onward = request({ host: hostname, port, method, path: url, headers: { ...headers, connection: 'close' } })
    onward.end(body)
    const [answer] = (await once(onward, 'response')) as [IncomingMessage]
    const { 'transfer-encoding': _, connection: __, ...kept } = answer.headers
    const bytes = await buffer(answer)
    outgoing.writeHead(answer.statusCode ?? 500, kept)
    outgoing.end(bytes)
  }
  const take = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const body = await buffer(incoming) // before its turn, since a client may go away in the middle of it
    const mine = turn.then(() => passOn(incoming, body, outgoing))
    turn = mine.catch(() => undefined)
    await mine
  }
  const server = createServer((incoming, outgoing) => void take(incoming, outgoing).catch(() => incoming.socket.destroy()))
  server.keepAliveTimeout = 0 // or it ends an idle connection while a request is on its way
  server.listen(0, HOST)
  await once(server, 'listening')
  return {
    url: `http://${HOST}:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
