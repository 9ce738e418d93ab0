import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { SecretError } from '@strongroom/core'
import { isLocked, secretErrorOf } from './failures.ts'
import { APPLICATION_ID, MIGRATIONS } from './schema.ts'

export const IN_MEMORY = ':memory:'
const RETRY_MS = 20
const LOOK = 'metadata.schema'
const LOOK_MS = 5000

/** Opens the file, makes it where it is missing, and brings it to the newest schema. Throws whatever went wrong. */
export async function openDatabase(path: string, busyTimeoutMs: number): Promise<DatabaseSync> {
  // Not imported before it is needed: on Node 22 the import prints a warning.
  const sqlite = await import('node:sqlite')
  if (path !== IN_MEMORY) createFile(path)
  const giveUpAt = performance.now() + busyTimeoutMs
  for (;;) {
    // An absolute path, because SQLite would read one that starts with `file:` as a URI.
    const database = new sqlite.DatabaseSync(path === IN_MEMORY ? path : resolve(path))
    try {
      prepareDatabase(database, path, busyTimeoutMs)
      return database
    } catch (error) {
      database.close()
      // Several processes may open a new file at once, and SQLite does not wait for the lock that turning WAL on takes.
      if (!isLocked(error) || performance.now() >= giveUpAt) throw error
      await sleep(RETRY_MS)
    }
  }
}

/** How new the schema of a file is. */
export interface SqliteSchema {
  /** Of the file; 0 for one that is empty. */
  readonly version: number
  /** That this release of the package brings a file to. */
  readonly newest: number
}

/**
 * Which schema a file has. Nothing is made and nothing is migrated. Undefined where there is no file.
 * @throws SecretError `misconfigured` for another program's file and for a newer schema; `unavailable`, `corrupt` as a metadata store
 */
export async function sqliteSchema({ path }: { readonly path: string }): Promise<SqliteSchema | undefined> {
  if (!existsSync(path)) return undefined
  const { DatabaseSync } = await import('node:sqlite')
  try {
    const database = new DatabaseSync(resolve(path))
    try {
      database.exec(`PRAGMA busy_timeout = ${LOOK_MS}`)
      return { version: checkVersion(database), newest: MIGRATIONS.length }
    } finally {
      database.close()
    }
  } catch (error) {
    throw secretErrorOf(error, LOOK, 'none').in({ operation: LOOK })
  }
}

function prepareDatabase(database: DatabaseSync, path: string, busyTimeoutMs: number): void {
  database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`)
  database.exec('PRAGMA foreign_keys = ON')
  database.exec('PRAGMA trusted_schema = OFF')
  // Before anything is written: a file that is refused stays as it is.
  database.exec('BEGIN')
  const version = checkVersion(database)
  database.exec('COMMIT')
  const mode = database.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode']
  if (mode !== 'wal' && path !== IN_MEMORY) throw refused('the database cannot have a write-ahead log there')
  // A commit is written, and on the disk once `Connection.toDisk` says so.
  database.exec('PRAGMA synchronous = NORMAL')
  // Long before, a thread of its own has copied the log; see `Checkpointer`.
  database.exec('PRAGMA wal_autocheckpoint = 16000')
  // At most 64 MB, and no more than the file has: rows that follow each other in one order are scattered in the file by every other.
  database.exec('PRAGMA cache_size = -65536')
  if (version < MIGRATIONS.length) migrate(database)
}

function migrate(database: DatabaseSync): void {
  database.exec('BEGIN EXCLUSIVE')
  // Read again under the lock: another process may have been first.
  const version = checkVersion(database)
  for (const migration of MIGRATIONS.slice(version)) database.exec(migration)
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
  database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`)
  database.exec('COMMIT')
}

/** The schema's version; refuses a file that this code must not write to. */
function checkVersion(database: DatabaseSync): number {
  const version = pragma(database, 'user_version')
  const application = pragma(database, 'application_id')
  const empty = database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined
  if (application !== APPLICATION_ID && !(empty && application === 0 && version === 0)) throw refused("the file is another program's database")
  if (version > MIGRATIONS.length) throw refused('the database has a newer schema than this release of @strongroom/sqlite knows')
  return version
}

function pragma(database: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name])
}

/**
 * Makes the file for its owner alone; SQLite gives the files beside it the same mode. An existing file is not opened here,
 * because closing it would drop the locks that this process holds on it through another connection.
 */
function createFile(path: string): void {
  mkdirSync(dirname(resolve(path)), { recursive: true, mode: 0o700 })
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}

function refused(hint: string): SecretError {
  return SecretError.refused('misconfigured', 'metadata.open', { hint })
}
