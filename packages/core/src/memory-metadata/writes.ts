import { SecretError } from '../errors.ts'
import { auditOfIntent, begunAgain, busy, createIntent, updateIntent } from '../metadata-support/intents.ts'
import { changedRecord, createdRecord, rolledBackRecord, updatedRecord } from '../metadata-support/records.ts'
import { requireDrafts, requireWhole, type RequestOf } from '../metadata-support/requests.ts'
import type { Answered, Busy, CommitOutcome } from '../metadata-requests.ts'
import type { SecretRecord, StoredRecord } from '../records.ts'
import type { Intent, IntentId, QueueDraft, QueueEntry } from '../work.ts'
import type { AccountId } from '../words.ts'
import { findDone, writeAudit } from './audit.ts'
import { keepAnswer, keptAnswer, knownRequest, rememberRequest } from './idempotency.ts'
import { cancelDestruction, enqueue, isQueued, makeCopiesDue } from './queue.ts'
import {
  copyIntent,
  copyRecord,
  copyStored,
  intentOfToken,
  intentOnKey,
  intentOnSecret,
  isPathTaken,
  recordByKey,
  recordOf,
  requireRecord,
  type Transaction,
} from './state.ts'

type BegunCreate = { readonly state: 'begun'; readonly intent: Intent }
export type BegunUpdate = BegunCreate & { readonly record: StoredRecord }

export function beginCreate(transaction: Transaction, request: RequestOf<'beginCreate'>): BegunCreate | Answered | Busy {
  const { operation, state, now } = transaction
  const { account, secret, key, store, path, token, leaseMs } = request
  requireWhole(operation, 'leaseMs', leaseMs, 0)
  const mine = intentOfToken(transaction, account, token)
  if (mine?.operation === 'create' && mine.secret === secret) return repeated(mine, now)
  const known = knownRequest(transaction, request)
  if (known !== undefined) return known
  if (recordByKey(transaction, account, key) !== undefined) throw SecretError.refused('already_exists', operation)
  const other = intentOnSecret(transaction, secret) ?? intentOnKey(transaction, account, key)
  if (other !== undefined) return busy(other, now)
  if (mine !== undefined || isPathTaken(transaction, store, path) || state.records.has(secret) || state.tombstones.has(secret)) {
    throw SecretError.invalid(operation, 'the id, the path and the token of a create are new')
  }
  const intent = createIntent(request, now)
  rememberRequest(transaction, request)
  state.intents.set(intent.id, intent)
  return { state: 'begun', intent: copyIntent(intent) }
}

export function beginUpdate(transaction: Transaction, request: RequestOf<'beginUpdate'>): BegunUpdate | Answered | Busy {
  const { operation, state, now } = transaction
  const { account, secret, ifRevision, token, leaseMs } = request
  requireWhole(operation, 'leaseMs', leaseMs, 0)
  const mine = intentOfToken(transaction, account, token)
  if (mine?.operation === 'update' && mine.secret === secret) {
    const record = requireRecord(transaction, account, secret, undefined)
    const again = repeated(mine, now)
    return again.state === 'busy' ? again : { ...again, record: copyStored(record) }
  }
  const known = knownRequest(transaction, request)
  if (known !== undefined) return known
  const record = requireRecord(transaction, account, secret, ifRevision)
  const other = intentOnSecret(transaction, secret)
  if (other !== undefined) return busy(other, now)
  if (mine !== undefined) throw SecretError.invalid(operation, 'the token of an update is new')
  const intent = updateIntent(request, record, now)
  rememberRequest(transaction, request)
  state.intents.set(intent.id, intent)
  return { state: 'begun', intent: copyIntent(intent), record: copyStored(record) }
}

export function commitCreate(transaction: Transaction, request: RequestOf<'commitCreate'>): CommitOutcome {
  const { account, token, version, fullPath } = request
  requireDrafts(transaction.operation, request.enqueue)
  const intent = heldIntent(transaction, 'create', request)
  if (intent === undefined) return becameOf(transaction, account, token)
  const record = createdRecord(intent, version, fullPath, transaction.now)
  if (isQueued(transaction, record.pointer)) return { state: 'refused' }
  return commit(transaction, intent, request.enqueue, record)
}

export function commitUpdate(transaction: Transaction, request: RequestOf<'commitUpdate'>): CommitOutcome {
  const { account, token } = request
  requireDrafts(transaction.operation, request.enqueue)
  requireWhole(transaction.operation, 'keep', request.keep, 1)
  const intent = heldIntent(transaction, 'update', request)
  if (intent === undefined) return becameOf(transaction, account, token)
  const updated = updatedRecord(intent, recordOf(transaction, account, intent.secret), request, transaction.now)
  if (updated === undefined || isQueued(transaction, updated.record.pointer)) return { state: 'refused' }
  return commit(transaction, intent, [...request.enqueue, ...updated.destroy], updated.record)
}

