import type { AccountId, Actor, NativePath, SecretId, VersionId } from './words.ts'

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

/** A record with what the cloud holds of it. Not for callers of a registry: they are given a {@link SecretRecord}. */
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
