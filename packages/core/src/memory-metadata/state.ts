import { SecretError } from '../errors.ts'
import type { AuditEntry } from '../audit.ts'
import type { Busy, Intent, IntentId, MetadataStore, Pointer, QueueDraft, QueueEntry, SecretRecord, StoredRecord } from '../metadata.ts'
import type { AccountId, NativePath, SecretId } from '../words.ts'

/** What a method is given, by its name. */
export type RequestOf<Method extends Exclude<keyof MetadataStore, 'specification' | 'kind' | 'close'>> = Parameters<MetadataStore[Method]>[0]

/** A task with the time from which it may be claimed: when it is due, or when its claim is over. */
export interface Task extends QueueEntry {
  readonly readyAt: number
}

/** Everything of one registry. Entries are replaced, never changed in place. */
export interface RegistryState {
  readonly stores: Map<string, string>
  readonly records: Map<SecretId, StoredRecord>
  /** Deleted records, kept so that a cursor on one of them goes on working. */
  readonly tombstones: Map<SecretId, StoredRecord>
  readonly intents: Map<IntentId, Intent>
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
export function requireRecord(transaction: Transaction, account: AccountId, secret: SecretId, ifRevision: number | undefined): StoredRecord {
  const record = recordOf(transaction, account, secret)
  if (record === undefined) throw SecretError.refused('not_found', transaction.operation)
  if (ifRevision !== undefined && ifRevision !== record.revision) throw SecretError.refused('conflict', transaction.operation)
  return record
}

export function recordByKey({ state }: Transaction, account: AccountId, key: string): StoredRecord | undefined {
  return [...state.records.values()].find(record => record.accountId === account && record.key === key)
}

export function recordAtPath({ state }: Transaction, store: string, path: NativePath): StoredRecord | undefined {
  return [...state.records.values()].find(({ pointer }) => pointer.store === store && pointer.path === path)
}

/** The intent that keeps others from changing the record, or from creating one with its key. */
export function intentOnSecret({ state }: Transaction, secret: SecretId): Intent | undefined {
  return [...state.intents.values()].find(intent => intent.secret === secret)
}

export function busy({ now }: Transaction, intent: Intent): Busy {
  return { state: 'busy', intent: intent.id, expired: intent.leaseUntil.getTime() <= now }
}

/** @throws SecretError `invalid_argument` unless it is a whole number of at least that size */
export function requireWhole(operation: string, name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) throw SecretError.invalid(operation, `${name} is a whole number of at least ${least}`)
}

/** Checks the times of drafts, so that a bad one is refused before anything changes. */
export function requireDrafts(operation: string, drafts: readonly QueueDraft[]): void {
  for (const { delayMs, claimMs } of drafts) {
    if (delayMs !== undefined) requireWhole(operation, 'delayMs', delayMs, 0)
    if (claimMs !== undefined) requireWhole(operation, 'claimMs', claimMs, 0)
  }
}

export function samePointer(a: Pointer, b: Pointer): boolean {
  return a.store === b.store && a.path === b.path && a.version === b.version
}

/** Copies leave the store, so that nobody outside holds a date or an actor that is in it. */
export function copyRecord({ pointer: _pointer, ...record }: StoredRecord): SecretRecord {
  const { createdAt, createdBy, updatedAt } = record
  return { ...record, createdAt: new Date(createdAt), createdBy: { ...createdBy }, updatedAt: updatedAt === null ? null : new Date(updatedAt) }
}

export function copyStored(record: StoredRecord): StoredRecord {
  return { ...copyRecord(record), pointer: { ...record.pointer } }
}

export function copyIntent(intent: Intent): Intent {
  const { actor, base, leaseUntil } = intent
  return { ...intent, actor: { ...actor }, base: base === undefined ? undefined : { ...base }, leaseUntil: new Date(leaseUntil) }
}

export function copyEntry({ readyAt: _readyAt, ...entry }: Task): QueueEntry {
  return { ...entry, queuedAt: new Date(entry.queuedAt) }
}
