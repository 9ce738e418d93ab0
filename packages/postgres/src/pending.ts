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
import type { QueueRow } from './queue.ts'
import type { Transaction } from './transaction.ts'
import { storesIn } from './views.ts'

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

const INTENTS_OF = 'SELECT * FROM intents WHERE registry = $1 AND store = $2 ORDER BY lease_until LIMIT $3'
const TASKS_OF = 'SELECT * FROM queue WHERE registry = $1 AND store = $2 ORDER BY ready_at LIMIT $3'
/** The indices `intents_failing` and `queue_failing` are of these. */
const FAILING_INTENTS = `SELECT * FROM intents WHERE registry = $1 AND recoveries >= ${FAILING_AFTER} LIMIT $2`
const FAILING_TASKS = `SELECT * FROM queue WHERE registry = $1 AND attempts >= ${FAILING_AFTER} AND retained_until IS NULL LIMIT $2`

export async function troubled(transaction: Transaction, { stores, limit }: RequestOf<'troubled'>): Promise<readonly PendingWork[]> {
  const { connection, registry, operation } = transaction
  requireWhole(operation, 'limit', limit, 1)
  const isOurs = ({ store }: IntentRow | TaskRow): boolean => stores.includes(store)
  const intents: IntentRow[] = []
  for (const store of await storesIn(transaction, 'intents')) {
    if (!stores.includes(store)) intents.push(...(await connection.all<IntentRow>(INTENTS_OF, registry, store, limit)))
  }
  intents.push(...(await connection.all<IntentRow>(FAILING_INTENTS, registry, limit)).filter(isOurs))
  const tasks: TaskRow[] = []
  for (const store of await storesIn(transaction, 'queue')) {
    if (!stores.includes(store)) tasks.push(...(await connection.all<TaskRow>(TASKS_OF, registry, store, limit)))
  }
  tasks.push(...(await connection.all<TaskRow>(FAILING_TASKS, registry, limit)).filter(isOurs))
  return [
    ...intents.slice(0, limit).map(row => pendingOfIntent(intentOfRow(row))),
    ...tasks.slice(0, limit).map(row => pendingOfTask(taskOfRow(row))),
  ]
}
