import { setTimeout as delay } from 'node:timers/promises'
import {
  accountId,
  createSecretReader,
  createSecretRegistry,
  isSecretError,
  unsafeAllowEveryone,
  type SecretDriver,
  type SecretReader,
} from '@strongroom/core'
import type { Fault } from '@strongroom/emulators'
import { seeded, seedOf } from '@strongroom/testbed'
import type { Backend, Wire } from './backends/backend.ts'
import type { Child, Children } from './children.ts'
import type { Database } from './databases/database.ts'
import { judge, type Attempt, type Finding, type Place } from './invariants.ts'
import { Lane } from './lane.ts'
import { ACCOUNT, OTHER, STORE, type Move, type Times, type Wish, type Work } from './messages.ts'
import { MoveLane } from './moves/lane.ts'
import { settle } from './settle.ts'

export interface SoakOptions {
  readonly backends: readonly Backend[]
  readonly databases: readonly Database[]
  readonly minutes: number
  /** Each backend with the next one, and secrets that are moved between the two, too. */
  readonly moves: boolean
  readonly seed: number
  readonly onRound: (line: string) => void
}

export interface Round {
  readonly name: string
  readonly operations: number
  /** Migrations that were begun, and reads in between. */
  readonly moves: number
  readonly reads: number
  /** Of processes that write or migrate. */
  readonly kills: number
  /** Passes of upkeep that were begun, those that are known to have found something to do, and those in which a process was killed. */
  readonly passes: number
  readonly worked: number
  readonly upkeepKills: number
  readonly faults: number
  readonly findings: readonly Finding[]
}

const ROUND_MS = 15_000
const PROCESSES = 3
/** In which there is nothing but upkeep. */
const UPKEEPERS = 2
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f']
/** By the real clock: what is held lands long after the lease, and long before the horizon. */
const TIMES: Times = { deadlineMs: 600, leaseMs: 1_500, putHorizonMs: 20_000 }
const LONGEST_HOLD_MS = 3_000
const OPENINGS = 5
const READ_MS = 2_000
/** Of driver and database, by a write that meets nobody; the first is the look for the record. */
const MOST_CALLS = 7
/** The same of a migration of all keys. */
const MOST_MOVING_CALLS = 40
/** Of a pass of upkeep, once it has found something to do. */
const MOST_UPKEEP_CALLS = 6
/** How long an old copy stays: it is purged at once, while it could be returned to, or not before the end. */
const GRACES_MS = [0, 500, 5_000, 1_800_000]
/** A read by pointer is never answered so, whatever the weather. */
const WRONG_READS: ReadonlySet<string> = new Set(['corrupt', 'version_unusable', 'permission_denied', 'misconfigured'])
const account = accountId(ACCOUNT)

/** What a round is played on: one backend, or two. */
interface Ground {
  readonly name: string
  readonly places: Readonly<Record<string, Place & { readonly driver: SecretDriver }>>
  readonly children: Children
  readonly folder: string
  readonly stop: () => Promise<void>
}

async function groundOf(first: Backend, second: Backend | undefined): Promise<Ground> {
  if (second === undefined) {
    const lane = await Lane.start(first)
    const { running, driver, children, folder } = lane
    const places = { [STORE]: { running, driver, promotes: first.promotes } }
    return { name: first.name, places, children, folder, stop: () => lane.stop() }
  }
  const lane = await MoveLane.start([first, second])
  const { running, drivers, children, folder } = lane
  const places = {
    [STORE]: { running: running[0], driver: drivers[0], promotes: first.promotes },
    [OTHER]: { running: running[1], driver: drivers[1], promotes: second.promotes },
  }
  return { name: `${first.name} and ${second.name}`, places, children, folder, stop: () => lane.stop() }
}

/**
 * Random writes by several processes on one registry, which are killed at random, over a wire that breaks at random, while others do
 * nothing but upkeep, which are killed at random, too; then quiescence and the invariants. The seed gives the choices, and the machine gives the times: a round is not the same twice.
 */
export async function soak({ backends, databases, minutes, moves, seed, onRound }: SoakOptions): Promise<readonly Round[]> {
  const until = performance.now() + minutes * 60_000
  const rounds: Round[] = []
  const places = backends.flatMap((backend, index) => {
    const next = moves ? backends[(index + 1) % backends.length] : undefined
    return databases.map(database => ({ backend, next, database }))
  })
  for (let number = 0; performance.now() < until; number += 1) {
    const { backend, next, database } = places[number % places.length] ?? places[0] ?? {}
    if (backend === undefined || database === undefined || backend === next) throw new RangeError('there is nothing to soak')
    const ground = await groundOf(backend, next)
    try {
      const round = await new Soak(ground, database, `${ground.name}/${database.name}/${number}`, seed).run()
      rounds.push(round)
      const { operations, kills, passes, upkeepKills, faults, findings } = round
      const moved = moves ? `${round.moves} migrations, ${round.reads} reads, ` : ''
      const killed = `${kills} kills, ${passes} passes of upkeep, ${upkeepKills} killed`
      onRound(`${round.name}: ${operations} operations, ${moved}${killed}, ${faults} faults, ${findings.length} findings`)
    } finally {
      await ground.stop()
    }
  }
  return rounds
}

