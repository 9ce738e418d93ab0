import { moves } from '../../src/moves.ts'
import { Keys } from '../../src/key.ts'
import type { Process, State } from '../../src/state.ts'
import { initialState, recordAt, recordsOf, type Role, type System } from '../../src/system.ts'
import { Real, type Actor, type Change } from './real.ts'

/** What both sides can be asked for: database, backend, and where each process is. */
interface View {
  readonly rows: readonly string[]
  readonly intents: readonly string[]
  readonly tasks: readonly string[]
  readonly copies: readonly number[]
  readonly committed: number
  readonly undone: number
  readonly cloud: readonly string[]
  readonly flying: number
  readonly processes: readonly string[]
}

const WHERE: Readonly<Record<string, string>> = {
  beginCreate: 'begin',
  beginUpdate: 'begin',
  updateDescription: 'begin',
  commitDelete: 'begin',
  commitRollback: 'begin',
  claimExpiredIntents: 'begin',
  create: 'put',
  append: 'put',
  versions: 'list',
  commitCreate: 'commit',
  commitUpdate: 'commit',
  abandon: 'abandon',
  owners: 'owners',
  promote: 'promote',
  destroyVersion: 'destroy',
  remove: 'purge',
  settleQueue: 'settle',
}
/** Of a migration, before it has its own intent and afterwards; it ends another's as anybody does. */
const LOOKS: Readonly<Record<string, string>> = {
  scan: 'begin',
  owners: 'old tasks',
  versions: 'old',
  commitReturn: 'return',
  beginMigrate: 'start',
}
const FILLS: Readonly<Record<string, string>> = { versions: 'there', create: 'put', read: 'back', commitMigrate: 'commit', abandon: 'abandon' }
const JOBS: Readonly<Record<string, string>> = { find: 'list', finish: 'commit', undo: 'abandon', list: 'list' }
const STEPS: Readonly<Record<string, string>> = { look: 'list', newest: 'list', undo: 'abandon' }

/** Steps after the walk, in which everything must come to its end. */
const REST = 600

export interface Walk {
  readonly steps: readonly string[]
  /** Nothing more goes wrong after the walk, and everything comes to an end. */
  readonly isAtRest: boolean
  /** What the real code has come to, and the model does not know; undefined: the model knew every step. */
  readonly unknown: View | undefined
  readonly expected: readonly View[]
}

/**
 * A random walk of the real code, with the model beside it: after each step, the model must have a state that looks the same and
 * that one or a few of its own steps lead to.
 */
export async function walk(system: System, random: () => number, length: number, clock: (now: () => number) => void, change?: Change): Promise<Walk> {
  const real = new Real(system, change)
  clock(() => real.now)
  await real.begin(system.versions)
  const keys = new Keys()
  const initial = lookedBack(system, initialState(system))
  let known: readonly State[] = [initial]
  const left = { faults: 2 }
  const steps: string[] = []
  for (let step = 0; step < length + REST; step += 1) {
    if (step >= length) {
      left.faults = 0
      if (await isAtRest(real)) return { steps, isAtRest: true, unknown: undefined, expected: [] }
    }
    const choices = await choicesOf(real, left)
    const choice = choices[Math.floor(random() * choices.length)]
    if (choice === undefined) break
    steps.push(choice.says)
    await choice.go()
    const seen = await viewOfReal(system, real)
    const next = reachable(system, keys, known, choice.reach).filter(state => same(viewOfModel(system, state), seen))
    if (next.length === 0) return { steps, isAtRest: false, unknown: seen, expected: known.map(state => viewOfModel(system, state)) }
    known = next.map(state => ({ ...state, budget: initial.budget })) // how much may go wrong is the walk's affair
  }
  return { steps, isAtRest: false, unknown: undefined, expected: [] }
}

/** Each rollback has looked, as the real one has. */
function lookedBack(system: System, state: State): State {
  const processes = state.processes.map((process, index): Process =>
    system.roles[index]?.does === 'rollback' ? { step: 'look', after: state.paths[0]?.current ?? 0 } : process,
  )
  return { ...state, processes }
}

async function isAtRest(real: Real): Promise<boolean> {
  if (real.flying.length > 0 || real.actors.some(({ gate }) => gate !== undefined)) return false
  const { intents, tasks } = await real.work()
  return intents.length === 0 && tasks.length === 0
}

interface Choice {
  readonly says: string
  readonly go: () => Promise<void>
  /** How many steps of the model it may be. */
  readonly reach: number
}

async function choicesOf(real: Real, left: { faults: number }): Promise<readonly Choice[]> {
  const choices: Choice[] = []
  const fault = (go: () => Promise<void>) => async (): Promise<void> => {
    left.faults -= 1
    await go()
  }
  for (const [index, actor] of real.actors.entries()) {
    const name = `${actor.role.does} ${index}`
    const { gate } = actor
    if (gate === undefined) {
      if (actor.role.does === 'maintain') choices.push({ says: `${name}: a pass`, go: () => real.start(index), reach: 0 })
      continue
    }
    const says = `${name}: ${gate.method}`
    // A claim may drop tasks on its way to the one that it takes; a writer whose lease is over, perhaps just now, goes on to give its intent back.
    const reach = gate.method === 'claimQueue' ? 4 : gate.method.startsWith('begin') ? 3 : 2
    const answered = { says, go: () => real.answer(index), reach }
    choices.push(answered, answered, answered)
    if (left.faults === 0) continue
    const changes = gate.target === 'metadata' ? !/^(claim|owners|settle|scan)/.test(gate.method) : !/^(versions|read)$/.test(gate.method)
    if (changes) choices.push({ says: `${says}, no answer`, go: fault(() => real.loseAnswer(index)), reach: 1 })
    if (/^(beginCreate|beginUpdate|update|commitDelete|claim|scan)/.test(gate.method)) continue
    choices.push({ says: `${says}, never: dies`, go: fault(async () => real.die(index, false)), reach: 1 })
    if (gate.target === 'driver' && changes) choices.push({ says: `${says}, dies`, go: fault(async () => real.die(index, true)), reach: 1 })
  }
  for (const [index, { says }] of real.flying.entries()) {
    choices.push({ says: `late: ${says}`, go: () => real.lands(index), reach: 1 })
  }
  const { intents, tasks } = await real.work()
  const [due] = [...intents, ...tasks].filter(({ dueAt }) => dueAt > real.now).toSorted((a, b) => a.dueAt - b.dueAt)
  const mayPass = !real.actors.some(actor => actor.isInHaste()) && (due?.task !== 'watch_path' || real.flying.length === 0)
  if (due !== undefined && mayPass) {
    choices.push({
      says: `time: until ${due.task === 'settle' ? 'the lease is over' : `${due.task} may be claimed`}`,
      go: async () => {
        real.now = due.dueAt
      },
      reach: 2,
    })
  }
  return choices
}

