import { isIdle, destroys, oldCopyOf, requireWhole, taskOfRow, type OldCopy, type Pointer, type RequestOf, type SecretId } from '@strongroom/core'
import type { QueueRow } from './queue.ts'
import type { Transaction } from './transaction.ts'

/** As the indexes of them say it: what has ever been claimed is no copy to return to. */
const OLD_COPY = 'copy IS NOT NULL AND attempts = 0'
const OF_SECRET = `SELECT * FROM queue WHERE registry = :registry AND secret = :secret AND store = :store AND ${OLD_COPY}`
const AT_PATH = 'SELECT * FROM queue WHERE registry = :registry AND store = :store AND path = :path'
const MAKE_DUE = `UPDATE queue SET ready_at = :now WHERE registry = :registry AND secret = :secret AND ${OLD_COPY} AND ready_at > :now`
const DROP = `
  UPDATE queue SET ready_at = :now WHERE sequence IN (
    SELECT sequence FROM queue WHERE registry = :registry AND store = :store AND ${OLD_COPY} AND ready_at > :now ORDER BY ready_at LIMIT :limit
  ) RETURNING sequence`

export function oldCopies({ connection, registry }: Transaction, { store, secrets }: RequestOf<'oldCopies'>): readonly OldCopy[] {
  const rows = [...new Set(secrets)].flatMap(secret => connection.all<QueueRow>(OF_SECRET, { registry, secret, store }))
  return rows.map(row => oldCopyOf(taskOfRow(row))).filter(copy => copy !== undefined)
}

export function dropOldCopies({ connection, registry, now, operation }: Transaction, { store, limit }: RequestOf<'dropOldCopies'>): number {
  requireWhole(operation, 'limit', limit, 1)
  return connection.all(DROP, { registry, store, now, limit }).length
}

/** Those of one secret. */
export function makeCopiesDue({ connection, registry, now }: Transaction, secret: SecretId): void {
  connection.run(MAKE_DUE, { registry, secret, now })
}

/** Takes back what would destroy an old copy that nobody has claimed yet. Undefined, and nothing changed, when there is none or another task is about to destroy it. */
export function takeOldCopy({ connection, registry, now }: Transaction, secret: SecretId, { store, path, version }: Pointer): OldCopy | undefined {
  const rows = connection.all<QueueRow>(AT_PATH, { registry, store, path })
  const planned = rows.map(taskOfRow).filter(task => destroys(task, [version]))
  const copy = planned.map(oldCopyOf).find(found => found?.secret === secret && found.pointer.version === version)
  if (copy === undefined || !planned.every(task => isIdle(task, now))) return undefined
  for (const { id } of planned) connection.run('DELETE FROM queue WHERE registry = :registry AND id = :id', { registry, id })
  return copy
}