class Soak {
  readonly #ground: Ground
  readonly #database: Database
  readonly #name: string
  readonly #random: () => number
  readonly #attempts: Attempt[] = []
  readonly #findings: Finding[] = []
  /** What has been tried, by key: nothing else may be read. */
  readonly #values = new Map(KEYS.map(key => [key, new Set<string>()]))
  #operations = 0
  #moves = 0
  #reads = 0
  #kills = 0
  #passes = 0
  #worked = 0
  #upkeepKills = 0
  #faults = 0
  #over = false
  #output = ''

  constructor(ground: Ground, database: Database, name: string, seed: number) {
    this.#ground = ground
    this.#database = database
    this.#name = name
    this.#random = seeded(seedOf(seed, name))
  }

  async run(): Promise<Round> {
    const { places, folder } = this.#ground
    const grounds = Object.values(places)
    const id = 'soak'
    const place = await this.#database.make(folder, id)
    const metadata = this.#database.open(place)
    const stores = Object.fromEntries(Object.entries(places).map(([store, { driver }]) => [store, driver]))
    const shared = { id, metadata, stores, authorize: unsafeAllowEveryone }
    const registry = await createSecretRegistry({ ...shared, writeTo: STORE, policy: TIMES })
    const reader = await createSecretReader(shared)
    const hasty = await createSecretReader({ ...shared, policy: { deadlineMs: READ_MS } })
    const call = { signal: new AbortController().signal, attempt: 1 }
    for (const { driver } of grounds) await driver.list({ prefix: 'none', withLabels: false, page: undefined }, call) // warm before anything breaks
    const bystanders = new Map([[`${id}-bystander`, this.#value()]])
    for (const [path, value] of bystanders) for (const { running } of grounds) await running.plant(path, value)

    const work: Work = { database: this.#database.name, place, registry: id, times: TIMES }
    const open = (count: number): Promise<readonly Child[]> => Promise.all(Array.from({ length: count }, () => this.#open(work)))
    const writers = await open(PROCESSES)
    const upkeepers = await open(UPKEEPERS)
    const ends = delay(ROUND_MS).then(() => (this.#over = true))
    const trouble = grounds.map(({ running }) => this.#break(running.wire))
    const reads = grounds.length > 1 ? [this.#read(hasty)] : []
    const writes = writers.map(child => this.#work(child, work, one => (this.#isMoving() ? this.#move(one) : this.#operate(one))))
    const upkeep = upkeepers.map(child => this.#work(child, work, one => this.#maintain(one)))
    await Promise.all([ends, ...writes, ...upkeep, ...trouble, ...reads])
    for (const { running } of grounds) running.wire?.clearFaults()
    await delay(LONGEST_HOLD_MS) // what is held has landed
    const backlog = await settle(registry, async ms => {
      await this.#database.advance(place, ms)
      for (const { running } of grounds) running.advance(ms)
    })
    if (backlog > 0) this.#report(`upkeep does not come to an end: ${backlog} left`)
    if (this.#attempts.length < PROCESSES) this.#report('nothing was done')
    const quiet = { 'the database': await this.#database.bytes(place), 'what the children wrote': Buffer.from(this.#output) }
    const verdict = await judge({ id, registry, reader, metadata, places, attempts: this.#attempts, bystanders, quiet })
    await metadata.close()
    const upkept = { passes: this.#passes, worked: this.#worked, upkeepKills: this.#upkeepKills }
    const counts = { operations: this.#operations, moves: this.#moves, reads: this.#reads, kills: this.#kills, faults: this.#faults }
    return { name: this.#name, ...counts, ...upkept, findings: [...this.#findings, ...verdict.findings] }
  }

  #report(text: string): void {
    this.#findings.push({ kind: 'unexplained', text })
  }

  /** One process after another, each until it is killed. */
  async #work(first: Child, work: Work, act: (child: Child) => Promise<void>): Promise<void> {
    for (let child = first; ; child = await this.#open(work)) {
      while (!this.#over && child.alive) await act(child)
      if (child.alive) await child.kill()
      this.#output += child.output
      if (this.#over) return
    }
  }

  #isMoving(): boolean {
    return OTHER in this.#ground.places && this.#random() < 0.15
  }

  async #move(child: Child): Promise<void> {
    this.#moves += 1
    const [from, to] = this.#random() < 0.5 ? [STORE, OTHER] : [OTHER, STORE]
    const move: Move = { from, to, graceMs: GRACES_MS[Math.floor(this.#random() * GRACES_MS.length)] ?? 0 }
    const fate = this.#random()
    const diesAt = fate < 0.3 ? Math.floor(this.#random() * MOST_MOVING_CALLS) : undefined
    const told = child.move(move, diesAt).catch(() => undefined)
    if (fate > 0.8) {
      await delay(this.#random() * 300)
      await child.kill()
    }
    const wrong = await told
    if (wrong !== undefined) this.#report(`a migration says: ${wrong}`)
    if (!child.alive) this.#kills += 1
  }

  /** Whatever is moved meanwhile, what is read has been written. */
  async #read(reader: SecretReader): Promise<void> {
    const secrets = reader.account(account, { id: 'reader', type: 'service_account' })
    for (; !this.#over; await delay(20)) {
      const key = KEYS[Math.floor(this.#random() * KEYS.length)] ?? 'a'
      try {
        const { value } = await secrets.read({ key })
        this.#reads += 1
        if (this.#values.get(key)?.has(value.revealText()) !== true) this.#report(`${key} is read as nobody has written it`)
      } catch (error) {
        if (!isSecretError(error) || WRONG_READS.has(error.code)) this.#report(`a read of ${key} says: ${String(error)}`)
      }
    }
  }

  async #open(work: Work): Promise<Child> {
    for (let left = OPENINGS; ; left -= 1) {
      const child = await this.#ground.children.take()
      try {
        await child.open(work)
        return child
      } catch (error) {
        await child.kill()
        if (left === 1) throw error // a machine that is busy may be too slow for it once
      }
    }
  }

  async #operate(child: Child): Promise<void> {
    this.#operations += 1
    const wish = this.#wish(`actor-${this.#operations}`)
    if (wish.value !== undefined) this.#values.get(wish.key)?.add(wish.value)
    const fate = this.#random()
    // Between two calls, where a process dies seldom if only the time decides; and at any time.
    const diesAt = fate < 0.2 ? Math.floor(this.#random() * MOST_CALLS) : undefined
    let restores: string | undefined
    const told = child.attempt(wish, diesAt, actor => (restores = actor)).catch(() => 'not certain' as const)
    if (fate > 0.9) {
      await delay(this.#random() * 60)
      await child.kill()
    }
    const answer = await told
    this.#attempts.push({ ...wish, told: answer, restores: OTHER in this.#ground.places ? restores : undefined })
    if (!child.alive) this.#kills += 1
  }

  #wish(actor: string): Wish {
    const key = KEYS[Math.floor(this.#random() * KEYS.length)] ?? 'a'
    const kind = this.#random()
    const description = `by ${actor}`
    if (kind < 0.3) return { actor, action: 'secret.create', key, value: this.#value(), description }
    if (kind < 0.7) return { actor, action: 'secret.update', key, value: this.#value(), description }
    if (kind < 0.8) return { actor, action: 'secret.update', key, value: this.#value() }
    if (kind < 0.83) return { actor, action: 'secret.update', key, description }
    if (kind < 0.9) return { actor, action: 'secret.rollback', key }
    return { actor, action: 'secret.delete', key }
  }

  /** One pass of upkeep; what fails in it, or is not reached, is for the next. */
  async #maintain(child: Child): Promise<void> {
    this.#passes += 1
    const fate = this.#random()
    // In a piece of work, and at any time.
    const diesAt = fate < 0.4 ? Math.floor(this.#random() * MOST_UPKEEP_CALLS) : undefined
    const told = child.maintain(diesAt).catch(() => undefined)
    if (fate > 0.95) {
      await delay(this.#random() * 60)
      await child.kill()
    }
    const maintained = await told
    if (maintained?.worked === true) this.#worked += 1
    if (maintained?.wrong !== undefined) this.#report(`upkeep says: ${maintained.wrong}`)
    if (child.alive) await delay(this.#random() * 200)
    else this.#upkeepKills += 1
  }

  async #break(wire: Wire | undefined): Promise<void> {
    while (!this.#over && wire !== undefined) {
      await delay(50 + this.#random() * 200)
      this.#faults += 1
      wire.inject(this.#fault())
    }
  }

  #fault(): Fault {
    const kind = this.#random()
    if (kind < 0.3) return { kind: 'lose' }
    if (kind < 0.5) return { kind: 'reset' }
    if (kind < 0.6) return { kind: 'cut' }
    if (kind < 0.7) return { kind: 'answer', status: 502, body: '<html></html>' }
    const ms = this.#random() * LONGEST_HOLD_MS
    return { kind: 'hold', applied: kind < 0.8, release: () => delay(ms) }
  }

  #value(): string {
    return `value-${Array.from({ length: 4 }, () => Math.floor(this.#random() * 2 ** 32).toString(36)).join('')}`
  }
}
