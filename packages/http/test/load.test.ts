import { execFileSync } from 'node:child_process'
import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { startChildServer } from './support/child-server.ts'
import { answerOn, connected } from './support/raw.ts'
import { KEY } from './support/service.ts'

// Ten thousand connections that are kept, in a bounded run: on each, requests after each other.

const CONNECTIONS = 10_000
const ROUNDS = 3
const AT_ONCE = 200
/** Files that either process has open besides. */
const SPARE = 500
const allowed = Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim().replace('unlimited', '1000000'))
const count = Math.min(CONNECTIONS, allowed - SPARE)

const REQUEST = `GET /v5/sgp/secrets?limit=5 HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Api-Key: ${KEY}\r\nX-Selected-Account-Id: acme\r\n\r\n`

describe(`${count} connections that are kept${count < CONNECTIONS ? ` (ulimit -n is ${allowed})` : ''}`, () => {
  it(`each get ${ROUNDS} answers, all 200`, { timeout: 240_000 }, async () => {
    await using server = await startChildServer(new URL('support/server-child.ts', import.meta.url))
    const sockets: Socket[] = []
    try {
      const port = server.ready as number
      await inBatches(count, async () => {
        const socket = await connected(port)
        socket.setNoDelay(true)
        sockets.push(socket)
        // At once: a connection on which nothing comes is let go.
        expect(await answerOn(socket, REQUEST)).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
      })
      expect(sockets.length).toBe(count)
      let answered = count
      for (let round = 1; round < ROUNDS; round += 1) {
        await inBatches(count, async index => {
          const socket = sockets[index]
          if (socket === undefined) throw new Error('no connection')
          expect(await answerOn(socket, REQUEST)).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
          answered += 1
        })
      }
      expect(answered).toBe(count * ROUNDS)
      expect(sockets.filter(socket => socket.destroyed).length).toBe(0)
      const { rss, statuses } = (await server.ask()) as { readonly rss: number; readonly statuses: object }
      expect(statuses).toEqual({ 200: count * ROUNDS })
      expect(rss).toBeLessThan(1_500_000_000)
    } finally {
      for (const socket of sockets) socket.destroy()
    }
  })
})

async function inBatches(total: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < total) await work(next++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}
