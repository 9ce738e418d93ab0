import type { AuditDraft, AuditEntry } from './audit.ts'
import type { SecretErrorCode } from './errors.ts'
import type { AccountId, Actor, CallOptions, IfRevision, NativePath, SecretId, VersionId } from './words.ts'

/** What the management side knows of a secret. No value, ever. */
export interface SecretRecord {
  readonly id: SecretId
  readonly accountId: AccountId
  /** Where a client outside this library finds it in its cloud; the same for the record's life. */
  readonly cloudSecretPath: string
  readonly createdAt: Date
  readonly createdBy: Actor
  readonly key: string
  readonly description: string | null
  /** Null until the first update. */
  readonly updatedAt: Date | null
  /** The id of the actor of the last update. */
  readonly updatedBy: string | null
  /** Counts from 1, one more with each change. */
  readonly revision: number
}

/** Where a record's value is. Versions are immutable, so this names one value exactly. */
export interface Pointer {
  readonly store: string
  readonly path: NativePath
  readonly version: VersionId
}

/** A version that the record keeps: the pointer's, or one that was the pointer's before and is still there to be read. */
export interface RecordVersion {
  readonly version: VersionId
  /** The record's revision that made it the pointer's, the last time that one did. */
  readonly revision: number
  readonly committedAt: Date
  readonly committedBy: Actor
}

export interface StoredRecord extends SecretRecord {
  readonly pointer: Pointer
  /** What it keeps, all at the pointer's path: the last committed first, which is the pointer's. */
  readonly versions: readonly RecordVersion[]
  /** The version that was there when the secret was adopted: no task destroys it. Undefined for a secret that a create or a migration made. */
  readonly adopted: VersionId | undefined
}

/** What a migration left behind in the store that it came from, until its purge is due. All of it is at the pointer's path. */
export interface OldCopy {
  readonly secret: SecretId
  /** What was committed when the record left. */
  readonly pointer: Pointer
  readonly cloudSecretPath: string
  readonly versions: readonly RecordVersion[]
}

export type SortField = 'created_at' | 'updated_at' | 'key'
export type SortOrder = 'asc' | 'desc'

export interface RecordPage {
  readonly items: readonly SecretRecord[]
  /** More follow in the direction of travel: after the last for `startingAfter`, before the first for `endingBefore`. */
  readonly hasMore: boolean
  /** All records of the account, exact. */
  readonly total: number
  readonly limit: number
}

export type IntentId = string & { readonly __brand: 'IntentId' }

/** A write under way. Durable before the cloud is called; deleted by the transaction that commits or undoes it. */
export interface Intent {
  readonly id: IntentId
  /** `migrate` does not hold the record: another write goes before it, and then it is not committed. */
  readonly operation: 'create' | 'update' | 'migrate'
  readonly account: AccountId
  readonly secret: SecretId
  readonly key: string
  readonly actor: Actor
  /** Where the value goes. */
  readonly store: string
  readonly path: NativePath
  /** The pointer's version and the revision that the write started from; undefined for a create. */
  readonly base: { readonly version: VersionId; readonly revision: number } | undefined
  /** What the commit writes; undefined leaves it as it is. */
  readonly description: string | null | undefined
  /** The operation id: also the token of the cloud's version where it can be, and the audit entry's `operationId`. */
  readonly token: string
  /** By the database's clock, both. */
  readonly begunAt: Date
  readonly leaseUntil: Date
  /** How often recovery has claimed it. */
  readonly recoveries: number
  /** Of an update that puts a value again: the version that has it already, which its commit drops before any other. */
  readonly replaces: VersionId | undefined
  /** The id of the request whose answer its commit keeps. */
  readonly request: string | undefined
}

export type QueueTask = 'promote' | 'destroy_version' | 'purge_path' | 'watch_path'

