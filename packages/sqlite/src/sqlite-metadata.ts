import { isSecretError, SecretError, type CallOptions, type MetadataStore, type RequestOf } from '@strongroom/core'
import { AuditGroup, readAudit } from './audit.ts'
import { Connection } from './connection.ts'
import { secretErrorOf } from './failures.ts'
import { grouped, type Outcome } from './group.ts'
import { beginCreate, beginUpdate, claimExpiredIntents } from './intents.ts'
import { adopt, beginMigrate, commitMigrate, commitReturn } from './migrations.ts'
import { dropOldCopies, oldCopies } from './old-copies.ts'
import { IN_MEMORY, openDatabase } from './open.ts'
import { page } from './page.ts'
import { pending } from './pending.ts'
import { claimQueue, queueRepair, settleQueue } from './queue.ts'
import { forgetRequests } from './requests.ts'
import type { Transaction } from './transaction.ts'
import { bindStores, find, owners, references, scan } from './views.ts'
import { abandon, commitCreate, commitDelete, commitRollback, commitUpdate, updateDescription } from './writes.ts'

export interface SqliteMetadataOptions {
  /** The database's file, made with mode 0600 where it is missing; `:memory:` for one that ends with the store. */
  readonly path: string
  /** The database's clock; a test gives one that it can move. The machine's by default. */
  readonly clock?: () => Date
  /** How long a call waits while another connection writes, in milliseconds; 5000 by default. It waits on the thread. */
  readonly busyTimeoutMs?: number
}

interface Waiting {
  readonly operation: string
  readonly call: CallOptions
}
interface Write extends Waiting {
  readonly work: (connection: Connection, now: number) => unknown
}
interface Append extends Waiting {
  readonly request: RequestOf<'appendAudit'>
}
type Body<Request, Answer> = (transaction: Transaction, request: Request) => Answer
type Method<Request, Answer> = (request: Request, call: CallOptions) => Promise<Answer>

