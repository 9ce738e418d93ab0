import type { AuditDraft, AuditEntry } from './audit.ts'
import type { SecretErrorCode } from './errors.ts'
import type {
  AdoptRequest,
  Answered,
  BeginCreate,
  BeginMigrate,
  BeginUpdate,
  BoundNames,
  Busy,
  CommitOutcome,
  IdempotentRequest,
  PageRequest,
  PathOwner,
  RecordPage,
  References,
  RepairRequest,
} from './metadata-requests.ts'
import type { OldCopy, Pointer, SecretRecord, StoredRecord } from './records.ts'
import type { AccountId, Actor, CallOptions, IfRevision, NativePath, SecretId, VersionId } from './words.ts'
import type { Intent, IntentId, PendingWork, QueueDraft, QueueEntry } from './work.ts'

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
