import type { Finding } from './invariants.ts'
import type { Wire } from './backends/backend.ts'
import type { Child } from './children.ts'
import type { Lane } from './lane.ts'
import type { Outcome } from './messages.ts'
import type { Fault, Scenario } from './scenarios.ts'
import { Stage } from './stage.ts'

export interface Result {
  readonly scenario: Scenario
  readonly findings: readonly Finding[]
  readonly drift: number
  /** What the child came to: `SIGKILL`, `done`, or an error's code and effect; `error` when the scenario could not be played. */
  readonly end: string
  readonly ms: number
}

/** What a failpoint is played on. */
export interface Played {
  readonly scenario: { readonly fault: Fault }
  readonly child: Child
  /** Of the backend that the fault is at. */
  readonly wire: Wire | undefined
  /** What an undisturbed run must be. `own`: the requests of an adapter, among those that this process makes to look. `again`: steps are repeated. */
  readonly table: {
    readonly steps: readonly string[]
    readonly requests: readonly string[]
    readonly own: ReadonlySet<string>
    readonly again?: boolean
  }
  readonly look: () => Promise<void>
  readonly recover: () => Promise<void>
  readonly settle: () => Promise<void>
  readonly follow: () => Promise<void>
  readonly tried: (outcome: Outcome | 'killed') => void
  readonly report: (text: string) => void
}

/** One scenario from its set-up to its verdict. */
export async function runScenario(
  lane: Lane,
  scenario: Scenario,
  number: number,
  options: { readonly seed: number; readonly knockOut?: string | undefined },
): Promise<Result> {
  const startedAt = performance.now()
  let stage: Stage | undefined
  try {
    stage = await Stage.set(lane, scenario, number, options)
    const end = await play(stage)
    const { findings, drift } = await stage.close()
    return { scenario, findings, drift, end, ms: performance.now() - startedAt }
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return {
      scenario,
      findings: [...(stage?.findings ?? []), { kind: 'unexplained', text }],
      drift: 0,
      end: 'error',
      ms: performance.now() - startedAt,
    }
  } finally {
    await stage?.strike()
  }
}

/** Lets the child do its operation, and befall what should befall it. Answers how it ended. */
export async function play(stage: Played): Promise<string> {
  const { fault } = stage.scenario
  switch (fault.kind) {
    case 'none':
      return await playUndisturbed(stage)
    case 'answered':
      return await playAnswered(stage)
    case 'wire':
      return fault.how === 'answer lost' ? await playLost(stage, fault.request) : await playHeld(stage, fault)
    case 'seam':
      if (fault.how.startsWith('killed')) return await playKilled(stage)
      return fault.how.startsWith('asleep') ? await playAsleep(stage, fault) : await playOn(stage, fault.step)
  }
}

/** What the tables say that the matrix is made from is compared with what is called and sent. */
async function playUndisturbed(stage: Played): Promise<string> {
  const { wire, table } = stage
  const compare = (what: string, found: readonly string[], table: readonly string[]): void => {
    if (found.join() !== table.join()) stage.report(`the ${what} are ${found.join(', ')}, and not those of the table: ${table.join(', ')}`)
  }
  wire?.requests()
  const { outcome, steps } = await goOn(stage)
  compare('steps', table.again === true ? [...new Set(steps)] : steps, table.steps)
  // What comes after is the child's own reading.
  const { requests, own } = table
  if (wire !== undefined)
    compare(
      'requests',
      wire
        .requests()
        .filter(name => own.has(name))
        .slice(0, requests.length),
      requests,
    )
  await stage.look()
  return endOf(outcome)
}

/** It kills itself. A failpoint that it did not come by lets it end. */
async function playKilled(stage: Played): Promise<string> {
  const ended = stage.child.next('ended').then(
    () => true,
    () => false,
  )
  stage.child.go()
  if (await ended) throw notReached()
  return await died(stage)
}

