import {
  destroys,
  entryOfTask,
  keptOfRow,
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
  type VersionId,
} from '@strongroom/core'
import { withAccount } from './account.ts'
import { findDone, writeAudit } from './audit.ts'
import type { AccountTransaction, Transaction } from './transaction.ts'

export interface QueueRow extends TaskRow {
  readonly position: number
}

interface Named {
  readonly account: AccountId | null
  readonly id: SecretId | null
  readonly version: VersionId | null
  readonly key: string | null
  readonly intents: number
  readonly tasks: number
  readonly destroys: number
}

interface Uses {
  readonly id: string
  readonly row_version: VersionId | null
  readonly row_versions: string | null
  readonly intent: string | null
  readonly base_version: VersionId | null
}

/** The longest due, after those already looked at. One that another process is claiming or settling is left to it. */
const NEXT_READY = `
  SELECT * FROM queue WHERE registry = $1 AND store = $4 AND ready_at <= $2 AND (ready_at, queued_at, account, position) > ($5, $6, $7, $8)
  ORDER BY ready_at, queued_at, account, position LIMIT $3 FOR UPDATE SKIP LOCKED`
/** Record and intent at the path of each task, in one statement: between two, an intent could become a record and be seen as neither. */
const USES = `
  SELECT queue.id, records.version AS row_version, records.versions AS row_versions, intents.id AS intent, intents.base_version FROM queue
  LEFT JOIN records ON records.registry = queue.registry AND records.store = queue.store AND records.path = queue.path
  LEFT JOIN intents ON intents.registry = queue.registry AND intents.store = queue.store AND intents.path = queue.path
  WHERE queue.registry = $1 AND queue.id = ANY($2)`
/** Who names a path, in one statement for the same reason: the row may be of another account than the one that is held. */
const NAMED = `
  SELECT records.account, records.id, records.version, records.key,
    (SELECT count(*) FROM intents WHERE registry = $1 AND store = $2 AND path = $3) AS intents,
    queued.tasks, queued.destroys
  FROM (
    SELECT count(*) AS tasks, count(*) FILTER (WHERE task = 'destroy_version') AS destroys FROM queue WHERE registry = $1 AND store = $2 AND path = $3
  ) AS queued LEFT JOIN records ON records.registry = $1 AND records.store = $2 AND records.path = $3`
const CLAIM = `
  UPDATE queue SET attempts = attempts + 1, claim = gen_random_uuid()::text, ready_at = $3 WHERE registry = $1 AND id = ANY($2) RETURNING *`
const FORGOTTEN = 'SELECT claim FROM settled_claims WHERE registry = $1 AND settled_at < $2 ORDER BY settled_at LIMIT 100 FOR UPDATE SKIP LOCKED'

const BEFORE_ALL: Pick<QueueRow, 'ready_at' | 'queued_at' | 'account' | 'position'> = {
  ready_at: Number.MIN_SAFE_INTEGER,
  queued_at: Number.MIN_SAFE_INTEGER,
  account: '' as AccountId,
  position: 0,
}

/** Queues tasks. Answers those that the caller has claimed with it. */
export async function enqueue(
  { connection, registry, now, operation, account }: AccountTransaction,
  owner: { readonly account: AccountId; readonly secret: SecretId },
  drafts: readonly QueueDraft[],
): Promise<readonly QueueEntry[]> {
  requireDrafts(operation, drafts)
  const claimed: QueueEntry[] = []
  for (const draft of drafts) {
    const task = newTask(owner, draft, now)
    account.tasks += 1
    await connection.insert('queue', { registry, ...taskRow(task), position: account.tasks })
    if (draft.claimMs !== undefined) claimed.push(entryOfTask(task))
  }
  return claimed
}

/** Whether a task will destroy what the pointer names: no row may come to point at it. */
export async function isQueued({ connection, registry }: Transaction, { store, path, version }: Pointer): Promise<boolean> {
  const sql = `
    SELECT 1 FROM queue WHERE registry = $1 AND store = $2 AND path = $3
    AND (task = 'purge_path' OR (task = 'destroy_version' AND version = $4)) LIMIT 1`
  return (await connection.get(sql, registry, store, path, version)) !== undefined
}

/** Takes back what would destroy the version that the pointer names, unless somebody is about to do it. */
export async function cancelDestruction({ connection, registry, now }: AccountTransaction, { store, path, version }: Pointer): Promise<void> {
  const sql = `
    DELETE FROM queue WHERE registry = $1 AND store = $2 AND path = $3
    AND task = 'destroy_version' AND version = $4 AND (claim IS NULL OR ready_at <= $5)`
  await connection.run(sql, registry, store, path, version, now)
}

export async function claimQueue(transaction: Transaction, { store, limit, leaseMs }: RequestOf<'claimQueue'>): Promise<readonly QueueEntry[]> {
  const { connection, registry, operation } = transaction
  requireWhole(operation, 'limit', limit, 1)
  requireWhole(operation, 'leaseMs', leaseMs, 0)
  const now = await transaction.time()
  const chosen: QueueRow[] = []
  let last = BEFORE_ALL
  while (chosen.length < limit) {
    const { ready_at, queued_at, account, position } = last
    const rows = await connection.all<QueueRow>(NEXT_READY, registry, now, limit - chosen.length, store, ready_at, queued_at, account, position)
    const end = rows.at(-1)
    if (end === undefined) break
    last = end
    chosen.push(...(await claimableOf(transaction, rows)))
  }
  if (chosen.length === 0) return []
  const order = chosen.map(({ id }) => id)
  const claimed = await connection.all<QueueRow>(CLAIM, registry, order, now + leaseMs)
  return claimed.toSorted((a, b) => order.indexOf(a.id) - order.indexOf(b.id)).map(row => entryOfTask(taskOfRow(row)))
}

