import type { Intent, Job, Op, Row, State, Task } from './state.ts'
import { replaced, without } from './state.ts'
import { flavourAt, recordAt, type System } from './system.ts'

/** One transaction of the metadata store: what it answers, and what is then in the database. */
export interface Answer<A extends string> {
  readonly state: State
  readonly answer: A
  readonly intent?: Intent
}

export const UNCLAIMED = -1
export const DEAD = -2

export function draft(task: Task['task'], path: number, more: Partial<Task> = {}): Task {
  return { task, path, version: 0, token: -1, claim: UNCLAIMED, late: false, copy: false, ...more }
}

function enqueued(state: State, tasks: readonly Task[]): State {
  return tasks.length === 0 ? state : { ...state, tasks: [...state.tasks, ...tasks] }
}

export function intentOf(state: State, op: Op): Intent | undefined {
  return state.intents.find(intent => intent.op === op)
}

function rowOf(state: State, record: number): Row | null {
  return state.rows[record] ?? null
}

export function rowAt({ rows }: State, path: number): Row | undefined {
  return rows.find(row => row?.path === path) ?? undefined
}

/** The intent that keeps others from changing the record. A migration does not. */
function holderOf(state: State, record: number): Intent | undefined {
  return state.intents.find(intent => intent.record === record && intent.kind !== 'migrate')
}

type Begun = 'begun' | 'busy' | 'expired' | 'missing' | 'exists' | 'answered'

export function beginCreate(system: System, state: State, op: Op, record: number, request: number | undefined): Answer<Begun> {
  return (
    askedBefore(system, state, op, request) ??
    begin(system, state, op, request, () => {
      if (state.rows.some(row => row !== null)) return { state, answer: 'exists' }
      const other = state.intents.find(({ kind }) => kind === 'create')
      if (other !== undefined && !system.off.has('one create a key')) return busy(state, other)
      return { op, kind: 'create', record, path: record, base: 0, held: true, recovered: false }
    })
  )
}

export function beginUpdate(system: System, state: State, op: Op, record: number, request: number | undefined): Answer<Begun> {
  return (
    askedBefore(system, state, op, request) ??
    begin(system, state, op, request, () => {
      const row = rowOf(state, record)
      if (row === null) return { state, answer: 'missing' }
      const other = holderOf(state, record)
      if (other !== undefined && !system.off.has('one intent a record')) return busy(state, other)
      return { op, kind: 'update', record, path: row.path, base: row.kept[0]?.version ?? 0, held: true, recovered: false }
    })
  )
}

interface Place {
  readonly path: number
  readonly version: number
}

const isAt = (row: Row, { path, version }: Place): boolean => row.path === path && row.kept[0]?.version === version

export function beginMigrate(system: System, state: State, op: Op, record: number, from: Place, path: number): Answer<Begun | 'conflict'> {
  const { off } = system
  const row = rowOf(state, record)
  if (row === null) return { state, answer: 'missing' }
  const mine = intentOf(state, op)
  if (mine !== undefined) return begunAgain(system, state, mine)
  if (!isAt(row, from) && !off.has('a migration begins where it has read')) return { state, answer: 'conflict' }
  const mayBegin = ({ kind }: Intent): boolean => kind === 'migrate' && off.has('one migration a record')
  const other = state.intents.find(intent => intent.record === record && !mayBegin(intent))
  if (other !== undefined) return busy(state, other)
  const intent: Intent = { op, kind: 'migrate', record, path, base: from.version, held: true, recovered: false }
  return { state: { ...state, intents: [...state.intents, intent] }, answer: 'begun', intent }
}

/** What an idempotency key says: answered, or another's intent under way; undefined: go on, with a token of one's own. */
function askedBefore({ off }: System, state: State, op: Op, request: number | undefined): Answer<Begun> | undefined {
  const asked = request === undefined ? null : (state.requests[request] ?? null)
  if (asked === null || asked.op === op || off.has('an idempotency key is looked up')) return undefined
  if (asked.answered) return { state, answer: 'answered' }
  const holder = intentOf(state, asked.op)
  return holder === undefined ? undefined : busy(state, holder)
}

