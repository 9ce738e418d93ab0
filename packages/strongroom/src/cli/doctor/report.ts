import type { SecretErrorCode } from '@strongroom/core'
import type { ConfigProblem } from '../../config/problems.ts'

// What `doctor --json` answers. Stable: docs/doctor.md has it. No value and no credential is in it.

export const OPERATIONS = ['list', 'read', 'versions', 'create', 'append', 'promote', 'destroyVersion', 'remove', 'restore', 'purge'] as const
/** The driver's own; `purge` is its `remove` for good. */
export type Operation = (typeof OPERATIONS)[number]

/** Whose permissions are asked for: a registry never reads, a reader does nothing else, a migrator and this command line do both. */
export const POWERS = { registry: OPERATIONS.filter(one => one !== 'read'), reader: ['read'], all: OPERATIONS } as const
export type Power = keyof typeof POWERS

/** One thing that is wrong, and what mends it. */
export interface Finding {
  /** `problem`: something does not work. `warning`: it works, and should not stay so. */
  readonly level: 'problem' | 'warning'
  /** `configuration`, `database`, or a store's name. */
  readonly where: string
  readonly code: SecretErrorCode | 'clock' | 'leftover' | 'readable' | 'schema' | 'missing_store' | 'bound_elsewhere' | 'attention'
  readonly wrong: string
  readonly mend: string
  /** To be copied as they are, such as a line of a policy. */
  readonly lines?: readonly string[]
}

/**
 * `allowed`, `denied`: what the backend said. `failed`: it said something else. `untested`: it was not asked, or what it said
 * does not tell. `unsupported`: there is no such operation on this backend.
 */
export interface OperationReport {
  readonly operation: Operation
  readonly outcome: 'allowed' | 'denied' | 'failed' | 'untested' | 'unsupported'
  readonly code?: SecretErrorCode
  readonly reason?: string
  /** Permissions that are missing, by the backend's own names; the first `certain` of them surely. */
  readonly missing?: readonly string[]
  readonly certain?: boolean
  /** Whether the power that was asked for needs it. */
  readonly needed: boolean
}

export interface PackageVersion {
  readonly name: string
  readonly version: string
}

export interface StoreReport {
  readonly name: string
  readonly type: string
  readonly location: string | null
  /** Null where it could not be found out. */
  readonly reachable: boolean | null
  readonly authenticated: boolean | null
  readonly operations: readonly OperationReport[]
  /** The median of `calls` calls of `operation`, in milliseconds. */
  readonly latency: { readonly medianMs: number; readonly calls: number; readonly operation: Operation } | null
  /** How far the backend's clock is ahead of this machine's, and how exact that is, in milliseconds. */
  readonly clock: { readonly aheadMs: number; readonly withinMs: number; readonly by: 'date_header' | 'created_version' } | null
  /** The adapter's package and the SDKs that it uses. */
  readonly packages: readonly PackageVersion[]
  /** Of earlier runs that were cut off, and of this one where it could not tidy. */
  readonly leftovers: { readonly removed: readonly string[]; readonly left: readonly string[] }
}

export interface MissingStore {
  readonly store: string
  readonly records: number
  readonly unfinished: number
  /** A few of the records. */
  readonly first: readonly { readonly account: string; readonly key: string }[]
}

export interface BoundElsewhere {
  readonly store: string
  /** The location in the database. */
  readonly bound: string
  /** The location of the configuration's. */
  readonly location: string
}

export interface DatabaseReport {
  readonly type: string
  /** Whether it can be opened; null where there is none yet. */
  readonly opens: boolean | null
  readonly schema: { readonly version: number; readonly newest: number } | null
  /** The mode of the file, such as `0600`. */
  readonly mode: string | null
  /** Stores that records or work name and the configuration lacks. */
  readonly missingStores: readonly MissingStore[]
  /** Stores whose name is bound to another place than the configuration's: no registry, reader or migrator starts. */
  readonly boundElsewhere: readonly BoundElsewhere[]
  readonly pending: { readonly intents: number; readonly tasks: number; readonly attention: number } | null
}

interface ConfigurationReport {
  /** The file, or in words. */
  readonly source: string
  /** Variables that it names, and whether they are set; never what is in them. */
  readonly variables: readonly { readonly name: string; readonly set: boolean }[]
  readonly problems: readonly ConfigProblem[]
}

export interface DoctorReport {
  /** No problem was found; warnings may have been. */
  readonly ok: boolean
  readonly power: Power
  /** Whether the probe was written: `--write`. */
  readonly written: boolean
  readonly node: string
  readonly strongroom: string
  readonly configuration: ConfigurationReport
  readonly stores: readonly StoreReport[]
  readonly database: DatabaseReport | null
  readonly findings: readonly Finding[]
}