/** The states that so many steps lead to, and those on the way. */
function reachable(system: System, keys: Keys, from: readonly State[], reach: number): readonly State[] {
  const found = new Map(from.map(state => [keys.of(state), state]))
  let edge: readonly State[] = from
  for (let step = 0; step < reach; step += 1) {
    const next: State[] = []
    for (const state of edge) {
      for (const move of moves(system, state)) {
        const key = keys.of(move.next)
        if (found.has(key)) continue
        found.set(key, move.next)
        next.push(move.next)
      }
    }
    edge = next
  }
  return [...found.values()]
}

function same(a: View, b: View): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function viewOfModel(system: System, state: State): View {
  const task = { promote: 'promote', destroy: 'destroy_version', purge: 'purge_path', watch: 'watch_path' } as const
  return {
    rows: state.rows.map(row =>
      row === null ? 'none' : `path ${row.path}, versions ${row.kept.map(({ version }) => version).join()}, revision ${row.revision}`,
    ),
    intents: state.intents.map(({ path, held, recovered }) => `${path}${held ? '' : ' over'}${recovered ? ' recovered' : ''}`).toSorted(),
    tasks: state.tasks.map(one => `${task[one.task]} ${one.path} ${one.version}`).toSorted(),
    copies: state.tasks.flatMap(({ copy, path }) => (copy ? [path] : [])).toSorted((a, b) => a - b),
    committed: state.committed,
    undone: state.undone,
    cloud: state.paths.map(path =>
      path === null
        ? 'none'
        : path.versions.map(one => `${one.version}${one.usable ? '' : ' gone'}${one.version === path.current ? ' current' : ''}`).join(', '),
    ),
    flying: state.flying.length,
    processes: state.processes.map((process, index) => whereIs(process, system.roles[index]?.does)),
  }
}

function whereIs({ step, job, end }: Process, does: Role['does'] | undefined): string {
  if (job !== undefined) return JOBS[job.step] ?? job.step
  // What a migration could not do now, it would try again.
  if (does === 'migrate' && step === 'end') return end === 'ok' || end === 'dead' ? end : 'busy'
  if (step === 'end') return end === 'exists' ? 'failed' : (end ?? '')
  if (does === 'rollback' && step === 'look') return 'begin'
  return STEPS[step] ?? step
}

async function viewOfReal(system: System, real: Real): Promise<View> {
  const [{ intents, tasks }, rows, copies, trail, cloud] = await Promise.all([real.work(), real.rows(), real.copies(), real.trail(), real.cloud()])
  const indexes = initialState(system).paths.map((_, index) => index)
  const pathOf = (path: string): number => real.paths.indexOf(path as NonNullable<(typeof real.paths)[number]>)
  return {
    rows: Array.from({ length: recordsOf(system) }, (_, record) => {
      const path = indexes.find(index => recordAt(system, index) === record && rows.has(real.paths[index] ?? ('' as never)))
      const row = path === undefined ? undefined : rows.get(real.paths[path] ?? ('' as never))
      return row === undefined ? 'none' : `path ${path}, versions ${row.kept.join()}, revision ${row.revision}`
    }),
    intents: intents
      .map(({ path, dueAt, attempts }) => `${pathOf(path)}${dueAt > real.now ? '' : ' over'}${attempts > 0 ? ' recovered' : ''}`)
      .toSorted(),
    tasks: tasks.map(({ task, path, version }) => `${task} ${pathOf(path)} ${version}`).toSorted(),
    copies: copies.map(pathOf).toSorted((a, b) => a - b),
    committed: trail.committed,
    undone: trail.undone,
    cloud: indexes.map(index => cloud[index]?.join(', ') ?? 'none'),
    flying: real.flying.length,
    processes: real.actors.map(actor => {
      const { role, gate, end } = actor
      if (end !== undefined) return end
      if (role.does === 'migrate') return whereMoves(actor, role.to)
      if (role.does !== 'maintain') return WHERE[gate?.method ?? ''] ?? ''
      return gate === undefined || gate.method.startsWith('claim') ? 'idle' : (WHERE[gate.method] ?? gate.method)
    }),
  }
}

function whereMoves({ gate, phase }: Actor, to: 0 | 1): string {
  const { method = '', target, store } = gate ?? {}
  if (phase === 'fills') return FILLS[method] ?? method
  if (phase === 'recovers') return WHERE[method] ?? method
  if (target === 'driver' && method === 'read') return store === to ? 'old value' : 'source'
  return LOOKS[method] ?? method
}
