import { destroys, isIdle, oldCopyOf, requireWhole, taskOfRow, type OldCopy, type Pointer, type RequestOf, type SecretId } from '@strongroom/core'
import { remove, type QueueRow } from './queue.ts'
import type { AccountTransaction, Transaction } from './transaction.ts'

/** As the indexes of them say it: what has ever been claimed is no copy to return to. */
const OLD_COPY = 'copy IS NOT NULL AND attempts = 0'
const OF_SECRETS = `SELECT * FROM queue WHERE registry = $1 AND store = $2 AND secret = ANY($3) AND ${OLD_COPY}`
/** Locked, since a claim does not hold the account: what another process is claiming is looked at as that leaves it. */
const AT_PATH = 'SELECT * FROM queue WHERE registry = $1 AND store = $2 AND path = $3 FOR UPDATE'
const MAKE_DUE = `UPDATE queue SET ready_at = $3 WHERE registry = $1 AND secret = $2 AND ${OLD_COPY} AND ready_at > $3`
/** One that another process takes back or makes due is left to it: nobody waits. */
const NOT_DUE = `
  SELECT id FROM queue WHERE registry = $1 AND store = $2 AND ready_at > $3 AND ${OLD_COPY} ORDER BY ready_at LIMIT $4 FOR UPDATE SKIP LOCKED`
const DROP = 'UPDATE queue SET ready_at = $3 WHERE registry = $1 AND id = ANY($2)'

export async function oldCopies({ connection, registry }: Transaction, { store, secrets }: RequestOf<'oldCopies'>): Promise<readonly OldCopy[]> {
  const rows = await connection.all<QueueRow>(OF_SECRETS, registry, store, secrets)
  return rows.map(row => oldCopyOf(taskOfRow(row))).filter(copy => copy !== undefined)
}

export async function dropOldCopies(transaction: Transaction, { store, limit }: RequestOf<'dropOldCopies'>): Promise<number> {
  const { connection, registry, operation } = transaction
  requireWhole(operation, 'limit', limit, 1)
  const now = await transaction.time()
  const found = await connection.all<{ readonly id: string }>(NOT_DUE, registry, store, now, limit)
  if (found.length === 0) return 0
  const ids = found.map(({ id }) => id)
  await connection.run(DROP, registry, ids, now)
  return ids.length
}

/** Those of one secret. */
export async function makeCopiesDue({ connection, registry, now }: AccountTransaction, secret: SecretId): Promise<void> {
  await connection.run(MAKE_DUE, registry, secret, now)
}

/** Takes back what would destroy an old copy that nobody has claimed yet. Undefined, and nothing changed, when there is none or another task is about to destroy it. */
export async function takeOldCopy(transaction: AccountTransaction, secret: SecretId, pointer: Pointer): Promise<OldCopy | undefined> {
  const { connection, registry, now } = transaction
  const { store, path, version } = pointer
  const rows = await connection.all<QueueRow>(AT_PATH, registry, store, path)
  const planned = rows.map(taskOfRow).filter(task => destroys(task, [version]))
  const copy = planned.map(oldCopyOf).find(found => found?.secret === secret && found.pointer.version === version)
  if (copy === undefined || !planned.every(task => isIdle(task, now))) return undefined
  const ids = planned.map(({ id }) => id)
  await remove(transaction, ids)
  return copy
}
