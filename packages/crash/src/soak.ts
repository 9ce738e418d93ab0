import { setTimeout as delay } from 'node:timers/promises'
import { createSecretReader, createSecretRegistry, unsafeAllowEveryone, type SecretRegistry } from '@strongroom/core'
import type { Fault } from '@strongroom/emulators'
import { seeded, seedOf } from '@strongroom/testbed'
import type { Backend, Wire } from './backends/backend.ts'
import type { Child } from './children.ts'
import type { Database } from './databases/database.ts'
import { judge, type Attempt, type Finding } from './invariants.ts'
import { Lane } from './lane.ts'
import { STORE, type Times, type Wish, type Work } from './messages.ts'
import { settle } from './settle.ts'

export interface SoakOptions {
  readonly backends: readonly Backend[]
  readonly databases: readonly Database[]
  readonly minutes: number
  readonly seed: number
  readonly onRound: (line: string) => void
}

export interface Round {
  readonly name: string
  readonly operations: number
  readonly kills: number
  readonly faults: number
  readonly findings: readonly Finding[]
}

const ROUND_MS = 15_000
const PROCESSES = 3
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f']
/** By the real clock: what is held lands long after the lease, and long before the horizon. */
const TIMES: Times = { deadlineMs: 600, leaseMs: 1_500, putHorizonMs: 20_000 }
const LONGEST_HOLD_MS = 3_000
/** Of driver and database, by a write that meets nobody; the first is the look for the record. */
const MOST_CALLS = 7

/**
 * Random writes by several processes on one registry, which are killed at random, over a wire that breaks at random, while upkeep runs;
 * then quiescence and the invariants. The seed gives the choices, and the machine gives the times: a round is not the same twice.
 */
export async function soak({ backends, databases, minutes, seed, onRound }: SoakOptions): Promise<readonly Round[]> {
  const until = performance.now() + minutes * 60_000
  const rounds: Round[] = []
  const places = backends.flatMap(backend => databases.map(database => ({ backend, database })))
  for (let number = 0; performance.now() < until; number += 1) {
    const { backend, database } = places[number % places.length] ?? places[0] ?? {}
    if (backend === undefined || database === undefined) throw new RangeError('there is nothing to soak')
    const lane = await Lane.start(backend)
    try {
      const round = await new Soak(lane, database, `${backend.name}/${database.name}/${number}`, seed).run()
      rounds.push(round)
      onRound(`${round.name}: ${round.operations} operations, ${round.kills} kills, ${round.faults} faults, ${round.findings.length} findings`)
    } finally {
      await lane.stop()
    }
  }
  return rounds
}

class Soak {
  readonly #lane: Lane
  readonly #database: Database
  readonly #name: string
  readonly #random: () => number
  readonly #attempts: Attempt[] = []
  #operations = 0
  #kills = 0
  #faults = 0
  #over = false
  #output = ''

  constructor(lane: Lane, database: Database, name: string, seed: number) {
    this.#lane = lane
    this.#database = database
    this.#name = name
    this.#random = seeded(seedOf(seed, name))
  }

  async run(): Promise<Round> {
    const { running, driver, folder } = this.#lane
    const id = 'soak'
    const place = await this.#database.make(folder, id)
    const metadata = this.#database.open(place)
    const shared = { id, metadata, stores: { [STORE]: driver }, authorize: unsafeAllowEveryone }
    const registry = await createSecretRegistry({ ...shared, writeTo: STORE, policy: TIMES })
    const reader = await createSecretReader(shared)
    const bystanders = new Map([[`${id}-bystander`, this.#value()]])
    for (const [path, value] of bystanders) await running.plant(path, value)

    const work: Work = { database: this.#database.name, place, registry: id, times: TIMES }
    const children = await Promise.all(Array.from({ length: PROCESSES }, () => this.#open(work)))
    const ends = delay(ROUND_MS).then(() => (this.#over = true))
    await Promise.all([ends, ...children.map(child => this.#work(child, work)), this.#maintain(registry), this.#break(running.wire)])
    running.wire?.clearFaults()
    await delay(LONGEST_HOLD_MS) // what is held has landed
    const findings: Finding[] = []
    const backlog = await settle(registry, async ms => {
      await this.#database.advance(place, ms)
      running.advance(ms)
    })
    if (backlog > 0) findings.push({ kind: 'unexplained', text: `upkeep does not come to an end: ${backlog} left` })
    if (this.#attempts.length < PROCESSES) findings.push({ kind: 'unexplained', text: 'nothing was done' })
    const quiet = { 'the database': await this.#database.bytes(place), 'what the children wrote': Buffer.from(this.#output) }
    const { promotes } = this.#lane.backend
    const verdict = await judge({ id, registry, reader, metadata, running, promotes, attempts: this.#attempts, bystanders, quiet })
    await metadata.close()
    return { name: this.#name, operations: this.#operations, kills: this.#kills, faults: this.#faults, findings: [...findings, ...verdict.findings] }
  }

  /** One process after another, each until it is killed. */
  async #work(first: Child, work: Work): Promise<void> {
    for (let child = first; ; child = await this.#open(work)) {
      while (!this.#over && child.alive) await this.#operate(child)
      if (child.alive) await child.kill()
      this.#output += child.output
      if (this.#over) return
    }
  }

  async #open(work: Work): Promise<Child> {
    const child = await this.#lane.children.take()
    await child.open(work)
    return child
  }

  async #operate(child: Child): Promise<void> {
    this.#operations += 1
    const wish = this.#wish(`actor-${this.#operations}`)
    const fate = this.#random()
    // Between two calls, where a process dies seldom if only the time decides; and at any time.
    const diesAt = fate < 0.2 ? Math.floor(this.#random() * MOST_CALLS) : undefined
    const told = child.attempt(wish, diesAt).catch(() => 'not certain' as const)
    if (fate > 0.9) {
      await delay(this.#random() * 60)
      await child.kill()
    }
    this.#attempts.push({ ...wish, told: await told })
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

  /** One pass of upkeep after another; what fails in one is for the next. */
  async #maintain(registry: SecretRegistry): Promise<void> {
    while (!this.#over) {
      await registry.maintain().catch(() => {})
      await delay(200)
    }
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
