import { expect, it } from 'vitest'
import { startChildServer } from './support/child-server.ts'
import { answerOn, connected } from './support/raw.ts'
import { KEY } from './support/service.ts'

// What a request leaves behind goes with the next young collection, which takes a millisecond. A table that each request is put into
// keeps it (core's deadlines.ts says how), so that it becomes old: some 2,500 bytes for each, and collections of 10 ms.

const CONNECTIONS = 16
const ROUND = 2000
const MOST_BYTES = 300

it.each(['handler', 'service'])('a request leaves nothing behind that becomes old: %s', { timeout: 120_000 }, async what => {
  // The first is set by `strongroom serve` itself. By the second a table is there for two collections, after which it is old itself.
  const flags = ['--no-allocation-site-pretenuring', '--max-semi-space-size=1']
  await using server = await startChildServer(new URL('support/old-space-server.ts', import.meta.url), { flags, args: [what] })
  const { port, path } = server.ready as { readonly port: number; readonly path: string }
  const request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Api-Key: ${KEY}\r\nX-Selected-Account-Id: acme\r\n\r\n`
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, async () => await connected(port)))
  try {
    const old = async (): Promise<number> => (await server.ask()) as number
    const round = async (): Promise<void> => {
      let left = ROUND
      const client = async (socket: (typeof sockets)[number]): Promise<void> => {
        while (left-- > 0) expect(await answerOn(socket, request)).toMatch(/^HTTP\/1\.1 200 /)
      }
      await Promise.all(sockets.map(client))
    }
    // What is compiled on the way is old too.
    for (let warm = 0; warm < 5; warm += 1) await round()
    const bytes: number[] = []
    for (let turn = 0; turn < 8; turn += 1) {
      const before = await old()
      await round()
      bytes.push(((await old()) - before) / ROUND)
    }
    expect(Math.max(...bytes), `bytes a request: ${bytes.map(Math.round).join(', ')}`).toBeLessThan(MOST_BYTES)
  } finally {
    for (const socket of sockets) socket.destroy()
  }
})
