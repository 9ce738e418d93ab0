import type { AuditEntry } from './audit.ts'
import type { Authorize } from './authorization.ts'
import type { SecretDriver } from './driver.ts'
import type { MetadataStore } from './metadata.ts'
import type { RecordPage, SortField, SortOrder } from './metadata-requests.ts'
import type { RecordVersion, SecretRecord } from './records.ts'
import type { PendingWork } from './work.ts'
import type { StorePolicy } from './policy.ts'
import type { ValueInput } from './value.ts'
import type { AccountId, Actor, CallOptions, IfRevision, SecretId, VersionId } from './words.ts'

/** A new secret. */
export interface CreateInput {
  /** 1 to 127 of `a-z 0-9 -`, unless the registry's `keys` option is wider. Unique in the account. */
  readonly key: string
  readonly value: ValueInput
  /** At most 2,000 characters (code points). */
  readonly description?: string | undefined
}

/** What of a secret is to change: its value, its description, or both. */
export interface UpdateInput {
  /** A new value; without it the cloud is not called. */
  readonly value?: ValueInput | undefined
  /** A new description; null takes it away. */
  readonly description?: string | null | undefined
}

/** Of a create. */
export interface CreateOptions extends CallOptions {
  /**
   * 1 to 255 printable ASCII characters of the caller's own, for a call that may be repeated: for a day the same key and the same
   * request have the same answer and one effect, whichever process is asked. Another request of the actor in the account with the
   * same key is refused as `idempotency_mismatch`. Needs {@link RegistryOptions.requestKeys} (`misconfigured`).
   */
  readonly idempotencyKey?: string | undefined
}

/** Of a write to a record that is there. */
export interface WriteOptions extends CallOptions {
  /** Only if the record has this revision, or one of these (`conflict`). */
  readonly ifRevision?: IfRevision | undefined
}

/** Of a delete. */
export interface DeleteRecordOptions extends WriteOptions {
  /** Also what was adopted is removed from the cloud. Otherwise it stays there as it is, with the versions that updates have added. */
  readonly purgeAdopted?: boolean | undefined
}

/** Of an update. */
export interface UpdateOptions extends WriteOptions, CreateOptions {}

/** Which records of an account, and in what order. At most one of the two cursors. */
export interface ListQuery extends CallOptions {
  /** 1 to 10,000; 100 by default. */
  readonly limit?: number | undefined
  /** The id of the last item seen; it may have been deleted meanwhile. */
  readonly startingAfter?: SecretId | undefined
  /** The id of the first item seen; the page is still in the requested order. */
  readonly endingBefore?: SecretId | undefined
  /** `created_at` by default. */
  readonly sortBy?: SortField | undefined
  /** `desc` by default. */
  readonly sortOrder?: SortOrder | undefined
}

/** Which entries of an account’s audit trail. */
export interface AuditQuery extends CallOptions {
  /** Only entries with a higher sequence; 0 by default. */
  readonly after?: number | undefined
}

/**
 * One account's secrets as one actor sees them. No method returns a value, and no driver behind it is able to read one.
 * Every call is authorized first, and leaves an audit entry whatever comes of it; what is refused as `invalid_argument` or
 * `too_large` before authorization writes nothing.
 */
export interface AccountSecrets {
  /**
   * @throws SecretError `already_exists`, `conflict` (the key is being created), `idempotency_mismatch`, `permission_denied`, and the
   * store's and database's own
   */
  create(input: CreateInput, options?: CreateOptions): Promise<SecretRecord>
  list(query?: ListQuery): Promise<RecordPage>
  /** By id or by key. @throws SecretError `not_found`, also for another account's id */
  describe(secret: SecretId | { readonly key: string }, options?: CallOptions): Promise<SecretRecord>
  /** @throws SecretError `not_found`, `conflict` (another revision, or another write under way until the deadline), `idempotency_mismatch` */
  update(id: SecretId, change: UpdateInput, options?: UpdateOptions): Promise<SecretRecord>
  /**
   * The versions that the secret keeps, the last committed first. The cloud is not called.
   * @throws SecretError `not_found`, also for another account's id
   */
  versions(id: SecretId, options?: CallOptions): Promise<readonly SecretVersion[]>
  /**
   * Makes a version that the secret keeps the committed one again; no value is read or written. To the committed one it changes nothing
   * and is a success.
   * @throws SecretError `not_found` (the secret, or a version that it does not keep), `version_unusable` (the store no longer has it),
   * `conflict` as `update`; nothing was changed with either
   */
  rollback(id: SecretId, version: VersionId, options?: WriteOptions): Promise<RollbackResult>
  /** The record at once, and for good; the cloud's copy at once if it answers, else by `maintain`. The key is free again. */
  delete(id: SecretId, options?: DeleteRecordOptions): Promise<void>
  /** The account's audit trail in order; {@link verifyAudit} checks it. */
  audit(query?: AuditQuery): AsyncIterable<AuditEntry>
}

/** A version that a secret keeps: how many is the registry's policy. */
export interface SecretVersion extends RecordVersion {
  /** Whether it is what readers get. Of the versions of a secret, exactly one is. */
  readonly committed: boolean
}

