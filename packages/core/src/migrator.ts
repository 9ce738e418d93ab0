import type { SecretDriver } from './driver.ts'
import type { MetadataStore, References } from './metadata.ts'
import type { StorePolicy } from './policy.ts'
import type { Actor, CallOptions } from './words.ts'

/** The only object that both reads and writes values; an operator's tool makes one, a service need not. */
export interface SecretMigrator extends AsyncDisposable {
  /** What still names a store. All zero: it may leave the configuration. */
  references(store: string, options?: CallOptions): Promise<References>
  close(): Promise<void>
}

export interface MigratorOptions {
  /** The registry's id. */
  readonly id: string
  readonly metadata: MetadataStore
  readonly stores: Readonly<Record<string, SecretDriver>>
  /** Who the audit trail names. */
  readonly actor: Actor
  readonly policy?: Omit<StorePolicy, 'naming' | 'prefix'>
}
