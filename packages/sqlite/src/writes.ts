import {
  auditOfIntent,
  busy,
  changedRecord,
  createdRecord,
  recordRow,
  requireWhole,
  rolledBackRecord,
  SecretError,
  updatedRecord,
  withoutPointer,
  type AccountId,
  type Answered,
  type Busy,
  type CommitOutcome,
  type Intent,
  type QueueDraft,
  type QueueEntry,
  type RequestOf,
  type SecretRecord,
  type StoredRecord,
} from '@strongroom/core'
import { findDone, writeAudit } from './audit.ts'
import { deleteIntent, heldIntent } from './intents.ts'
import { makeCopiesDue } from './old-copies.ts'
import { cancelDestruction, enqueue, isQueued } from './queue.ts'
import { keepAnswer, keptAnswer, knownRequest, rememberRequest } from './requests.ts'
import { intentOnSecret, recordOf, requireRecord, type Transaction } from './transaction.ts'

const INSERT_RECORD = `
  INSERT INTO records (registry, id, account, key, description, cloud_secret_path, created_at, created_by_id, created_by_type, updated_at,
    updated_by, revision, store, path, version, versions, adopted)
  VALUES (:registry, :id, :account, :key, :description, :cloud_secret_path, :created_at, :created_by_id, :created_by_type, :updated_at,
    :updated_by, :revision, :store, :path, :version, :versions, :adopted)`
const UPDATE_RECORD = `
  UPDATE records SET description = :description, cloud_secret_path = :cloud_secret_path, updated_at = :updated_at, updated_by = :updated_by,
    revision = :revision, store = :store, path = :path, version = :version, versions = :versions, adopted = :adopted
  WHERE registry = :registry AND id = :id`
const LEAVE_TOMBSTONE = `
  INSERT INTO tombstones (registry, id, account, key, created_at, updated_at)
  SELECT registry, id, account, key, created_at, updated_at FROM records WHERE registry = :registry AND id = :id`
const COUNT = 'UPDATE accounts SET records = records + :change WHERE registry = :registry AND account = :account'

export function commitCreate(transaction: Transaction, request: RequestOf<'commitCreate'>): CommitOutcome {
  const { account, token, version, fullPath } = request
  const intent = heldIntent(transaction, request)
  if (intent?.operation !== 'create') return becameOf(transaction, account, token)
  const record = createdRecord(intent, version, fullPath, transaction.now)
  if (isQueued(transaction, record.pointer)) return { state: 'refused' }
  insertRecord(transaction, record)
  return endIntent(transaction, intent, record, request.enqueue)
}

export function commitUpdate(transaction: Transaction, request: RequestOf<'commitUpdate'>): CommitOutcome {
  const { account, token } = request
  requireWhole(transaction.operation, 'keep', request.keep, 1)
  const intent = heldIntent(transaction, request)
  if (intent?.operation !== 'update') return becameOf(transaction, account, token)
  const updated = updatedRecord(intent, recordOf(transaction, account, intent.secret), request, transaction.now)
  if (updated === undefined || isQueued(transaction, updated.record.pointer)) return { state: 'refused' }
  updateRecord(transaction, updated.record)
  return endIntent(transaction, intent, updated.record, [...request.enqueue, ...updated.destroy])
}

export function abandon(
  transaction: Transaction,
  request: RequestOf<'abandon'>,
): { readonly state: 'undone' } | { readonly state: 'committed'; readonly record: SecretRecord | undefined } {
  const { account, token, code } = request
  const intent = heldIntent(transaction, request)
  if (intent === undefined) {
    const became = becameOf(transaction, account, token)
    return became.state === 'committed' ? { state: 'committed', record: became.record } : { state: 'undone' }
  }
  deleteIntent(transaction, intent)
  writeAudit(transaction, { ...auditOfIntent(intent), outcome: 'failed', code })
  enqueue(transaction, intent, request.enqueue)
  return { state: 'undone' }
}

export function updateDescription(
  transaction: Transaction,
  request: RequestOf<'updateDescription'>,
): { readonly state: 'done'; readonly record: SecretRecord } | Answered | Busy {
  const { account, secret, description, ifRevision, actor, token } = request
  const done = findDone(transaction, account, token)?.secret === secret
  const kept = done ? keptAnswer(transaction, account, token) : undefined
  if (kept !== undefined) return { state: 'done', record: kept }
  const known = knownRequest(transaction, request)
  if (known !== undefined) return known
  const old = requireRecord(transaction, account, secret, done ? undefined : ifRevision)
  if (done) return { state: 'done', record: withoutPointer(old) }
  const intent = intentOnSecret(transaction, secret)
  if (intent !== undefined) return busy(intent, transaction.now)
  const record = changedRecord({ ...old, description, updatedBy: actor.id }, transaction.now)
  updateRecord(transaction, record)
  rememberRequest(transaction, request, record)
  writeAudit(transaction, { account, actor, action: 'secret.update', outcome: 'ok', secret, key: old.key, operationId: token })
  return { state: 'done', record: withoutPointer(record) }
}

