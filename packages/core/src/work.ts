import type { SecretErrorCode } from './errors.ts'
import type { OldCopy } from './records.ts'
import type { AccountId, Actor, NativePath, SecretId, VersionId } from './words.ts'

/** The id of an {@link Intent}. */
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

/**
 * `promote` moves the label of what is current to the committed version; `destroy_version` and `purge_path` remove a version, or all that is
 * at a path; `watch_path` looks for a put that may still land.
 */
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
