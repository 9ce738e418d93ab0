import type { SecretDriver } from './driver.ts'
import type { MetadataStore, References } from './metadata.ts'
import type { Finding, ReconcileOptions, ReconcileReport } from './reconciliation.ts'
import type { RegistryPolicy } from './registry.ts'
import type { Actor, CallOptions } from './words.ts'

/** The only object that both reads and writes values; an operator's tool makes one, a service need not. */
export interface SecretMigrator extends AsyncDisposable {
  /** What still names a store. All zero: it may leave the configuration. */
  references(store: string, options?: CallOptions): Promise<References>
  /**
   * Compares the database with the cloud and gives each difference as it is found; the report comes at the end, as the generator's
   * return value. It only looks, unless `repair` names what to mend. Safe beside writers and other runs. What it throws ends the
   * run; what was found and mended before stands.
   * @throws SecretError `invalid_argument`, `misconfigured` for a store that it was not given, and the stores' and the database's own
   */
  reconcile(options?: ReconcileOptions): AsyncGenerator<Finding, ReconcileReport>
  close(): Promise<void>
}

export interface MigratorOptions {
  /** The registry's id. */
  readonly id: string
  readonly metadata: MetadataStore
  readonly stores: Readonly<Record<string, SecretDriver>>
  /** Who the audit trail names. */
  readonly actor: Actor
  /** As the registry's: `prefix` says where its secrets are looked for. */
  readonly policy?: RegistryPolicy
}
