import { SecretError, type AccountId, type CallOptions, type MetadataStore } from '@strongroom/core'
import { LazyClient } from '@strongroom/core/driver-support'
import { withAccount } from './account.ts'
import { appendAudit, readAudit } from './audit.ts'
import { orAborted, transact, type Connection } from './connection.ts'
import { secretErrorOf } from './failures.ts'
import { beginCreate, beginUpdate, claimExpiredIntents } from './intents.ts'
import { adopt, beginMigrate, commitMigrate, commitReturn } from './migrations.ts'
import { dropOldCopies, oldCopies } from './old-copies.ts'
import { lookAtSchema, openSchema, type PostgresSchema } from './open.ts'
import { checkedSettings, type PostgresMetadataOptions } from './options.ts'
import { page } from './page.ts'
import { startPool, type HeldPool } from './pool.ts'
import { pending, troubled } from './pending.ts'
import { claimQueue, queueRepair, settleQueue } from './queue.ts'
import { forgetRequests } from './requests.ts'
import { retrying } from './retry.ts'
import type { AccountTransaction, Transaction } from './transaction.ts'
import { accounts, bindStores, find, owners, references, scan } from './views.ts'
import { abandon, commitCreate, commitDelete, commitRollback, commitUpdate, updateDescription } from './writes.ts'

type Body<Request, Answer> = (transaction: Transaction, request: Request) => Promise<Answer>
type AccountBody<Request, Answer> = (transaction: AccountTransaction, request: Request) => Promise<Answer>
type Method<Request, Answer> = (request: Request, call: CallOptions) => Promise<Answer>

/**
 * Which schema a database has. Nothing is made and nothing is migrated.
 * @throws SecretError `misconfigured` for a newer schema or an encoding other than UTF-8; `unavailable`, … as a metadata store
 */
export async function postgresSchema(options: PostgresMetadataOptions): Promise<PostgresSchema> {
  const { place, schema, statementTimeoutMs } = checkedSettings(options)
  const operation = 'metadata.schema'
  try {
    const held = await startPool(place)
    try {
      return await lookAtSchema(held.pool, { schema, statementTimeoutMs })
    } finally {
      await held.end()
    }
  } catch (error) {
    throw secretErrorOf(error, operation, 'none').in({ operation })
  }
}

/**
 * A metadata store in PostgreSQL, for any number of processes and machines. The first call connects, and makes or migrates the schema.
 * @throws SecretError `invalid_argument` for wrong options, `misconfigured` for options that exclude each other
 */
export function postgresMetadata(options: PostgresMetadataOptions): MetadataStore {
  const { place, schema, statementTimeoutMs, clock } = checkedSettings(options)
  const database = new LazyClient<HeldPool>(
    async () => {
      const held = await startPool(place)
      try {
        await openSchema(held.pool, { schema, statementTimeoutMs })
        return held
      } catch (error) {
        await held.end()
        throw error
      }
    },
    held => held.end(),
  )
  const running = new Set<Promise<unknown>>()
  let closed = false

  const check = (operation: string, { signal }: CallOptions): void => {
    if (closed) throw SecretError.refused('closed', operation)
    if (signal?.aborted === true) throw SecretError.refused('aborted', operation)
  }

  const open = async (operation: string, call: CallOptions): Promise<HeldPool> => {
    try {
      const held = await orAborted(database.get(), call.signal)
      // Again: it may have been closed while it was being opened.
      check(operation, call)
      return held
    } catch (error) {
      throw secretErrorOf(error, operation, 'none').in({ operation })
    }
  }

  const method =
    (kind: 'read' | 'write') =>
    <Request extends { readonly registry: string }, Answer>(name: string, body: Body<Request, Answer>): Method<Request, Answer> =>
    async (request, call) => {
      const operation = `metadata.${name}`
      check(operation, call)
      const { signal } = call
      const { registry } = request
      const work = (async () => {
        const { pool } = await open(operation, call)
        const circumstances = { kind, operation, signal, schema, statementTimeoutMs }
        return await retrying(operation, signal, () =>
          transact(pool, circumstances, connection => body({ operation, registry, connection, time: () => timeOf(connection, clock) }, request)),
        )
      })()
      running.add(work)
      try {
        return await work
      } finally {
        running.delete(work)
      }
    }
  const reads = method('read')
  const writes = method('write')
  const changes = <Request extends { readonly registry: string; readonly account: AccountId }, Answer>(
    name: string,
    body: AccountBody<Request, Answer>,
  ): Method<Request, Answer> =>
    writes<Request, Answer>(name, (transaction, request) => withAccount(transaction, request.account, held => body(held, request)))

  return {
    specification: 'v1',
    kind: 'postgres',
    bindStores: writes('bindStores', bindStores),
    beginCreate: changes('beginCreate', beginCreate),
    beginUpdate: changes('beginUpdate', beginUpdate),
    commitCreate: changes('commitCreate', commitCreate),
    commitUpdate: changes('commitUpdate', commitUpdate),
    abandon: changes('abandon', abandon),
    updateDescription: changes('updateDescription', updateDescription),
    commitRollback: changes('commitRollback', commitRollback),
    commitDelete: changes('commitDelete', commitDelete),
    beginMigrate: changes('beginMigrate', beginMigrate),
    commitMigrate: changes('commitMigrate', commitMigrate),
    commitReturn: changes('commitReturn', commitReturn),
    oldCopies: reads('oldCopies', oldCopies),
    dropOldCopies: writes('dropOldCopies', dropOldCopies),
    adopt: changes('adopt', adopt),
    find: reads('find', find),
    page: reads('page', page),
    claimExpiredIntents: writes('claimExpiredIntents', claimExpiredIntents),
    claimQueue: writes('claimQueue', claimQueue),
    settleQueue: writes('settleQueue', settleQueue),
    pending: reads('pending', pending),
    troubled: reads('troubled', troubled),
    forgetRequests: writes('forgetRequests', forgetRequests),
    owners: reads('owners', owners),
    queueRepair: changes('queueRepair', queueRepair),
    scan: reads('scan', scan),
    accounts: reads('accounts', accounts),
    references: reads('references', references),
    appendAudit: writes('appendAudit', (transaction, request) => withAccount(transaction, request.entry.account, held => appendAudit(held, request))),
    readAudit: reads('readAudit', readAudit),
    async close() {
      closed = true
      // What is running ends by itself; a pool that is ended before that would never answer those who wait for a connection.
      await Promise.allSettled(running)
      await database.close()
    },
  }
}

async function timeOf(connection: Connection, clock: (() => Date) | undefined): Promise<number> {
  if (clock !== undefined) return clock().getTime()
  // Not the transaction's own time, which stands still while it waits for a lock.
  const sql = 'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now'
  const row = await connection.get<{ readonly now: number }>(sql)
  return row?.now ?? Number.NaN
}
