import { createSecretMigrator, createSecretReader, createSecretRegistry, unsafeAllowEveryone, accountId } from '@strongroom/core'
import type { MigrationReport, SecretMigrator, SecretReader, SecretRegistry } from '@strongroom/core'
import type { Wire } from '../backends/backend.ts'
import type { Child } from '../children.ts'
import type { Finding } from '../invariants.ts'
import { jobOf, TIMES } from '../job-of.ts'
import { ACCOUNT, ACTORS, KEYS, OTHER, STORE, type Job, type Outcome } from '../messages.ts'
import type { Played } from '../run-scenario.ts'
import { settle } from '../settle.ts'
import type { MoveLane } from './lane.ts'
import { backendAt, GRACE_MS, moveRequestsOf, moveStepsOf, putOf, type MoveScenario } from './scenarios.ts'
import { judgeMove } from './verdict.ts'

const account = accountId(ACCOUNT)
const OPERATOR = { id: 'operator', type: 'service_account' } as const
const FOLLOWER = { id: ACTORS.follower, type: 'service_account' } as const

/** One secret that is moved, with everybody who works on it. */
export class MoveStage implements Played {
  readonly findings: Finding[] = []
  readonly scenario: MoveScenario
  readonly child: Child
  readonly wire: Wire | undefined
  readonly table: Played['table']
  readonly #lane: MoveLane
  readonly #place: unknown
  readonly #job: Job
  readonly #metadata: ReturnType<MoveScenario['database']['open']>
  readonly #bystander: string
  readonly #sent: string[] = []
  #registry!: SecretRegistry
  #reader!: SecretReader
  #migrator!: SecretMigrator
  /** What must be read: the last value that was acknowledged. */
  #expected: string
  #heard = ''
  #isSound = false

  private constructor(lane: MoveLane, scenario: MoveScenario, place: unknown, job: Job, child: Child, bystander: string) {
    const { operation, pair, side } = scenario
    this.#lane = lane
    this.scenario = scenario
    this.child = child
    this.#place = place
    this.#job = job
    this.#bystander = bystander
    this.#expected = job.values.before
    this.#metadata = scenario.database.open(place)
    this.wire = this.#remembering(lane.at(operation, side).wire)
    const { requests, reads } = backendAt(operation, pair, side)
    const own = new Set([...Object.values(requests ?? {}).flat(), ...reads].map(({ name }) => name))
    this.table = { steps: moveStepsOf(operation), requests: moveRequestsOf(operation, pair, side).map(({ name }) => name), own }
  }