/** A metadata store in one SQLite file, for the processes of one machine. The file is opened by the first call. */
export function sqliteMetadata(options: SqliteMetadataOptions): MetadataStore {
  const { path, clock = () => new Date(), busyTimeoutMs = 5000 } = options
  if (typeof path !== 'string' || path === '' || path.includes('\0')) throw SecretError.invalid('sqliteMetadata', "path is a file's path")
  if (!Number.isInteger(busyTimeoutMs) || busyTimeoutMs < 0 || busyTimeoutMs > 2_147_483_647) {
    throw SecretError.invalid('sqliteMetadata', 'busyTimeoutMs is a whole number of milliseconds')
  }
  let opening: Promise<Connection> | undefined
  let closed = false

  const open = async (): Promise<Connection> => {
    opening ??= openDatabase(path, busyTimeoutMs).then(database => new Connection(database, path === IN_MEMORY ? undefined : path))
    const mine = opening
    try {
      return await mine
    } catch (error) {
      // Forgotten, so that the next call tries again.
      if (opening === mine) opening = undefined
      throw error
    }
  }

  /** A connection whose transaction could not be ended is replaced; one in memory cannot be, since its data would go with it. */
  const replaceBroken = (connection: Connection): void => {
    if (!connection.broken || path === IN_MEMORY) return
    opening = undefined
    connection.close()
  }

  const check = (operation: string, { signal }: CallOptions): void => {
    if (closed) throw SecretError.refused('closed', operation)
    if (signal?.aborted === true) throw SecretError.refused('aborted', operation)
  }

  const opened = async (operation: string): Promise<Connection> => {
    try {
      return await open()
    } catch (error) {
      throw secretErrorOf(error, operation, 'none').in({ operation })
    }
  }

  const transact = async <Answer>(
    kind: 'read' | 'write',
    operation: string,
    work: (connection: Connection, now: number) => Answer,
  ): Promise<Answer> => {
    for (;;) {
      check(operation, {})
      const connection = await opened(operation)
      check(operation, {})
      // While this one waited, another may have found it broken, and replaced it.
      if (connection.closed) continue
      try {
        return connection.transact(kind, operation, () => work(connection, clock().getTime()))
      } finally {
        replaceBroken(connection)
      }
    }
  }

  const reads =
    <Request extends { readonly registry: string }, Answer>(name: string, body: Body<Request, Answer>): Method<Request, Answer> =>
    async (request, call) => {
      const operation = `metadata.${name}`
      check(operation, call)
      return await transact('read', operation, (connection, now) => {
        // Again: it may have been aborted while the file was being opened.
        check(operation, call)
        return body({ operation, registry: request.registry, now, connection }, request)
      })
    }

  /** What waits at once is one transaction, so that it waits for the disk together. `all` does it and says what became of each. */
  const together = <Call extends Waiting, Answer>(
    all: (calls: readonly Call[], connection: Connection, now: number) => readonly Outcome<Answer>[],
  ): ((call: Call) => Promise<Answer>) => {
    const attempt = async (some: readonly Call[]): Promise<readonly Outcome<Answer>[]> => {
      const operation = some[0]?.operation ?? 'metadata'
      let begun = false
      try {
        return await transact('write', operation, (connection, now) => {
          begun = true
          return all(some, connection, now)
        })
      } catch (error) {
        // Before anybody's turn it is nobody's own: what locks the database would be waited for again by each.
        if (some.length === 1 || !begun || !isSecretError(error) || error.effect !== 'none')
          return some.map(one => ({ error: isSecretError(error) ? error.in({ operation: one.operation }) : error }))
        // Nothing of it was written: each has its turn alone, so that one that cannot be does not take the others with it.
        const outcomes: Outcome<Answer>[] = []
        for (const one of some) outcomes.push(...(await attempt([one])))
        return outcomes
      }
    }
    return grouped(attempt)
  }

  /** Each is whole or undone by itself. */
  const writeTogether = together<Write, unknown>((some, connection, now) => {
    const one = ({ operation, call, work }: Write): unknown => {
      check(operation, call)
      return work(connection, now)
    }
    return some.length === 1 ? some.map(write => ({ answer: one(write) })) : some.map(write => connection.part(write.operation, () => one(write)))
  })
  const writes =
    <Request extends { readonly registry: string }, Answer>(name: string, body: Body<Request, Answer>): Method<Request, Answer> =>
    async (request, call) => {
      const operation = `metadata.${name}`
      check(operation, call)
      const work = (connection: Connection, now: number): Answer => body({ operation, registry: request.registry, now, connection }, request)
      return (await writeTogether({ operation, call, work })) as Answer
    }

  /** Every look at a secret leaves an entry, so that these are the most: of each chain the head is read and written once for all. */
  const appendTogether = together<Append, void>((some, connection, now) => {
    const group = new AuditGroup()
    const outcomes = some.map(({ operation, request, call }): Outcome<void> => {
      try {
        check(operation, call)
      } catch (error) {
        return { error }
      }
      return { answer: group.append({ operation, registry: request.registry, now, connection }, request) }
    })
    group.end()
    return outcomes
  })

  return {
    specification: 'v1',
    kind: 'sqlite',
    bindStores: writes('bindStores', bindStores),
    beginCreate: writes('beginCreate', beginCreate),
    beginUpdate: writes('beginUpdate', beginUpdate),
    commitCreate: writes('commitCreate', commitCreate),
    commitUpdate: writes('commitUpdate', commitUpdate),
    abandon: writes('abandon', abandon),
    updateDescription: writes('updateDescription', updateDescription),
    commitRollback: writes('commitRollback', commitRollback),
    commitDelete: writes('commitDelete', commitDelete),
    beginMigrate: writes('beginMigrate', beginMigrate),
    commitMigrate: writes('commitMigrate', commitMigrate),
    commitReturn: writes('commitReturn', commitReturn),
    oldCopies: reads('oldCopies', oldCopies),
    dropOldCopies: writes('dropOldCopies', dropOldCopies),
    adopt: writes('adopt', adopt),
    find: reads('find', find),
    page: reads('page', page),
    claimExpiredIntents: writes('claimExpiredIntents', claimExpiredIntents),
    claimQueue: writes('claimQueue', claimQueue),
    settleQueue: writes('settleQueue', settleQueue),
    pending: reads('pending', pending),
    forgetRequests: writes('forgetRequests', forgetRequests),
    owners: reads('owners', owners),
    queueRepair: writes('queueRepair', queueRepair),
    scan: reads('scan', scan),
    references: reads('references', references),
    appendAudit: async (request, call) => {
      const operation = 'metadata.appendAudit'
      check(operation, call)
      await appendTogether({ operation, call, request })
    },
    readAudit: reads('readAudit', readAudit),
    async close() {
      closed = true
      const mine = opening
      opening = undefined
      if (mine === undefined) return
      let connection: Connection
      try {
        connection = await mine
      } catch {
        // It was never open; whoever asked for it has been told why.
        return
      }
      connection.close()
    },
  }
}
