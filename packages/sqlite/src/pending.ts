import {
  intentOfRow,
  pendingOfIntent,
  pendingOfTask,
  requireWhole,
  taskOfRow,
  type IntentRow,
  type PendingWork,
  type RequestOf,
  type TaskRow,
} from '@strongroom/core'
import type { Transaction } from './transaction.ts'

export function pending(
  { connection, registry, operation }: Transaction,
  { of, after, limit }: RequestOf<'pending'>,
): { readonly items: readonly PendingWork[]; readonly next: string | undefined } {
  requireWhole(operation, 'limit', limit, 1)
  if (of === 'intents') {
    const sql = 'SELECT * FROM intents WHERE registry = :registry AND id > :after ORDER BY id LIMIT :limit'
    const rows = connection.all<IntentRow>(sql, { registry, after: after ?? '', limit })
    return { items: rows.map(row => pendingOfIntent(intentOfRow(row))), next: rows.length < limit ? undefined : rows.at(-1)?.id }
  }
  const sql = 'SELECT * FROM queue WHERE registry = :registry AND sequence > :after ORDER BY sequence LIMIT :limit'
  const rows = connection.all<TaskRow & { readonly sequence: number }>(sql, { registry, after: Number(after ?? 0), limit })
  const next = rows.length < limit ? undefined : rows.at(-1)?.sequence.toString()
  return { items: rows.map(row => pendingOfTask(taskOfRow(row))), next }
}
