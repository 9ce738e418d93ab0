import { SecretError } from '@strongroom/core'
import { transact, type Connection } from './connection.ts'
import type { PostgresPool } from './pool.ts'
import { retrying } from './retry.ts'
import { MIGRATIONS, VERSION_TABLE } from './schema.ts'

const OPERATION = 'metadata.open'
/** Longer than a statement of a call: it may wait for another process that migrates, or build an index over many rows. */
const MIGRATION_TIMEOUT_MS = 300_000

/**
 * Brings the schema to the newest version, or makes it. Any number of processes may do so at once, of different releases too: the
 * first to lock the version's row migrates, and the others find it done. Nothing is written where nothing is to be done, so a user
 * without the privilege to make tables can start on a schema that is up to date.
 * @throws SecretError `misconfigured` for a schema of a newer release, or an encoding other than UTF-8
 */
export async function openSchema(
  pool: PostgresPool,
  { schema, statementTimeoutMs }: { readonly schema: string; readonly statementTimeoutMs: number },
  migrations: readonly string[] = MIGRATIONS,
): Promise<void> {
  const common = { operation: OPERATION, signal: undefined, schema }
  const found = await retrying(OPERATION, undefined, () =>
    transact(pool, { ...common, kind: 'read', statementTimeoutMs }, connection => look(connection, schema)),
  )
  if (checkedVersion(found.version, migrations) === migrations.length) return
  const patient = { ...common, kind: 'write', statementTimeoutMs: Math.max(statementTimeoutMs, MIGRATION_TIMEOUT_MS) } as const
  await retrying(OPERATION, undefined, () => transact(pool, patient, connection => migrate(connection, schema, migrations)))
}

/** How new the schema of a database is. */
export interface PostgresSchema {
  /** Of the database; 0 where there is none yet. */
  readonly version: number
  /** That this release of the package brings a database to. */
  readonly newest: number
}

/** Which version the schema has; nothing is made or migrated. @throws as `openSchema` */
export async function lookAtSchema(
  pool: PostgresPool,
  { schema, statementTimeoutMs }: { readonly schema: string; readonly statementTimeoutMs: number },
): Promise<PostgresSchema> {
  const how = { operation: OPERATION, signal: undefined, schema, kind: 'read', statementTimeoutMs } as const
  const { version } = await retrying(OPERATION, undefined, () => transact(pool, how, connection => look(connection, schema)))
  return { version: checkedVersion(version, MIGRATIONS), newest: MIGRATIONS.length }
}

interface Found {
  readonly hasSchema: boolean
  readonly version: number
}

async function look(connection: Connection, schema: string): Promise<Found> {
  const encoding = await connection.get<{ readonly server_encoding: string }>('SHOW server_encoding')
  if (encoding?.server_encoding !== 'UTF8') throw refused('the encoding of the database is not UTF8')
  const hasSchema = (await connection.get('SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1', schema)) !== undefined
  const table = 'SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = $2'
  const hasTable = (await connection.get(table, schema, VERSION_TABLE)) !== undefined
  const row = hasTable ? await connection.get<{ readonly version: number }>(`SELECT version FROM ${VERSION_TABLE}`) : undefined
  return { hasSchema, version: row?.version ?? 0 }
}

async function migrate(connection: Connection, schema: string, migrations: readonly string[]): Promise<void> {
  const { hasSchema } = await look(connection, schema)
  // Not asked for where it is there: that would need a privilege on the whole database.
  if (!hasSchema) await connection.script(`CREATE SCHEMA IF NOT EXISTS "${schema}"`)
  await connection.script(`CREATE TABLE IF NOT EXISTS ${VERSION_TABLE} (name text PRIMARY KEY, version bigint NOT NULL)`)
  await connection.insert(VERSION_TABLE, { name: 'strongroom', version: 0 }, 'ON CONFLICT DO NOTHING')
  // Read again under the lock: another process may have been first.
  const row = await connection.get<{ readonly version: number }>(`SELECT version FROM ${VERSION_TABLE} FOR UPDATE`)
  const version = checkedVersion(row?.version ?? 0, migrations)
  for (const migration of migrations.slice(version)) await connection.script(migration)
  if (version < migrations.length) await connection.run(`UPDATE ${VERSION_TABLE} SET version = $1`, migrations.length)
}

function checkedVersion(version: number, migrations: readonly string[]): number {
  if (version > migrations.length) throw refused('the database has a newer schema than this release of @strongroom/postgres knows')
  return version
}

function refused(hint: string): SecretError {
  return SecretError.refused('misconfigured', OPERATION, { hint })
}
