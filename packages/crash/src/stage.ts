import {
  accountId,
  createSecretReader,
  createSecretRegistry,
  unsafeAllowEveryone,
  type Finding as Reported,
  type SecretReader,
  type SecretRegistry,
} from '@strongroom/core'
import type { Wire } from './backends/backend.ts'
import type { Child } from './children.ts'
import { judge, type Attempt, type Finding } from './invariants.ts'
import { jobOf, TIMES } from './job-of.ts'
import { knockOutOf } from './knock-outs.ts'
import type { Lane } from './lane.ts'
import { ACCOUNT, ACTORS, KEYS, STORE, type Job, type Outcome, type Times, type Wish } from './messages.ts'
import type { Played } from './run-scenario.ts'
import { requestsOf, stepsOf, type Scenario, type Write } from './scenarios.ts'
import { settle } from './settle.ts'
import { leftBy, repairBy } from './upkeep/left-by.ts'
import { doByHand, reconciling, type Reconciled } from './upkeep/mend.ts'
import { isOfCreation, isReconcile, isUpkeep, meddlingOf } from './upkeep/operations.ts'
import { perform } from './worker.ts'

const account = accountId(ACCOUNT)
/** A rival waits so long for its turn. */
const RIVAL: Times = { deadlineMs: 40, leaseMs: 30_000, putHorizonMs: 60_000 }
const ACTION = {
  create: 'secret.create',
  'update value': 'secret.update',
  'update description': 'secret.update',
  rollback: 'secret.rollback',
  delete: 'secret.delete',
} as const satisfies Record<Write, Attempt['action']>
/** So far the database's clock is behind at first, so that nothing is from the future for a reconciliation, which has the machine's. */
const BEHIND_MS = 30 * 24 * 3_600_000
/** When the child begins: it has made the secret and given it a second value. */
const REVISION = 2

/** The registry of one scenario, with everybody who works on it. */
export class Stage implements Played {
  readonly findings: Finding[] = []
  readonly lane: Lane
  readonly scenario: Scenario
  readonly child: Child
  readonly #place: unknown
  readonly #job: Job
  readonly #id: string
  readonly #attempts: Attempt[] = []
  readonly #bystanders: ReadonlyMap<string, string>
  readonly #follower: string
  /** The texts of errors. */
  #heard = ''
  #registry!: SecretRegistry
  #reader!: SecretReader
  #metadata: ReturnType<Scenario['database']['open']>
  #sound = false

  private constructor(lane: Lane, scenario: Scenario, place: unknown, job: Job, child: Child, bystander: string, follower: string) {
    this.lane = lane
    this.scenario = scenario
    this.#place = place
    this.#job = job
    this.child = child
    this.#id = job.registry
    this.#bystanders = new Map([[`${job.registry}-bystander`, bystander]])
    this.#follower = follower
    this.#metadata = knockOutOf(job.knockOut).metadata(scenario.database.open(place))
  }