/** A durable task. It is one process's while its claim lasts. */
export interface QueueEntry {
  readonly id: string
  readonly task: QueueTask
  readonly account: AccountId
  readonly secret: SecretId
  readonly store: string
  readonly path: NativePath
  /** The version to promote or destroy; of an old copy, what was committed. */
  readonly version: VersionId | undefined
  /** The operation whose late put is watched for. */
  readonly token: string | undefined
  /** Claims since it last had to wait, this one included. */
  readonly attempts: number
  readonly queuedAt: Date
  /** The fence: only who holds it can settle the entry. */
  readonly claim: string
}

/** What is still to be done, as a person may look at it. */
export interface PendingWork {
  readonly id: string
  /** `settle`: an intent. A write is under way, or, once `dueAt` is over, recovery has to settle it. */
  readonly task: QueueTask | 'settle'
  readonly account: AccountId
  readonly secret: SecretId
  readonly store: string
  readonly path: NativePath
  readonly version: VersionId | undefined
  /** When it was queued or begun. */
  readonly since: Date
  /** From when it may be claimed: it is due, or its lease or claim is over. */
  readonly dueAt: Date
  /** How often it has been claimed; of a task that had to wait, which is no failure, the claims since then and the one before. */
  readonly attempts: number
  /** Why the last attempt did not end it, where that was told. */
  readonly code: SecretErrorCode | undefined
  /** The backend holds what is to be removed until then. */
  readonly retainedUntil: Date | undefined
}

/** A task to queue. Account and secret are those of the intent, record or entry that it follows from. */
export interface QueueDraft {
  readonly task: QueueTask
  readonly store: string
  readonly path: NativePath
  readonly version?: VersionId | undefined
  readonly token?: string | undefined
  /** Not before so many milliseconds from now; 0 by default. */
  readonly delayMs?: number | undefined
  /** Claimed by the caller for so many milliseconds, so that it can be tried at once. */
  readonly claimMs?: number | undefined
  /** A `purge_path` of an old copy: what a return to it needs. */
  readonly copy?: Pick<OldCopy, 'cloudSecretPath' | 'versions'> | undefined
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

/**
 * The database. One method is one transaction, durable when it resolves, with its audit entry inside; there is no generic
 * access. Everything is kept apart by `registry`. Times are the database's own: leases and delays are given in milliseconds.
 * A method that changes something may be repeated with the same token or claim after an unclear answer, and then answers
 * what happened. Errors are `SecretError`s: those named here, and `unavailable`, `corrupt`, `quota_exceeded` (disk full),
 * `misconfigured` (newer schema, read-only file), `aborted`, `closed` for the database's own trouble.
 *
 * With a `request`, a begin (or `updateDescription`) first looks for its row, in the same transaction, unless the row has
 * expired. A row with none of the fingerprints: throws `idempotency_mismatch`. A row with an answer: `answered`. A row whose
 * operation still has its intent: `busy` with that one. Otherwise, the operation being gone without an answer or there being no
 * row, the begin goes on, and writes the row anew with what it begins; what it throws leaves no row. Whoever commits the
 * operation keeps the record, as it commits it, as the answer. Where a process of a release that keeps none may have committed it,
 * an `ok` audit entry with its token tells: then the record as it is becomes the answer, or it throws `not_found`.
 *
 * Keys sort by their UTF-8 bytes, times by the millisecond, ties by id in the direction of the sort; a record never updated
 * sorts before every updated one in `asc`.
 */
export interface MetadataStore {
  readonly specification: 'v1'
  /** The adapter's short name: `memory`, `sqlite`, … */
  readonly kind: string

  /**
   * Binds each store's name to its location for good. Throws `misconfigured` for a name bound to another location, which it names
   * together with the one given; then nothing is bound. Answers the names that records, intents or tasks of the registry use and
   * `stores` lacks, and every name that is `bound` in the registry, with its location: with no `stores` it only looks.
   */
  bindStores(request: { readonly registry: string; readonly stores: Readonly<Record<string, string>> }, call: CallOptions): Promise<BoundNames>