/** The record after a rollback, and what others see of it. */
export interface RollbackResult {
  readonly record: SecretRecord
  /**
   * Clients that read from the cloud without this library. `follow`: they get this version, at once or once `maintain` has moved the
   * label. `see_newest`: the backend serves them its newest version, whatever is committed; they follow when the value is put again.
   */
  readonly outsiders: 'follow' | 'see_newest'
}

/** How much one pass of upkeep does. */
export interface MaintainOptions extends CallOptions {
  /** Intents, tasks and expired idempotency keys to work on in this pass; 1 to 10,000, 100 by default. Nothing is begun after a minute. */
  readonly maxItems?: number | undefined
}

/** What one pass did. */
export interface MaintenanceReport {
  /** Intents whose lease was over: finished or undone. */
  readonly recovered: number
  readonly promoted: number
  readonly destroyed: number
  readonly purged: number
  /** Watches that ended. */
  readonly watched: number
  /** Idempotency keys whose day was over. */
  readonly forgotten: number
  /** Purges that the backend holds back until a date. */
  readonly retained: number
  /** Work that failed, or has to wait, and was put off. */
  readonly postponed: number
  /** Whether the pass ended before the work did, because of `maxItems` or of its minute: another one finds more at once. */
  readonly more: boolean
  /** Stores in which an intent or a task failed that took half a deadline or longer: the rest of that kind is left to the next pass. */
  readonly unanswered: readonly string[]
  /** Intents and tasks left, those not yet due and those under way included. */
  readonly backlog: number
  /** When the oldest task that is left was queued; null when none is. */
  readonly oldest: Date | null
  /**
   * Secrets that a person should look at, whether or not this pass came to their work: those that {@link SecretRegistry.pending} says
   * `attention` of, for a hundred intents and a hundred tasks at most.
   */
  readonly needsAttention: readonly SecretId[]
}

/**
 * A piece of work that waits. `attention`: `store_missing` when its store is not configured here, `failing` when it has been tried eight
 * times or more without having to wait; undefined when time will do it, also for what a backend has begun to remove, or retains until a date.
 */
export interface PendingItem extends PendingWork {
  readonly attention: 'store_missing' | 'failing' | undefined
}

/** Keeps secrets for accounts: values in stores, everything else in the database. It has no way to read a value. */
export interface SecretRegistry extends AsyncDisposable {
  /** @throws SecretError `invalid_argument` */
  account(account: AccountId, actor: Actor): AccountSecrets
  /**
   * One bounded pass over expired leases, the queue and expired idempotency keys. What it is at when it is aborted is put off, and the next
   * pass finds it. Nothing runs on a timer by itself: see {@link startMaintenance}.
   */
  maintain(options?: MaintainOptions): Promise<MaintenanceReport>
  /** All that is left to do in every account: writes under way or cut off, then the queue, oldest first. For operators; changes nothing. */
  pending(options?: CallOptions): AsyncIterable<PendingItem>
  /** Refuses new calls, waits for those under way, and closes drivers and database unless another open object uses them. */
  close(): Promise<void>
}

/** A driver without `read`: all that the registry is given at run time, so that "never reads" is held by construction. */
export type WriteOnlyDriver = Omit<SecretDriver, 'read' | 'readMany'>

/** How a registry asks its stores, how long its writes may take, and what it keeps. */
export interface RegistryPolicy extends Omit<StorePolicy, 'naming' | 'prefix'> {
  /** Native text before the paths of new secrets, for every store or by the store's name. */
  readonly prefix?: string | Readonly<Record<string, string>>
  /** Milliseconds that a write may hold its record; more than twice `deadlineMs`, three times by default. */
  readonly leaseMs?: number
  /**
   * Milliseconds after which a put without an answer can no longer land; more than `leaseMs`. By default 15 minutes, since an AWS signature
   * lives no longer, or twice `leaseMs` where that is more.
   */
  readonly putHorizonMs?: number
  /** Versions of a value that stay in the cloud, the committed one included; 1 to 20, 2 by default, so that a reader who holds the pointer of before still succeeds. */
  readonly keepVersions?: number
}

/** What a registry is called, where it keeps what, and who may do what. */
export interface RegistryOptions {
  /** The registry's name in the database and in every label: `[a-z0-9]+(-[a-z0-9]+)*`, at most 32 characters. */
  readonly id: string
  readonly metadata: MetadataStore
  /** By name; a name is bound to its driver's location for good. */
  readonly stores: Readonly<Record<string, WriteOnlyDriver>>
  /** The store for new secrets. A secret that exists stays where it is. */
  readonly writeTo: string
  readonly authorize: Authorize
  /** `portable` (default): keys of `a-z 0-9 -`. `any`: 1 to 255 characters without control characters. */
  readonly keys?: 'portable' | 'any'
  /**
   * For `idempotencyKey`: secret keys of at least 32 bytes each, copied; the same in every process, and never in the database. The
   * first makes new fingerprints, any may match, so that they can be changed: a new one is added as the last everywhere, then made
   * the first everywhere, and the old one taken out a day later.
   */
  readonly requestKeys?: readonly Uint8Array[] | undefined
  readonly policy?: RegistryPolicy
}
