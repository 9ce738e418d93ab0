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

const INTENTS_OF = 'SELECT * FROM intents WHERE registry = :registry AND store = :store ORDER BY lease_until LIMIT :limit'
const TASKS_OF = 'SELECT * FROM queue WHERE registry = :registry AND store = :store ORDER BY ready_at LIMIT :limit'
/** The indices `intents_failing` and `queue_failing` are of these. */
const FAILING_INTENTS = `SELECT * FROM intents WHERE registry = :registry AND recoveries >= ${FAILING_AFTER} LIMIT :limit`
const FAILING_TASKS = `SELECT * FROM queue WHERE registry = :registry AND attempts >= ${FAILING_AFTER} AND retained_until IS NULL LIMIT :limit`

export function troubled(transaction: Transaction, { stores, limit }: RequestOf<'troubled'>): readonly PendingWork[] {
  const { connection, registry, operation } = transaction
  requireWhole(operation, 'limit', limit, 1)
  const isOurs = ({ store }: IntentRow | TaskRow): boolean => stores.includes(store)
  const elsewhere = (table: 'intents' | 'queue'): readonly string[] => storesIn(transaction, table).filter(name => !stores.includes(name))
  const intents = [
    ...elsewhere('intents').flatMap(store => connection.all<IntentRow>(INTENTS_OF, { registry, store, limit })),
    ...connection.all<IntentRow>(FAILING_INTENTS, { registry, limit }).filter(isOurs),
  ]
  const tasks = [
    ...elsewhere('queue').flatMap(store => connection.all<TaskRow>(TASKS_OF, { registry, store, limit })),
    ...connection.all<TaskRow>(FAILING_TASKS, { registry, limit }).filter(isOurs),
  ]
  return [
    ...intents.slice(0, limit).map(row => pendingOfIntent(intentOfRow(row))),
    ...tasks.slice(0, limit).map(row => pendingOfTask(taskOfRow(row))),
  ]
}
