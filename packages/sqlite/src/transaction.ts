import {
  intentOfRow,
  requireRevision,
  storedOfRow,
  type AccountId,
  type IfRevision,
  type Intent,
  type IntentRow,
  type RecordRow,
  type SecretId,
  type StoredRecord,
} from '@strongroom/core'
import type { Chains } from './chains.ts'
import type { Connection } from './connection.ts'

/** One method at work, inside one transaction of the database. */
export interface Transaction {
  readonly operation: string
  readonly registry: string
  /** The clock, read once inside the transaction. */
  readonly now: number
  readonly connection: Connection
  /** Of the accounts that it writes for, and of those that are written for together with it. */
  readonly chains: Chains
}

/** The record, if it is the account's. */
export function recordOf({ connection, registry }: Transaction, account: AccountId, id: SecretId): StoredRecord | undefined {
  const sql = 'SELECT * FROM records WHERE registry = :registry AND id = :id AND account = :account'
  const row = connection.get<RecordRow>(sql, { registry, id, account })
  return row === undefined ? undefined : storedOfRow(row)
}

export function recordByKey({ connection, registry }: Transaction, account: AccountId, key: string): StoredRecord | undefined {
  const sql = 'SELECT * FROM records WHERE registry = :registry AND account = :account AND key = :key'
  const row = connection.get<RecordRow>(sql, { registry, account, key })
  return row === undefined ? undefined : storedOfRow(row)
}

export function recordAtPath({ connection, registry }: Transaction, store: string, path: string): StoredRecord | undefined {
  const sql = 'SELECT * FROM records WHERE registry = :registry AND store = :store AND path = :path'
  const row = connection.get<RecordRow>(sql, { registry, store, path })
  return row === undefined ? undefined : storedOfRow(row)
}

/** @throws SecretError `not_found`, and `conflict` when the record is not at that revision */
export function requireRecord(transaction: Transaction, account: AccountId, secret: SecretId, ifRevision: IfRevision | undefined): StoredRecord {
  return requireRevision(transaction.operation, recordOf(transaction, account, secret), ifRevision)
}

export function intentOfToken({ connection, registry }: Transaction, account: AccountId, token: string): Intent | undefined {
  const sql = 'SELECT * FROM intents WHERE registry = :registry AND account = :account AND token = :token'
  const row = connection.get<IntentRow>(sql, { registry, account, token })
  return row === undefined ? undefined : intentOfRow(row)
}

/** The intent that keeps others from changing the record. */
export function intentOnSecret({ connection, registry }: Transaction, secret: SecretId): Intent | undefined {
  const sql = "SELECT * FROM intents WHERE registry = :registry AND secret = :secret AND operation <> 'migrate'"
  const row = connection.get<IntentRow>(sql, { registry, secret })
  return row === undefined ? undefined : intentOfRow(row)
}

/** The migration of the record that is under way. */
export function migrationOf({ connection, registry }: Transaction, secret: SecretId): Intent | undefined {
  const sql = "SELECT * FROM intents WHERE registry = :registry AND secret = :secret AND operation = 'migrate'"
  const row = connection.get<IntentRow>(sql, { registry, secret })
  return row === undefined ? undefined : intentOfRow(row)
}
