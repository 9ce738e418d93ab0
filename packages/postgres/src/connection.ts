import { SecretError, type Failure } from '@strongroom/core'
import { DriverFinding, refused, unlessAborted, within } from '@strongroom/core/driver-support'
import { isAnswered, isRolledBack } from './failures.ts'
import type { PostgresAnswer, PostgresClient, PostgresPool, PostgresQuery } from './pool.ts'

export interface Circumstances {
  readonly kind: 'read' | 'write'
  readonly operation: string
  readonly signal: AbortSignal | undefined
  readonly schema: string
  readonly statementTimeoutMs: number
}

/** Why a transaction failed, and whether it may have been made all the same. */
export class TransactionFailure extends Error {
  readonly reason: unknown
  readonly effect: Failure['effect']

  constructor(reason: unknown, effect: Failure['effect']) {
    super('the transaction failed')
    this.reason = reason
    this.effect = effect
  }
}

/** The server answers a statement within its own timeout. A connection that is silent for so much longer is dead. */
const GRACE_MS = 5000

const late = (hint: string) => (): DriverFinding => new DriverFinding(refused('unavailable', { retryable: true, hint }))
const SILENT = late('the database is silent')
/** A caller's pool may wait for a free connection, or for a server that does not answer, without end. */
const CROWDED_POOL = late('no connection of the pool became free in time')

const INTEGERS: ReadonlySet<number> = new Set([20, 21, 23]) // int8, int2, int4

/** Whole numbers as numbers, everything else as the text that it is on the wire. */
const types: PostgresQuery['types'] = { getTypeParser: type => (INTEGERS.has(type) ? Number : text => text) }

/** Runs the body in a transaction, on a connection of its own. @throws TransactionFailure */
export async function transact<Answer>(
  pool: PostgresPool,
  circumstances: Circumstances,
  body: (connection: Connection) => Promise<Answer>,
): Promise<Answer> {
  const connection = await Connection.checkOut(pool, circumstances)
  try {
    await connection.begin()
    const answer = await body(connection)
    await connection.commit()
    return answer
  } catch (error) {
    throw error instanceof TransactionFailure ? error : new TransactionFailure(error, 'none')
  } finally {
    await connection.giveBack()
  }
}

/** A client of the pool for the time of one transaction. */
export class Connection {
  readonly #client: PostgresClient
  readonly #circumstances: Circumstances
  /** `unknown`: a statement has not been answered, so nobody may use the client any more. */
  #state: 'idle' | 'open' | 'unknown' = 'idle'

  static async checkOut(pool: PostgresPool, circumstances: Circumstances): Promise<Connection> {
    const { signal, statementTimeoutMs } = circumstances
    const arriving = (async () => await pool.connect())()
    try {
      return new Connection(await within(statementTimeoutMs + GRACE_MS, orAborted(arriving, signal), CROWDED_POOL), circumstances)
    } catch (error) {
      // One that comes after all goes back as it is; why one did not come has been said, or nobody is left to be told.
      arriving.then(client => client.release()).catch(() => undefined)
      throw new TransactionFailure(error, 'none')
    }
  }

