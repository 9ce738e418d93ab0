import { SecretError, type CallOptions } from '@strongroom/core'
import { Connection } from './connection.ts'
import { secretErrorOf } from './failures.ts'
import { IN_MEMORY, openDatabase } from './open.ts'

export interface CurrentOptions {
  readonly path: string
  readonly clock: () => Date
  readonly busyTimeoutMs: number
}

/** The one connection of a store: opened by the first call, and replaced when it is of no more use. */
export class Current {
  readonly #options: CurrentOptions
  #opening: Promise<Connection> | undefined
  #closed = false

  constructor(options: CurrentOptions) {
    this.#options = options
  }

  /** @throws SecretError `closed`, `aborted` */
  check(operation: string, { signal }: CallOptions): void {
    if (this.#closed) throw SecretError.refused('closed', operation)
    if (signal?.aborted === true) throw SecretError.refused('aborted', operation)
  }

  /** Resolves when it is committed, and what was written is on the disk. @throws SecretError */
  async transact<Answer>(kind: 'read' | 'write', operation: string, work: (connection: Connection, now: number) => Answer): Promise<Answer> {
    const connection = await this.#opened(kind, operation)
    let answer: Answer
    try {
      answer = connection.transact(kind, operation, () => work(connection, this.#options.clock().getTime()))
    } finally {
      this.#replaceBroken(connection)
    }
    if (kind === 'write') await connection.toDisk(operation)
    return answer
  }

  async close(): Promise<void> {
    this.#closed = true
    const mine = this.#opening
    this.#opening = undefined
    if (mine === undefined) return
    let connection: Connection
    try {
      connection = await mine
    } catch {
      // It was never open; whoever asked for it has been told why.
      return
    }
    await connection.close()
  }

  async #opened(kind: 'read' | 'write', operation: string): Promise<Connection> {
    for (;;) {
      this.check(operation, {})
      const connection = await this.#open(operation)
      if (kind === 'write') await connection.held?.catch(() => {})
      this.check(operation, {})
      // While this one waited, another may have found it broken, and replaced it.
      if (!connection.closed) return connection
    }
  }

  async #open(operation: string): Promise<Connection> {
    const { path, busyTimeoutMs } = this.#options
    this.#opening ??= openDatabase(path, busyTimeoutMs).then(database => new Connection(database, path === IN_MEMORY ? undefined : path))
    const mine = this.#opening
    try {
      return await mine
    } catch (error) {
      // Forgotten, so that the next call tries again.
      if (this.#opening === mine) this.#opening = undefined
      throw secretErrorOf(error, operation, 'none').in({ operation })
    }
  }

  /** One in memory cannot be replaced, since its data would go with it. */
  #replaceBroken(connection: Connection): void {
    if (!connection.broken || this.#options.path === IN_MEMORY) return
    this.#opening = undefined
    // Nothing waits for it, and what it throws has been told by what broke it.
    connection.close().catch(() => {})
  }
}
