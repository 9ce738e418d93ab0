import { isSecretError } from '@strongroom/core'
import type { Attempt } from './invariants.ts'
import type { MoveOperation } from './moves/scenarios.ts'
import type { Operation, SeamFault } from './scenarios.ts'

/** One operation of one child. Plain JSON. */
export interface Job {
  readonly database: string
  readonly place: unknown
  readonly registry: string
  readonly operation: Operation | MoveOperation
  /** What the child does to itself; undefined when the parent does it, or nobody. */
  readonly fault: { readonly step: string; readonly how: SeamFault } | undefined
  readonly times: Times
  readonly values: Values
  readonly seed: number
  /** The rule that is switched off, by its name. */
  readonly knockOut: string | undefined
  readonly dieWithAnswer: boolean
}

export interface Times {
  readonly deadlineMs: number
  readonly leaseMs: number
  readonly putHorizonMs: number
}

interface Values {
  /** What was committed before `before`. */
  readonly first: string
  readonly before: string
  readonly after: string
}

/** A backend, as a child opens it. */
export interface Opened {
  readonly backend: string
  readonly config: unknown
}

export type ToChild =
  /** Loads the backend's adapter and SDK, so that later jobs begin at once. */
  | ({ readonly type: 'warm' } & Opened & { readonly other?: Opened | undefined })
  /** Makes the secret that the operation is on. */
  | { readonly type: 'prepare'; readonly job: Job }
  | { readonly type: 'go' }
  /** Of the soak: opens a registry, then does what it is told, one thing at a time. */
  | { readonly type: 'open'; readonly work: Work }
  | { readonly type: 'do'; readonly attempt: Wish; readonly diesAt: number | undefined }
  | { readonly type: 'move'; readonly move: Move; readonly diesAt: number | undefined }
  | { readonly type: 'maintain'; readonly diesAt: number | undefined }

/** Where a child of the soak works. */
export interface Work {
  readonly database: string
  readonly place: unknown
  readonly registry: string
  readonly times: Times
}

export type Wish = Omit<Attempt, 'told' | 'restores'>

/** All secrets of a store to the other one, where their old copies stay so long. */
export interface Move {
  readonly from: string
  readonly to: string
  readonly graceMs: number
}

/** Of an operation that threw. */
export function failed(error: unknown): Outcome {
  const text = String(error)
  return isSecretError(error)
    ? { state: 'failed', code: error.code, effect: error.effect, text }
    : { state: 'failed', code: 'none', effect: 'none', text }
}

export type Outcome =
  | { readonly state: 'done'; readonly readBack: boolean }
  | { readonly state: 'failed'; readonly code: string; readonly effect: string; readonly text: string }

export type ToParent =
  | { readonly type: 'warm' }
  | { readonly type: 'ready' }
  | { readonly type: 'asleep' }
  | { readonly type: 'opened' }
  /** Told before a rollback is tried: who committed what it is back to. */
  | { readonly type: 'restores'; readonly actor: string }
  | { readonly type: 'did'; readonly told: Attempt['told'] }
  /** `wrong`: what a migration must never say, whatever the weather. */
  | { readonly type: 'moved'; readonly wrong: string | undefined }
  /** Likewise of a pass of upkeep; `worked`: whether it found something to do. */
  | { readonly type: 'maintained'; readonly wrong: string | undefined; readonly worked: boolean }
  | { readonly type: 'ended'; readonly outcome: Outcome; readonly steps: readonly string[] }

export const ACCOUNT = 'acc-1'
export const STORE = 'main'
/** Where a migration goes. */
export const OTHER = 'other'
/** Who writes is how the audit trail tells the operations apart. */
export const ACTORS = {
  maker: 'maker',
  setUp: 'set-up',
  child: 'child',
  follower: 'follower',
  successor: 'successor',
  rival: 'rival',
  mender: 'mender',
  outsider: 'outsider',
} as const
export const KEYS = { old: 'old', new: 'new' } as const