  constructor(client: PostgresClient, circumstances: Circumstances) {
    this.#client = client
    this.#circumstances = circumstances
    client.on('error', this.#lose)
  }

  /** The first row. `Row` is what the statement selects. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- what a statement selects is known where it is written, and only there
  async get<Row>(text: string, ...values: readonly unknown[]): Promise<Row | undefined> {
    return (await this.all<Row>(text, ...values))[0]
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- what a statement selects is known where it is written, and only there
  async all<Row>(text: string, ...values: readonly unknown[]): Promise<readonly Row[]> {
    requireText(this.#circumstances.operation, values)
    return (await this.#ask({ text, values: [...values], types })).rows as readonly Row[]
  }

  async run(text: string, ...values: readonly unknown[]): Promise<void> {
    await this.all(text, ...values)
  }

  /** The names of the table and its columns are this package's own. */
  async insert(table: string, row: Readonly<Record<string, string | number | null>>, otherwise: '' | 'ON CONFLICT DO NOTHING' = ''): Promise<void> {
    const columns = Object.keys(row)
    const places = columns.map((_, index) => `$${index + 1}`)
    await this.run(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places.join(', ')}) ${otherwise}`, ...Object.values(row))
  }

  /** Several statements without parameters, in one go. */
  async script(text: string): Promise<void> {
    await this.#ask({ text, types })
  }

  async begin(): Promise<void> {
    const { kind, schema, statementTimeoutMs } = this.#circumstances
    this.#state = 'open'
    // All of it ends with the transaction, so that a pooler between us and the database, or a caller's own use of the pool, sees none of it.
    const settings = [
      // Writers lock their account's row first and then look, so each statement must see what was committed by then; readers need one moment.
      kind === 'write' ? 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE' : 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
      `SET LOCAL statement_timeout = ${statementTimeoutMs}`,
      // A process that stops in mid-transaction must not keep its locks.
      `SET LOCAL idle_in_transaction_session_timeout = ${statementTimeoutMs}`,
      // Temporary tables last: one of the session's would be found before ours.
      `SET LOCAL search_path = "${schema}", pg_temp`,
    ]
    // What resolves is durable, also where the server's default trades that for speed.
    if (kind === 'write')
      settings.push("SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit', true) = 'off'")
    await this.script(settings.join('; '))
  }

  async commit(): Promise<void> {
    const { kind } = this.#circumstances
    try {
      const { command } = await this.#ask({ text: 'COMMIT', types })
      this.#state = 'idle'
      if (command !== 'COMMIT') throw new TransactionFailure(undefined, 'none')
    } catch (error) {
      if (error instanceof TransactionFailure) throw error
      throw new TransactionFailure(error, kind === 'read' || isRolledBack(error) ? 'none' : 'unknown')
    }
  }

  /** Back to the pool, or closed where nobody knows what it is doing. Never throws. */
  async giveBack(): Promise<void> {
    try {
      if (this.#state === 'open') await this.#rollback()
    } finally {
      this.#client.removeListener('error', this.#lose)
      this.#client.release(this.#state !== 'idle')
    }
  }

  async #rollback(): Promise<void> {
    try {
      await this.#answerOf({ text: 'ROLLBACK', types }, undefined)
      this.#state = 'idle'
    } catch {
      // The connection goes with the transaction; why the transaction is given up is what the caller is told.
      this.#state = 'unknown'
    }
  }

  async #ask(query: PostgresQuery): Promise<PostgresAnswer> {
    const { signal } = this.#circumstances
    // Before it is sent: a COMMIT that was not sent has no effect, and the connection is as good as it was.
    if (signal?.aborted === true) throw new TransactionFailure(new DriverFinding(refused('aborted')), 'none')
    try {
      return await this.#answerOf(query, signal)
    } catch (error) {
      if (!isAnswered(error)) this.#state = 'unknown'
      throw error
    }
  }

  async #answerOf(query: PostgresQuery, signal: AbortSignal | undefined): Promise<PostgresAnswer> {
    return await orAborted(within(this.#circumstances.statementTimeoutMs + GRACE_MS, this.#client.query(query), SILENT), signal)
  }

  /** A client in use tells of its end by an event too, and one that nobody hears ends the process. */
  readonly #lose = (): void => {
    this.#state = 'unknown'
  }
}

/** Ends as `aborted` as soon as the signal says so; the work goes on unheard. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return signal === undefined ? work : unlessAborted(work, { signal }, 'none')
}

/** PostgreSQL's text has no NUL, and half a surrogate pair would come back as another character. */
function requireText(operation: string, values: readonly unknown[]): void {
  for (const value of values.flat()) {
    if (typeof value === 'string' && (value.includes('\0') || !value.isWellFormed())) {
      throw SecretError.invalid(operation, 'text is well-formed and without NUL')
    }
  }
}
