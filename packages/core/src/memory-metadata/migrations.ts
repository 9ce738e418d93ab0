import { busy, migrateIntent } from '../metadata-support/intents.ts'
import { adoptedRecord, migratedRecord, samePointer } from '../metadata-support/records.ts'
import { requireDrafts, requireWhole, type RequestOf } from '../metadata-support/requests.ts'
import { oldCopyOf } from '../metadata-support/tasks.ts'
import { SecretError } from '../errors.ts'
import type { Busy, CommitOutcome } from '../metadata-requests.ts'
import type { OldCopy, SecretRecord } from '../records.ts'
import { findDone, writeAudit } from './audit.ts'
import { enqueue, isQueued, makeCopiesDue, takeOldCopy } from './queue.ts'
import {
  copyIntent,
  copyRecord,
  copyStored,
  copyVersions,
  intentOfToken,
  intentOnKey,
  intentOnSecret,
  isPathTaken,
  migrationOf,
  recordByKey,
  recordOf,
  requireRecord,
  type Transaction,
} from './state.ts'
import { owners } from './views.ts'
import { becameOf, commit, heldIntent, repeated, type BegunUpdate } from './writes.ts'

export function beginMigrate(transaction: Transaction, request: RequestOf<'beginMigrate'>): BegunUpdate | Busy {
  const { operation, state, now } = transaction
  const { account, secret, from, store, path, token, leaseMs } = request
  requireWhole(operation, 'leaseMs', leaseMs, 0)
  const mine = intentOfToken(transaction, account, token)
  const record = requireRecord(transaction, account, secret, undefined)
  if (mine?.operation === 'migrate' && mine.secret === secret) {
    const again = repeated(mine, now)
    return again.state === 'busy' ? again : { ...again, record: copyStored(record) }
  }
  if (!samePointer(record.pointer, from)) throw SecretError.refused('conflict', operation)
  const other = intentOnSecret(transaction, secret) ?? migrationOf(transaction, secret)
  if (other !== undefined) return busy(other, now)
  if (mine !== undefined || isPathTaken(transaction, store, path))
    throw SecretError.invalid(operation, 'the path and the token of a migration are new')
  const intent = migrateIntent(request, record, now)
  state.intents.set(intent.id, intent)
  return { state: 'begun', intent: copyIntent(intent), record: copyStored(record) }
}

export function commitMigrate(transaction: Transaction, request: RequestOf<'commitMigrate'>): CommitOutcome {
  const { account, token, from, version, fullPath: cloudSecretPath } = request
  requireDrafts(transaction.operation, request.enqueue)
  const intent = heldIntent(transaction, 'migrate', request)
  if (intent === undefined) return becameOf(transaction, account, token)
  const { secret, store, path } = intent
  const pointer = { store, path, version }
  const record = migratedRecord(recordOf(transaction, account, secret), from, { pointer, cloudSecretPath, versions: [] })
  if (record === undefined || intentOnSecret(transaction, secret) !== undefined || isQueued(transaction, pointer)) return { state: 'refused' }
  return commit(transaction, intent, request.enqueue, record)
}

export function commitReturn(
  transaction: Transaction,
  request: RequestOf<'commitReturn'>,
): { readonly state: 'done'; readonly record: SecretRecord } | { readonly state: 'refused' } {
  const { account, secret, from, to, actor, token, enqueue: drafts } = request
  requireDrafts(transaction.operation, drafts)
  const old = requireRecord(transaction, account, secret, undefined)
  if (findDone(transaction, account, token)?.secret === secret) return { state: 'done', record: copyRecord(old) }
  const isBusy = intentOnSecret(transaction, secret) !== undefined || migrationOf(transaction, secret) !== undefined
  if (isBusy || !samePointer(old.pointer, from)) return { state: 'refused' }
  const copy = takeOldCopy(transaction, secret, to)
  const record = copy === undefined ? undefined : migratedRecord(old, from, copy)
  if (record === undefined) return { state: 'refused' }
  transaction.state.records.set(secret, record)
  writeAudit(transaction, { account, actor, action: 'secret.migrate', outcome: 'ok', secret, key: record.key, operationId: token })
  enqueue(transaction, { account, secret }, drafts)
  return { state: 'done', record: copyRecord(record) }
}

export function oldCopies({ state }: Transaction, { store, secrets }: RequestOf<'oldCopies'>): readonly OldCopy[] {
  const copies = [...state.queue.values()].map(oldCopyOf).filter(copy => copy !== undefined)
  const wanted = copies.filter(({ secret, pointer }) => pointer.store === store && secrets.includes(secret))
  return wanted.map(copy => ({ ...copy, pointer: { ...copy.pointer }, versions: copyVersions(copy.versions) }))
}

export function dropOldCopies(transaction: Transaction, { store, limit }: RequestOf<'dropOldCopies'>): number {
  requireWhole(transaction.operation, 'limit', limit, 1)
  return makeCopiesDue(transaction, ({ pointer }) => pointer.store === store, limit)
}

export function adopt(
  transaction: Transaction,
  request: RequestOf<'adopt'>,
): { readonly state: 'done'; readonly record: SecretRecord } | { readonly state: 'owned' } | Busy {
  const { operation, state, now } = transaction
  const { registry, account, secret, key, actor, pointer, token } = request
  const done = recordOf(transaction, account, secret)
  if (done !== undefined && findDone(transaction, account, token)?.secret === secret) return { state: 'done', record: copyRecord(done) }
  if (recordByKey(transaction, account, key) !== undefined) throw SecretError.refused('already_exists', operation)
  const other = intentOnKey(transaction, account, key)
  if (other !== undefined) return busy(other, now)
  if (owners(transaction, { registry, store: pointer.store, paths: [pointer.path] }).length > 0) return { state: 'owned' }
  if (state.records.has(secret) || state.tombstones.has(secret)) throw SecretError.invalid(operation, 'the id of an adoption is new')
  const record = adoptedRecord(request, now)
  state.records.set(secret, record)
  writeAudit(transaction, { account, actor, action: 'secret.adopt', outcome: 'ok', secret, key, operationId: token })
  return { state: 'done', record: copyRecord(record) }
}