async function playAnswered(stage: Played): Promise<string> {
  await goOn(stage)
  await isDead(stage)
  await stage.look()
  return 'SIGKILL, answered'
}

/** The answer of a call is another one than what happened, and the process goes on. */
async function playOn(stage: Played, step: string): Promise<string> {
  const { outcome, steps } = await goOn(stage)
  if (!steps.includes(step)) throw notReached()
  await stage.look()
  return endOf(outcome)
}

async function playLost(stage: Played, request: string): Promise<string> {
  const { wire } = stage
  wire?.requests()
  wire?.inject({ kind: 'lose' }, { operations: [request] })
  const { outcome } = await goOn(stage)
  if (wire?.requests().includes(request) !== true) throw notReached()
  await stage.look()
  return endOf(outcome)
}

/** The process sleeps as a whole, and goes on when recovery is through. */
async function playAsleep(stage: Played, { step, how }: Extract<Fault, { readonly kind: 'seam' }>): Promise<string> {
  const asleep = stage.child.next('asleep')
  stage.child.go()
  await asleep
  await stage.look()
  // A put lands before the watch for it is due, unless its scenario is that it lands after everything: then it is reconciliation's.
  const isPut = /\.(?:create|append)$/.test(step)
  if (isPut && how === 'asleep past the lease before') await stage.recover()
  else await stage.settle()
  await stage.follow()
  const { outcome } = await stage.child.wake(stage.child.next('ended'))
  stage.tried(outcome) // what it read by then may be the other writer's
  return endOf(outcome)
}

/** A request is held at the server: before its effect or after it, while the process dies or lives. */
async function playHeld(stage: Played, { request, how }: Extract<Fault, { readonly kind: 'wire' }>): Promise<string> {
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
  const { promise: released, resolve: letGo } = Promise.withResolvers<void>()
  const release = (): Promise<void> => {
    reach()
    return released
  }
  stage.wire?.inject({ kind: 'hold', applied: how === 'killed, applied', release }, { operations: [request] })
  const ended = stage.child.next('ended')
  ended.catch(() => {}) // it may be killed first
  stage.child.go()
  await Promise.race([reached, ended.then(() => Promise.reject(notReached()))])
  let end: string
  if (how === 'lands late' || how === 'lands past the horizon') {
    const { outcome } = await ended
    tell(stage, outcome)
    await stage.look()
    end = endOf(outcome)
  } else {
    await stage.child.kill()
    end = await died(stage)
  }
  if (how === 'killed, lands late' || how === 'lands late') await stage.recover()
  else if (how !== 'killed, applied') await stage.settle()
  // Another write refuses what is late where a backend compares: without one, it lands.
  if (how !== 'killed, applied' && how !== 'killed, lands past the horizon') await stage.follow()
  letGo()
  await stage.wire?.landed()
  return end
}

/** The child does its operation, and lives. */
async function goOn(stage: Played): Promise<{ readonly outcome: Outcome; readonly steps: readonly string[] }> {
  const ended = stage.child.next('ended')
  stage.child.go()
  const { outcome, steps } = await ended
  tell(stage, outcome)
  return { outcome, steps }
}

function tell(stage: Played, outcome: Outcome): void {
  stage.tried(outcome)
  if (outcome.state === 'done' && !outcome.readBack) stage.report('the writer did not read what it had written')
}

async function died(stage: Played): Promise<string> {
  await isDead(stage)
  stage.tried('killed')
  await stage.look()
  return 'SIGKILL'
}

async function isDead({ child }: Played): Promise<void> {
  const how = await child.dead
  if (how !== 'SIGKILL') throw new Error(`the child ended with ${how}: ${child.output}`)
}

function notReached(): Error {
  return new Error('the failpoint was not reached')
}

function endOf(outcome: Outcome): string {
  return outcome.state === 'done' ? 'done' : `${outcome.code}, effect ${outcome.effect}`
}