export function abandon(
  transaction: Transaction,
  request: RequestOf<'abandon'>,
): { readonly state: 'undone' } | { readonly state: 'committed'; readonly record: SecretRecord | undefined } {
  const { account, token, code } = request
  requireDrafts(transaction.operation, request.enqueue)
  const intent = heldIntent(transaction, undefined, request)
  if (intent === undefined) {
    const became = becameOf(transaction, account, token)
    return became.state === 'committed' ? { state: 'committed', record: became.record } : { state: 'undone' }
  }
  transaction.state.intents.delete(intent.id)
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
  const record = requireRecord(transaction, account, secret, done ? undefined : ifRevision)
  if (done) return { state: 'done', record: copyRecord(record) }
  const intent = intentOnSecret(transaction, secret)
  if (intent !== undefined) return busy(intent, transaction.now)
  const changed = changedRecord({ ...record, description, updatedBy: actor.id }, transaction.now)
  rememberRequest(transaction, request, changed)
  transaction.state.records.set(secret, changed)
  writeAudit(transaction, { account, actor, action: 'secret.update', outcome: 'ok', secret, key: record.key, operationId: token })
  return { state: 'done', record: copyRecord(changed) }
}

export function commitRollback(
  transaction: Transaction,
  request: RequestOf<'commitRollback'>,
): { readonly state: 'done'; readonly record: SecretRecord; readonly claimed: readonly QueueEntry[] } | Busy {
  const { operation, state, now } = transaction
  const { account, secret, version, ifRevision, actor, token, claimMs } = request
  if (claimMs !== undefined) requireWhole(operation, 'claimMs', claimMs, 0)
  const done = findDone(transaction, account, token)?.secret === secret
  const old = requireRecord(transaction, account, secret, done ? undefined : ifRevision)
  if (done) return { state: 'done', record: copyRecord(old), claimed: [] }
  const intent = intentOnSecret(transaction, secret)
  if (intent !== undefined) return busy(intent, now)
  const record = rolledBackRecord(operation, old, version, actor, now)
  if (record !== old && !cancelDestruction(transaction, record.pointer)) throw SecretError.refused('conflict', operation)
  state.records.set(secret, record)
  writeAudit(transaction, { account, actor, action: 'secret.rollback', outcome: 'ok', secret, key: record.key, operationId: token })
  const { store, path } = record.pointer
  const promote: readonly QueueDraft[] = record === old || claimMs === undefined ? [] : [{ task: 'promote', store, path, version, claimMs }]
  return { state: 'done', record: copyRecord(record), claimed: enqueue(transaction, { account, secret }, promote) }
}

export function commitDelete(
  transaction: Transaction,
  request: RequestOf<'commitDelete'>,
): { readonly state: 'done'; readonly claimed: readonly QueueEntry[] } | Busy {
  const { account, secret, ifRevision, actor, token, claimMs, purgeAdopted = false } = request
  requireWhole(transaction.operation, 'claimMs', claimMs, 0)
  if (findDone(transaction, account, token)?.secret === secret) return { state: 'done', claimed: [] }
  const record = requireRecord(transaction, account, secret, ifRevision)
  const intent = intentOnSecret(transaction, secret)
  if (intent !== undefined) return busy(intent, transaction.now)
  transaction.state.records.delete(secret)
  transaction.state.tombstones.set(secret, record)
  writeAudit(transaction, { account, actor, action: 'secret.delete', outcome: 'ok', secret, key: record.key, operationId: token })
  makeCopiesDue(transaction, copy => copy.secret === secret, Infinity)
  const { store, path } = record.pointer
  const purge: readonly QueueDraft[] = record.adopted === undefined || purgeAdopted ? [{ task: 'purge_path', store, path, claimMs }] : []
  return { state: 'done', claimed: enqueue(transaction, { account, secret }, purge) }
}

export function repeated(mine: Intent, now: number): BegunCreate | Busy {
  const again = begunAgain(mine, now)
  return again.state === 'busy' ? again : { ...again, intent: copyIntent(mine) }
}

/** The intent that a commit or an abandonment is for, while it is there. */
export function heldIntent(
  { state }: Transaction,
  operation: Intent['operation'] | undefined,
  { intent: id, account, token }: { readonly intent: IntentId; readonly account: AccountId; readonly token: string },
): Intent | undefined {
  const intent = state.intents.get(id)
  if (intent === undefined || intent.account !== account || intent.token !== token) return undefined
  return operation === undefined || intent.operation === operation ? intent : undefined
}

/** What became of an operation whose intent is gone. */
export function becameOf(transaction: Transaction, account: AccountId, token: string): CommitOutcome {
  const done = findDone(transaction, account, token)
  if (done === undefined) return { state: 'undone' }
  const record = done.secret === undefined ? undefined : recordOf(transaction, account, done.secret)
  const now = record === undefined ? undefined : copyRecord(record)
  return { state: 'committed', record: keptAnswer(transaction, account, token) ?? now, claimed: [] }
}

export function commit(transaction: Transaction, intent: Intent, drafts: RequestOf<'commitUpdate'>['enqueue'], record: StoredRecord): CommitOutcome {
  transaction.state.records.set(record.id, record)
  transaction.state.intents.delete(intent.id)
  keepAnswer(transaction, intent, record)
  writeAudit(transaction, { ...auditOfIntent(intent), outcome: 'ok' })
  return { state: 'committed', record: copyRecord(record), claimed: enqueue(transaction, intent, drafts) }
}