function begin(system: System, state: State, op: Op, request: number | undefined, make: () => Intent | Answer<Begun>): Answer<Begun> {
  const mine = intentOf(state, op)
  if (mine !== undefined) return begunAgain(system, state, mine)
  const intent = make()
  if ('answer' in intent) return intent
  const requests = request === undefined ? state.requests : replaced(state.requests, request, { op, answered: false })
  return { state: { ...state, requests, intents: [...state.intents, intent] }, answer: 'begun', intent }
}

function begunAgain({ off }: System, state: State, mine: Intent): Answer<Begun> {
  if (mine.recovered && !off.has('a lease that recovery has claimed is not the writer’s')) return busy(state, mine)
  return { state, answer: 'begun', intent: mine }
}

function busy(state: State, intent: Intent): Answer<Begun> {
  return { state, answer: intent.held ? 'busy' : 'expired', intent }
}

/** Whether a task will destroy what a pointer would name. */
function isQueued(state: State, path: number, version: number): boolean {
  return state.tasks.some(task => task.path === path && (task.task === 'purge' || (task.task === 'destroy' && task.version === version)))
}

export type Outcome = 'committed' | 'undone' | 'refused'

/** The pointer moves to the copy, if it is where the value was read. The value is said to be what it was. */
export function commitMigrate(
  system: System,
  state: State,
  request: { readonly op: Op; readonly record: number; readonly from: Place; readonly to: Place; readonly enqueue: readonly Task[] },
): Answer<Outcome> {
  const { off } = system
  const { op, record, from, to, enqueue } = request
  const intent = intentOf(state, op)
  const done = (state.committed & (1 << op)) !== 0
  if (intent === undefined && (done || !off.has('a migration commits by its intent'))) return { state, answer: done ? 'committed' : 'undone' }
  const row = rowOf(state, record)
  if (row === null || (!isAt(row, from) && !off.has('a migration’s commit compares the pointer'))) return { state, answer: 'refused' }
  if (holderOf(state, record) !== undefined && !off.has('a migration gives way to a write under way')) return { state, answer: 'refused' }
  if (isQueued(state, to.path, to.version) && !off.has('no pointer moves onto a queued version')) return { state, answer: 'refused' }
  const next = {
    ...state,
    rows: replaced(state.rows, record, movedTo(row, to)),
    intents: intent === undefined ? state.intents : without(state.intents, intent),
    committed: state.committed | (1 << op),
  }
  return { state: enqueued(next, enqueue), answer: 'committed' }
}

function movedTo({ revision, kept }: Row, { path, version }: Place): Row {
  return { revision, path, kept: kept.slice(0, 1).map(({ value }) => ({ version, value })) }
}

/** The pointer moves back onto an old copy, which no task destroys any more. */
export function commitReturn(
  { off }: System,
  state: State,
  request: { readonly op: Op; readonly record: number; readonly from: Place; readonly to: Place; readonly enqueue: readonly Task[] },
): Answer<'done' | 'refused' | 'missing'> {
  const { op, record, from, to, enqueue } = request
  const row = rowOf(state, record)
  // Also where it was done, and the record has been deleted since.
  if (row === null) return { state, answer: 'missing' }
  if ((state.committed & (1 << op)) !== 0) return { state, answer: 'done' }
  const refused = { state, answer: 'refused' } as const
  const waits = ({ kind }: Intent): boolean => kind === 'migrate' || !off.has('a return gives way to a write under way')
  if (state.intents.some(intent => intent.record === record && waits(intent))) return refused
  if (!isAt(row, from) && !off.has('a return compares the pointer')) return refused
  const planned = state.tasks.filter(
    ({ task, path, version }) => path === to.path && (task === 'purge' || (task === 'destroy' && version === to.version)),
  )
  if (!planned.some(({ copy, version }) => copy && version === to.version)) return refused
  if (planned.some(({ claim }) => claim !== UNCLAIMED) && !off.has('a return is to a copy that nobody has claimed')) return refused
  const tasks = off.has('a return takes back the purge of its copy') ? state.tasks : state.tasks.filter(task => !planned.includes(task))
  const next = { ...state, tasks, rows: replaced(state.rows, record, movedTo(row, to)), committed: state.committed | (1 << op) }
  return { state: enqueued(next, enqueue), answer: 'done' }
}

