import {
  adoptedRecord,
  begunAgain,
  busy,
  intentOfRow,
  migratedRecord,
  migrateIntent,
  requireDrafts,
  requireWhole,
  samePointer,
  SecretError,
  withoutPointer,
  type Busy,
  type CommitOutcome,
  type IntentRow,
  type RequestOf,
  type SecretRecord,
} from '@strongroom/core'
import { findDone, writeAudit } from './audit.ts'
import { heldIntent, insertIntent, type BegunUpdate } from './intents.ts'
import { takeOldCopy } from './old-copies.ts'
import { enqueue, isQueued } from './queue.ts'
import { intentOfToken, intentOnSecret, migrationOf, recordByKey, recordOf, requireRecord, type AccountTransaction } from './transaction.ts'
import { becameOf, endIntent, insertRecord, updateRecord } from './writes.ts'

const IS_AT_PATH = `
  SELECT 1 FROM records WHERE registry = $1 AND store = $2 AND path = $3
  UNION ALL SELECT 1 FROM intents WHERE registry = $1 AND store = $2 AND path = $3`
/** Also of another account than the one that is held; in one statement, since between two an intent could become a record and be seen as neither. */
const IS_NAMED = `${IS_AT_PATH}
  UNION ALL SELECT 1 FROM queue WHERE registry = $1 AND store = $2 AND path = $3`
const IS_ID_USED = `
  SELECT 1 FROM records WHERE registry = $1 AND id = $2
  UNION ALL SELECT 1 FROM tombstones WHERE registry = $1 AND id = $2`
const CREATE_OF_KEY = "SELECT * FROM intents WHERE registry = $1 AND account = $2 AND key = $3 AND operation <> 'migrate'"

export async function beginMigrate(transaction: AccountTransaction, request: RequestOf<'beginMigrate'>): Promise<BegunUpdate | Busy> {
  const { operation, now, connection, registry } = transaction
  const { secret, from, store, path, token, leaseMs } = request
  requireWhole(operation, 'leaseMs', leaseMs, 0)
  const mine = await intentOfToken(transaction, token)
  const record = await requireRecord(transaction, secret, undefined)
  if (mine?.operation === 'migrate' && mine.secret === secret) {
    const again = begunAgain(mine, now)
    return again.state === 'busy' ? again : { ...again, record }
  }
  if (!samePointer(record.pointer, from)) throw SecretError.refused('conflict', operation)
  const other = (await intentOnSecret(transaction, secret)) ?? (await migrationOf(transaction, secret))
  if (other !== undefined) return busy(other, now)
  if (mine !== undefined || (await connection.get(IS_AT_PATH, registry, store, path)) !== undefined) {
    throw SecretError.invalid(operation, 'the path and the token of a migration are new')
  }
  const intent = migrateIntent(request, record, now)
  await insertIntent(transaction, intent)
  return { state: 'begun', intent, record }
}

export async function commitMigrate(transaction: AccountTransaction, request: RequestOf<'commitMigrate'>): Promise<CommitOutcome> {
  const { account, operation } = transaction
  const { token, from, version, fullPath: cloudSecretPath } = request
  requireDrafts(operation, request.enqueue)
  const intent = await heldIntent(transaction, request)
  if (intent?.operation !== 'migrate') return await becameOf(transaction, token)
  const { secret, store, path } = intent
  const pointer = { store, path, version }
  const record = migratedRecord(await recordOf(transaction, account.id, secret), from, { pointer, cloudSecretPath, versions: [] })
  if (record === undefined || (await intentOnSecret(transaction, secret)) !== undefined) return { state: 'refused' }
  if (await isQueued(transaction, pointer)) return { state: 'refused' }
  await updateRecord(transaction, record)
  return await endIntent(transaction, intent, record, request.enqueue)
}

export async function commitReturn(
  transaction: AccountTransaction,
  request: RequestOf<'commitReturn'>,
): Promise<{ readonly state: 'done'; readonly record: SecretRecord } | { readonly state: 'refused' }> {
  const { account, secret, from, to, actor, token } = request
  requireDrafts(transaction.operation, request.enqueue)
  const old = await requireRecord(transaction, secret, undefined)
  if ((await findDone(transaction, token))?.secret === secret) return { state: 'done', record: withoutPointer(old) }
  const isBusy = (await intentOnSecret(transaction, secret)) !== undefined || (await migrationOf(transaction, secret)) !== undefined
  if (isBusy || !samePointer(old.pointer, from)) return { state: 'refused' }
  const copy = await takeOldCopy(transaction, secret, to)
  const record = copy === undefined ? undefined : migratedRecord(old, from, copy)
  if (record === undefined) return { state: 'refused' }
  await updateRecord(transaction, record)
  await writeAudit(transaction, { account, actor, action: 'secret.migrate', outcome: 'ok', secret, key: record.key, operationId: token })
  await enqueue(transaction, { account, secret }, request.enqueue)
  return { state: 'done', record: withoutPointer(record) }
}

export async function adopt(
  transaction: AccountTransaction,
  request: RequestOf<'adopt'>,
): Promise<{ readonly state: 'done'; readonly record: SecretRecord } | { readonly state: 'owned' } | Busy> {
  const { connection, registry, operation, now } = transaction
  const { account, secret, key, actor, pointer, token } = request
  const done = await recordOf(transaction, account, secret)
  if (done !== undefined && (await findDone(transaction, token))?.secret === secret) return { state: 'done', record: withoutPointer(done) }
  if ((await recordByKey(transaction, account, key)) !== undefined) throw SecretError.refused('already_exists', operation)
  const other = await connection.get<IntentRow>(CREATE_OF_KEY, registry, account, key)
  if (other !== undefined) return busy(intentOfRow(other), now)
  if ((await connection.get(IS_NAMED, registry, pointer.store, pointer.path)) !== undefined) return { state: 'owned' }
  if ((await connection.get(IS_ID_USED, registry, secret)) !== undefined) throw SecretError.invalid(operation, 'the id of an adoption is new')
  const record = adoptedRecord(request, now)
  await insertRecord(transaction, record)
  await writeAudit(transaction, { account, actor, action: 'secret.adopt', outcome: 'ok', secret, key, operationId: token })
  return { state: 'done', record: withoutPointer(record) }
}
