import { isObject, isText, optionChecks, type OptionChecks } from '@strongroom/core/driver-support'
import type { PostgresPool } from './pool.ts'

/** A subset of the options of `pg`'s clients. What is left out comes from `PGHOST`, `PGUSER` and the like. */
export interface PostgresConnectionOptions {
  readonly host?: string
  readonly port?: number
  readonly database?: string
  readonly user?: string
  /** A function is asked for each new connection: for passwords that change. */
  readonly password?: string | (() => string | Promise<string>)
  /** `true`, or options of Node's `tls.connect`, such as `ca`. False by default. */
  readonly ssl?: boolean | Readonly<Record<string, unknown>>
}

/** Exactly one of `connectionString`, `connection` and `pool` is given. */
export interface PostgresMetadataOptions {
  /** `postgres://user:password@host:port/database`, with the parameters that `pg` knows, such as `sslmode=verify-full`. */
  readonly connectionString?: string
  readonly connection?: PostgresConnectionOptions
  /** A pool of the caller's, such as a `pg.Pool`. It stays the caller's: `close` leaves it open. */
  readonly pool?: PostgresPool
  /** The schema of the tables, made by the first start; `strongroom` by default. 1 to 63 of `a-z 0-9 _`, no digit first. */
  readonly schema?: string
  /** Connections of our own pool at most; 10 by default. Not with `pool`. */
  readonly maxConnections?: number
  /** How long to wait for a connection of our own pool, in milliseconds; 10,000 by default. Not with `pool`. */
  readonly connectTimeoutMs?: number
  /** How long one statement may take, its waiting for locks included, in milliseconds; 10,000 by default. */
  readonly statementTimeoutMs?: number
  /** A seam for tests, in the place of the database's own clock. */
  readonly clock?: () => Date
}

/** Where the database is. */
export interface Place {
  readonly pool: PostgresPool | undefined
  readonly connection: Readonly<Record<string, unknown>>
  readonly maxConnections: number
  readonly connectTimeoutMs: number
}

export interface Settings {
  readonly place: Place
  readonly schema: string
  readonly statementTimeoutMs: number
  readonly clock: (() => Date) | undefined
}

const OPERATION = 'postgresMetadata'
const OPTIONS = ['connectionString', 'connection', 'pool', 'schema', 'maxConnections', 'connectTimeoutMs', 'statementTimeoutMs', 'clock'] as const
const CONNECTION = ['host', 'port', 'database', 'user', 'password', 'ssl'] as const
const SCHEMA = /^[a-z_][a-z0-9_]{0,62}$/
const DAY_MS = 86_400_000
const checks: OptionChecks = optionChecks(OPERATION)

/** @throws SecretError `invalid_argument`, or `misconfigured` for options that exclude each other. No error has a part of a connection string. */
export function checkedSettings(options: PostgresMetadataOptions): Settings {
  checks.keys(options, 'the options', OPTIONS)
  const { connectionString, connection, pool, schema = 'strongroom', statementTimeoutMs = 10_000, clock } = options
  if ([connectionString, connection, pool].filter(given => given !== undefined).length !== 1) {
    checks.clash('exactly one of connectionString, connection and pool is given')
  }
  if (pool !== undefined && (options.maxConnections !== undefined || options.connectTimeoutMs !== undefined)) {
    checks.clash("maxConnections and connectTimeoutMs are for a pool of the store's own")
  }
  if (typeof schema !== 'string' || !SCHEMA.test(schema) || schema.startsWith('pg_') || schema === 'information_schema') {
    checks.fail('schema is 1 to 63 of a-z 0-9 _, no digit first, and not one of the database’s own (pg_…, information_schema)')
  }
  if (pool !== undefined && typeof (pool as Partial<PostgresPool> | null)?.connect !== 'function') checks.fail('pool has the methods of a Pool of pg')
  if (clock !== undefined && typeof clock !== 'function') checks.fail('clock is a function')
  return {
    place: {
      pool,
      connection: connectionString === undefined ? checkedConnection(connection ?? {}) : { connectionString: checkedString(connectionString) },
      maxConnections: whole('maxConnections', options.maxConnections ?? 10, 1, 1000),
      connectTimeoutMs: whole('connectTimeoutMs', options.connectTimeoutMs ?? 10_000, 1, DAY_MS),
    },
    schema,
    statementTimeoutMs: whole('statementTimeoutMs', statementTimeoutMs, 1, DAY_MS),
    clock,
  }
}

function checkedString(connectionString: unknown): string {
  if (isText(connectionString) && /^postgres(ql)?:\/\//.test(connectionString) && URL.canParse(connectionString)) return connectionString
  return checks.fail('connectionString is a URL that begins with postgres:// or postgresql://')
}

function checkedConnection(connection: PostgresConnectionOptions): Readonly<Record<string, unknown>> {
  checks.keys(connection, 'connection', CONNECTION)
  const { host, port, database, user, password, ssl } = connection
  for (const [name, value] of Object.entries({ host, database, user })) {
    if (value !== undefined && !isText(value)) checks.fail(`connection.${name} is text`)
  }
  if (port !== undefined) whole('connection.port', port, 1, 65_535)
  if (password !== undefined && typeof password !== 'function' && !isText(password)) checks.fail('connection.password is text or a function')
  if (ssl !== undefined && typeof ssl !== 'boolean' && !isObject(ssl)) checks.fail("connection.ssl is true, false or options of Node's TLS")
  // Copies, since pg hides a key by changing the object that has it.
  return { ...connection, ...(isObject(ssl) && { ssl: { ...ssl } }) }
}

function whole(name: string, value: unknown, least: number, most: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most) {
    checks.fail(`${name} is a whole number from ${least} to ${most}`)
  }
  return value as number
}
