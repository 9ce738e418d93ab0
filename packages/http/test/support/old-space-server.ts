// A server of its own process, until its standard input ends: with a handler that does nothing, or the whole service on SQLite. It prints
// where it answers, and for each line of input how many bytes V8 has of objects that it holds for old.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setImmediate as turn } from 'node:timers/promises'
import { getHeapSpaceStatistics } from 'node:v8'
import { sqliteMetadata } from '@strongroom/sqlite'
import { startSecretsServer } from '../../src/node/index.ts'
import { startService } from './service.ts'

interface Place {
  readonly port: number
  readonly path: string
  readonly stop: () => Promise<void>
}

const places: Readonly<Record<string, () => Promise<Place>>> = {
  async handler() {
    const server = await startSecretsServer({
      async fetch() {
        await turn()
        return Response.json({ items: [] })
      },
    })
    return { port: server.port, path: '/', stop: async () => await server.stop({ graceMs: 0 }) }
  },
  async service() {
    const folder = await mkdtemp(join(tmpdir(), 'strongroom-http-'))
    const service = await startService({ metadata: sqliteMetadata({ path: join(folder, 'meta.db') }), onRequest: () => {} })
    const { json } = await service.call('POST', '/v5/sgp/secrets', { key: 'a', value: 'v' })
    const stop = async (): Promise<void> => {
      await service[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    }
    return { port: service.server.port, path: `/v5/sgp/secrets/${json.id}`, stop }
  },
}

const start = places[process.argv[2] ?? '']
if (start === undefined) throw new Error(`one of ${Object.keys(places).join(', ')}`)
const { port, path, stop } = await start()
process.stdout.write(`${JSON.stringify({ port, path })}\n`)
for await (const _ of createInterface({ input: process.stdin })) {
  const old = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space')
  process.stdout.write(`${old?.space_used_size}\n`)
}
await stop()
