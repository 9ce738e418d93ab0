import type { Pointer, SecretRecord } from './records.ts'
import type { AccountId, Actor, IfRevision, NativePath, SecretId, VersionId } from './words.ts'
import type { IntentId, QueueEntry } from './work.ts'

/** What records are sorted by. One that was never updated is before all that were, in `asc`. */
export type SortField = 'created_at' | 'updated_at' | 'key'
/** From the least to the greatest, or the other way round. */
export type SortOrder = 'asc' | 'desc'

/** A page of an account’s records, in the order asked for. `limit`: the one that was asked for. */
export interface RecordPage {
  readonly items: readonly SecretRecord[]
  /** More follow in the direction of travel: after the last for `startingAfter`, before the first for `endingBefore`. */
  readonly hasMore: boolean
  /** All records of the account, exact. */
  readonly total: number
  readonly limit: number
}

/** Another write holds the record. `expired`: its lease is over and recovery may settle it. */
export interface Busy {
  readonly state: 'busy'
  readonly intent: IntentId
  readonly expired: boolean
}

/**
 * A write that was asked for with an idempotency key, as a database may know it: HMACs, whose keys no database has. A row of
 * it is kept for so many milliseconds: under the first id, with the first fingerprint. The others are those of older keys.
 */
export interface IdempotentRequest {
  readonly ids: readonly string[]
  readonly fingerprints: readonly string[]
  readonly keepMs: number
}

/** The same request has been committed before: this was its answer. Nothing has been written. */
export interface Answered {
  readonly state: 'answered'
  readonly record: SecretRecord
}

/**
 * `committed`: by this call, or before by anyone (then `record` is the answer that its request keeps, otherwise the row as it
 * is now, undefined when it has been deleted since, and `claimed` is empty). `undone`: the intent is gone and no `ok` audit entry has its token. `refused`: the intent
 * is still there, but the row moved, or a queued task names what the pointer would move onto.
 */
export type CommitOutcome =
  | { readonly state: 'committed'; readonly record: SecretRecord | undefined; readonly claimed: readonly QueueEntry[] }
  | { readonly state: 'undone' }
  | { readonly state: 'refused' }

/** The intent of a create. `path`: where the value will be put; `leaseMs`: milliseconds that the writer has for it, by the database’s clock. */
export interface BeginCreate {
  readonly registry: string
  readonly account: AccountId
  readonly secret: SecretId
  readonly key: string
  readonly description: string | null
  readonly actor: Actor
  readonly store: string
  readonly path: NativePath
  readonly token: string
  readonly leaseMs: number
  readonly request?: IdempotentRequest | undefined
}

/**
 * The intent of a new value. `description`: undefined leaves it as it is; `leaseMs`: milliseconds that the writer has for it, by the
 * database’s clock.
 */
export interface BeginUpdate {
  readonly registry: string
  readonly account: AccountId
  readonly secret: SecretId
  readonly description: string | null | undefined
  readonly ifRevision: IfRevision | undefined
  readonly actor: Actor
  readonly token: string
  readonly leaseMs: number
  /** The version that has the value already: the intent keeps it, so that whoever commits the update drops it. */
  readonly replaces?: VersionId | undefined
  readonly request?: IdempotentRequest | undefined
}

/** The intent of a copy to another store. `leaseMs`: milliseconds that the mover has for it, by the database’s clock. */
export interface BeginMigrate {
  readonly registry: string
  readonly account: AccountId
  readonly secret: SecretId
  /** What the record must point at. */
  readonly from: Pointer
  readonly actor: Actor
  /** Where the copy goes: a path that nothing has been at. */
  readonly store: string
  readonly path: NativePath
  readonly token: string
  readonly leaseMs: number
}

/** A record for a secret that is in a store already. `token`: of the operation, for the audit entry. */
export interface AdoptRequest {
  readonly registry: string
  readonly account: AccountId
  readonly secret: SecretId
  readonly key: string
  readonly description: string | null
  readonly actor: Actor
  readonly pointer: Pointer
  readonly fullPath: string
  readonly token: string
}

/** A page of an account’s records. `limit`: records, at most. */
export interface PageRequest {
  readonly registry: string
  readonly account: AccountId
  readonly limit: number
  readonly sortBy: SortField
  readonly sortOrder: SortOrder
  /** At most one of the two cursors. */
  readonly startingAfter: SecretId | undefined
  readonly endingBefore: SecretId | undefined
}

/** Who names a path. A path that nobody names has no entry. `version`: the pointer's; `kept`: what the record keeps, the pointer's first; `adopted`: the record's. */
export interface PathOwner {
  readonly path: NativePath
  readonly row:
    | {
        readonly account: AccountId
        readonly secret: SecretId
        readonly version: VersionId
        readonly kept: readonly VersionId[]
        readonly adopted: VersionId | undefined
      }
    | undefined
  readonly intents: number
  readonly tasks: number
  /** Those of the tasks that are `destroy_version`: they wait for a label that has drifted, so a repair of it does not wait for them. */
  readonly destroys: number
  /** Those that are `purge_path` in nobody's claim: the whole path goes, later than now. */
  readonly purges: number
}

/** A task that mends what a reconciliation found, and who asked for it. */
export interface RepairRequest {
  readonly registry: string
  readonly account: AccountId
  readonly secret: SecretId
  readonly actor: Actor
  readonly token: string
  readonly task: 'promote' | 'purge_path'
  readonly store: string
  readonly path: NativePath
  /** For `promote`: the version that must be the row's. */
  readonly version?: VersionId | undefined
}

/** How many records, intents and tasks of a registry name a store, or any store. */
export interface References {
  readonly records: number
  readonly intents: number
  readonly tasks: number
}

/** The stores that a registry knows by name. */
export interface BoundNames {
  /** Used by records, intents or tasks, and not among those given; in the order of their bytes. */
  readonly missing: readonly string[]
  /** The location that each name is bound to. */
  readonly bound: Readonly<Record<string, string>>
}
