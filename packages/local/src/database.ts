import { randomUUID } from 'node:crypto'
import { chmod, mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { refusal } from './classify.ts'
import { publish, syncDirectory } from './key-file.ts'

const FILE = 'store.db'
const SCHEMA_VERSION = 1
const APPLICATION_ID = 0x53524c4f // "SRLO", so that another program's database is told apart
// SQLite waits in this thread, so the wait is short; core repeats a call that found the lock taken.
const BUSY_TIMEOUT_MS = 500
const PAGE_BYTES = 1024

const SCHEMA = `
CREATE TABLE keys (
  kid TEXT PRIMARY KEY,
  key_check TEXT NOT NULL,
  retired INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE secrets (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  path TEXT NOT NULL UNIQUE,
  labels TEXT NOT NULL,
  current TEXT NOT NULL,
  removed INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
-- The id is random and bound into the envelope before the transaction; the order is the sequence, given inside it.
CREATE TABLE versions (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  secret INTEGER NOT NULL REFERENCES secrets (id),
  id TEXT NOT NULL UNIQUE,
  token TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  kid TEXT -- null: destroyed
) STRICT;
-- SQLite zeroes what it frees, but copies that it left behind when it moved rows between pages stay. A row longer than a page
-- keeps its end in pages of its own, which never move: the padding fills the part that does. See test/at-rest.test.ts.
CREATE TABLE envelopes (
  sequence INTEGER PRIMARY KEY REFERENCES versions (sequence),
  padding BLOB NOT NULL DEFAULT (zeroblob(${PAGE_BYTES})),
  envelope TEXT NOT NULL
) STRICT;
CREATE INDEX versions_of_secret ON versions (secret, sequence);
CREATE INDEX versions_of_key ON versions (kid, sequence) WHERE kid IS NOT NULL;
`

/** One connection. Every method is synchronous, so a transaction never spans an await. */
export class LocalDatabase {
  readonly #connection: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  #closed = false // `isOpen` came to node:sqlite after the oldest Node that we support

  private constructor(connection: DatabaseSync) {
    this.#connection = connection
  }

  static async open(directory: string): Promise<LocalDatabase> {
    const { DatabaseSync } = await import('node:sqlite')
    await prepareDirectory(directory)
    const file = join(directory, FILE)
    if ((await sizeOf(file)) === undefined) await make(DatabaseSync, file)
    if ((await sizeOf(file)) === 0) throw refusal('corrupt', 'store.db is empty: restore it from a backup, or delete it to begin anew')
    const connection = new DatabaseSync(file)
    try {
      configure(connection)
      checkSchema(connection)
    } catch (error) {
      connection.close()
      throw error
    }
    return new LocalDatabase(connection)
  }

  all(sql: string, ...parameters: readonly SQLInputValue[]): readonly unknown[] {
    return this.#prepare(sql).all(...parameters)
  }

  get(sql: string, ...parameters: readonly SQLInputValue[]): unknown {
    return this.#prepare(sql).get(...parameters)
  }

  /** The number of rows changed. */
  run(sql: string, ...parameters: readonly SQLInputValue[]): number {
    return Number(this.#prepare(sql).run(...parameters).changes)
  }

  /** All or nothing, and alone among all processes. */
  transaction<T>(work: () => T): T {
    return this.#between('BEGIN IMMEDIATE', work)
  }

  /** Several reads of one state, whatever others write meanwhile. */
  snapshot<T>(work: () => T): T {
    return this.#between('BEGIN', work)
  }

  /**
   * Moves the log into the database, whose freed pages are zeroed, and empties the log: afterwards no file holds what was
   * deleted. False when a reader elsewhere still needs the log.
   */
  erase(): boolean {
    const answer = this.get('PRAGMA wal_checkpoint(TRUNCATE)') as { readonly busy: number }
    return answer.busy === 0
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#statements.clear()
    this.#connection.close()
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#connection.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }

  #between<T>(begin: string, work: () => T): T {
    this.#connection.exec(begin)
    try {
      const answer = work()
      this.#connection.exec('COMMIT')
      return answer
    } catch (error) {
      this.#rollBack()
      throw error
    }
  }

  #rollBack(): void {
    try {
      this.#connection.exec('ROLLBACK')
    } catch {
      // SQLite has rolled back by itself, after a full disk for instance; the first error is the one to tell.
    }
  }
}

function configure(connection: DatabaseSync): void {
  connection.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`)
  // secure_delete belongs to the connection, not to the file: each one must ask for it.
  for (const setting of ['synchronous = FULL', 'secure_delete = ON', 'foreign_keys = ON', 'trusted_schema = OFF', 'temp_store = MEMORY']) {
    connection.exec(`PRAGMA ${setting}`)
  }
}

function checkSchema(connection: DatabaseSync): void {
  const { application_id } = connection.prepare('PRAGMA application_id').get() as { readonly application_id: number }
  const { user_version } = connection.prepare('PRAGMA user_version').get() as { readonly user_version: number }
  if (application_id !== APPLICATION_ID)
    throw refusal('misconfigured', 'store.db was not made by this package; give the store a directory of its own')
  if (user_version > SCHEMA_VERSION) throw refusal('misconfigured', 'store.db was written by a newer version of this package; update the package')
  if (user_version !== SCHEMA_VERSION) throw refusal('corrupt', 'store.db has no schema version that ever was')
}

/** A database is made beside its name and published whole, so that two first starts meet one, and an empty file is never a beginning. */
async function make(DatabaseSync: typeof import('node:sqlite').DatabaseSync, file: string): Promise<void> {
  // SQLite would replay a log without its database into the new one. Asked in this order: the database comes before its log.
  if ((await sizeOf(`${file}-wal`)) !== undefined && (await sizeOf(file)) === undefined) {
    throw refusal('corrupt', 'store.db is missing though its log is there; restore both from a backup')
  }
  const temporary = `${file}.${randomUUID()}`
  try {
    await (await open(temporary, 'wx', 0o600)).close() // SQLite gives the log files the mode of the database
    const connection = new DatabaseSync(temporary)
    try {
      configure(connection)
      connection.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA journal_mode = WAL; PRAGMA application_id = ${APPLICATION_ID}`)
      connection.exec(`BEGIN IMMEDIATE; ${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`)
    } finally {
      connection.close()
    }
    await publish(temporary, file)
  } finally {
    for (const suffix of ['', '-wal', '-shm']) await rm(temporary + suffix, { force: true })
  }
}

