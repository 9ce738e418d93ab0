// A server of its own process with a handler that does nothing, until its standard input ends: it prints its port, and for each line of
// input how many bytes V8 has of objects that it holds for old.
import { createInterface } from 'node:readline'
import { setImmediate as turn } from 'node:timers/promises'
import { getHeapSpaceStatistics } from 'node:v8'
import { startSecretsServer } from '../../src/node/index.ts'

const server = await startSecretsServer({
  async fetch() {
    await turn()
    return Response.json({ items: [] })
  },
})
process.stdout.write(`${server.port}\n`)
for await (const _ of createInterface({ input: process.stdin })) {
  const old = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space')
  process.stdout.write(`${old?.space_used_size}\n`)
}
await server.stop({ graceMs: 0 })
