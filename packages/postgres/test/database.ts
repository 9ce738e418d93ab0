import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { REGISTRY, World } from '@strongroom/conformance/metadata'
import { postgresMetadata, type PostgresMetadataOptions } from '@strongroom/postgres'
import { startPostgres, type PostgresServer } from '@strongroom/testbed'
import pg from 'pg'
import { afterAll, beforeAll } from 'vitest'

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url))
/** A new server is there in two seconds, on a machine that has nothing else to do. */
const START_MS = 240_000
const run = promisify(execFile)

/** The server of a test file, and a superuser's connection to it. */
export interface Database {
  readonly server: PostgresServer
  readonly url: string
  /** Whether the server is the tests' own, so that its configuration may be changed. */
  readonly isOurs: boolean
  readonly admin: pg.Pool
  /** A name that no schema has yet. It is dropped when the file has ended. */
  newSchema(): string
  /** A pool as a caller brings one. It is ended when the file has ended, if not before. */
  newPool(config?: pg.PoolConfig): pg.Pool
  /**
   * A store with the database's own clock, while the body runs. Its connections have the schema as their `application_name`, by which
   * the server's views tell them from all others.
   */
  withWorld(body: (world: World, schema: string) => Promise<void>, more?: Partial<PostgresMetadataOptions>): Promise<void>
}

/** Starts a server before the tests of a file and stops it after them, however they ended. */
export function useDatabase(): Database {
  let starting: Promise<PostgresServer> | undefined
  let server: PostgresServer | undefined
  let admin: pg.Pool | undefined
  const schemas: string[] = []
  const pools: pg.Pool[] = []
  const started = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error('the server is not started before the tests run')
    return part
  }
  beforeAll(async () => {
    starting = startPostgres()
    server = await starting
    admin = new pg.Pool({ connectionString: server.url, max: 4 })
    admin.on('error', () => {})
  }, START_MS)
  afterAll(async () => {
    try {
      for (const schema of server?.isOurs === true ? [] : schemas) await admin?.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`)
      await Promise.all(pools.filter(({ ending }) => !ending).map(pool => pool.end()))
      await admin?.end()
    } finally {
      // Also one whose start took longer than the tests would wait for.
      await (await starting)?.stop()
    }
  }, START_MS)
  const database: Database = {
    get server() {
      return started(server)
    },
    get url() {
      return started(server).url
    },
    get isOurs() {
      return started(server).isOurs
    },
    get admin() {
      return started(admin)
    },
    newSchema() {
      const schema = `test_${randomUUID().replaceAll('-', '')}`
      schemas.push(schema)
      return schema
    },
    newPool(config = {}) {
      const pool = new pg.Pool({ connectionString: started(server).url, ...config })
      // Every caller must have one: `pg` ends the process when an idle connection is lost and nobody listens.
      pool.on('error', () => {})
      pools.push(pool)
      return pool
    },
    async withWorld(body, more = {}) {
      const schema = database.newSchema()
      const place =
        more.pool === undefined ? { connectionString: urlWith(database.url, url => url.searchParams.set('application_name', schema)) } : {}
      const world = await World.make(async () => ({ store: postgresMetadata({ ...place, schema, ...more }), dispose: async () => {} }))
      try {
        await body(world, schema)
      } finally {
        await world.dispose()
      }
    },
  }
  return database
}

/** The URL with something else in it. */
export function urlWith(url: string, change: (url: URL) => void): string {
  const changed = new URL(url)
  change(changed)
  return changed.href
}

/** The answer of a new store's first call, or what it throws. */
export async function firstCall(options: PostgresMetadataOptions): Promise<unknown> {
  const store = postgresMetadata(options)
  const outcome = await thrownBy(store.references({ registry: REGISTRY }, {}))
  await store.close()
  return outcome
}

/** What the work throws, or its answer. */
export function thrownBy(work: Promise<unknown>): Promise<unknown> {
  return work.catch((error: unknown) => error)
}

/** Waits until the server has a backend of this application that the condition fits, and answers its process id. */
export async function backendOf({ admin }: Database, application: string, condition: string): Promise<number> {
  for (;;) {
    const sql = `SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND ${condition}`
    const { rows } = await admin.query<{ pid: number }>(sql, [application])
    if (rows[0] !== undefined) return rows[0].pid
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

/** Takes everything out of a schema's tables, which is faster than making them anew. */
export async function emptied({ admin }: Database, schema: string): Promise<void> {
  const sql = "SELECT tablename FROM pg_tables WHERE schemaname = $1 AND tablename <> 'schema_version'"
  const { rows } = await admin.query<{ tablename: string }>(sql, [schema])
  if (rows.length > 0) await admin.query(`TRUNCATE ${rows.map(({ tablename }) => `"${schema}"."${tablename}"`).join(', ')}`)
}

/** Runs `child.ts` in a process of its own and answers what it printed. */
export async function child(...parameters: readonly string[]): Promise<unknown> {
  const { stdout } = await run(process.execPath, childArguments(parameters), { timeout: 80_000 })
  return JSON.parse(stdout)
}

export function childArguments(parameters: readonly string[]): string[] {
  return ['--conditions=@strongroom/source', CHILD, ...parameters]
}
