import { statSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { SecretError } from '@strongroom/core'
import { Checkpointer } from './checkpointer.ts'
import { isLocked, secretErrorOf } from './failures.ts'
import type { Outcome } from './group.ts'

/** What SQLite itself lets its log have, in pages, before who commits copies it into the database. */
const LOG_PAGES = 1000

export type Parameters = Readonly<Record<string, SQLInputValue>>

/** Its parameters in the order in which they stand in it: Node binds them by name in twice the time. */
interface Prepared {
  readonly statement: StatementSync
  readonly names: readonly string[]
}

/** One open database with the statements it has prepared. */
export class Connection {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, Prepared>()
  readonly #path: string | undefined
  readonly #file: string | undefined
  readonly #logPath: string | undefined
  readonly #checkpointer: Checkpointer | undefined
  #log: Promise<FileHandle> | undefined
  /** Set when a transaction could not be ended: the connection is of no more use. */
  broken = false
  closed = false

  /** Without a path for one in memory. */
  constructor(database: DatabaseSync, path: string | undefined) {
    this.#database = database
    this.#path = path
    this.#file = fileAt(path)
    this.#logPath = path === undefined ? undefined : `${resolve(path)}-wal`
    this.#checkpointer = path === undefined ? undefined : new Checkpointer(path, () => database.exec(`PRAGMA wal_autocheckpoint = ${LOG_PAGES}`))
  }

  /** What a write waits for, off the thread, before it begins. */
  get held(): Promise<void> | undefined {
    return this.#checkpointer?.held
  }

  /** The first row. `Row` is what the statement selects. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- what a statement selects is known where it is written, and only there
  get<Row>(sql: string, parameters: Parameters): Row | undefined {
    const { statement, names } = this.#prepared(sql)
    return statement.get(...values(names, parameters)) as Row | undefined
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- what a statement selects is known where it is written, and only there
  all<Row>(sql: string, parameters: Parameters): readonly Row[] {
    const { statement, names } = this.#prepared(sql)
    return statement.all(...values(names, parameters)) as Row[]
  }

  run(sql: string, parameters: Parameters): void {
    const { statement, names } = this.#prepared(sql)
    statement.run(...values(names, parameters))
  }

  /** Runs the body in a transaction. Throws only SecretErrors. */
  transact<Answer>(kind: 'read' | 'write', operation: string, body: () => Answer): Answer {
    try {
      // A writer takes its lock first: what it reads is then still so when it commits.
      this.#database.exec(kind === 'write' ? 'BEGIN IMMEDIATE' : 'BEGIN')
    } catch (error) {
      throw secretErrorOf(error, operation, 'none')
    }
    let answer: Answer
    try {
      if (!this.#isInPlace) throw displaced(operation)
      answer = body()
    } catch (error) {
      this.#rollback()
      throw secretErrorOf(error, operation, 'none')
    }
    try {
      this.#database.exec('COMMIT')
      if (kind === 'write') this.#checkpointer?.committed()
      return answer
    } catch (error) {
      this.#rollback()
      // A locked commit has written nothing; after any other failure the log may hold it or not.
      throw secretErrorOf(error, operation, kind === 'read' || isLocked(error) ? 'none' : 'unknown')
    }
  }

  /** Runs the body inside the transaction under way, so that only what it did is undone when it fails. */
  part<Answer>(operation: string, body: () => Answer): Outcome<Answer> {
    this.#database.exec('SAVEPOINT part')
    let outcome: Outcome<Answer>
    try {
      outcome = { answer: body() }
    } catch (error) {
      // Where SQLite has undone all of it by itself, this fails, and so does the whole.
      this.#database.exec('ROLLBACK TO part')
      outcome = { error: secretErrorOf(error, operation, 'none') }
    }
    this.#database.exec('RELEASE part')
    return outcome
  }

  /** Ends once all that was committed is on the disk. SQLite's own wait for it would hold up the thread. @throws SecretError */
  async toDisk(operation: string): Promise<void> {
    if (this.#logPath === undefined) return
    try {
      this.#log ??= open(this.#logPath, 'r+')
      await (await this.#log).datasync()
    } catch (error) {
      this.#log = undefined
      throw secretErrorOf(error, operation, 'unknown')
    }
  }

  async close(): Promise<void> {
    this.closed = true
    this.#statements.clear()
    await this.#checkpointer?.close()
    await (await this.#log)?.close()
    // SQLite deletes the log by its name, which may be another database's by now.
    if (this.#isInPlace) this.#database.close()
  }

  /** SQLite itself goes on with a file that was moved away, so that nobody who opens the path would find what it writes. */
  get #isInPlace(): boolean {
    return fileAt(this.#path) === this.#file
  }

  #prepared(sql: string): Prepared {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const names: string[] = []
    const byPosition = sql.replaceAll(/:(\w+)/g, (_, name: string) => {
      names.push(name)
      return '?'
    })
    const prepared = { statement: this.#database.prepare(byPosition), names }
    this.#statements.set(sql, prepared)
    return prepared
  }

  #rollback(): void {
    try {
      this.#database.exec('ROLLBACK')
    } catch {
      // SQLite may have rolled back by itself, which cannot be told from a rollback that failed.
      this.broken = true
    }
  }
}

function values(names: readonly string[], parameters: Parameters): SQLInputValue[] {
  // One that is missing is refused by Node, as it is by name.
  return names.map(name => parameters[name] as SQLInputValue)
}

/** What tells the file at the path from every other one; undefined where there is none. */
function fileAt(path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  try {
    const { dev, ino } = statSync(path, { bigint: true })
    return `${dev}:${ino}`
  } catch {
    // Why it cannot be looked at does not matter: it is not where it was.
    return undefined
  }
}

function displaced(operation: string): SecretError {
  const hint = 'the database file is no longer where it was opened; where another is in its place, start again'
  return SecretError.refused('unavailable', operation, { hint, retryable: true })
}
