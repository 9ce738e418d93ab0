import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createSecretStore, memoryDriver } from '../src/index.ts'

const SERVER = `
  const { parentPort } = require('node:worker_threads')
  const server = require('node:http').createServer((_, answer) => answer.end('there'))
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))`
const DEADLINE_MS = 200

let server: Worker
let port: unknown
const agent = new Agent({ keepAlive: true, maxSockets: 1 })

beforeAll(async () => {
  server = new Worker(SERVER, { eval: true })
  ;[port] = await once(server, 'message')
})

afterAll(async () => {
  agent.destroy()
  await server.terminate()
})

/** `blockMs`: how long the thread does nothing once the request is sent. */
async function ask(blockMs: number): Promise<string> {
  const asked = request({ host: '127.0.0.1', port: Number(port), agent })
  const answer = once(asked, 'response')
  asked.end()
  // The socket is there and open, so that what was written is sent.
  await new Promise(resolve => setImmediate(resolve))
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockMs)
  const [response] = (await answer) as [NodeJS.ReadableStream]
  return await text(response)
}

it('takes an answer that came while the thread was busy past the deadline', async () => {
  await ask(0)
  const driver = memoryDriver()
  const late = {
    ...driver,
    read: async (...given: Parameters<typeof driver.read>) => {
      expect(await ask(3 * DEADLINE_MS)).toBe('there')
      return await driver.read(...given)
    },
  }
  await using store = createSecretStore(late, { deadlineMs: DEADLINE_MS, attempts: 1 })
  await store.put('key', 'value')
  expect((await store.get('key')).value.revealText()).toBe('value')
})
