import type { SecretDriver } from './driver.ts'
import type { MetadataStore } from './metadata.ts'
import type { References } from './metadata-requests.ts'
import type { StoredRecord } from './records.ts'
import type { Finding, ReconcileOptions, ReconcileReport } from './reconciliation.ts'
import type { RegistryPolicy, RollbackResult, WriteOptions } from './registry.ts'
import type { AdoptOptions, Adoption, AdoptionReport, MigrateOptions, Migration, MigrationPlan, MigrationReport, PlanOptions } from './migration.ts'
import type { AccountId, Actor, CallOptions, SecretId, VersionId } from './words.ts'

/** The only object that both reads and writes values; an operator's tool makes one, a service need not. */
export interface SecretMigrator extends AsyncDisposable {
  /** What still names a store. All zero: it may leave the configuration. */
  references(store: string, options?: CallOptions): Promise<References>
  /**
   * What a migration would do, and what stands in its way. Nothing is changed.
   * @throws SecretError `invalid_argument`, `misconfigured` for a store that it was not given, and the stores' and the database's own
   */
  plan(options: PlanOptions): Promise<MigrationPlan>
  /**
   * Moves every secret of one store to another, while all of them can be read and written: each is read, put, read back and compared in
   * constant time, and then one transaction moves its pointer. Another write to the secret comes first, and the copy is made again. Each
   * secret is told as it is done; the report comes at the end, as the generator's return value. Killed, aborted or stopped anywhere,
   * another call goes on. To go back is the same call the other way: it takes the old copies again that are still the same.
   * @throws SecretError as `plan`; `too_large` when something does not fit, before anything is moved; what stops secret after secret,
   * such as `unavailable` or `permission_denied`. What was moved before stands.
   */
  migrate(options: MigrateOptions): AsyncGenerator<Migration, MigrationReport>
  /** Makes the old copies in a store due, which `maintain` then purges, and answers how many there were. */
  dropOldCopies(store: string, options?: CallOptions): Promise<number>
  /**
   * Gives records to secrets that are in a store already, without reading, copying or changing them. Each is told as it is done. Readers
   * get the version that is current now. It is never purged, unless a delete says `purgeAdopted`.
   * @throws SecretError `invalid_argument`, `misconfigured`, and the store's and the database's own; what was adopted before stands
   */
  adopt(options: AdoptOptions): AsyncGenerator<Adoption, AdoptionReport>
  /**
   * Every account that has an audit trail, in the order of their ids' bytes: those that have secrets, those that had some, and those that
   * have only been asked for. They are read page by page; one that comes meanwhile is among them when the walk has not passed it.
   * @throws SecretError `invalid_argument` for unknown options, and the database's own
   */
  accounts(options?: CallOptions): AsyncGenerator<AccountId>
  /** Every record of every account in the stores that it was given, with where its value is: for an export. No value. */
  records(options?: CallOptions): AsyncGenerator<StoredRecord>
  /**
   * Compares the database with the cloud and gives each difference as it is found; the report comes at the end, as the generator's
   * return value. It only looks, unless `repair` names what to mend. Safe beside writers and other runs. A secret that its store gives an
   * error about is a finding. What it throws ends the run, such as a list that is refused, or the eighth error in a row that may be repeated;
   * what was found and mended before stands.
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

/** What a migrator works on, and in whose name. */
export interface MigratorOptions {
  /** The registry's id. */
  readonly id: string
  readonly metadata: MetadataStore
  readonly stores: Readonly<Record<string, SecretDriver>>
  /** Who the audit trail names. */
  readonly actor: Actor
  /** As the registry's: the keys that an adoption may give. */
  readonly keys?: 'portable' | 'any'
  /** As the registry's: `prefix` says where its secrets are looked for. */
  readonly policy?: RegistryPolicy
}
