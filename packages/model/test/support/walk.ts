import { moves } from '../../src/moves.ts'
import { Keys } from '../../src/key.ts'
import type { Process, State } from '../../src/state.ts'
import { initialState, type System } from '../../src/system.ts'
import { Real, type Change } from './real.ts'

/** What both sides can be asked for: database, backend, and where each process is. */
interface View {
  readonly rows: readonly string[]
  readonly intents: readonly string[]
  readonly tasks: readonly string[]
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
  const initial = initialState(system)
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
    const seen = await viewOfReal(real)
    const next = reachable(system, keys, known, choice.reach).filter(state => same(viewOfModel(state), seen))
    if (next.length === 0) return { steps, isAtRest: false, unknown: seen, expected: known.map(viewOfModel) }
    known = next.map(state => ({ ...state, budget: initial.budget })) // how much may go wrong is the walk's affair
  }
  return { steps, isAtRest: false, unknown: undefined, expected: [] }
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
    // A claim may drop tasks on its way to the one that it takes; a writer whose lease is over goes on to give its intent back.
    const answered = { says, go: () => real.answer(index), reach: gate.method === 'claimQueue' ? 4 : 2 }
    choices.push(answered, answered, answered)
    if (left.faults === 0) continue
    const changes = gate.target === 'metadata' ? !/^(claim|owners|settle)/.test(gate.method) : gate.method !== 'versions'
    if (changes) choices.push({ says: `${says}, no answer`, go: fault(() => real.loseAnswer(index)), reach: 1 })
    if (/^(begin|update|commitDelete|claim)/.test(gate.method)) continue
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

function viewOfModel(state: State): View {
  const task = { promote: 'promote', destroy: 'destroy_version', purge: 'purge_path', watch: 'watch_path' } as const
  return {
    rows: state.rows.map(row => (row === null ? 'none' : `version ${row.kept[0]?.version}, revision ${row.revision}`)),
    intents: state.intents.map(({ record, held, recovered }) => `${record}${held ? '' : ' over'}${recovered ? ' recovered' : ''}`).toSorted(),
    tasks: state.tasks.map(one => `${task[one.task]} ${one.path} ${one.version}`).toSorted(),
    committed: state.committed,
    undone: state.undone,
    cloud: state.paths.map(path =>
      path === null
        ? 'none'
        : path.versions.map(one => `${one.version}${one.usable ? '' : ' gone'}${one.version === path.current ? ' current' : ''}`).join(', '),
    ),
    flying: state.flying.length,
    processes: state.processes.map(whereIs),
  }
}

function whereIs({ step, job, end }: Process): string {
  if (job !== undefined) return JOBS[job.step] ?? job.step
  if (step === 'end') return end === 'exists' ? 'failed' : (end ?? '')
  return STEPS[step] ?? step
}

async function viewOfReal(real: Real): Promise<View> {
  const [{ intents, tasks }, rows, trail, cloud] = await Promise.all([real.work(), real.rows(), real.trail(), real.cloud()])
  const records = Math.max(1, ...real.actors.map(({ role }) => ('record' in role ? role.record + 1 : 1)))
  const indexes = Array.from({ length: records }, (_, index) => index)
  const recordOf = (path: string): number => real.paths.indexOf(path as NonNullable<(typeof real.paths)[number]>)
  return {
    rows: indexes.map(index => {
      const row = rows.get(real.paths[index] ?? ('' as never))
      return row === undefined ? 'none' : `version ${row.version}, revision ${row.revision}`
    }),
    intents: intents
      .map(({ path, dueAt, attempts }) => `${recordOf(path)}${dueAt > real.now ? '' : ' over'}${attempts > 0 ? ' recovered' : ''}`)
      .toSorted(),
    tasks: tasks.map(({ task, path, version }) => `${task} ${recordOf(path)} ${version}`).toSorted(),
    committed: trail.committed,
    undone: trail.undone,
    cloud: indexes.map(index => cloud[index]?.join(', ') ?? 'none'),
    flying: real.flying.length,
    processes: real.actors.map(({ role, gate, end }) => {
      if (end !== undefined) return end
      if (role.does !== 'maintain') return WHERE[gate?.method ?? ''] ?? ''
      return gate === undefined || gate.method.startsWith('claim') ? 'idle' : (WHERE[gate.method] ?? gate.method)
    }),
  }
}
