import {
  adoptedRecord,
  begunAgain,
  busy,
  migratedRecord,
  migrateIntent,
  recordRow,
  requireDrafts,
  requireWhole,
  samePointer,
  SecretError,
  withoutPointer,
  type Busy,
  type CommitOutcome,
  type RequestOf,
  type SecretRecord,
  type StoredRecord,
} from '@strongroom/core'
import { findDone, writeAudit } from './audit.ts'
import { heldIntent, insertIntent, intentOnKey, isIdUsed, isPathTaken, type BegunUpdate } from './intents.ts'
import { takeOldCopy } from './old-copies.ts'
import { enqueue, isQueued } from './queue.ts'
import { intentOfToken, intentOnSecret, migrationOf, recordByKey, recordOf, requireRecord, type Transaction } from './transaction.ts'
import { owners } from './views.ts'
import { becameOf, endIntent, insertRecord } from './writes.ts'

/** Only what a move changes: another column may be in an index, which would be written too. */
const MOVE = `
  UPDATE records SET cloud_secret_path = :cloud_secret_path, store = :store, path = :path, version = :version, versions = :versions,
    adopted = :adopted
  WHERE registry = :registry AND id = :id`

export function beginMigrate(transaction: Transaction, request: RequestOf<'beginMigrate'>): BegunUpdate | Busy {
  const { operation, now } = transaction
  const { account, secret, from, store, path, token, leaseMs } = request
  requireWhole(operation, 'leaseMs', leaseMs, 0)
  const mine = intentOfToken(transaction, account, token)
  const record = requireRecord(transaction, account, secret, undefined)
  if (mine?.operation === 'migrate' && mine.secret === secret) {
    const again = begunAgain(mine, now)
    return again.state === 'busy' ? again : { ...again, record }
  }
  if (!samePointer(record.pointer, from)) throw SecretError.refused('conflict', operation)
  const other = intentOnSecret(transaction, secret) ?? migrationOf(transaction, secret)
  if (other !== undefined) return busy(other, now)
  if (mine !== undefined || isPathTaken(transaction, store, path))
    throw SecretError.invalid(operation, 'the path and the token of a migration are new')
  const intent = migrateIntent(request, record, now)
  insertIntent(transaction, intent)
  return { state: 'begun', intent, record }
}

export function commitMigrate(transaction: Transaction, request: RequestOf<'commitMigrate'>): CommitOutcome {
  const { account, token, from, version, fullPath: cloudSecretPath } = request
  requireDrafts(transaction.operation, request.enqueue)
  const intent = heldIntent(transaction, request)
  if (intent?.operation !== 'migrate') return becameOf(transaction, account, token)
  const { secret, store, path } = intent
  const pointer = { store, path, version }
  const record = migratedRecord(recordOf(transaction, account, secret), from, { pointer, cloudSecretPath, versions: [] })
  if (record === undefined || intentOnSecret(transaction, secret) !== undefined || isQueued(transaction, pointer)) return { state: 'refused' }
  moveRecord(transaction, record)
  return endIntent(transaction, intent, record, request.enqueue)
}

export function commitReturn(
  transaction: Transaction,
  request: RequestOf<'commitReturn'>,
): { readonly state: 'done'; readonly record: SecretRecord } | { readonly state: 'refused' } {
  const { account, secret, from, to, actor, token } = request
  requireDrafts(transaction.operation, request.enqueue)
  const old = requireRecord(transaction, account, secret, undefined)
  if (findDone(transaction, account, token)?.secret === secret) return { state: 'done', record: withoutPointer(old) }
  const isBusy = intentOnSecret(transaction, secret) !== undefined || migrationOf(transaction, secret) !== undefined
  if (isBusy || !samePointer(old.pointer, from)) return { state: 'refused' }
  const copy = takeOldCopy(transaction, secret, to)
  const record = copy === undefined ? undefined : migratedRecord(old, from, copy)
  if (record === undefined) return { state: 'refused' }
  moveRecord(transaction, record)
  writeAudit(transaction, { account, actor, action: 'secret.migrate', outcome: 'ok', secret, key: record.key, operationId: token })
  enqueue(transaction, { account, secret }, request.enqueue)
  return { state: 'done', record: withoutPointer(record) }
}

function moveRecord({ connection, registry }: Transaction, record: StoredRecord): void {
  const { id, cloud_secret_path, store, path, version, versions, adopted } = recordRow(record)
  connection.run(MOVE, { registry, id, cloud_secret_path, store, path, version, versions, adopted })
}

export function adopt(
  transaction: Transaction,
  request: RequestOf<'adopt'>,
): { readonly state: 'done'; readonly record: SecretRecord } | { readonly state: 'owned' } | Busy {
  const { operation, now } = transaction
  const { registry, account, secret, key, actor, pointer, token } = request
  const done = recordOf(transaction, account, secret)
  if (done !== undefined && findDone(transaction, account, token)?.secret === secret) return { state: 'done', record: withoutPointer(done) }
  if (recordByKey(transaction, account, key) !== undefined) throw SecretError.refused('already_exists', operation)
  const other = intentOnKey(transaction, account, key)
  if (other !== undefined) return busy(other, now)
  if (owners(transaction, { registry, store: pointer.store, paths: [pointer.path] }).length > 0) return { state: 'owned' }
  if (isIdUsed(transaction, secret)) throw SecretError.invalid(operation, 'the id of an adoption is new')
  const record = adoptedRecord(request, now)
  insertRecord(transaction, record)
  writeAudit(transaction, { account, actor, action: 'secret.adopt', outcome: 'ok', secret, key, operationId: token })
  return { state: 'done', record: withoutPointer(record) }
}
