import type { Authorize } from './authorization.ts'
import type { SecretDriver } from './driver.ts'
import type { MetadataStore } from './metadata.ts'
import type { SecretRecord } from './records.ts'
import type { StorePolicy } from './policy.ts'
import type { SecretValue } from './value.ts'
import type { AccountId, Actor, CallOptions, SecretId } from './words.ts'

/** A value with its record. The value is the caller’s own copy, to dispose of. */
export interface ReadValue {
  readonly record: SecretRecord
  readonly value: SecretValue
}

/** Reads values by pointer: exactly the version that the last commit named, on every cloud. */
export interface AccountReader {
  /**
   * The audit entry is durable before the value is given out. @throws SecretError `not_found`, `permission_denied`, `conflict` (it changes faster than it is read), `corrupt`
   * (the record is there, its version is gone from the store), and the store's and database's own
   */
  read(reference: { readonly id: SecretId } | { readonly key: string }, options?: CallOptions): Promise<ReadValue>
}

/** Reads the values that a registry has committed; it has no way to write. */
export interface SecretReader extends AsyncDisposable {
  /** @throws SecretError `invalid_argument` */
  account(account: AccountId, actor: Actor): AccountReader
  close(): Promise<void>
}

/** A driver that can only read. */
export type ReadOnlyDriver = Pick<SecretDriver, 'specification' | 'kind' | 'location' | 'capabilities' | 'read' | 'readMany' | 'classify' | 'close'>

/** What a reader reads from, and who may. */
export interface ReaderOptions {
  /** The registry's id. */
  readonly id: string
  readonly metadata: MetadataStore
  readonly stores: Readonly<Record<string, ReadOnlyDriver>>
  readonly authorize: Authorize
  readonly policy?: Omit<StorePolicy, 'naming' | 'prefix' | 'limits'>
}