interface Commit {
  readonly op: Op
  readonly record: number
  /** As the intent's. */
  readonly path: number
  readonly version: number
  readonly value: Op
  readonly enqueue: readonly Task[]
  /** Undefined: by recovery, which was given it. */
  readonly base?: number | undefined
}

export function commit(system: System, state: State, kind: 'create' | 'update', request: Commit): Answer<Outcome> {
  const { off, keep } = system
  const { op, record, path, version, value, enqueue } = request
  const intent = intentOf(state, op)
  const done = (state.committed & (1 << op)) !== 0
  if (intent === undefined && (done || !off.has('a commit needs its intent'))) {
    return { state, answer: done && !off.has('a commit asked again answers by the audit trail') ? 'committed' : 'undone' }
  }
  const row = rowOf(state, record)
  const base = intent?.base ?? request.base
  const isSame = row?.kept[0]?.version === base || off.has('a commit compares the row')
  const isThere = row?.path === path || off.has('an update’s commit compares the place')
  if (kind === 'update' && (row === null || !isSame || !isThere)) return { state, answer: intent === undefined ? 'undone' : 'refused' }
  if (isQueued(state, path, version) && !off.has('no pointer moves onto a queued version')) return { state, answer: 'refused' }
  const kept = [{ version, value }, ...(row?.kept.filter(one => one.version !== version) ?? [])]
  const fallen = off.has('a commit queues what falls out') ? [] : kept.slice(keep).map(one => draft('destroy', path, { version: one.version }))
  const left = intent === undefined || off.has('a commit takes its intent along') ? state.intents : without(state.intents, intent)
  const answers = state.requests.map(asked =>
    asked?.op === op && !off.has('a commit stores the answer of its idempotency key') ? { op, answered: true } : asked,
  )
  const next = {
    ...state,
    rows: replaced(state.rows, record, { revision: (row?.revision ?? 0) + 1, path, kept: kept.slice(0, keep) }),
    intents: left,
    requests: answers,
    committed: state.committed | (1 << op),
  }
  return { state: enqueued(next, [...enqueue, ...fallen]), answer: 'committed' }
}

export function abandon(state: State, op: Op, enqueue: readonly Task[]): Answer<'undone' | 'committed'> {
  const intent = intentOf(state, op)
  if (intent === undefined) return { state, answer: (state.committed & (1 << op)) !== 0 ? 'committed' : 'undone' }
  const next = { ...state, intents: without(state.intents, intent), undone: state.undone | (1 << op) }
  return { state: enqueued(next, enqueue), answer: 'undone' }
}

type Changed = 'done' | 'busy' | 'expired' | 'missing'

/** What the transactions have in common that change a row and call no cloud. */
function change(system: System, state: State, op: Op, record: number, make: (row: Row) => State | undefined): Answer<Changed> {
  const row = rowOf(state, record)
  // Where it was done, and the record has been deleted since, there is no record to answer.
  if (row === null) return { state, answer: 'missing' }
  if ((state.committed & (1 << op)) !== 0) return { state, answer: 'done' }
  const intent = holderOf(state, record)
  if (intent !== undefined && !system.off.has('a change waits for the record’s intent')) {
    return { state, answer: intent.held ? 'busy' : 'expired', intent }
  }
  const next = make(row)
  if (next === undefined) return { state, answer: 'missing' }
  return { state: { ...next, committed: next.committed | (1 << op) }, answer: 'done' }
}