  /** Throws `already_exists` when a record of the account has the key. `busy` when an intent has it. */
  beginCreate(request: BeginCreate, call: CallOptions): Promise<{ readonly state: 'begun'; readonly intent: Intent } | Answered | Busy>
  /** Throws `not_found`, and `conflict` when `ifRevision` is given and has not the record's. `busy` when the record has an intent. */
  beginUpdate(
    request: BeginUpdate,
    call: CallOptions,
  ): Promise<{ readonly state: 'begun'; readonly intent: Intent; readonly record: StoredRecord } | Answered | Busy>
  /** Writes the row and its `ok` audit entry (`secret.create`), deletes the intent, queues `enqueue`. */
  commitCreate(
    request: {
      readonly registry: string
      readonly intent: IntentId
      readonly account: AccountId
      readonly token: string
      readonly version: VersionId
      readonly fullPath: string
      readonly enqueue: readonly QueueDraft[]
    },
    call: CallOptions,
  ): Promise<CommitOutcome>
  /**
   * Moves the pointer from the intent's base to `version`, sets the intent's description, `ok` audit entry (`secret.update`), deletes
   * the intent, queues. `version` comes first of what the record keeps; behind the first `keep` of them (at least 1), each falls out
   * and a `destroy_version` of it is queued after the rest, unless it was adopted. The intent's `replaces`, whose value `version` has, falls out before any other.
   */
  commitUpdate(
    request: {
      readonly registry: string
      readonly intent: IntentId
      readonly account: AccountId
      readonly token: string
      readonly version: VersionId
      readonly keep: number
      readonly enqueue: readonly QueueDraft[]
    },
    call: CallOptions,
  ): Promise<CommitOutcome>
  /** Deletes the intent, with a `failed` audit entry of the code, and queues. When it is gone: answers what became of it and writes nothing. */
  abandon(
    request: {
      readonly registry: string
      readonly intent: IntentId
      readonly account: AccountId
      readonly token: string
      readonly code: SecretErrorCode
      readonly enqueue: readonly QueueDraft[]
    },
    call: CallOptions,
  ): Promise<{ readonly state: 'undone' } | { readonly state: 'committed'; readonly record: SecretRecord | undefined }>
  /** Throws `not_found`, `conflict` (as `beginUpdate`). Row and `ok` audit entry (`secret.update`) in one transaction. */
  updateDescription(
    request: {
      readonly registry: string
      readonly account: AccountId
      readonly secret: SecretId
      readonly description: string | null
      readonly ifRevision: IfRevision | undefined
      readonly actor: Actor
      readonly token: string
      readonly request?: IdempotentRequest | undefined
    },
    call: CallOptions,
  ): Promise<{ readonly state: 'done'; readonly record: SecretRecord } | Answered | Busy>
  /**
   * Moves the pointer back to a version that the record keeps, which comes first of them from then on, and writes the `ok` audit entry
   * (`secret.rollback`). A `destroy_version` of it that is in nobody's claim is deleted; with `claimMs`, a `promote` to it is queued,
   * claimed for so long. Where the pointer is there already, only the audit entry is written.
   * Throws `not_found` for the record and for a version that it does not keep, `conflict` as `beginUpdate`, and when a queued task
   * destroys the version.
   */
  commitRollback(
    request: {
      readonly registry: string
      readonly account: AccountId
      readonly secret: SecretId
      readonly version: VersionId
      readonly ifRevision: IfRevision | undefined
      readonly actor: Actor
      readonly token: string
      readonly claimMs: number | undefined
    },
    call: CallOptions,
  ): Promise<{ readonly state: 'done'; readonly record: SecretRecord; readonly claimed: readonly QueueEntry[] } | Busy>
  /**
   * Deletes the row, leaves a tombstone for cursors, writes the `ok` audit entry (`secret.delete`) and queues `purge_path`,
   * claimed for `claimMs`; for an adopted record only with `purgeAdopted`. Its old copies that have never been claimed are due at once.
   * Throws `not_found`, `conflict` (as `beginUpdate`).
   */
  commitDelete(
    request: {
      readonly registry: string
      readonly account: AccountId
      readonly secret: SecretId
      readonly ifRevision: IfRevision | undefined
      readonly actor: Actor
      readonly token: string
      readonly claimMs: number
      readonly purgeAdopted?: boolean | undefined
    },
    call: CallOptions,
  ): Promise<{ readonly state: 'done'; readonly claimed: readonly QueueEntry[] } | Busy>

