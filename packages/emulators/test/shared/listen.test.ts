import { createServer } from 'node:http'
import { expect, test } from 'vitest'
import { HOST, listen } from '../../src/shared/listen.ts'

test('a server does not end the connections that nobody uses, and says no time after which it would', async () => {
  const server = createServer((_, answer) => void answer.end())
  const { port, stop } = await listen(server)
  try {
    const answer = await fetch(`http://${HOST}:${port}`)
    await answer.arrayBuffer()
    expect([answer.headers.get('connection'), answer.headers.get('keep-alive')]).toEqual(['keep-alive', null])
  } finally {
    await stop()
  }
})
