// The two databases of the benchmarks, with the few statements that they speak alike.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { MetadataStore } from '@strongroom/core'
import { postgresMetadata } from '@strongroom/postgres'
import { sqliteMetadata } from '@strongroom/sqlite'
import { startPostgres } from '@strongroom/testbed'
import pg from 'pg'

export type Row = Readonly<Record<string, string | number | null>>

/** A registry's database, besides what the library does with it. */
export interface Database {
  readonly store: MetadataStore
  rows(sql: string): Promise<readonly Row[]>
  /** Rows of one shape, faster than one by one. */
  insert(table: 'records' | 'audit', rows: readonly Row[]): Promise<void>
  /** Makes the indexes when the rows are there, which takes a fraction of the time, and then what a database does by itself after many changes. */
  bulk(work: () => Promise<void>): Promise<void>
}

export interface Databases extends AsyncDisposable {
  readonly name: string
  /** An empty one of its own: a file, or a schema. */
  open(name: string): Promise<Database>
}

export async function sqliteDatabases(): Promise<Databases> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-bench-'))
  const opened: Awaited<ReturnType<typeof sqliteDatabase>>[] = []
  return {
    name: 'SQLite',
    async open(name) {
      const database = await sqliteDatabase(join(folder, `${name}.db`))
      opened.push(database)
      return database
    },
    async [Symbol.asyncDispose]() {
      for (const database of opened) await database[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

export async function sqliteDatabase(path: string): Promise<Database & AsyncDisposable> {
  const store = sqliteMetadata({ path })
  await made(store)
  const connection = new DatabaseSync(path)
  connection.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -500000')
  return {
    store,
    rows: async sql => connection.prepare(sql).all() as readonly Row[],
    async insert(table, rows) {
      const columns = Object.keys(rows[0] ?? {})
      const insert = connection.prepare(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`)
      connection.exec('BEGIN')
      for (const row of rows) insert.run(...Object.values(row))
      connection.exec('COMMIT')
    },
    async bulk(work) {
      const indexes = connection.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").all() as Row[]
      for (const { name } of indexes) connection.exec(`DROP INDEX ${name}`)
      await work()
      for (const { sql } of indexes) connection.exec(String(sql))
      connection.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    },
    async [Symbol.asyncDispose]() {
      connection.close()
      await store.close()
    },
  }
}

export async function postgresDatabases(): Promise<Databases> {
  const server = await startPostgres()
  const pool = new pg.Pool({ connectionString: server.url, max: 1 })
  const stores: MetadataStore[] = []
  // Times are numbers, as SQLite answers them.
  const types: pg.CustomTypesConfig = { getTypeParser: (type: number) => (type === 20 ? Number : String) }
  return {
    name: 'PostgreSQL',
    async open(schema) {
      const store = postgresMetadata({ connectionString: server.url, schema })
      stores.push(store)
      await made(store)
      const run = async (text: string, values: unknown[] = []): Promise<readonly Row[]> => {
        await pool.query(`SET search_path = "${schema}"`)
        return (await pool.query<Row>({ text, values, types })).rows
      }
      return {
        store,
        rows: run,
        insert: async (table, rows) => {
          await run(`INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1)`, [JSON.stringify(rows)])
        },
        async bulk(work) {
          const indexes = await run("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = $1 AND indexname NOT LIKE '%_pkey'", [schema])
          for (const { indexname } of indexes) await run(`DROP INDEX ${indexname}`)
          await work()
          for (const { indexdef } of indexes) await run(String(indexdef))
          await run('VACUUM (ANALYZE)')
          await run('CHECKPOINT')
        },
      }
    },
    async [Symbol.asyncDispose]() {
      for (const store of stores) await store.close()
      await pool.end()
      await server.stop()
    },
  }
}

/** The schema is made by the first call. */
async function made(store: MetadataStore): Promise<void> {
  await store.references({ registry: 'none' }, {})
}