  /** Begins a copy. `busy` when the record has an intent of any kind. Throws `not_found`, and `conflict` when the record is not at `from`. */
  beginMigrate(
    request: BeginMigrate,
    call: CallOptions,
  ): Promise<{ readonly state: 'begun'; readonly intent: Intent; readonly record: StoredRecord } | Busy>
  /**
   * Moves the pointer from `from` to the intent's place at `version`, which is all that the record keeps then, committed as it was before;
   * `ok` audit entry (`secret.migrate`), deletes the intent, queues. The revision stays. `refused` also when another write has begun.
   */
  commitMigrate(
    request: {
      readonly registry: string
      readonly intent: IntentId
      readonly account: AccountId
      readonly token: string
      readonly from: Pointer
      readonly version: VersionId
      readonly fullPath: string
      readonly enqueue: readonly QueueDraft[]
    },
    call: CallOptions,
  ): Promise<CommitOutcome>
  /**
   * Moves the pointer back onto an old copy, whose tasks that would destroy it are deleted, with the `ok` audit entry (`secret.migrate`).
   * The record keeps what the copy kept, `to` being committed as `from` was. `refused`, and nothing changed: the record is not at `from`,
   * it has an intent of any kind, there is no old copy of it at `to`, or one that has been claimed. Throws `not_found`.
   */
  commitReturn(
    request: {
      readonly registry: string
      readonly account: AccountId
      readonly secret: SecretId
      readonly from: Pointer
      readonly to: Pointer
      readonly actor: Actor
      readonly token: string
      readonly enqueue: readonly QueueDraft[]
    },
    call: CallOptions,
  ): Promise<{ readonly state: 'done'; readonly record: SecretRecord } | { readonly state: 'refused' }>
  /** The old copies of these secrets in a store that have never been claimed. */
  oldCopies(
    request: { readonly registry: string; readonly store: string; readonly secrets: readonly SecretId[] },
    call: CallOptions,
  ): Promise<readonly OldCopy[]>
  /** Makes up to `limit` old copies of a store due that are not, and answers how many. */
  dropOldCopies(request: { readonly registry: string; readonly store: string; readonly limit: number }, call: CallOptions): Promise<number>
  /**
   * Writes the row of a secret that is in its store already, with the `ok` audit entry (`secret.adopt`). `owned`: a row, an intent or a
   * task names its path. Throws `already_exists` when a record of the account has the key; `busy` when a create has it.
   */
  adopt(
    request: AdoptRequest,
    call: CallOptions,
  ): Promise<{ readonly state: 'done'; readonly record: SecretRecord } | { readonly state: 'owned' } | Busy>

  /** The record by id or by key (one of the two), or undefined. */
  find(
    request: { readonly registry: string; readonly account: AccountId; readonly id?: SecretId | undefined; readonly key?: string | undefined },
    call: CallOptions,
  ): Promise<StoredRecord | undefined>
  /**
   * A keyset page in the requested order, whichever cursor is given. A cursor is the id of a record of this account, also of
   * one deleted since. Throws `invalid_argument` for any other, also another account's.
   */
  page(request: PageRequest, call: CallOptions): Promise<RecordPage>

