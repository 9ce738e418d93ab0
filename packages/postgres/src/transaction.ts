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
import type { LockedAccount } from './account.ts'
import type { Connection } from './connection.ts'

/** One method at work, inside one transaction of the database. */
export interface Transaction {
  readonly operation: string
  readonly registry: string
  readonly connection: Connection
  /** The clock, in milliseconds since 1970. Asked after locks were waited for: the transaction may have begun long before. */
  time(): Promise<number>
}

/** A transaction that holds its account: nobody else changes anything of it before this one ends. */
export interface AccountTransaction extends Transaction {
  readonly account: LockedAccount
  /** The time when the account was held. */
  readonly now: number
}

/** The record, if it is the account's. */
export async function recordOf({ connection, registry }: Transaction, account: AccountId, id: SecretId): Promise<StoredRecord | undefined> {
  const row = await connection.get<RecordRow>('SELECT * FROM records WHERE registry = $1 AND id = $2 AND account = $3', registry, id, account)
  return row === undefined ? undefined : storedOfRow(row)
}

export async function recordByKey({ connection, registry }: Transaction, account: AccountId, key: string): Promise<StoredRecord | undefined> {
  const row = await connection.get<RecordRow>('SELECT * FROM records WHERE registry = $1 AND account = $2 AND key = $3', registry, account, key)
  return row === undefined ? undefined : storedOfRow(row)
}

/** @throws SecretError `not_found`, and `conflict` when the record is not at that revision */
export async function requireRecord(transaction: AccountTransaction, secret: SecretId, ifRevision: IfRevision | undefined): Promise<StoredRecord> {
  return requireRevision(transaction.operation, await recordOf(transaction, transaction.account.id, secret), ifRevision)
}

export async function intentOfToken({ connection, registry, account }: AccountTransaction, token: string): Promise<Intent | undefined> {
  const sql = 'SELECT * FROM intents WHERE registry = $1 AND account = $2 AND token = $3'
  const row = await connection.get<IntentRow>(sql, registry, account.id, token)
  return row === undefined ? undefined : intentOfRow(row)
}

/** The intent that keeps others from changing the record. */
export async function intentOnSecret({ connection, registry }: Transaction, secret: SecretId): Promise<Intent | undefined> {
  const sql = "SELECT * FROM intents WHERE registry = $1 AND secret = $2 AND operation <> 'migrate'"
  const row = await connection.get<IntentRow>(sql, registry, secret)
  return row === undefined ? undefined : intentOfRow(row)
}

/** The migration of the record that is under way. */
export async function migrationOf({ connection, registry }: Transaction, secret: SecretId): Promise<Intent | undefined> {
  const sql = "SELECT * FROM intents WHERE registry = $1 AND secret = $2 AND operation = 'migrate'"
  const row = await connection.get<IntentRow>(sql, registry, secret)
  return row === undefined ? undefined : intentOfRow(row)
}
