// The two sides of the HTTP benchmark, over the same rows of one SQLite file: the API, and a bare Hono handler that answers the same JSON
// by queries written by hand. Prints their ports; a line on its input is answered with its memory.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { openSync, writeSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { getRequestListener } from '@hono/node-server'
import { startMaintenance } from '@strongroom/core'
import { apiKeyAuthentication, createSecretsApp } from '@strongroom/http'
import { startSecretsServer } from '@strongroom/http/node'
import { Hono } from 'hono'
import { sqliteMetadata } from '@strongroom/sqlite'
import { registryOn } from './fill.ts'

const [count = ''] = process.argv.slice(2)
const KEY = 'bench'

const folder = await mkdtemp(join(tmpdir(), 'strongroom-bench-'))
const path = join(folder, 'http.db')
const ids: unknown = JSON.parse(
  execFileSync(process.execPath, [fileURLToPath(new URL('fill-sqlite.ts', import.meta.url)), path, count], { encoding: 'utf8' }),
)
const registry = await registryOn(sqliteMetadata({ path }))

const sha256 = createHash('sha256').update(KEY).digest('hex')
const authenticate = apiKeyAuthentication([{ sha256, identity: { id: 'alice', type: 'user' }, accounts: ['acme'] }])
// As `strongroom serve` does: a line of JSON for each request, and those of one turn of the event loop at once.
const log = openSync('/dev/null', 'w')
let lines: string[] = []
const onRequest = (event: object): void => {
  const write = (): void => {
    writeSync(log, `${lines.join('\n')}\n`)
    lines = []
  }
  if (lines.push(JSON.stringify(event)) === 1) setImmediate(write)
}
const ours = await startSecretsServer({ fetch: createSecretsApp(registry, { authenticate, onRequest }).fetch })
const maintenance = startMaintenance(registry, { intervalMs: 1000 })

interface Row {
  readonly id: string
  readonly account: string
  readonly cloud_secret_path: string
  readonly created_at: number
  readonly created_by_id: string
  readonly created_by_type: string
  readonly key: string
  readonly description: string | null
  readonly updated_at: number
  readonly updated_by: string | null
}
const connection = new DatabaseSync(path, { readOnly: true })
const one = connection.prepare("SELECT * FROM records WHERE registry = 'bench' AND account = 'acme' AND id = ?")
const some = connection.prepare("SELECT * FROM records WHERE registry = 'bench' AND account = 'acme' ORDER BY created_at DESC, id DESC LIMIT ?")
const total = connection.prepare("SELECT records FROM accounts WHERE registry = 'bench' AND account = 'acme'")
const json = (row: Row): object => ({
  id: row.id,
  account_id: row.account,
  cloud_secret_path: row.cloud_secret_path,
  created_at: new Date(row.created_at).toISOString(),
  created_by: { id: row.created_by_id, type: row.created_by_type, object: 'identity' },
  key: row.key,
  description: row.description,
  object: 'sgp_cloud_secret',
  // What stands there for one that was never updated is less than any date.
  updated_at: row.updated_at < -8.64e15 ? null : new Date(row.updated_at).toISOString(),
  updated_by: row.updated_by,
})
const app = new Hono()
app.get('/v5/sgp/secrets/:id', context => context.json(json(one.get(context.req.param('id')) as unknown as Row)))
app.get('/v5/sgp/secrets', context => {
  const limit = Number(context.req.query('limit'))
  const rows = some.all(limit + 1) as unknown as Row[]
  const { records } = total.get() as { readonly records: number }
  return context.json({ items: rows.slice(0, limit).map(json), has_more: rows.length > limit, total: records, limit, object: 'list' })
})
const listener = getRequestListener(app.fetch)
const bare = createServer((request, response) => void listener(request, response))
await new Promise<void>(done => bare.listen(0, '127.0.0.1', done))

process.stdout.write(`${JSON.stringify({ ours: ours.port, bare: (bare.address() as AddressInfo).port, ids })}\n`)
for await (const _ of createInterface({ input: process.stdin })) {
  globalThis.gc?.()
  process.stdout.write(`${JSON.stringify(process.memoryUsage())}\n`)
}
bare.close()
bare.closeAllConnections()
await maintenance.stop()
await ours.stop({ graceMs: 0 })
await registry.close()
connection.close()
await rm(folder, { recursive: true })