export async function settleQueue(transaction: Transaction, request: RequestOf<'settleQueue'>): Promise<boolean> {
  const { connection, registry, operation } = transaction
  const { id, claim, outcome } = request
  requireDrafts(operation, request.enqueue)
  if (outcome.state === 'retry') requireWhole(operation, 'delayMs', outcome.delayMs, 0)
  const task = await connection.get<{ readonly account: AccountId }>('SELECT account FROM queue WHERE registry = $1 AND id = $2', registry, id)
  if (task === undefined) return await wasSettled(transaction, claim)
  return await withAccount(transaction, task.account, held => settle(held, request))
}

export async function queueRepair(transaction: AccountTransaction, request: RepairRequest): Promise<boolean> {
  const { account, secret, actor, token, task, store, path, version } = request
  if ((await findDone(transaction, token))?.secret === secret) return true
  const named = await transaction.connection.get<Named>(NAMED, transaction.registry, store, path)
  if (named === undefined || !mayRepair(request, ownerOf(named))) return false
  await writeAudit(transaction, { account, actor, action: 'secret.repair', outcome: 'ok', secret, key: named.key ?? undefined, operationId: token })
  await enqueue(transaction, { account, secret }, [{ task, store, path, version }])
  return true
}

function ownerOf({ account, id, version, intents, tasks, destroys }: Named): Parameters<typeof mayRepair>[1] {
  const row = account === null || id === null || version === null ? undefined : { account, secret: id, version }
  return row === undefined && intents === 0 && tasks === 0 ? undefined : { row, intents, tasks, destroys }
}

async function settle(transaction: AccountTransaction, request: RequestOf<'settleQueue'>): Promise<boolean> {
  const { connection, registry, now } = transaction
  const { id, claim, outcome } = request
  await forgetSettled(transaction)
  // Locked, since a claim does not hold the account: it must not pass to someone else now.
  const sql = 'SELECT * FROM queue WHERE registry = $1 AND id = $2 AND claim = $3 FOR UPDATE'
  const row = await connection.get<QueueRow>(sql, registry, id, claim)
  if (row === undefined) return await wasSettled(transaction, claim)
  if (outcome.state === 'done' && outcome.ifPointer !== undefined) {
    const at = 'SELECT version FROM records WHERE registry = $1 AND store = $2 AND path = $3'
    const pointer = await connection.get<{ readonly version: VersionId }>(at, registry, row.store, row.path)
    if (pointer?.version !== outcome.ifPointer) {
      await postpone(transaction, postponedTask(taskOfRow(row), { state: 'retry', delayMs: 0 }, now))
      return false
    }
  }
  if (outcome.state === 'done') await remove(transaction, [id])
  else await postpone(transaction, postponedTask(taskOfRow(row), outcome, now))
  await connection.insert('settled_claims', { registry, claim, settled_at: now })
  await enqueue(transaction, row, request.enqueue)
  return true
}

/** Those of the rows that may be claimed. One that a row makes needless is deleted, one that an intent is in the way of is left. */
async function claimableOf(transaction: Transaction, rows: readonly QueueRow[]): Promise<readonly QueueRow[]> {
  const { connection, registry } = transaction
  const found = await connection.all<Uses>(
    USES,
    registry,
    rows.map(({ id }) => id),
  )
  const uses = new Map(found.map(use => [use.id, use]))
  const byRow = ({ id, task, version }: QueueRow): boolean => {
    const use = uses.get(id)
    if (use === undefined || use.row_version === null || use.row_versions === null) return false
    return destroys({ task, version: version ?? undefined }, keptOfRow({ version: use.row_version, versions: use.row_versions }))
  }
  const byIntent = ({ id, task, version }: QueueRow): boolean => {
    const use = uses.get(id)
    if (use === undefined || use.intent === null) return false
    return destroys({ task, version: version ?? undefined }, use.base_version === null ? [] : [use.base_version])
  }
  const needless = rows.filter(byRow)
  if (needless.length > 0) {
    await remove(
      transaction,
      needless.map(({ id }) => id),
    )
  }
  return rows.filter(row => !byRow(row) && !byIntent(row))
}

export async function remove({ connection, registry }: Transaction, ids: readonly string[]): Promise<void> {
  await connection.run('DELETE FROM queue WHERE registry = $1 AND id = ANY($2)', registry, ids)
}

async function postpone({ connection, registry }: Transaction, task: Task): Promise<void> {
  const { id, attempts, ready_at, code, retained_until } = taskRow(task)
  const sql = 'UPDATE queue SET claim = NULL, attempts = $3, ready_at = $4, code = $5, retained_until = $6 WHERE registry = $1 AND id = $2'
  await connection.run(sql, registry, id, attempts, ready_at, code, retained_until)
}

async function wasSettled({ connection, registry }: Transaction, claim: string): Promise<boolean> {
  return (await connection.get('SELECT 1 FROM settled_claims WHERE registry = $1 AND claim = $2', registry, claim)) !== undefined
}

/** A few at a time, and none that another process is at: nobody waits for it. */
async function forgetSettled({ connection, registry, now }: AccountTransaction): Promise<void> {
  const old = await connection.all<{ readonly claim: string }>(FORGOTTEN, registry, now - REMEMBER_SETTLED_MS)
  if (old.length === 0) return
  const claims = old.map(({ claim }) => claim)
  await connection.run('DELETE FROM settled_claims WHERE registry = $1 AND claim = ANY($2)', registry, claims)
}
