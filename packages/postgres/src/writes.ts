import {
  auditOfIntent,
  busy,
  changedRecord,
  createdRecord,
  recordRow,
  requireDrafts,
  requireWhole,
  rolledBackRecord,
  SecretError,
  updatedRecord,
  withoutPointer,
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
import { intentOnSecret, recordOf, requireRecord, type AccountTransaction } from './transaction.ts'

const UPDATE_RECORD = `
  UPDATE records SET description = $3, cloud_secret_path = $4, updated_at = $5, updated_by = $6, revision = $7, store = $8, path = $9,
    version = $10, versions = $11, adopted = $12
  WHERE registry = $1 AND id = $2`
const LEAVE_TOMBSTONE = `
  INSERT INTO tombstones (registry, id, account, key, created_at, updated_at)
  SELECT registry, id, account, key, created_at, updated_at FROM records WHERE registry = $1 AND id = $2`

export async function commitCreate(transaction: AccountTransaction, request: RequestOf<'commitCreate'>): Promise<CommitOutcome> {
  requireDrafts(transaction.operation, request.enqueue)
  const intent = await heldIntent(transaction, request)
  if (intent?.operation !== 'create') return await becameOf(transaction, request.token)
  const record = createdRecord(intent, request.version, request.fullPath, transaction.now)
  if (await isQueued(transaction, record.pointer)) return { state: 'refused' }
  await insertRecord(transaction, record)
  return await endIntent(transaction, intent, record, request.enqueue)
}

export async function commitUpdate(transaction: AccountTransaction, request: RequestOf<'commitUpdate'>): Promise<CommitOutcome> {
  const { account, now, operation } = transaction
  requireDrafts(operation, request.enqueue)
  requireWhole(operation, 'keep', request.keep, 1)
  const intent = await heldIntent(transaction, request)
  if (intent?.operation !== 'update') return await becameOf(transaction, request.token)
  const updated = updatedRecord(intent, await recordOf(transaction, account.id, intent.secret), request, now)
  if (updated === undefined || (await isQueued(transaction, updated.record.pointer))) return { state: 'refused' }
  await updateRecord(transaction, updated.record)
  return await endIntent(transaction, intent, updated.record, [...request.enqueue, ...updated.destroy])
}

export async function abandon(
  transaction: AccountTransaction,
  request: RequestOf<'abandon'>,
): Promise<{ readonly state: 'undone' } | { readonly state: 'committed'; readonly record: SecretRecord | undefined }> {
  requireDrafts(transaction.operation, request.enqueue)
  const intent = await heldIntent(transaction, request)
  if (intent === undefined) {
    const became = await becameOf(transaction, request.token)
    return became.state === 'committed' ? { state: 'committed', record: became.record } : { state: 'undone' }
  }
  await deleteIntent(transaction, intent)
  await writeAudit(transaction, { ...auditOfIntent(intent), outcome: 'failed', code: request.code })
  await enqueue(transaction, intent, request.enqueue)
  return { state: 'undone' }
}

export async function updateDescription(
  transaction: AccountTransaction,
  request: RequestOf<'updateDescription'>,
): Promise<{ readonly state: 'done'; readonly record: SecretRecord } | Answered | Busy> {
  const { account, secret, description, ifRevision, actor, token } = request
  const done = (await findDone(transaction, token))?.secret === secret
  const kept = done ? await keptAnswer(transaction, token) : undefined
  if (kept !== undefined) return { state: 'done', record: kept }
  const known = await knownRequest(transaction, request)
  if (known !== undefined) return known
  const old = await requireRecord(transaction, secret, done ? undefined : ifRevision)
  if (done) return { state: 'done', record: withoutPointer(old) }
  const intent = await intentOnSecret(transaction, secret)
  if (intent !== undefined) return busy(intent, transaction.now)
  const record = changedRecord({ ...old, description, updatedBy: actor.id }, transaction.now)
  await updateRecord(transaction, record)
  await rememberRequest(transaction, request, record)
  await writeAudit(transaction, { account, actor, action: 'secret.update', outcome: 'ok', secret, key: old.key, operationId: token })
  return { state: 'done', record: withoutPointer(record) }
}

export async function commitRollback(
  transaction: AccountTransaction,
  request: RequestOf<'commitRollback'>,
): Promise<{ readonly state: 'done'; readonly record: SecretRecord; readonly claimed: readonly QueueEntry[] } | Busy> {
  const { operation, now } = transaction
  const { account, secret, version, ifRevision, actor, token, claimMs } = request
  if (claimMs !== undefined) requireWhole(operation, 'claimMs', claimMs, 0)
  const done = (await findDone(transaction, token))?.secret === secret
  const old = await requireRecord(transaction, secret, done ? undefined : ifRevision)
  if (done) return { state: 'done', record: withoutPointer(old), claimed: [] }
  const intent = await intentOnSecret(transaction, secret)
  if (intent !== undefined) return busy(intent, now)
  const record = rolledBackRecord(operation, old, version, actor, now)
  const moves = record !== old
  if (moves) {
    await cancelDestruction(transaction, record.pointer)
    if (await isQueued(transaction, record.pointer)) throw SecretError.refused('conflict', operation)
    await updateRecord(transaction, record)
  }
  await writeAudit(transaction, { account, actor, action: 'secret.rollback', outcome: 'ok', secret, key: record.key, operationId: token })
  const { store, path } = record.pointer
  const promote: readonly QueueDraft[] = moves && claimMs !== undefined ? [{ task: 'promote', store, path, version, claimMs }] : []
  return { state: 'done', record: withoutPointer(record), claimed: await enqueue(transaction, { account, secret }, promote) }
}

export async function commitDelete(
  transaction: AccountTransaction,
  request: RequestOf<'commitDelete'>,
): Promise<{ readonly state: 'done'; readonly claimed: readonly QueueEntry[] } | Busy> {
  const { connection, registry, operation } = transaction
  const { account, secret, ifRevision, actor, token, claimMs, purgeAdopted = false } = request
  requireWhole(operation, 'claimMs', claimMs, 0)
  if ((await findDone(transaction, token))?.secret === secret) return { state: 'done', claimed: [] }
  const { key, pointer, adopted } = await requireRecord(transaction, secret, ifRevision)
  const intent = await intentOnSecret(transaction, secret)
  if (intent !== undefined) return busy(intent, transaction.now)
  await connection.run(LEAVE_TOMBSTONE, registry, secret)
  await connection.run('DELETE FROM records WHERE registry = $1 AND id = $2', registry, secret)
  transaction.account.records -= 1
  await writeAudit(transaction, { account, actor, action: 'secret.delete', outcome: 'ok', secret, key, operationId: token })
  await makeCopiesDue(transaction, secret)
  const { store, path } = pointer
  const purge: readonly QueueDraft[] = adopted === undefined || purgeAdopted ? [{ task: 'purge_path', store, path, claimMs }] : []
  return { state: 'done', claimed: await enqueue(transaction, { account, secret }, purge) }
}

export async function insertRecord({ connection, registry, account }: AccountTransaction, record: StoredRecord): Promise<void> {
  await connection.insert('records', { registry, ...recordRow(record) })
  account.records += 1
}

export async function updateRecord({ connection, registry }: AccountTransaction, record: StoredRecord): Promise<void> {
  const { id, description, cloud_secret_path, updated_at, updated_by, revision, store, path, version, versions, adopted } = recordRow(record)
  const changing = [description, cloud_secret_path, updated_at, updated_by, revision, store, path, version, versions, adopted]
  await connection.run(UPDATE_RECORD, registry, id, ...changing)
}

/** The rest of a commit: the intent goes, its audit entry and its tasks come. */
export async function endIntent(
  transaction: AccountTransaction,
  intent: Intent,
  record: StoredRecord,
  drafts: readonly QueueDraft[],
): Promise<CommitOutcome> {
  await deleteIntent(transaction, intent)
  await keepAnswer(transaction, intent, record)
  await writeAudit(transaction, { ...auditOfIntent(intent), outcome: 'ok' })
  return { state: 'committed', record: withoutPointer(record), claimed: await enqueue(transaction, intent, drafts) }
}

/** What became of an operation whose intent is gone. */
export async function becameOf(transaction: AccountTransaction, token: string): Promise<CommitOutcome> {
  const done = await findDone(transaction, token)
  if (done === undefined) return { state: 'undone' }
  const record = done.secret === null ? undefined : await recordOf(transaction, transaction.account.id, done.secret)
  const now = record === undefined ? undefined : withoutPointer(record)
  return { state: 'committed', record: (await keptAnswer(transaction, token)) ?? now, claimed: [] }
}
