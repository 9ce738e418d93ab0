import { loadSdk } from '@strongroom/core/driver-support'
import type { Place } from './options.ts'

/** What is needed of a pool. A `Pool` of `pg` is one. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>
}

/** What is needed of a pool's client. */
export interface PostgresClient {
  query(query: PostgresQuery): Promise<PostgresAnswer>
  /** With `true` the connection is closed instead of being kept for the next. */
  release(destroy?: boolean): void
  on(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
}

/** A statement as a pool is given it. */
export interface PostgresQuery {
  readonly text: string
  readonly values?: unknown[]
  /** How to read an answer's columns, so that parsers that a caller has set for the whole process do not matter. */
  readonly types: { getTypeParser(type: number): (text: string) => unknown }
}

/** What of a statement’s answer is looked at: the command, such as `INSERT`, and the rows. */
export interface PostgresAnswer {
  readonly command: string
  readonly rows: readonly unknown[]
}

/** A pool and how to end it, which only ours is. */
export interface HeldPool {
  readonly pool: PostgresPool
  end(): Promise<void>
}

const KEEP_ALIVE_MS = 10_000

export async function startPool(place: Place): Promise<HeldPool> {
  if (place.pool !== undefined) return { pool: place.pool, end: async () => {} }
  const { default: pg } = await loadSdk('pg', () => import('pg'))
  const pool = new pg.Pool({
    ...place.connection,
    max: place.maxConnections,
    connectionTimeoutMillis: place.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    application_name: 'strongroom',
  })
  // A connection that ends while nobody uses it is no error of any call: the pool has dropped it already.
  pool.on('error', () => {})
  return { pool, end: () => pool.end() }
}
