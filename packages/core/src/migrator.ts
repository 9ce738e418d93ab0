import type { SecretDriver } from './driver.ts'
import type { MetadataStore, References } from './metadata.ts'
import type { Finding, ReconcileOptions, ReconcileReport } from './reconciliation.ts'
import type { RegistryPolicy, RollbackResult, WriteOptions } from './registry.ts'
import type { AccountId, Actor, CallOptions, SecretId, VersionId } from './words.ts'

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
  /**
   * Puts the value of a version that the secret keeps again, as a new version, and commits that one: readers outside this library
   * follow on every backend, which a registry's rollback, that may not read, cannot promise. To a version that is committed and current
   * it changes nothing and is a success.
   * @throws SecretError `not_found` (the secret, or a version that it does not keep), `version_unusable` (the store no longer has it),
   * `conflict` (another revision, or another write under way until the deadline); nothing was changed with either
   */
  rollback(account: AccountId, id: SecretId, version: VersionId, options?: WriteOptions): Promise<RollbackResult>
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