/** The directory is ours alone, or it is refused: changing the mode of somebody's home would be worse. */
async function prepareDirectory(directory: string): Promise<void> {
  if ((await mkdir(directory, { recursive: true, mode: 0o700 })) !== undefined) await syncDirectory(dirname(directory))
  if (process.platform === 'win32') return // modes mean nothing there
  if (await isOpenToOthers(directory)) {
    const names = await readdir(directory)
    if (names.length > 0 && !names.includes(FILE) && !names.includes('key')) {
      throw refusal('misconfigured', 'the directory holds other files and is open to other users; give the store a directory of its own')
    }
    await chmod(directory, 0o700)
  }
  for (const name of [FILE, `${FILE}-wal`, `${FILE}-shm`, 'key']) {
    if (await isOpenToOthers(join(directory, name))) await chmod(join(directory, name), 0o600)
  }
}

async function isOpenToOthers(path: string): Promise<boolean> {
  const found = await stat(path).catch(ifMissing)
  return found !== undefined && (found.mode & 0o077) !== 0
}

async function sizeOf(file: string): Promise<number | undefined> {
  return (await stat(file).catch(ifMissing))?.size
}

function ifMissing(error: unknown): undefined {
  if ((error as { readonly code?: unknown } | null)?.code !== 'ENOENT') throw error
}
