import type { Lost } from './lost-answers.ts'
import type { Seen } from './secret-model.ts'

/** What a client asks for. Secrets are named by their ids here. Plain JSON. */
export type Wish =
  | { readonly kind: 'create'; readonly value: string; readonly description: string; readonly request?: string | undefined }
  | {
      readonly kind: 'update'
      readonly id: string
      readonly value?: string | undefined
      readonly description?: string | undefined
      readonly ifRevision?: number | undefined
      /** The idempotency key, which is also the actor's id, since it is that actor's alone. */
      readonly request?: string | undefined
    }
  /** `version`: by its own name in the backend. */
  | { readonly kind: 'rollback'; readonly id: string; readonly version: string; readonly ifRevision?: number | undefined }
  | { readonly kind: 'delete'; readonly id: string; readonly ifRevision?: number | undefined }
  | { readonly kind: 'read' | 'describe' | 'versions'; readonly id: string }
  | { readonly kind: 'read key' }
  /** Of the account: a look at each of its keys. */
  | { readonly kind: 'list' }

export type Write = Extract<Wish, { readonly kind: 'create' | 'update' | 'rollback' | 'delete' }>

export function isWrite(wish: Wish): wish is Write {
  return wish.kind === 'create' || wish.kind === 'update' || wish.kind === 'rollback' || wish.kind === 'delete'
}

/** `by`: the actor who committed it last, `revision`: as the record's. */
export interface Version {
  readonly version: string
  readonly by: string
  readonly revision: number
  readonly committed: boolean
}

export type Answer =
  | { readonly state: 'done'; readonly id?: string | undefined; readonly seen?: Seen | undefined }
  | { readonly state: 'kept'; readonly versions: readonly Version[] }
  | { readonly state: 'listed'; readonly seen: Readonly<Record<string, Seen>> }
  /** `by`: who refused. */
  | {
      readonly state: 'failed'
      readonly code: string
      readonly effect: string
      readonly retryable: boolean
      readonly by: 'database' | 'store'
    }

/** Whether nobody was told what became of it. */
export function isUnknown(answer: Answer | undefined): boolean {
  return answer === undefined || (answer.state === 'failed' && answer.effect === 'unknown')
}

export interface Call {
  /** Of the call, and without an idempotency key also the actor's id, so that every record and audit entry says which operation made it. */
  readonly by: string
  readonly client: string
  readonly key: string
  readonly wish: Wish
  /** Nanoseconds since the run's origin, by the machine's monotonic clock. */
  readonly at: number
}

/** Where a process works. */
export interface Work {
  readonly backend: string
  readonly config: unknown
  readonly database: string
  readonly place: unknown
  readonly registry: string
  readonly leaseMs: number
  /** The faulty variant, by its name. */
  readonly fault: string | undefined
}

/** What the clients of one process do in a round. */
export interface Part {
  readonly account: string
  readonly keys: readonly string[]
  readonly process: string
  readonly clients: number
  /** Of each client. */
  readonly operations: number
  readonly seed: number
  readonly startAt: number
  readonly maintains: boolean
  /** Whether answers of the database are lost on their way to it. */
  readonly loses: boolean
  /** All that they do; undefined is everything, at random. */
  readonly only?: 'create' | undefined
}

/** A write with an idempotency key that somebody has begun: others may ask for it too, or for something else with its key. */
export interface Asked {
  readonly key: string
  readonly wish: Extract<Wish, { readonly kind: 'create' | 'update' }> & { readonly request: string }
}

export type ToProcess =
  /** `workers`: registries of this process, each with a connection and a driver of its own. Its clients take turns at them. */
  | { readonly type: 'open'; readonly work: Work; readonly workers: number; readonly origin: string }
  | { readonly type: 'play'; readonly part: Part }
  /** By a client of another process. */
  | { readonly type: 'asked'; readonly asked: Asked }

export type ToParent =
  | { readonly type: 'opened'; readonly now: number }
  | { readonly type: 'called'; readonly call: Call }
  | { readonly type: 'answered'; readonly by: string; readonly at: number; readonly answer: Answer }
  | { readonly type: 'lost'; readonly lost: Lost }
  | { readonly type: 'played' }