export function describe(system: System, state: State, op: Op, record: number): Answer<Changed> {
  return change(system, state, op, record, row => ({ ...state, rows: replaced(state.rows, record, { ...row, revision: row.revision + 1 }) }))
}

export function commitDelete(system: System, state: State, op: Op, record: number): Answer<Changed> {
  if ((state.committed & (1 << op)) !== 0) return { state, answer: 'done' }
  return change(system, state, op, record, ({ path }) => {
    const purge = system.off.has('a delete queues its purge') ? [] : [draft('purge', path, { claim: op })]
    const isDue = (task: Task): boolean => task.copy && recordAt(system, task.path) === record && !system.off.has('a delete makes old copies due')
    const tasks = state.tasks.map(task => (isDue(task) ? { ...task, late: false } : task))
    return enqueued({ ...state, tasks, rows: replaced(state.rows, record, null) }, purge)
  })
}

export function rollback(system: System, state: State, op: Op, record: number, version: number): Answer<Changed> {
  const { off, keep } = system
  return change(system, state, op, record, row => {
    const { path } = row
    const old = state.paths[path]?.versions.find(one => one.version === version)
    const target =
      row.kept.find(one => one.version === version) ?? (off.has('a rollback is to what is kept') ? { version, value: old?.value ?? 0 } : undefined)
    if (target === undefined) return undefined
    const kept = [target, ...row.kept.filter(one => one.version !== version)].slice(0, keep)
    const destroys = (one: Task): boolean => one.task === 'destroy' && one.path === path && one.version === version
    const cancelled = off.has('a rollback takes back what would destroy its version') ? state.tasks : state.tasks.filter(one => !destroys(one))
    const promote =
      flavourAt(system, path).current === 'on_promote' && !off.has('a rollback queues its promote')
        ? [draft('promote', path, { version, claim: op })]
        : []
    return enqueued({ ...state, rows: replaced(state.rows, record, { revision: row.revision + 1, path, kept }), tasks: cancelled }, promote)
  })
}

/** `dropped`: a task that a row forbids, deleted on the way; `blocked`: left for later. */
export function claimTask({ off }: System, state: State, task: Task, process: number): Answer<'claimed' | 'dropped' | 'blocked'> {
  const { path } = task
  const row = rowAt(state, path)
  const destroys = (version: number | undefined): boolean => task.task === 'purge' || (task.task === 'destroy' && task.version === version)
  if (row?.kept.some(one => destroys(one.version)) === true && !off.has('a claim drops what a row keeps')) {
    return { state: { ...state, tasks: without(state.tasks, task) }, answer: 'dropped' }
  }
  const isNeeded = state.intents.some(intent => intent.path === path && (task.task === 'purge' || (intent.base !== 0 && destroys(intent.base))))
  if (isNeeded && !off.has('a claim leaves what an intent needs')) return { state, answer: 'blocked' }
  const copy = task.copy && off.has('a return is to a copy that nobody has claimed')
  return { state: { ...state, tasks: [...without(state.tasks, task), { ...task, claim: process, copy }] }, answer: 'claimed' }
}

/** Ends the claimed task or puts it off. Nothing changes when the claim has passed to somebody else. */
export function settle({ off }: System, state: State, { task, outcome, ifPointer, enqueue = [] }: Job, process: number): State {
  const mine = state.tasks.find(
    one => one.claim === process && one.task === task?.task && one.path === task.path && one.version === task.version && one.token === task.token,
  )
  if (mine === undefined) return state
  const rest = without(state.tasks, mine)
  const put = { ...mine, claim: UNCLAIMED }
  const pointer = rowAt(state, mine.path)?.kept[0]?.version
  const moved = ifPointer !== undefined && ifPointer !== pointer && !off.has('a promote ends only if the pointer has not moved')
  if (outcome === 'done' && moved) return { ...state, tasks: [...rest, put] }
  if (outcome === 'done' || off.has('a task that failed is due again')) return enqueued({ ...state, tasks: rest }, enqueue)
  return { ...state, tasks: [...rest, put] }
}