  /** Claims up to `limit` intents whose lease is over, those of a store, the longest over first, or one, by giving each a new lease. */
  claimExpiredIntents(
    request: { readonly registry: string; readonly limit: number; readonly leaseMs: number } & (
      | { readonly store: string; readonly intent?: undefined }
      | { readonly intent: IntentId; readonly store?: undefined }
    ),
    call: CallOptions,
  ): Promise<readonly Intent[]>
  /**
   * Claims up to `limit` tasks of a store that are due and in nobody's claim, the longest due first; of those due since the same
   * millisecond, the oldest. In the same transaction: a `destroy_version` whose version a row keeps, and a `purge_path` whose path a row has, are deleted; one
   * whose version is an intent's base, or whose path an intent has, is left for later.
   */
  claimQueue(
    request: { readonly registry: string; readonly store: string; readonly limit: number; readonly leaseMs: number },
    call: CallOptions,
  ): Promise<readonly QueueEntry[]>
  /**
   * Ends a task, or puts it off with the reason why, and queues what follows from it. False, and nothing changed, when the claim has passed to
   * someone else. `done` with `ifPointer`: when the row at the task's path does not point at that version, the task stays and
   * is due at once; false. `retry` without a code: it has to wait, and has not failed, so that its attempts are one again.
   */
  settleQueue(
    request: {
      readonly registry: string
      readonly id: string
      readonly claim: string
      readonly outcome:
        | { readonly state: 'done'; readonly ifPointer?: VersionId | undefined }
        | {
            readonly state: 'retry'
            readonly delayMs: number
            readonly code?: SecretErrorCode | undefined
            readonly retainedUntil?: Date | undefined
          }
      readonly enqueue: readonly QueueDraft[]
    },
    call: CallOptions,
  ): Promise<boolean>
  /** A page of the open intents, or of the tasks, these the oldest first; changes nothing. `next` is the `after` of the following page. */
  pending(
    request: { readonly registry: string; readonly of: 'intents' | 'tasks'; readonly after: string | undefined; readonly limit: number },
    call: CallOptions,
  ): Promise<{ readonly items: readonly PendingWork[]; readonly next: string | undefined }>
  /**
   * Up to `limit` intents and up to `limit` tasks that a person should look at: claimed {@link FAILING_AFTER} times or more and not
   * retained, or of a store that is none of `stores`. It is asked often, so its cost is that of what it answers; the order is any.
   */
  troubled(
    request: { readonly registry: string; readonly stores: readonly string[]; readonly limit: number },
    call: CallOptions,
  ): Promise<readonly PendingWork[]>
  /** Deletes up to `limit` rows of requests that have expired, and answers how many. */
  forgetRequests(request: { readonly registry: string; readonly limit: number }, call: CallOptions): Promise<number>
  /** Who names these paths of a store. */
  owners(
    request: { readonly registry: string; readonly store: string; readonly paths: readonly NativePath[] },
    call: CallOptions,
  ): Promise<readonly PathOwner[]>
  /**
   * Queues a repair, with its `ok` audit entry (`secret.repair`). False, and nothing changed, when an intent or a task names
   * the path, and: `purge_path`, when a row does; `promote`, when the path's row is not that account's secret at that version.
   */
  queueRepair(request: RepairRequest, call: CallOptions): Promise<boolean>
  /** Up to `limit` records of a store, in the order of their paths' bytes, those after the path `after`: a walk in bounded memory, over all accounts. */
  scan(
    request: { readonly registry: string; readonly store: string; readonly after: NativePath | undefined; readonly limit: number },
    call: CallOptions,
  ): Promise<readonly StoredRecord[]>
  /**
   * Up to `limit` accounts with an audit trail, in the order of their ids' bytes, those after the account `after`: a walk in bounded memory.
   * What changes something writes an entry, so that an account that ever had a record is among them, also when it has none any more.
   */
  accounts(
    request: { readonly registry: string; readonly after: AccountId | undefined; readonly limit: number },
    call: CallOptions,
  ): Promise<readonly AccountId[]>
  /** How much of a registry, or of one store in it, is still named here. */
  references(request: { readonly registry: string; readonly store?: string | undefined }, call: CallOptions): Promise<References>

  appendAudit(request: { readonly registry: string; readonly entry: AuditDraft }, call: CallOptions): Promise<void>
  /** Entries with a sequence above `after`, in order. */
  readAudit(
    request: { readonly registry: string; readonly account: AccountId; readonly after: number; readonly limit: number },
    call: CallOptions,
  ): Promise<readonly AuditEntry[]>
  close(): Promise<void>
}
