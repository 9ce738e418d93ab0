import {
  intentOfRow,
  pendingOfIntent,
  pendingOfTask,
  requireWhole,
  taskOfRow,
  type IntentRow,
  type PendingWork,
  type RequestOf,
} from '@strongroom/core'
import type { QueueRow } from './queue.ts'
import type { Transaction } from './transaction.ts'

/** Time, account and position of a task that stands before every other. */
const BEFORE_ALL: readonly [queuedAt: number, account: string, position: number] = [Number.MIN_SAFE_INTEGER, '', 0]

export async function pending(
  { connection, registry, operation }: Transaction,
  { of, after, limit }: RequestOf<'pending'>,
): Promise<{ readonly items: readonly PendingWork[]; readonly next: string | undefined }> {
  requireWhole(operation, 'limit', limit, 1)
  if (of === 'intents') {
    const sql = 'SELECT * FROM intents WHERE registry = $1 AND id > $2 ORDER BY id LIMIT $3'
    const rows = await connection.all<IntentRow>(sql, registry, after ?? '', limit)
    return { items: rows.map(row => pendingOfIntent(intentOfRow(row))), next: rows.length < limit ? undefined : rows.at(-1)?.id }
  }
  const sql = `
    SELECT * FROM queue WHERE registry = $1 AND (queued_at, account, position) > ($3, $4, $5)
    ORDER BY queued_at, account, position LIMIT $2`
  const from = after === undefined ? BEFORE_ALL : (JSON.parse(after) as typeof BEFORE_ALL)
  const rows = await connection.all<QueueRow>(sql, registry, limit, ...from)
  const last = rows.at(-1)
  const next = last === undefined || rows.length < limit ? undefined : JSON.stringify([last.queued_at, last.account, last.position])
  return { items: rows.map(row => pendingOfTask(taskOfRow(row))), next }
}