  static async set(lane: MoveLane, scenario: MoveScenario, number: number, seed: number): Promise<MoveStage> {
    const registry = `m${number}`
    const place = await scenario.database.make(lane.folder, registry)
    const { job, value } = jobOf(scenario, { registry, place, seed, knockOut: undefined })
    const stage = new MoveStage(lane, scenario, place, job, await lane.children.take(), value('bystander'))
    try {
      for (const running of lane.running) await running.plant(`${registry}-bystander`, stage.#bystander)
      await stage.child.prepare(job)
      const stores = { [STORE]: lane.drivers[0], [OTHER]: lane.drivers[1] }
      const shared = { id: registry, metadata: stage.#metadata, stores }
      stage.#registry = await createSecretRegistry({ ...shared, writeTo: STORE, authorize: unsafeAllowEveryone, policy: TIMES })
      stage.#reader = await createSecretReader({ ...shared, authorize: unsafeAllowEveryone })
      stage.#migrator = await createSecretMigrator({ ...shared, actor: OPERATOR, policy: TIMES })
      for (const running of lane.running) running.wire?.requests()
    } catch (error) {
      await stage.strike()
      throw error
    }
    return stage
  }

  tried(outcome: Outcome | 'killed'): void {
    if (outcome === 'killed' || outcome.state === 'done') return
    if (outcome.code === 'none') throw new Error(`the migration failed with something that is no SecretError: ${outcome.text}`)
    this.#heard += outcome.text
  }

  /** Right after the blow, before any recovery: it can be read, and written, as if nothing were under way. */
  async look(): Promise<void> {
    await this.#read('right after the blow')
    if (this.scenario.operation !== 'migrate, then an update') return
    const { items } = await this.#registry.account(account, FOLLOWER).list()
    const id = items[0]?.id
    if (id === undefined) return this.report('the record is gone')
    await this.#registry.account(account, FOLLOWER).update(id, { value: this.#job.values.after })
    this.#expected = this.#job.values.after
    await this.#read('after the update')
  }

  /** The lease is over, and another process goes on. */
  async recover(): Promise<void> {
    await this.#advance(TIMES.leaseMs + 1_000)
    await (this.scenario.operation === 'migrate, undone' ? this.#registry.maintain({ maxItems: 1_000 }) : this.#resume())
    await this.#read('after recovery')
  }

  async follow(): Promise<void> {
    await this.#read('later')
  }

  async settle(): Promise<void> {
    await this.recover()
    const backlog = await settle(this.#registry, ms => this.#advance(ms))
    if (backlog > 0) this.report(`upkeep does not come to an end: ${backlog} left`)
    await this.#read('at rest')
  }

  /** Quiescence, and the verdict. Answers how often its value was put into the target. */
  async close(): Promise<number> {
    for (const { wire } of this.#lane.running) wire?.clearFaults()
    await this.settle()
    const { database, operation, fault } = this.scenario
    const puts = this.#puts()
    const isKilled = 'how' in fault && fault.how.startsWith('killed')
    if (operation === 'migrate' && isKilled && puts > 2) this.report(`one kill, and the value was put ${puts} times`)
    const findings = await judgeMove({
      id: this.#job.registry,
      registry: this.#registry,
      metadata: this.#metadata,
      lane: this.#lane,
      store: operation === 'migrate, undone' ? undefined : operation === 'return' ? STORE : OTHER,
      moves: operation === 'return' ? 2 : 1,
      value: this.#expected,
      values: Object.values(this.#job.values),
      bystander: this.#bystander,
      quiet: { 'the database': await database.bytes(this.#place), 'what the child wrote': Buffer.from(this.child.output + this.#heard) },
    })
    this.findings.push(...findings)
    this.#isSound = true
    return puts
  }

  async strike(): Promise<void> {
    for (const { wire } of this.#lane.running) wire?.clearFaults()
    if (this.child.alive && this.#isSound) this.#lane.children.giveBack(this.child)
    else await this.child.kill()
    await this.#metadata.close()
    await this.scenario.database.remove(this.#place)
  }

  report(text: string): void {
    this.findings.push({ kind: 'unexplained', text })
  }

  async #resume(): Promise<void> {
    const [from, to] = this.scenario.operation === 'return' ? [OTHER, STORE] : [STORE, OTHER]
    const run = this.#migrator.migrate({ from, to, concurrency: 1, measure: false, graceMs: GRACE_MS })
    let report: MigrationReport | undefined
    for (let step = await run.next(); report === undefined; step = await run.next()) if (step.done === true) report = step.value
    const { outcomes, left } = report
    if (left > 0 || outcomes.failed > 0 || outcomes.unfit > 0) this.report(`the next migration ends with ${JSON.stringify(report)}`)
  }

  async #read(when: string): Promise<void> {
    const read = await this.#reader
      .account(account, OPERATOR)
      .read({ key: KEYS.old })
      .then(
        ({ value }) => value.revealText(),
        (error: unknown) => String(error),
      )
    if (read !== this.#expected) this.report(`${when}, a reader is given something else than the last acknowledged value`)
  }

  /** Requests that put the value into the target. */
  #puts(): number {
    const { operation, pair } = this.scenario
    const target = this.#lane.at(operation, 'to')
    const put = putOf(backendAt(operation, pair, 'to'))
    const rest = target.wire?.requests() ?? []
    return [...this.#sent, ...rest].filter(name => name === put).length
  }

  /** The requests are told once: those that were told are kept. */
  #remembering(wire: Wire | undefined): Wire | undefined {
    if (wire === undefined) return undefined
    const requests = (): readonly string[] => {
      const told = wire.requests()
      if (this.scenario.side === 'to') this.#sent.push(...told)
      return told
    }
    return { ...wire, requests }
  }

  async #advance(ms: number): Promise<void> {
    await this.scenario.database.advance(this.#place, ms)
    for (const running of this.#lane.running) running.advance(ms)
  }
}
