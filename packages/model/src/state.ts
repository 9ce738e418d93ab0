/** One of the operations of a configuration, by its index: also its token. */
export type Op = number

/** Tokens of what was there before: the versions that a record begins with, and an outsider's. */
export const INITIAL = 90
export const OUTSIDER = 80
/** No operation's value: what a backend has that does not keep what it was given. */
export const GARBLED = 70

interface Kept {
  readonly version: number
  /** Which operation's value it is said to be. Never in the database: the model looks at the cloud with it. */
  readonly value: Op
}

export interface Row {
  readonly revision: number
  readonly path: number
  /** The last committed first, which is the pointer's. */
  readonly kept: readonly Kept[]
}

export interface Intent {
  readonly op: Op
  /** `migrate` does not hold the record. */
  readonly kind: 'create' | 'update' | 'migrate'
  readonly record: number
  /** Where its value goes. */
  readonly path: number
  readonly base: number
  readonly held: boolean
  readonly recovered: boolean
}

export interface Task {
  readonly task: 'promote' | 'destroy' | 'purge' | 'watch'
  readonly path: number
  readonly version: number
  readonly token: Op
  /** The process that has claimed it; none is -1, one that has died is -2. */
  readonly claim: number
  /** Of a watch: only when no put of the token can land any more. Of an old copy: not before a delete makes it due. */
  readonly late: boolean
  /** A purge of what a migration left, that nobody has claimed yet: `version` is what the record pointed at. */
  readonly copy: boolean
}

export interface Version {
  readonly version: number
  readonly token: Op
  readonly value: Op
  readonly usable: boolean
}

export interface Path {
  readonly versions: readonly Version[]
  readonly current: number
  /** A removal that the backend has begun. */
  readonly removing: boolean
}

/** A request whose sender waits no longer: it lands at any time, or never. `part` of a create: all of it, the first or second of two requests, or the write that follows a look. */
export type Message =
  | { readonly sends: 'create'; readonly path: number; readonly token: Op; readonly value: Op; readonly part: 0 | 1 | 2 | 3 }
  | { readonly sends: 'append'; readonly path: number; readonly token: Op; readonly value: Op; readonly after: number }
  | { readonly sends: 'promote'; readonly path: number; readonly version: number; readonly from: number }
  | { readonly sends: 'destroy'; readonly path: number; readonly version: number }
  | { readonly sends: 'purge'; readonly path: number }

/** What upkeep does, by whomever: for a maintainer, for a writer that found an expired intent, for one that has just committed. */
export interface Job {
  readonly step: 'find' | 'finish' | 'undo' | 'list' | 'owners' | 'promote' | 'destroy' | 'purge' | 'settle' | 'purgeFirst'
  readonly intent?: Intent
  readonly task?: Task
  /** Found by its token, the holder of the label, or the pointer that was read. */
  readonly found?: number
  readonly holder?: number
  readonly listed?: readonly Version[]
  readonly outcome?: 'done' | 'retry'
  readonly ifPointer?: number
  readonly enqueue?: readonly Task[]
}

type Write = 'begin' | 'put' | 'put2' | 'look' | 'newest' | 'commit' | 'clean' | 'undo' | 'value' | 'end'
type Look = 'idle' | 'read' | 'read again'
type Move = 'source' | 'old tasks' | 'old' | 'old value' | 'return' | 'start' | 'there' | 'back'
type Step = Write | Look | Move

export interface Process {
  readonly step: Step
  /** How it ended: what the caller knows. `dead`: nothing any more. `busy`: a migration that would be tried again. */
  readonly end?: 'ok' | 'failed' | 'exists' | 'unknown' | 'dead' | 'taken' | 'lost' | 'wrong' | 'busy'
  /** The writer's own lease, by its own clock. */
  readonly lease?: boolean
  readonly base?: number
  readonly after?: number
  readonly version?: number
  readonly value?: Op
  readonly uncertain?: boolean
  readonly round?: number
  readonly refused?: boolean
  readonly job?: Job
  /** Where it writes, or reads. */
  readonly path?: number
  /** Of a migration: where the record was, what was left in the target, and whose intent it works on. */
  readonly source?: number
  readonly old?: number
  readonly oldVersion?: number
  readonly token?: Op
  readonly resumed?: boolean
  readonly enqueue?: readonly Task[]
}

/** How much may go wrong: each of its own kind, and all together. */
export interface Budget {
  readonly faults: number
  readonly crashes: number
  readonly timeouts: number
  readonly ambiguous: number
  /** Claims that run out while their holder goes on. */
  readonly stalls: number
  /** Puts after which the backend has something else than it was given. */
  readonly garbles: number
}

/** An idempotency key: the operation that holds it, and whether its answer is stored. */
interface Requested {
  readonly op: Op
  readonly answered: boolean
}

export interface State {
  readonly rows: readonly (Row | null)[]
  readonly intents: readonly Intent[]
  readonly tasks: readonly Task[]
  /** Operations with an `ok` entry in the audit trail, and those with a `failed` one, as bits. */
  readonly committed: number
  readonly undone: number
  readonly requests: readonly (Requested | null)[]
  readonly paths: readonly (Path | null)[]
  readonly flying: readonly Message[]
  readonly processes: readonly Process[]
  readonly budget: Budget
}

export function replaced<T>(list: readonly T[], index: number, item: T): readonly T[] {
  const copy = list.slice()
  copy[index] = item
  return copy
}

export function without<T>(list: readonly T[], item: T): readonly T[] {
  return list.filter(other => other !== item)
}
