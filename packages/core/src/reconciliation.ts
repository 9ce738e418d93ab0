import type { AccountId, CallOptions, NativePath, SecretId, VersionId } from './words.ts'

/**
 * `orphan`: a secret with this registry's labels whose path nothing in the database names. `dangling`: a record whose secret is
 * gone. `missing`: the secret is there; the version that its record points at, or one that it keeps, is gone or cannot be read. `drift`: who names no
 * version reads another one than the record's, or none. `labels`: the secret of a record lacks the labels of its registry,
 * account or record. `foreign`: what lies at a path as this registry makes them, without its labels, and is nobody's here. `stray`: a version
 * of a record's secret that can be read and that the record does not keep, while no write and no task is at the secret. `unjudged`: the store
 * gave an error about this one, so that nothing is said of it; the run went on.
 */
export type FindingKind = 'orphan' | 'dangling' | 'missing' | 'drift' | 'stray' | 'labels' | 'foreign' | 'unjudged'

/** The kinds that can be mended. */
export type RepairKind = 'orphan' | 'drift'

/** What is compared, and what of it is mended. */
export interface ReconcileOptions extends CallOptions {
  /** One store's name; all that the migrator was given by default. */
  readonly store?: string | undefined
  /** What to mend. Nothing by default: then the run only looks. */
  readonly repair?: readonly RepairKind[] | undefined
  /** Milliseconds. What has changed within them is not judged; an hour by default, at most 30 days. */
  readonly graceMs?: number | undefined
  /** Told how far the run is, as the report counts, after each that was compared. What it throws is ignored: an observer does not change an outcome. */
  readonly onProgress?: ((compared: { readonly records: number; readonly secrets: number }) => void) | undefined
}

/** One difference between database and cloud. No value, ever. */
export interface Finding {
  readonly kind: FindingKind
  /** The store's name in the registry. */
  readonly store: string
  readonly path: NativePath
  /** Account, secret and key are the record's; where there is none, account and secret are what the labels say, if they say it. */
  readonly account: AccountId | undefined
  readonly secret: SecretId | undefined
  readonly key: string | undefined
  /** The version that the record points at. */
  readonly pointer: VersionId | undefined
  /** Of a `missing` or a `stray`: which version it is. */
  readonly version: VersionId | undefined
  /** Of a `drift`: what is read without naming a version; undefined when that is nothing. */
  readonly current: VersionId | undefined
  /**
   * `none`: it can be mended, and was not asked to be. `done`: mended. `queued`: the next `maintain` mends it. `not_possible`: a
   * person has to; the reason says how. `failed`: its store refused, or gave no answer; the reason has the code.
   */
  readonly repair: 'none' | 'done' | 'queued' | 'not_possible' | 'failed'
  readonly reason: string
}

/** What a reconciliation has compared, found and mended. */
export interface ReconcileReport {
  /** Records compared with the cloud. */
  readonly records: number
  /** Secrets of the cloud compared with the database. */
  readonly secrets: number
  /** Of these, how many were too young, or under way, to be judged; another run may judge them. */
  readonly skipped: number
  readonly findings: Readonly<Record<FindingKind, number>>
  /** Repairs that are in the queue, for `maintain`. */
  readonly queued: number
  /** Repairs that were made at once. */
  readonly done: number
  /** Repairs that their store refused or did not answer. */
  readonly failed: number
}
