import type { Failure } from './errors.ts'
import type { AccountId, CallOptions, NativePath, SecretId } from './words.ts'

/** Calls a second that a migration makes to one store at most. Undefined: as many as its concurrency gives. */
export interface MigrationRate {
  readonly reads?: number | undefined
  readonly writes?: number | undefined
}

/** What would be moved where, and how fast it may go. */
export interface PlanOptions extends CallOptions {
  /** The names of the stores. */
  readonly from: string
  readonly to: string
  /** Calls that are under way at a time, to either store; 1 to 256, 16 by default. */
  readonly concurrency?: number | undefined
  /** By the store's name. */
  readonly rate?: Readonly<Record<string, MigrationRate>> | undefined
  /**
   * Whether every value is read to see that it fits. By default only where the target takes less than the source; otherwise a value
   * that does not fit is found when its turn comes.
   */
  readonly measure?: boolean | undefined
}

/** A secret that cannot be moved as it is. */
export interface Unfit {
  readonly account: AccountId
  readonly secret: SecretId
  readonly key: string
  /** `too_large`: more than the target takes. Others: its value could not be read. */
  readonly code: Failure['code']
  readonly reason: string
}

/** What a migration would do, as things are now. */
export interface MigrationPlan {
  readonly from: string
  readonly to: string
  /** Secrets to move. */
  readonly secrets: number
  /** Of these, how many have an old copy in the target, which is taken again when it is still the same. */
  readonly oldCopies: number
  /** Whether every value was read. */
  readonly measured: boolean
  readonly unfit: readonly Unfit[]
  /**
   * Calls to the drivers that the migration will make at least, its own look at sizes included, when all that fits is moved. Of `reads` a
   * driver may take many as one request. What has an old copy, or was begun by a run that was cut off, may need no create, so it is not among
   * the `creates`; where it needs one all the same, it comes on top. `removals` are made later, and never of what was adopted.
   */
  readonly calls: {
    readonly from: { readonly reads: number; readonly removals: number }
    readonly to: { readonly creates: number; readonly reads: number }
  }
  /** Seconds that these take at least by the rates given, but for the removals; undefined without any rate. */
  readonly secondsAtLeast: number | undefined
}

/** What is moved where, and what becomes of the old copies. */
export interface MigrateOptions extends PlanOptions {
  /**
   * Milliseconds after which the old copy is purged by `maintain`; a day by default. `keep`: not before the secret is deleted, or
   * {@link SecretMigrator.dropOldCopies}. What was adopted is never purged.
   */
  readonly graceMs?: number | 'keep' | undefined
  /** Moves what can be moved although something does not fit. By default nothing is moved then. */
  readonly skipUnfit?: boolean | undefined
}

/**
 * `moved`: its copy was read back, was the same, and is what the record points at. `returned`: it points at its old copy again, which
 * had the same value. `gone`: it was deleted meanwhile. `busy`: other writes went before it until the end. `unfit` and `failed`: it stays where it is.
 */
export interface Migration {
  readonly outcome: 'moved' | 'returned' | 'gone' | 'busy' | 'unfit' | 'failed'
  readonly account: AccountId
  readonly secret: SecretId
  readonly key: string
  /** A migration that was cut off had put the copy: it was not put again. */
  readonly resumed: boolean
  /** Of `unfit` and `failed`. */
  readonly code: Failure['code'] | undefined
  readonly reason: string | undefined
}

/** What a migration did. */
export interface MigrationReport {
  readonly outcomes: Readonly<Record<Migration['outcome'], number>>
  /** Of `moved`. */
  readonly resumed: number
  /** Copies in the target that were read back and compared with what the record has: those that were put, and the old ones that were taken again. */
  readonly compared: number
  /** Of `compared`: not what was put. Such a copy is given up, and its secret stays where it is: `failed`, with the code `corrupt`. */
  readonly different: number
  /** Records that are still in the source. */
  readonly left: number
}

/** Which secrets of a store are given records, and by what keys. */
export interface AdoptOptions extends CallOptions {
  readonly account: AccountId
  readonly store: string
  /** Native text that the paths begin with; everything in the store by default. */
  readonly prefix?: string | undefined
  /** Which of them. All by default. */
  readonly filter?: ((secret: { readonly path: NativePath; readonly labels: Readonly<Record<string, string>> | undefined }) => boolean) | undefined
  /** The key of a path, or undefined to leave it out. What follows the prefix by default, decoded where it is this library's encoding. */
  readonly key?: ((path: NativePath) => string | undefined) | undefined
  /** Of this call. The migrator's by default. */
  readonly keys?: 'portable' | 'any' | undefined
  readonly dryRun?: boolean | undefined
}

/**
 * `adopted`: it has a record now, and nothing was changed in the store. `adoptable`: it would have, without `dryRun`. `known`: a record, or
 * unfinished work, names its path already. `managed`: it has the labels of a registry. `key_taken`, `key_invalid`: give it another key.
 * `unreadable`: no version of it is current and usable.
 */
export interface Adoption {
  readonly outcome: 'adopted' | 'adoptable' | 'known' | 'managed' | 'key_taken' | 'key_invalid' | 'unreadable'
  readonly path: NativePath
  readonly key: string
  /** The record's id, once it has one. */
  readonly secret: SecretId | undefined
}

/** How many paths had each outcome. */
export type AdoptionReport = Readonly<Record<Adoption['outcome'], number>>
