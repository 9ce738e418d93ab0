import type { SecretDriver } from '../../driver.ts'
import { SecretError } from '../../errors.ts'
import type { QueueDraft } from '../../work.ts'
import type { Migration } from '../../migration.ts'
import type { StoredRecord } from '../../records.ts'
import type { Actor } from '../../words.ts'
import type { Access } from '../access.ts'
import type { BoundStores, GuardedStore } from '../stores.ts'
import type { Upkeep } from '../upkeep.ts'
import { VERSION_GONE, type ProtocolTimes } from '../write-protocol.ts'
import type { Meeting } from './meeting.ts'
import type { Pace } from './pace.ts'
import type { Slots } from './slots.ts'

export interface MovePlace extends GuardedStore<SecretDriver> {
  readonly prefix: string
  readonly reads: Pace
  readonly writes: Pace
  readonly slots: Slots
}

export interface MoveParts {
  readonly stores: BoundStores<SecretDriver>
  readonly access: Access
  readonly upkeep: Upkeep
  readonly times: ProtocolTimes
  readonly actor: Actor
}

/** What all moves from one store to another share. */
export interface MoveRun {
  readonly operation: string
  readonly from: MovePlace
  readonly to: MovePlace
  readonly graceMs: number
  /** For those that have an intent, or soon will, and are not read back: no more of them wait for a slot than get one within a lease. */
  readonly begun: Slots
  /** Of what is begun and what is committed. */
  readonly meeting: Meeting
  /** Once it aborts nothing new is begun: what is not put yet is left or given up at once, and what is put goes on to its end. */
  readonly over: AbortSignal
}

export type Outcome = Pick<Migration, 'outcome' | 'code' | 'reason'> & { readonly resumed?: boolean; readonly error?: SecretError }

export const NOTHING = { code: undefined, reason: undefined } as const
export const BUSY: Outcome = { outcome: 'busy', ...NOTHING }

/** @throws SecretError `aborted` once the run is over */
export function requireGoing({ over, operation }: MoveRun): void {
  if (over.aborted) throw SecretError.refused('aborted', operation)
}

/** What was thrown, as an error of the run. */
export function errorOf({ operation }: MoveRun, thrown: unknown): SecretError {
  if (!(thrown instanceof SecretError)) return new SecretError({ code: 'unknown', retryable: false, effect: 'unknown', operation })
  return thrown.code === 'version_unusable' || thrown.code === 'not_found' ? thrown.in({ operation, hint: VERSION_GONE }) : thrown.in({ operation })
}

/** What becomes of the place that a record leaves. What was adopted is left as it is. */
export function leave({ graceMs }: MoveRun, { pointer, cloudSecretPath, versions, adopted }: StoredRecord): readonly QueueDraft[] {
  if (adopted !== undefined) return []
  return [{ task: 'purge_path', ...pointer, delayMs: graceMs, copy: { cloudSecretPath, versions } }]
}
