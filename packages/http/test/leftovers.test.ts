import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { answerOn, connected } from './support/raw.ts'

// What a request leaves behind goes with the next young collection, which takes a millisecond. A table that each request is put into
// keeps it (core's deadlines.ts says how), so that it becomes old: some 1,000 bytes for each, and collections of 10 ms.

const CONNECTIONS = 16
const ROUND = 2000
const MOST_BYTES = 300
const child = fileURLToPath(new URL('support/plain-server.ts', import.meta.url))
const REQUEST = 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'

it('a request leaves nothing behind that becomes old', { timeout: 120_000 }, async () => {
  // As `strongroom serve` sets it.
  const flags = ['--conditions=@strongroom/source', '--no-allocation-site-pretenuring']
  const server = spawn(process.execPath, [...flags, child], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]()
  const number = async (): Promise<number> => Number((await lines.next()).value)
  const port = await number()
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, async () => await connected(port)))
  try {
    const old = async (): Promise<number> => {
      server.stdin.write('\n')
      return await number()
    }
    const round = async (): Promise<void> => {
      let left = ROUND
      await Promise.all(
        sockets.map(async socket => {
          while (left-- > 0) await answerOn(socket, REQUEST)
        }),
      )
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
    server.stdin.end()
    if (server.exitCode === null) await once(server, 'exit')
  }
})
