import { SecretError, type AccountId, type Busy, type Intent, type MetadataStore, type SecretId, type StoredRecord } from '@strongroom/core'
import type { Connection } from './connection.ts'
import { intentOf, storedOf, type IntentRow, type RecordRow } from './rows.ts'

/** What a method is given, by its name. */
export type RequestOf<Method extends Exclude<keyof MetadataStore, 'specification' | 'kind' | 'close'>> = Parameters<MetadataStore[Method]>[0]

/** One method at work, inside one transaction of the database. */
export interface Transaction {
  readonly operation: string
  readonly registry: string
  /** The clock, read once inside the transaction. */
  readonly now: number
  readonly connection: Connection
}

/** The record, if it is the account's. */
export function recordOf({ connection, registry }: Transaction, account: AccountId, id: SecretId): StoredRecord | undefined {
  const sql = 'SELECT * FROM records WHERE registry = :registry AND id = :id AND account = :account'
  const row = connection.get<RecordRow>(sql, { registry, id, account })
  return row === undefined ? undefined : storedOf(row)
}

export function recordByKey({ connection, registry }: Transaction, account: AccountId, key: string): StoredRecord | undefined {
  const sql = 'SELECT * FROM records WHERE registry = :registry AND account = :account AND key = :key'
  const row = connection.get<RecordRow>(sql, { registry, account, key })
  return row === undefined ? undefined : storedOf(row)
}

export function recordAtPath({ connection, registry }: Transaction, store: string, path: string): StoredRecord | undefined {
  const sql = 'SELECT * FROM records WHERE registry = :registry AND store = :store AND path = :path'
  const row = connection.get<RecordRow>(sql, { registry, store, path })
  return row === undefined ? undefined : storedOf(row)
}

/** @throws SecretError `not_found`, and `conflict` when the record is not at that revision */
export function requireRecord(transaction: Transaction, account: AccountId, secret: SecretId, ifRevision: number | undefined): StoredRecord {
  const record = recordOf(transaction, account, secret)
  if (record === undefined) throw SecretError.refused('not_found', transaction.operation)
  if (ifRevision !== undefined && ifRevision !== record.revision) throw SecretError.refused('conflict', transaction.operation)
  return record
}

/** The intent that keeps others from changing the record. */
export function intentOnSecret({ connection, registry }: Transaction, secret: SecretId): Intent | undefined {
  const sql = 'SELECT * FROM intents WHERE registry = :registry AND secret = :secret'
  const row = connection.get<IntentRow>(sql, { registry, secret })
  return row === undefined ? undefined : intentOf(row)
}

export function busy({ now }: Transaction, intent: Intent): Busy {
  return { state: 'busy', intent: intent.id, expired: intent.leaseUntil.getTime() <= now }
}

/** @throws SecretError `invalid_argument` unless it is a whole number of at least that size */
export function requireWhole(operation: string, name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) throw SecretError.invalid(operation, `${name} is a whole number of at least ${least}`)
}
