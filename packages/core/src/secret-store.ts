import type { DriverCapabilities, DriverVersion, Removal } from './driver.ts'
import type { SecretError } from './errors.ts'
import type { SecretValue, ValueInput } from './value.ts'
import type { CallOptions, VersionId } from './words.ts'

/** A version of a secret with its value, which is the caller’s own copy, to dispose of. */
export interface StoredSecret {
  readonly name: string
  readonly version: VersionId
  readonly value: SecretValue
}

/** A secret of a list, without its value. The dates are the backend’s, undefined where it does not tell. */
export interface SecretEntry {
  readonly name: string
  readonly createdAt: Date | undefined
  readonly updatedAt: Date | undefined
  /** Undefined unless `withLabels` was asked for. */
  readonly labels: Readonly<Record<string, string>> | undefined
}

/** Of one name of `getMany`: the secret, or why it could not be read. */
export type GetOutcome =
  | { readonly name: string; readonly ok: true; readonly secret: StoredSecret }
  | { readonly name: string; readonly ok: false; readonly error: SecretError }

/** Of a `get`. */
export interface GetOptions extends CallOptions {
  /** Exactly this version; the current one by default. */
  readonly version?: VersionId | undefined
}

/** On what a `put` depends. At most one of `ifAbsent` and `ifVersion`. */
export interface PutOptions extends CallOptions {
  /**
   * Only if there is no such secret (`already_exists`). `unsupported` where the backend's create is `checked`, unless
   * `unsafe-check-then-write` accepts the race.
   */
  readonly ifAbsent?: true | 'unsafe-check-then-write' | undefined
  /** Only if this is the version that readers get now (`conflict`). `unsupported` where the backend cannot compare. */
  readonly ifVersion?: VersionId | undefined
  /** Written when the secret is made, so only together with `ifAbsent`. At most 8. A name is 1 to 63 of
   * `A-Z a-z 0-9 _ . -` with a letter or digit at both ends, a value 1 to 256 of `A-Z a-z 0-9 _ . : / = + @ -` and space.
   */
  readonly labels?: Readonly<Record<string, string>> | undefined
}

/** Of a `list`. */
export interface ListOptions extends CallOptions {
  /** Only names that start with this. */
  readonly prefix?: string | undefined
  readonly withLabels?: boolean | undefined
}

/** Of a `delete`. */
export interface DeleteOptions extends CallOptions {
  /** For good. Without it the removal is recoverable, or refused as `unsupported` where the backend has only purges. */
  readonly purge?: boolean | undefined
}

/** The reading half of a store; what `cached`, `readOnly` and `fallback` give. */
export interface SecretSource extends AsyncDisposable {
  /** @throws SecretError `not_found`, `version_unusable`, `name_held`, and every call's own: see the errors page. */
  get(name: string, options?: GetOptions): Promise<StoredSecret>
  /** Current versions, an outcome for each name in the order given. Batches where the backend has them. */
  getMany(names: readonly string[], options?: CallOptions): Promise<readonly GetOutcome[]>
  /** Refuses new calls, waits for those under way, lets go of the driver. May be called twice. */
  close(): Promise<void>
}

/** One portable face over every cloud, for applications. It needs no database. */
export interface SecretStore extends SecretSource {
  readonly location: string | undefined
  readonly capabilities: DriverCapabilities
  /** Writes a new version, and the secret itself when there is none; readers get it at once. */
  put(name: string, value: ValueInput, options?: PutOptions): Promise<{ readonly version: VersionId }>
  /** The secrets under the store's prefix, without values. Names that portable naming never makes are someone else's and left out. */
  list(options?: ListOptions): AsyncIterable<SecretEntry>
  /** The versions of a secret, without values, in the backend's order. */
  versions(name: string, options?: CallOptions): AsyncIterable<DriverVersion>
  /** Makes one version unreadable, as far as `capabilities.destroyVersion` says. */
  destroyVersion(name: string, version: VersionId, options?: CallOptions): Promise<void>
  delete(name: string, options?: DeleteOptions): Promise<Removal>
  restore(name: string, options?: CallOptions): Promise<void>
}
