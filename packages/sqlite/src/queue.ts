import {
  claimedTask,
  destroys,
  entryOfTask,
  keptBy,
  mayRepair,
  newTask,
  postponedTask,
  REMEMBER_SETTLED_MS,
  requireDrafts,
  requireWhole,
  taskOfRow,
  taskRow,
  type AccountId,
  type Pointer,
  type QueueDraft,
  type QueueEntry,
  type RepairRequest,
  type RequestOf,
  type SecretId,
  type Task,
  type TaskRow,
} from '@strongroom/core'
import { findDone, writeAudit } from './audit.ts'
import { recordAtPath, type Transaction } from './transaction.ts'
import { owners } from './views.ts'

export interface QueueRow extends TaskRow {
  readonly sequence: number
}

const INSERT = `
  INSERT INTO queue (registry, id, task, account, secret, store, path, version, token, attempts, queued_at, claim,
    ready_at, code, retained_until, copy)
  VALUES (:registry, :id, :task, :account, :secret, :store, :path, :version, :token, :attempts, :queued_at, :claim,
    :ready_at, :code, :retained_until, :copy)`

/** The longest due, after those already looked at. */
const NEXT_READY = `
  SELECT * FROM queue WHERE registry = :registry AND store = :store AND (ready_at, sequence) > (:since, :after) AND ready_at <= :now
  ORDER BY ready_at, sequence LIMIT 1`

const BEFORE_ALL: Pick<QueueRow, 'ready_at' | 'sequence'> = { ready_at: Number.MIN_SAFE_INTEGER, sequence: 0 }

/** Queues tasks. Answers those that the caller has claimed with it. */
export function enqueue(
  { connection, registry, now, operation }: Transaction,
  owner: { readonly account: AccountId; readonly secret: SecretId },
  drafts: readonly QueueDraft[],
): readonly QueueEntry[] {
  requireDrafts(operation, drafts)
  const claimed: QueueEntry[] = []
  for (const draft of drafts) {
    const task = newTask(owner, draft, now)
    connection.run(INSERT, { registry, ...taskRow(task) })
    if (draft.claimMs !== undefined) claimed.push(entryOfTask(task))
  }
  return claimed
}

/** Whether a task will destroy what the pointer names: no row may come to point at it. */
export function isQueued({ connection, registry }: Transaction, { store, path, version }: Pointer): boolean {
  const sql = `
    SELECT 1 FROM queue WHERE registry = :registry AND store = :store AND path = :path
    AND (task = 'purge_path' OR (task = 'destroy_version' AND version = :version)) LIMIT 1`
  return connection.get(sql, { registry, store, path, version }) !== undefined
}

/** Takes back what would destroy the version that the pointer names, unless somebody is about to do it. */
export function cancelDestruction({ connection, registry, now }: Transaction, { store, path, version }: Pointer): void {
  const sql = `
    DELETE FROM queue WHERE registry = :registry AND store = :store AND path = :path
    AND task = 'destroy_version' AND version = :version AND (claim IS NULL OR ready_at <= :now)`
  connection.run(sql, { registry, store, path, version, now })
}

export function claimQueue(transaction: Transaction, { store, limit, leaseMs }: RequestOf<'claimQueue'>): readonly QueueEntry[] {
  const { connection, registry, now, operation } = transaction
  requireWhole(operation, 'limit', limit, 1)
  requireWhole(operation, 'leaseMs', leaseMs, 0)
  const claimed: QueueEntry[] = []
  let last = BEFORE_ALL
  while (claimed.length < limit) {
    const row = connection.get<QueueRow>(NEXT_READY, { registry, store, since: last.ready_at, after: last.sequence, now })
    if (row === undefined) break
    last = row
    if (isRowUsing(transaction, row)) {
      connection.run('DELETE FROM queue WHERE sequence = :sequence', { sequence: row.sequence })
      continue
    }
    if (isIntentUsing(transaction, row)) continue
    const mine = claimedTask(taskOfRow(row), now + leaseMs)
    const { attempts, claim, readyAt } = mine
    const sql = 'UPDATE queue SET attempts = :attempts, claim = :claim, ready_at = :ready_at WHERE sequence = :sequence'
    connection.run(sql, { sequence: row.sequence, attempts, claim, ready_at: readyAt })
    claimed.push(entryOfTask(mine))
  }
  return claimed
}

export function settleQueue(transaction: Transaction, { id, claim, outcome, enqueue: drafts }: RequestOf<'settleQueue'>): boolean {
  const { connection, registry, now, operation } = transaction
  if (outcome.state === 'retry') requireWhole(operation, 'delayMs', outcome.delayMs, 0)
  connection.run('DELETE FROM settled_claims WHERE settled_at < :oldest', { oldest: now - REMEMBER_SETTLED_MS })
  const row = connection.get<QueueRow>('SELECT * FROM queue WHERE registry = :registry AND id = :id AND claim = :claim', { registry, id, claim })
  if (row === undefined) {
    return connection.get('SELECT 1 FROM settled_claims WHERE registry = :registry AND claim = :claim', { registry, claim }) !== undefined
  }
  const { sequence } = row
  if (outcome.state === 'done' && outcome.ifPointer !== undefined) {
    const pointer = recordAtPath(transaction, row.store, row.path)?.pointer
    if (pointer?.version !== outcome.ifPointer) {
      postpone(transaction, sequence, postponedTask(taskOfRow(row), { state: 'retry', delayMs: 0 }, now))
      return false
    }
  }
  if (outcome.state === 'done') connection.run('DELETE FROM queue WHERE sequence = :sequence', { sequence })
  else postpone(transaction, sequence, postponedTask(taskOfRow(row), outcome, now))
  connection.run('INSERT INTO settled_claims (registry, claim, settled_at) VALUES (:registry, :claim, :now)', { registry, claim, now })
  enqueue(transaction, row, drafts)
  return true
}

export function queueRepair(transaction: Transaction, request: RepairRequest): boolean {
  const { registry, account, secret, actor, token, task, store, path, version } = request
  if (findDone(transaction, account, token)?.secret === secret) return true
  const [owner] = owners(transaction, { registry, store, paths: [path] })
  if (!mayRepair(request, owner)) return false
  const key = recordAtPath(transaction, store, path)?.key
  writeAudit(transaction, { account, actor, action: 'secret.repair', outcome: 'ok', secret, key, operationId: token })
  enqueue(transaction, { account, secret }, [{ task, store, path, version }])
  return true
}

function postpone({ connection }: Transaction, sequence: number, task: Task): void {
  const { attempts, ready_at, code, retained_until } = taskRow(task)
  const sql = `
    UPDATE queue SET attempts = :attempts, claim = NULL, ready_at = :ready_at, code = :code, retained_until = :retained_until
    WHERE sequence = :sequence`
  connection.run(sql, { sequence, attempts, ready_at, code, retained_until })
}

function isRowUsing(transaction: Transaction, task: QueueRow): boolean {
  const record = recordAtPath(transaction, task.store, task.path)
  return record !== undefined && destroys({ task: task.task, version: task.version ?? undefined }, keptBy(record))
}

function isIntentUsing({ connection, registry }: Transaction, { task, store, path, version }: QueueRow): boolean {
  const sql = `
    SELECT 1 FROM intents WHERE registry = :registry AND store = :store AND path = :path
    AND (:task = 'purge_path' OR (:task = 'destroy_version' AND base_version = :version)) LIMIT 1`
  return connection.get(sql, { registry, store, path, task, version }) !== undefined
}
