import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { postgresMetadata } from '@strongroom/postgres'
import { startPostgres, type PostgresServer } from '@strongroom/testbed'
import pg from 'pg'
import { advanceClock, clockIn, makeClock } from './clock.ts'
import type { Database } from './database.ts'

interface Place {
  readonly folder: string
  readonly url: string
  readonly schema: string
}

/** One server for the whole run: each scenario has a schema of its own. */
let server: Promise<PostgresServer> | undefined
const CONNECTIONS = 3
/** This machine may be busy. */
const PATIENCE = { connectTimeoutMs: 60_000, statementTimeoutMs: 30_000 }

/** A real PostgreSQL. A process that dies is one that the server sees go, in mid-transaction too. */
export const postgres: Database = {
  name: 'postgres',
  cuts: true,
  make: async (parent, name) => {
    server ??= startPostgres()
    const { url } = await server
    const place: Place = { folder: join(parent, name), url, schema: `crash_${randomUUID().replaceAll('-', '')}` }
    await makeClock(place.folder)
    return place
  },
  open: (place, insideTransaction) => {
    const { folder, url, schema } = place as Place
    return postgresMetadata({
      connectionString: url,
      schema,
      maxConnections: CONNECTIONS,
      ...PATIENCE,
      clock: clockIn(folder, insideTransaction),
    })
  },
  advance: (place, ms) => advanceClock((place as Place).folder, ms),
  bytes: place =>
    withClient(place, async (client, schema) => {
      const { rows: tables } = await client.query<{ name: string }>('SELECT tablename AS name FROM pg_tables WHERE schemaname = $1', [schema])
      const contents: string[] = []
      for (const { name } of tables) {
        const { rows } = await client.query<{ line: string }>(`SELECT row_to_json(t)::text AS line FROM "${schema}"."${name}" AS t`)
        contents.push(...rows.map(({ line }) => line))
      }
      return Buffer.from(contents.join('\n'))
    }),
  remove: async place => {
    await withClient(place, async (client, schema) => await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`))
    await rm((place as Place).folder, { recursive: true, force: true })
  },
  stop: async () => {
    await (await server)?.stop()
    server = undefined
  },
}

async function withClient<T>(place: unknown, work: (client: pg.Client, schema: string) => Promise<T>): Promise<T> {
  const { url, schema } = place as Place
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client, schema)
  } finally {
    await client.end()
  }
}
