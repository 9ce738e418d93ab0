import {
  begunAgain,
  busy,
  claimedIntent,
  createIntent,
  intentOfRow,
  intentRow,
  requireWhole,
  SecretError,
  updateIntent,
  type AccountId,
  type Answered,
  type Busy,
  type Intent,
  type IntentId,
  type IntentRow,
  type RequestOf,
  type StoredRecord,
} from '@strongroom/core'
import { knownRequest, rememberRequest } from './requests.ts'
import { intentOfToken, intentOnSecret, recordAtPath, recordByKey, requireRecord, type Transaction } from './transaction.ts'

type BegunCreate = { readonly state: 'begun'; readonly intent: Intent }
export type BegunUpdate = BegunCreate & { readonly record: StoredRecord }

const INSERT = `
  INSERT INTO intents (registry, id, operation, account, secret, key, actor_id, actor_type, store, path, base_version, base_revision,
    sets_description, description, token, begun_at, lease_until, recoveries, replaces, request)
  VALUES (:registry, :id, :operation, :account, :secret, :key, :actor_id, :actor_type, :store, :path, :base_version, :base_revision,
    :sets_description, :description, :token, :begun_at, :lease_until, :recoveries, :replaces, :request)`

/** Those of a store whose lease is over, the longest first. */
const EXPIRED = 'SELECT * FROM intents WHERE registry = :registry AND store = :store AND lease_until <= :now ORDER BY lease_until LIMIT :limit'
const EXPIRED_ONE = 'SELECT * FROM intents WHERE registry = :registry AND id = :only AND lease_until <= :now'

export function beginCreate(transaction: Transaction, request: RequestOf<'beginCreate'>): BegunCreate | Answered | Busy {
  const { operation, now } = transaction
  const { account, secret, key, store, path, token, leaseMs } = request
  requireWhole(operation, 'leaseMs', leaseMs, 0)
  const mine = intentOfToken(transaction, account, token)
  if (mine?.operation === 'create' && mine.secret === secret) return begunAgain(mine, now)
  const known = knownRequest(transaction, request)
  if (known !== undefined) return known
  if (recordByKey(transaction, account, key) !== undefined) throw SecretError.refused('already_exists', operation)
  const other = intentOnSecret(transaction, secret) ?? intentOnKey(transaction, account, key)
  if (other !== undefined) return busy(other, now)
  if (mine !== undefined || isPathTaken(transaction, store, path) || isIdUsed(transaction, secret)) {
    throw SecretError.invalid(operation, 'the id, the path and the token of a create are new')
  }
  const intent = createIntent(request, now)
  rememberRequest(transaction, request)
  insertIntent(transaction, intent)
  return { state: 'begun', intent }
}

export function beginUpdate(transaction: Transaction, request: RequestOf<'beginUpdate'>): BegunUpdate | Answered | Busy {
  const { operation, now } = transaction
  const { account, secret, ifRevision, token, leaseMs } = request
  requireWhole(operation, 'leaseMs', leaseMs, 0)
  const mine = intentOfToken(transaction, account, token)
  if (mine?.operation === 'update' && mine.secret === secret) {
    const record = requireRecord(transaction, account, secret, undefined)
    const again = begunAgain(mine, now)
    return again.state === 'busy' ? again : { ...again, record }
  }
  const known = knownRequest(transaction, request)
  if (known !== undefined) return known
  const record = requireRecord(transaction, account, secret, ifRevision)
  const other = intentOnSecret(transaction, secret)
  if (other !== undefined) return busy(other, now)
  if (mine !== undefined) throw SecretError.invalid(operation, 'the token of an update is new')
  const intent = updateIntent(request, record, now)
  rememberRequest(transaction, request)
  insertIntent(transaction, intent)
  return { state: 'begun', intent, record }
}

export function claimExpiredIntents(transaction: Transaction, request: RequestOf<'claimExpiredIntents'>): readonly Intent[] {
  const { connection, registry, now, operation } = transaction
  const { limit, leaseMs } = request
  requireWhole(operation, 'limit', limit, 1)
  requireWhole(operation, 'leaseMs', leaseMs, 0)
  const rows =
    request.intent === undefined
      ? connection.all<IntentRow>(EXPIRED, { registry, store: request.store, now, limit })
      : connection.all<IntentRow>(EXPIRED_ONE, { registry, now, only: request.intent })
  const until = now + leaseMs
  return rows.map(row => {
    const sql = 'UPDATE intents SET lease_until = :until, recoveries = recoveries + 1 WHERE registry = :registry AND id = :id'
    connection.run(sql, { registry, id: row.id, until })
    return claimedIntent(intentOfRow(row), until)
  })
}

/** The intent that a commit or an abandonment is for, while it is there. */
export function heldIntent(
  { connection, registry }: Transaction,
  { intent: id, account, token }: { readonly intent: IntentId; readonly account: AccountId; readonly token: string },
): Intent | undefined {
  const sql = 'SELECT * FROM intents WHERE registry = :registry AND id = :id AND account = :account AND token = :token'
  const row = connection.get<IntentRow>(sql, { registry, id, account, token })
  return row === undefined ? undefined : intentOfRow(row)
}

export function deleteIntent({ connection, registry }: Transaction, { id }: Intent): void {
  connection.run('DELETE FROM intents WHERE registry = :registry AND id = :id', { registry, id })
}

export function intentOnKey({ connection, registry }: Transaction, account: AccountId, key: string): Intent | undefined {
  const sql = "SELECT * FROM intents WHERE registry = :registry AND account = :account AND key = :key AND operation <> 'migrate'"
  const row = connection.get<IntentRow>(sql, { registry, account, key })
  return row === undefined ? undefined : intentOfRow(row)
}

/** Whether a row or an intent is at the path. */
export function isPathTaken(transaction: Transaction, store: string, path: string): boolean {
  const { connection, registry } = transaction
  if (recordAtPath(transaction, store, path) !== undefined) return true
  const sql = 'SELECT 1 FROM intents WHERE registry = :registry AND store = :store AND path = :path'
  return connection.get(sql, { registry, store, path }) !== undefined
}

/** Ids are never used again, not even another account's: a cursor must mean one record. */
export function isIdUsed({ connection, registry }: Transaction, id: string): boolean {
  return ['records', 'tombstones'].some(
    table => connection.get(`SELECT 1 FROM ${table} WHERE registry = :registry AND id = :id`, { registry, id }) !== undefined,
  )
}

export function insertIntent(transaction: Transaction, intent: Intent): void {
  const { chains, connection, registry } = transaction
  chains.of(registry, intent.account)
  connection.run(INSERT, { registry, ...intentRow(intent) })
}
