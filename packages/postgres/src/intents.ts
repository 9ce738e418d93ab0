import {
  begunAgain,
  busy,
  createIntent,
  intentOfRow,
  intentRow,
  requireWhole,
  SecretError,
  updateIntent,
  type Answered,
  type Busy,
  type Intent,
  type IntentId,
  type IntentRow,
  type RequestOf,
  type StoredRecord,
} from '@strongroom/core'
import { knownRequest, rememberRequest } from './requests.ts'
import { intentOfToken, intentOnSecret, recordByKey, requireRecord, type AccountTransaction, type Transaction } from './transaction.ts'

type BegunCreate = { readonly state: 'begun'; readonly intent: Intent }
export type BegunUpdate = BegunCreate & { readonly record: StoredRecord }

/** Those of a store whose lease is over, the longest first. One that another process is claiming or ending is left to it. */
const EXPIRED = 'SELECT id FROM intents WHERE registry = $1 AND store = $4 AND lease_until <= $2 ORDER BY lease_until LIMIT $3 FOR UPDATE SKIP LOCKED'
const EXPIRED_ONE = 'SELECT id FROM intents WHERE registry = $1 AND lease_until <= $2 AND id = $3 FOR UPDATE SKIP LOCKED'
const CLAIM = 'UPDATE intents SET lease_until = $3, recoveries = recoveries + 1 WHERE registry = $1 AND id = ANY($2) RETURNING *'

/** What may be in the way of a create: the intent of its token, of its id or of its key. */
const INTENTS_OF = `
  SELECT * FROM intents WHERE registry = $1 AND account = $2 AND token = $3
  UNION ALL SELECT * FROM intents WHERE registry = $1 AND secret = $4 AND operation <> 'migrate'
  UNION ALL SELECT * FROM intents WHERE registry = $1 AND account = $2 AND key = $5 AND operation <> 'migrate'`

/** A path, or the id of a record, that is used already. Ids are never used again, not even another account's: a cursor must mean one record. */
const IS_USED = `
  SELECT 1 FROM records WHERE registry = $1 AND store = $2 AND path = $3
  UNION ALL SELECT 1 FROM intents WHERE registry = $1 AND store = $2 AND path = $3
  UNION ALL SELECT 1 FROM records WHERE registry = $1 AND id = $4
  UNION ALL SELECT 1 FROM tombstones WHERE registry = $1 AND id = $4`

export async function beginCreate(transaction: AccountTransaction, request: RequestOf<'beginCreate'>): Promise<BegunCreate | Answered | Busy> {
  const { operation, now, connection, registry, account } = transaction
  const { secret, key, store, path, token, leaseMs } = request
  requireWhole(operation, 'leaseMs', leaseMs, 0)
  const found = (await connection.all<IntentRow>(INTENTS_OF, registry, account.id, token, secret, key)).map(intentOfRow)
  const mine = found.find(intent => intent.account === account.id && intent.token === token)
  if (mine?.operation === 'create' && mine.secret === secret) return begunAgain(mine, now)
  const known = await knownRequest(transaction, request)
  if (known !== undefined) return known
  if ((await recordByKey(transaction, account.id, key)) !== undefined) throw SecretError.refused('already_exists', operation)
  const holding = found.filter(intent => intent.operation !== 'migrate')
  const other = holding.find(intent => intent.secret === secret) ?? holding.find(intent => intent.account === account.id && intent.key === key)
  if (other !== undefined) return busy(other, now)
  if (mine !== undefined || (await connection.get(IS_USED, registry, store, path, secret)) !== undefined) {
    throw SecretError.invalid(operation, 'the id, the path and the token of a create are new')
  }
  const intent = createIntent(request, now)
  await rememberRequest(transaction, request)
  await insertIntent(transaction, intent)
  return { state: 'begun', intent }
}

export async function beginUpdate(transaction: AccountTransaction, request: RequestOf<'beginUpdate'>): Promise<BegunUpdate | Answered | Busy> {
  const { operation, now } = transaction
  const { secret, ifRevision, token, leaseMs } = request
  requireWhole(operation, 'leaseMs', leaseMs, 0)
  const mine = await intentOfToken(transaction, token)
  if (mine?.operation === 'update' && mine.secret === secret) {
    const record = await requireRecord(transaction, secret, undefined)
    const again = begunAgain(mine, now)
    return again.state === 'busy' ? again : { ...again, record }
  }
  const known = await knownRequest(transaction, request)
  if (known !== undefined) return known
  const record = await requireRecord(transaction, secret, ifRevision)
  const other = await intentOnSecret(transaction, secret)
  if (other !== undefined) return busy(other, now)
  if (mine !== undefined) throw SecretError.invalid(operation, 'the token of an update is new')
  const intent = updateIntent(request, record, now)
  await rememberRequest(transaction, request)
  await insertIntent(transaction, intent)
  return { state: 'begun', intent, record }
}

export async function claimExpiredIntents(transaction: Transaction, request: RequestOf<'claimExpiredIntents'>): Promise<readonly Intent[]> {
  const { connection, registry, operation } = transaction
  const { limit, leaseMs } = request
  requireWhole(operation, 'limit', limit, 1)
  requireWhole(operation, 'leaseMs', leaseMs, 0)
  const now = await transaction.time()
  const rows =
    request.intent === undefined
      ? await connection.all<{ readonly id: IntentId }>(EXPIRED, registry, now, limit, request.store)
      : await connection.all<{ readonly id: IntentId }>(EXPIRED_ONE, registry, now, request.intent)
  const expired = rows.map(({ id }) => id)
  if (expired.length === 0) return []
  const claimed = await connection.all<IntentRow>(CLAIM, registry, expired, now + leaseMs)
  return claimed.map(intentOfRow).toSorted((a, b) => expired.indexOf(a.id) - expired.indexOf(b.id))
}

/** The intent that a commit or an abandonment is for, while it is there. */
export async function heldIntent(
  { connection, registry, account }: AccountTransaction,
  { intent: id, token }: { readonly intent: IntentId; readonly token: string },
): Promise<Intent | undefined> {
  const sql = 'SELECT * FROM intents WHERE registry = $1 AND id = $2 AND account = $3 AND token = $4'
  const row = await connection.get<IntentRow>(sql, registry, id, account.id, token)
  return row === undefined ? undefined : intentOfRow(row)
}

export async function deleteIntent({ connection, registry }: Transaction, { id }: Intent): Promise<void> {
  await connection.run('DELETE FROM intents WHERE registry = $1 AND id = $2', registry, id)
}

export async function insertIntent({ connection, registry }: Transaction, intent: Intent): Promise<void> {
  await connection.insert('intents', { registry, ...intentRow(intent) })
}
