import type { Seen } from './secret-model.ts'

/** What a client asks for. Secrets are named by their ids here. Plain JSON. */
export type Wish =
  | { readonly kind: 'create'; readonly value: string; readonly description: string }
  | {
      readonly kind: 'update'
      readonly id: string
      readonly value?: string | undefined
      readonly description?: string | undefined
      readonly ifRevision?: number | undefined
    }
  | { readonly kind: 'delete'; readonly id: string; readonly ifRevision?: number | undefined }
  | { readonly kind: 'read' | 'describe'; readonly id: string }
  | { readonly kind: 'read key' }
  /** Of the account: a look at each of its keys. */
  | { readonly kind: 'list' }

export type Answer =
  | { readonly state: 'done'; readonly id?: string | undefined; readonly seen?: Seen | undefined }
  | { readonly state: 'listed'; readonly seen: Readonly<Record<string, Seen>> }
  /** `by`: who refused. */
  | {
      readonly state: 'failed'
      readonly code: string
      readonly effect: string
      readonly retryable: boolean
      readonly by: 'database' | 'store'
    }

export interface Call {
  /** Also the actor's id, so that every record and audit entry says which operation made it. */
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
  /** All that they do; undefined is everything, at random. */
  readonly only?: 'create' | undefined
}

export type ToProcess =
  /** `workers`: registries of this process, each with a connection and a driver of its own. Its clients take turns at them. */
  { readonly type: 'open'; readonly work: Work; readonly workers: number; readonly origin: string } | { readonly type: 'play'; readonly part: Part }

export type ToParent =
  | { readonly type: 'opened'; readonly now: number }
  | { readonly type: 'called'; readonly call: Call }
  | { readonly type: 'answered'; readonly by: string; readonly at: number; readonly answer: Answer }
  | { readonly type: 'played' }
