import { DEAD } from './database.ts'
import { land } from './cloud.ts'
import { replaced, type Budget, type Message, type Process, type State, type Task } from './state.ts'
import { flavourAt, nameOf, type Flavour, type System } from './system.ts'

/** One step that may come next. */
export interface Move {
  readonly says: string
  readonly next: State
}

export const ended = (end: Process['end']): Process => ({ step: 'end', ...(end === undefined ? {} : { end }) })

/** The steps of one process in one state. */
export class Steps {
  readonly system: System
  readonly state: State
  readonly index: number
  readonly process: Process
  readonly #name: string
  readonly #out: Move[]

  constructor(system: System, state: State, index: number, process: Process, out: Move[]) {
    this.system = system
    this.state = state
    this.index = index
    this.process = process
    this.#name = nameOf(system, index)
    this.#out = out
  }

  off(...rule: Parameters<System['off']['has']>): boolean {
    return this.system.off.has(...rule)
  }

  /** A step that only this process takes part in, or whose effect is in `state` already. */
  goes(says: string, process: Process, state: State = this.state): void {
    // A failure that is certain is in the audit trail.
    const undone = process.end === 'failed' || process.end === 'exists' ? state.undone | (1 << this.index) : state.undone
    this.#out.push({ says: `${this.#name} ${says}`, next: { ...state, undone, processes: replaced(state.processes, this.index, process) } })
  }

  /** One transaction: done and answered; or done without an answer, and then asked again. */
  transacts(says: string, state: State, process: Process, unanswered: Process = this.process): void {
    this.goes(says, process, state)
    const { budget } = this.state
    const left = spent(budget, 'ambiguous')
    if (state === this.state || left === undefined) return
    // Nobody works on what was claimed without an answer: the claim has to run out.
    const tasks = state.tasks.map(task => (task.claim === this.index ? { ...task, claim: DEAD } : task))
    this.goes(`${says}, and gets no answer`, unanswered, { ...state, tasks, budget: left })
  }

  /** A request that changes its backend: answered; or without an answer, and then it lands later or never. */
  sends(
    says: string,
    message: Message,
    answered: (answer: ReturnType<typeof land>['answer'], version: number) => Process,
    unanswered: readonly Process[],
  ): void {
    const { budget } = this.state
    const { state, answer, version } = land(this.system, this.state, message)
    this.goes(`${says}: ${answer}${version === 0 ? '' : `, version ${version}`}`, answered(answer, version), state)
    const isLooked = message.sends === 'create' && flavourAt(this.system, message.path).create === 'checked'
    const onItsWay: Message = isLooked ? { ...message, part: 3 } : message
    const flying = { ...this.state, flying: [...this.state.flying, onItsWay] }
    const left = spent(budget, 'timeouts')
    if (left !== undefined) for (const process of unanswered) this.goes(`${says}, and gets no answer`, process, { ...flying, budget: left })
    this.#crash(`${says}, and dies`, flying)
  }

  dies(): void {
    const { step, job } = this.process
    if (job !== undefined || (step !== 'begin' && step !== 'idle')) this.#crash('dies', this.state)
  }

  #crash(says: string, state: State): void {
    const budget = spent(state.budget, 'crashes')
    if (budget === undefined) return
    const tasks = state.tasks.map(task => (task.claim === this.index ? { ...task, claim: DEAD } : task))
    const process: Process = ['maintain', 'sweep'].includes(this.system.roles[this.index]?.does ?? '')
      ? { step: 'idle' }
      : { step: 'end', end: 'dead' }
    this.goes(says, process, { ...state, tasks, budget })
  }
}

/** The budget after one more fault; undefined when there may be none. */
export function spent(budget: Budget, kind: Exclude<keyof Budget, 'faults'>): Budget | undefined {
  if (budget.faults === 0 || budget[kind] === 0) return undefined
  return { ...budget, faults: budget.faults - 1, [kind]: budget[kind] - 1 }
}

/** What of a create is sent. `isNew`: nothing can be at the path, so that nothing is looked for before it is written. */
export function partOf(
  { create, createRequests }: Flavour,
  { isSecond, isNew }: { readonly isSecond: boolean; readonly isNew: boolean },
): Extract<Message, { sends: 'create' }>['part'] {
  if (createRequests === 2) return isSecond ? 2 : 1
  return create === 'checked' && isNew ? 3 : 0
}

export function sayPart(part: ReturnType<typeof partOf>): string {
  if (part === 3) return ' without a look'
  return part === 0 ? '' : `, request ${part}`
}

export function sayTask(system: System, { task, path, version, token }: Task): string {
  if (task === 'promote') return `promote at path ${path}`
  if (task === 'destroy') return `destroy version ${version} at path ${path}`
  if (task === 'purge') return `purge path ${path}`
  return `watch path ${path} for ${nameOf(system, token)}`
}
