import { connect, createServer } from 'node:net'
import { HOST, listen, type Listening } from '../shared/listen.ts'

/**
 * Node's HTTP parser refuses the verb LIST with 400, and has no option for it. LINK is as long, it is a verb that Node takes, and
 * nobody uses it: the front changes the first bytes of a request from one to the other and passes on everything else.
 */
export async function startListVerbFront(port: number): Promise<Listening> {
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
      socket.setNoDelay(true)
      socket.on('error', () => {}) // 'close' follows
      socket.on('end', () => other.end())
      socket.on('close', () => other.destroySoon())
    }
  })
  return await listen(server)
}
