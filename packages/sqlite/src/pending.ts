import {
  FAILING_AFTER,
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
import { storesIn } from './views.ts'

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

/** The indices `intents_failing` and `queue_failing` are of these. */
const FAILING_INTENTS = `SELECT * FROM intents WHERE registry = :registry AND recoveries >= ${FAILING_AFTER} LIMIT :limit`
const FAILING_TASKS = `SELECT * FROM queue WHERE registry = :registry AND attempts >= ${FAILING_AFTER} AND retained_until IS NULL LIMIT :limit`

export function troubled(transaction: Transaction, { stores, limit }: RequestOf<'troubled'>): readonly PendingWork[] {
  const { connection, registry, operation } = transaction
  requireWhole(operation, 'limit', limit, 1)
  const found = <Row extends IntentRow | TaskRow>(table: 'intents' | 'queue', since: string, failing: string): readonly Row[] => {
    const sql = `SELECT * FROM ${table} WHERE registry = :registry AND store = :store ORDER BY ${since} LIMIT :limit`
    const elsewhere = storesIn(transaction, table).filter(name => !stores.includes(name))
    const rows = elsewhere.flatMap(store => connection.all<Row>(sql, { registry, store, limit }))
    const ours = connection.all<Row>(failing, { registry, limit }).filter(({ store }) => stores.includes(store))
    return [...rows, ...ours].slice(0, limit)
  }
  const intents = found<IntentRow>('intents', 'lease_until', FAILING_INTENTS).map(row => pendingOfIntent(intentOfRow(row)))
  const tasks = found<TaskRow>('queue', 'ready_at', FAILING_TASKS).map(row => pendingOfTask(taskOfRow(row)))
  return [...intents, ...tasks]
}