  static async set(
    lane: Lane,
    scenario: Scenario,
    number: number,
    { seed, knockOut }: { readonly seed: number; readonly knockOut?: string | undefined },
  ): Promise<Stage> {
    const registry = `c${number}`
    const place = await scenario.database.make(lane.folder, registry)
    await scenario.database.advance(place, -BEHIND_MS)
    const { job, value } = jobOf(scenario, { registry, place, seed, knockOut })
    const child = await lane.children.take()
    const stage = new Stage(lane, scenario, place, job, child, value('bystander'), value('follower'))
    try {
      await child.prepare(job)
      stage.#registry = await stage.#open(TIMES)
      stage.#reader = await createSecretReader({
        id: registry,
        metadata: stage.#metadata,
        stores: { [STORE]: stage.#driver() },
        authorize: unsafeAllowEveryone,
      })
      for (const [path, planted] of stage.#bystanders) await lane.running.plant(path, planted)
      stage.#attempts.push(
        { actor: ACTORS.maker, action: 'secret.create', key: KEYS.old, value: job.values.first, description: 'before', told: 'done' },
        { actor: ACTORS.setUp, action: 'secret.update', key: KEYS.old, value: job.values.before, told: 'done' },
      )
      if (isUpkeep(scenario.operation)) {
        stage.#attempts.push(...leftBy(scenario.operation, job))
        await stage.#advance(TIMES.putHorizonMs + 1_000) // leases and claims are over, and watches are due
        await stage.#meddle()
      }
    } catch (error) {
      await stage.strike()
      throw error
    }
    return stage
  }

  /** An outsider makes another version current; for a piece of upkeep, a reconciliation has found it and queued its repair. */
  async #meddle(): Promise<void> {
    const { operation } = this.scenario
    const how = meddlingOf(operation)
    const { meddle } = this.lane.running
    if (how === undefined) return
    const row = await this.#metadata.find({ registry: this.#id, account, key: KEYS.old }, {})
    const [own, before] = row?.versions ?? []
    if (meddle === undefined || row === undefined || own === undefined || before === undefined) throw new Error('there is nothing to meddle with')
    const { path } = row.pointer
    await (how === 'label' ? meddle.label(path, before.version) : meddle.put(path, this.#job.values.after))
    if (await this.#isShown(own.version)) throw new Error('the outsider has changed nothing')
    const seen = await (await reconciling(this.#reconciled, ACTORS.mender, []))()
    const told = seen.map(finding => `${finding.kind} ${finding.path} ${finding.pointer} ${finding.repair}`)
    if (told.join() !== `drift ${path} ${own.version} none`)
      this.report(`of the version that an outsider made current is reported: ${told.join(', ')}`)
    if (await this.#isShown(own.version)) this.report('a reconciliation that should only report has changed something')
    if (!isReconcile(operation)) await this.#reconcile()
  }

  /** Whether who names no version is given that one. */
  async #isShown(version: string): Promise<boolean> {
    const found = await this.lane.running.look(`${this.#id}-`)
    return found.some(({ versions }) => versions.some(one => one.version === version && one.current))
  }

  get wire(): Wire | undefined {
    return this.lane.running.wire
  }

  get table(): Played['table'] {
    const { operation, backend } = this.scenario
    const requests = requestsOf(operation, backend).map(({ name }) => name)
    const all = Object.values(backend.requests ?? {}).flatMap(sent => sent.map(({ name }) => name))
    const again = isReconcile(operation)
    return { steps: stepsOf(operation, backend), requests, own: new Set(again ? requests : all), again }
  }

  /** For the trail: what the child tried, and whether its caller was told anything. */
  tried(outcome: Outcome | 'killed'): void {
    const { values } = this.#job
    const { operation } = this.scenario
    const told = toldOf(outcome)
    if (outcome !== 'killed' && outcome.state === 'failed') this.#heard += outcome.text
    if (isUpkeep(operation)) return
    const changes: Readonly<Record<Write, Partial<Attempt>>> = {
      create: { key: KEYS.new, value: values.after, description: 'after' },
      'update value': { value: values.after, description: 'after' },
      'update description': { description: 'after' },
      rollback: {},
      delete: {},
    }
    this.#attempts.push({ actor: ACTORS.child, action: ACTION[operation], key: KEYS.old, ...changes[operation], told })
  }

  /** Right after the blow, before any recovery: what must be true at every moment. */
  async look(): Promise<void> {
    const { registry: id } = this.#job
    const row = await this.#metadata.find({ registry: id, account, key: KEYS.old }, {})
    // An outsider's own label is mended, and not prevented.
    const isOurs = this.lane.backend.promotes && meddlingOf(this.scenario.operation) === undefined
    if (isOurs && row?.revision === REVISION && !(await this.#isShown(row.pointer.version))) {
      this.report('outsiders are given a version that is not committed')
    }
    if (row === undefined) {
      const told = await this.#try(
        { actor: ACTORS.successor, action: 'secret.create', key: KEYS.old, value: this.#follower, description: 'again' },
        this.#registry,
      )
      if (told !== 'done') this.report('the key is not free at once after its delete')
    }
    const { intents } = await this.#metadata.references({ registry: id }, {})
    if (intents === 0 || !this.#isClaimed) return
    const rival = await this.#open(RIVAL)
    this.lane.running.wire?.requests()
    const isCreate = this.#isCreate
    const attempt = { actor: ACTORS.rival, action: isCreate ? 'secret.create' : 'secret.update', key: isCreate ? KEYS.new : KEYS.old } as const
    const told = await this.#try({ ...attempt, value: this.#follower, description: 'rival' }, rival)
    if (told !== 'nothing happened') this.report('two writers were at one record')
    const requests = Object.values(this.lane.backend.requests ?? {}).flat()
    const sent = this.lane.running.wire?.requests().filter(name => requests.some(request => request.writes && request.name === name))
    if (sent !== undefined && sent.length > 0) this.report('a writer whose turn it was not has sent something')
  }

  /** Somebody else writes, after recovery and before what is late lands. */
  async follow(): Promise<void> {
    const isCreate = this.#isCreate
    const attempt = { actor: ACTORS.follower, action: isCreate ? 'secret.create' : 'secret.update', key: isCreate ? KEYS.new : KEYS.old } as const
    const row = await this.#metadata.find({ registry: this.#id, account, key: attempt.key }, {})
    const told = await this.#try({ ...attempt, value: this.#follower, description: 'follower' }, this.#registry)
    const expected = isCreate === (row === undefined) ? 'done' : 'nothing happened'
    if (told !== expected) this.report(`a writer after recovery was told ${told}, and not ${expected}`)
  }

  /** An attempt of this process's own; it knows what came of it. */
  async #try(attempt: Wish, registry: SecretRegistry): Promise<Attempt['told']> {
    const told = await perform(attempt, registry, this.#metadata, this.#id)
    this.#attempts.push({ ...attempt, told })
    return told
  }

  /** The lease is over and one pass has been, but a put may still land. */
  async recover(): Promise<void> {
    await this.#advance(TIMES.leaseMs + 1_000)
    await this.#registry.maintain({ maxItems: 1_000 })
    if (isReconcile(this.scenario.operation)) await this.#reconcile()
  }

  /** Passes of upkeep, with time between them, until nothing is left. */
  async settle(): Promise<void> {
    const backlog = await settle(this.#registry, ms => this.#advance(ms))
    if (backlog > 0) this.report(`upkeep does not come to an end: ${backlog} left`)
  }

  async #advance(ms: number): Promise<void> {
    await this.scenario.database.advance(this.#place, ms)
    this.lane.running.advance(ms)
  }

  /** Quiescence, and the verdict. */
  async close(): Promise<{ readonly findings: readonly Finding[]; readonly drift: number }> {
    this.lane.running.wire?.clearFaults()
    await this.settle()
    if (this.#isReconciled) await this.#mend()
    const { findings, drift, found } = await judge({
      id: this.#id,
      registry: this.#registry,
      reader: this.#reader,
      metadata: this.#metadata,
      places: { [STORE]: { running: this.lane.running, promotes: this.lane.backend.promotes } },
      attempts: this.#attempts,
      bystanders: this.#bystanders,
      quiet: {
        'the database': await this.scenario.database.bytes(this.#place),
        'what the child wrote': Buffer.from(this.child.output + this.#heard),
      },
    })
    this.findings.push(...findings)
    this.lane.remember(`${this.#id}-`, found.get(STORE) ?? [])
    this.#sound = true
    return { findings: this.findings, drift }
  }

  /** What reconciliation mends, and what it leaves to a person: then nothing is left to report. */
  async #mend(): Promise<void> {
    await this.#read('before it is reconciled')
    await this.#reconcile()
    await this.#read('once it is reconciled')
    await this.settle()
    const reported = await this.#reconcile()
    const found = await this.lane.running.look(`${this.#id}-`)
    const late = { late: this.#job.values.after, bystanders: this.#bystanders }
    this.findings.push(...(await doByHand(this.#reconciled, found, reported, late)))
    const left = await this.#reconcile()
    if (left.length > 0) this.report(`reconciliation reports what was mended: ${left.map(({ kind, repair }) => `${kind} ${repair}`).join(', ')}`)
    await this.settle()
  }

  /** What landed late is given to no reader of this library. */
  async #read(when: string): Promise<void> {
    const isFollowed = this.#attempts.some(({ actor, key, told }) => actor === ACTORS.follower && key === KEYS.old && told === 'done')
    const read = await this.#reader
      .account(account, { id: ACTORS.follower, type: 'service_account' })
      .read({ key: KEYS.old })
      .then(
        ({ value }) => value.revealText(),
        (error: unknown) => String(error),
      )
    if (read !== (isFollowed ? this.#follower : this.#job.values.before))
      this.report(`${when}, a reader is given something else than the committed value`)
  }

  async #reconcile(): Promise<readonly Reported[]> {
    const operator = `operator-${this.#attempts.length}`
    this.#attempts.push(repairBy(operator))
    return await (
      await reconciling(this.#reconciled, operator)
    )()
  }

  get #reconciled(): Reconciled {
    return { id: this.#id, metadata: this.#metadata, driver: this.#driver(), policy: TIMES }
  }

  get #isReconciled(): boolean {
    const { operation, fault } = this.scenario
    return isReconcile(operation) || meddlingOf(operation) !== undefined || ('how' in fault && fault.how.includes('past the horizon'))
  }

  /** Whether the write that is under way, or was, makes a secret. */
  get #isCreate(): boolean {
    return this.scenario.operation === 'create' || isOfCreation(this.scenario.operation)
  }

  /** An intent whose lease is over, and that no upkeep has claimed, is settled by whoever meets it. */
  get #isClaimed(): boolean {
    const { operation, fault } = this.scenario
    const isAtClaim = fault.kind === 'seam' && fault.step === 'metadata.claimExpiredIntents'
    return !isUpkeep(operation) || !isAtClaim || fault.how === 'killed after'
  }

  async strike(): Promise<void> {
    this.lane.running.wire?.clearFaults()
    if (this.child.alive && this.#sound) this.lane.children.giveBack(this.child)
    else await this.child.kill()
    await this.#metadata.close()
    await this.scenario.database.remove(this.#place)
  }

  #driver(): Lane['driver'] {
    return knockOutOf(this.#job.knockOut).driver(this.lane.driver)
  }

  #open(policy: Times): Promise<SecretRegistry> {
    const shared = { id: this.#id, metadata: this.#metadata, authorize: unsafeAllowEveryone }
    return createSecretRegistry({ ...shared, stores: { [STORE]: this.#driver() }, writeTo: STORE, policy })
  }

  report(text: string): void {
    this.findings.push({ kind: 'unexplained', text })
  }
}

/** @throws Error for a failure that is no SecretError */
function toldOf(outcome: Outcome | 'killed'): Attempt['told'] {
  if (outcome === 'killed') return 'not certain'
  if (outcome.state === 'done') return 'done'
  if (outcome.code === 'none') throw new Error(`the operation failed with something that is no SecretError: ${outcome.text}`)
  return outcome.effect === 'none' ? 'nothing happened' : 'not certain'
}