export function commitRollback(
  transaction: Transaction,
  request: RequestOf<'commitRollback'>,
): { readonly state: 'done'; readonly record: SecretRecord; readonly claimed: readonly QueueEntry[] } | Busy {
  const { operation, now } = transaction
  const { account, secret, version, ifRevision, actor, token, claimMs } = request
  if (claimMs !== undefined) requireWhole(operation, 'claimMs', claimMs, 0)
  const done = findDone(transaction, account, token)?.secret === secret
  const old = requireRecord(transaction, account, secret, done ? undefined : ifRevision)
  if (done) return { state: 'done', record: withoutPointer(old), claimed: [] }
  const intent = intentOnSecret(transaction, secret)
  if (intent !== undefined) return busy(intent, now)
  const record = rolledBackRecord(operation, old, version, actor, now)
  const moves = record !== old
  if (moves) {
    cancelDestruction(transaction, record.pointer)
    if (isQueued(transaction, record.pointer)) throw SecretError.refused('conflict', operation)
    updateRecord(transaction, record)
  }
  writeAudit(transaction, { account, actor, action: 'secret.rollback', outcome: 'ok', secret, key: record.key, operationId: token })
  const { store, path } = record.pointer
  const promote: readonly QueueDraft[] = moves && claimMs !== undefined ? [{ task: 'promote', store, path, version, claimMs }] : []
  return { state: 'done', record: withoutPointer(record), claimed: enqueue(transaction, { account, secret }, promote) }
}

export function commitDelete(
  transaction: Transaction,
  request: RequestOf<'commitDelete'>,
): { readonly state: 'done'; readonly claimed: readonly QueueEntry[] } | Busy {
  const { connection, registry, operation } = transaction
  const { account, secret, ifRevision, actor, token, claimMs, purgeAdopted = false } = request
  requireWhole(operation, 'claimMs', claimMs, 0)
  if (findDone(transaction, account, token)?.secret === secret) return { state: 'done', claimed: [] }
  const { key, pointer, adopted } = requireRecord(transaction, account, secret, ifRevision)
  const intent = intentOnSecret(transaction, secret)
  if (intent !== undefined) return busy(intent, transaction.now)
  connection.run(LEAVE_TOMBSTONE, { registry, id: secret })
  connection.run('DELETE FROM records WHERE registry = :registry AND id = :id', { registry, id: secret })
  connection.run(COUNT, { registry, account, change: -1 })
  writeAudit(transaction, { account, actor, action: 'secret.delete', outcome: 'ok', secret, key, operationId: token })
  makeCopiesDue(transaction, secret)
  const { store, path } = pointer
  const purge: readonly QueueDraft[] = adopted === undefined || purgeAdopted ? [{ task: 'purge_path', store, path, claimMs }] : []
  return { state: 'done', claimed: enqueue(transaction, { account, secret }, purge) }
}

export function insertRecord(transaction: Transaction, record: StoredRecord): void {
  const { chains, connection, registry } = transaction
  const { accountId: account } = record
  chains.of(registry, account)
  connection.run(INSERT_RECORD, { registry, ...recordRow(record) })
  connection.run(COUNT, { registry, account, change: 1 })
}

function updateRecord({ connection, registry }: Transaction, record: StoredRecord): void {
  const { account: _account, key: _key, created_at: _at, created_by_id: _id, created_by_type: _type, ...changing } = recordRow(record)
  connection.run(UPDATE_RECORD, { registry, ...changing })
}

/** The rest of a commit: the intent goes, its audit entry and its tasks come. */
export function endIntent(transaction: Transaction, intent: Intent, record: StoredRecord, drafts: readonly QueueDraft[]): CommitOutcome {
  deleteIntent(transaction, intent)
  keepAnswer(transaction, intent, record)
  writeAudit(transaction, { ...auditOfIntent(intent), outcome: 'ok' })
  return { state: 'committed', record: withoutPointer(record), claimed: enqueue(transaction, intent, drafts) }
}

/** What became of an operation whose intent is gone. */
export function becameOf(transaction: Transaction, account: AccountId, token: string): CommitOutcome {
  const done = findDone(transaction, account, token)
  if (done === undefined) return { state: 'undone' }
  const record = done.secret === null ? undefined : recordOf(transaction, account, done.secret)
  const now = record === undefined ? undefined : withoutPointer(record)
  return { state: 'committed', record: keptAnswer(transaction, account, token) ?? now, claimed: [] }
}
