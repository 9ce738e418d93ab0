import type { AuditEntry } from '../audit.ts'
import type { RequestRow } from '../metadata-support/idempotency.ts'
import { withoutPointer } from '../metadata-support/records.ts'
import { requireRevision } from '../metadata-support/requests.ts'
import type { Task } from '../metadata-support/tasks.ts'
import type { RecordVersion, SecretRecord, StoredRecord } from '../records.ts'
import type { Intent, IntentId } from '../work.ts'
import type { AccountId, IfRevision, NativePath, SecretId } from '../words.ts'

/** Everything of one registry. Entries are replaced, never changed in place. */
export interface RegistryState {
  readonly stores: Map<string, string>
  readonly records: Map<SecretId, StoredRecord>
  /** Deleted records, kept so that a cursor on one of them goes on working. */
  readonly tombstones: Map<SecretId, StoredRecord>
  readonly intents: Map<IntentId, Intent>
  /** By account and id. */
  readonly requests: Map<string, RequestRow>
  /** In the order of queueing. */
  readonly queue: Map<string, Task>
  /** When each claim was settled, so that a repeated settlement is answered as the first one was. */
  readonly settled: Map<string, number>
  readonly audit: Map<AccountId, AuditEntry[]>
}

/** One method at work: nothing else runs until it has ended, so it is a transaction as long as it checks before it changes. */
export interface Transaction {
  readonly operation: string
  readonly now: number
  readonly state: RegistryState
}

export function newRegistryState(): RegistryState {
  return {
    stores: new Map(),
    records: new Map(),
    tombstones: new Map(),
    intents: new Map(),
    requests: new Map(),
    queue: new Map(),
    settled: new Map(),
    audit: new Map(),
  }
}

/** The record, if it is the account's. */
export function recordOf({ state }: Transaction, account: AccountId, secret: SecretId): StoredRecord | undefined {
  const record = state.records.get(secret)
  return record?.accountId === account ? record : undefined
}

/** @throws SecretError `not_found`, and `conflict` when the record is not at that revision */
export function requireRecord(transaction: Transaction, account: AccountId, secret: SecretId, ifRevision: IfRevision | undefined): StoredRecord {
  return requireRevision(transaction.operation, recordOf(transaction, account, secret), ifRevision)
}

export function recordByKey({ state }: Transaction, account: AccountId, key: string): StoredRecord | undefined {
  return [...state.records.values()].find(record => record.accountId === account && record.key === key)
}

export function recordAtPath({ state }: Transaction, store: string, path: NativePath): StoredRecord | undefined {
  return [...state.records.values()].find(({ pointer }) => pointer.store === store && pointer.path === path)
}

/** The intent that keeps others from changing the record, or from creating one with its key. */
export function intentOnSecret({ state }: Transaction, secret: SecretId): Intent | undefined {
  return [...state.intents.values()].find(intent => intent.secret === secret && intent.operation !== 'migrate')
}

/** The migration of the record that is under way. */
export function migrationOf({ state }: Transaction, secret: SecretId): Intent | undefined {
  return [...state.intents.values()].find(intent => intent.secret === secret && intent.operation === 'migrate')
}

export function intentOnKey({ state }: Transaction, account: AccountId, key: string): Intent | undefined {
  return [...state.intents.values()].find(intent => intent.account === account && intent.key === key && intent.operation !== 'migrate')
}

/** Whether a row or an intent is at the path. */
export function isPathTaken(transaction: Transaction, store: string, path: NativePath): boolean {
  const intents = [...transaction.state.intents.values()]
  return recordAtPath(transaction, store, path) !== undefined || intents.some(intent => intent.store === store && intent.path === path)
}

export function intentOfToken({ state }: Transaction, account: AccountId, token: string): Intent | undefined {
  return [...state.intents.values()].find(intent => intent.account === account && intent.token === token)
}

/** Copies leave the store, so that nobody outside holds a date or an actor that is in it. */
export function copyRecord(stored: StoredRecord): SecretRecord {
  const record = withoutPointer(stored)
  const { createdAt, createdBy, updatedAt } = record
  return { ...record, createdAt: new Date(createdAt), createdBy: { ...createdBy }, updatedAt: updatedAt === null ? null : new Date(updatedAt) }
}

export function copyStored(record: StoredRecord): StoredRecord {
  return { ...copyRecord(record), pointer: { ...record.pointer }, versions: copyVersions(record.versions), adopted: record.adopted }
}

export function copyVersions(versions: readonly RecordVersion[]): readonly RecordVersion[] {
  return versions.map(kept => ({ ...kept, committedAt: new Date(kept.committedAt), committedBy: { ...kept.committedBy } }))
}

export function copyIntent(intent: Intent): Intent {
  const { actor, base, begunAt, leaseUntil } = intent
  const times = { begunAt: new Date(begunAt), leaseUntil: new Date(leaseUntil) }
  return { ...intent, actor: { ...actor }, base: base === undefined ? undefined : { ...base }, ...times }
}
