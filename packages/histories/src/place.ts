import { setTimeout as delay } from 'node:timers/promises'
import { backendOf } from '@strongroom/crash/backends'
import { databaseOf } from '@strongroom/crash/databases'
import { settle } from '@strongroom/crash/settle'
import { seeded, seedOf, temporaryFolder } from '@strongroom/testbed'
import { nanosecondsSince } from './clock.ts'
import { checkHistory, type Interval, type Verdict } from './linearizable.ts'
import { isUnknown, isWrite, type Asked, type Part, type ToParent, type Wish, type Work } from './messages.ts'
import { ClientProcess } from './process.ts'
import { historiesOf, type Recorded } from './recording.ts'
import { askedOf } from './requests.ts'
import { secretModel, type SecretOperation } from './secret-model.ts'
import { Worker } from './worker.ts'

export interface PlaceOptions {
  readonly backend: string
  readonly database: string
  readonly seed: number
  readonly fault?: string | undefined
  /** No answer of the database is lost. */
  readonly keepsAnswers?: boolean | undefined
  /** 4 by default. */
  readonly processes?: number | undefined
  /** Registries of each process, each with a connection and a driver of its own; 1 by default. */
  readonly workers?: number | undefined
}

export interface History {
  readonly key: string
  readonly intervals: readonly Interval<SecretOperation>[]
  readonly verdict: Verdict
}

/** What came of many creators of one key. */
export interface Creators {
  /** `done`, or an error's code. */
  readonly answers: readonly (string | undefined)[]
  /** Intents and tasks that upkeep leaves. */
  readonly backlog: number
  /** All that the backend keeps, by its own client. */
  readonly found: Awaited<ReturnType<Running['look']>>
  readonly verdict: Verdict
}

export interface Round {
  readonly name: string
  readonly histories: readonly History[]
  readonly operations: number
  /** Rollbacks that succeeded. */
  readonly rollbacks: number
  /** Calls with an idempotency key that has been used before. */
  readonly repeats: number
  /** Writes of which their callers do not know whether they took effect. */
  readonly unknown: number
  /** Answers of the database that did not arrive, but for those of a process that was killed before it told. */
  readonly lost: number
  readonly killed: boolean
}

const PROCESSES = 4
/** Of each process. */
const CLIENTS = 3
/** Of each client in a round. */
const OPERATIONS = 12
const KEYS = ['a', 'b']
/** Long: a process that dies holds its records until the database's clock has been moved. */
const LEASE_MS = 180_000
/** So many rounds have answers of the database that are lost. */
const LOSING = 0.6
/** By then all processes have been told what to do. */
const SOON_NS = 30e6

/** What the processes have compiled, for those that come after them. */
let compiled: ReturnType<typeof temporaryFolder> | undefined

type Running = Awaited<ReturnType<ReturnType<typeof backendOf>['start']>>

/** A backend and a database, and several processes that work on one registry there, round after round. */
export class Place {
  readonly #options: PlaceOptions
  readonly #running: Running
  readonly #work: Work
  readonly #folder: Awaited<ReturnType<typeof temporaryFolder>>
  readonly #origin = String(process.hrtime.bigint())
  readonly #own: Worker
  readonly #cache: string
  readonly #processes: Promise<ClientProcess>[]
  #expired = Promise.resolve()

  private constructor(
    options: PlaceOptions,
    running: Running,
    work: Work,
    folder: Awaited<ReturnType<typeof temporaryFolder>>,
    own: Worker,
    cache: string,
  ) {
    this.#options = options
    this.#running = running
    this.#work = work
    this.#folder = folder
    this.#own = own
    this.#cache = cache
    this.#processes = Array.from({ length: options.processes ?? PROCESSES }, (_, index) => this.#open(`p${index + 1}`))
  }

  static async start(options: PlaceOptions): Promise<Place> {
    const { backend, database, fault } = options
    const folder = await temporaryFolder()
    const running = await backendOf(backend).start()
    const place = await databaseOf(database).make(folder.path, 'database')
    const work: Work = { backend, config: running.config, database, place, registry: 'histories', leaseMs: LEASE_MS, fault }
    // Opened first, so that the processes find a schema.
    return new Place(options, running, work, folder, await Worker.open(work), (await (compiled ??= temporaryFolder())).path)
  }

  /** Records and checks a history of each key of an account of its own. In some rounds a process is killed. */
  async round(number: number): Promise<Round> {
    const { backend, database, seed } = this.#options
    const name = `${backend}/${database}/${number}`
    const random = seeded(seedOf(seed, name))
    const account = `round-${number}`
    const part = { account, keys: KEYS, clients: CLIENTS, operations: OPERATIONS, seed: seedOf(seed, name) }
    const victim = Math.floor(random() * this.#processes.length)
    const death = { victim, afterWrites: 1 + Math.floor((random() * CLIENTS * OPERATIONS) / 2), delayMs: random() * 60 }
    const dies = random() < 0.5
    const loses = this.#options.keepsAnswers !== true && random() < LOSING
    const { recorded, killed, lost, held } = await this.#play({ ...part, loses }, dies ? death : undefined)
    if (killed || held) {
      await this.#expire()
      await this.#own.registry.maintain({ maxItems: 1_000 })
    }
    for (const { key, wish } of unanswered(recorded)) recorded.push(await this.#perform(account, key, `end.${wish.request}`, wish))
    for (const key of KEYS) recorded.push(...(await this.#look(account, key)))
    const histories = [...historiesOf(recorded, KEYS)].map(([key, intervals]) => ({ key, intervals, verdict: checkHistory(secretModel, intervals) }))
    const unknown = recorded.filter(({ call, answered }) => isWrite(call.wish) && isUnknown(answered?.answer)).length
    const rollbacks = recorded.filter(({ call, answered }) => call.wish.kind === 'rollback' && answered?.answer.state === 'done').length
    const repeats = recorded.filter(({ call }) => 'request' in call.wish && call.wish.request !== undefined && call.wish.request !== call.by).length
    return { name, histories, operations: recorded.length, rollbacks, repeats, unknown, lost, killed }
  }

  /** Everybody creates one key at once, each client by a registry of its own if there are as many. Then upkeep comes to its end. */
  async createTogether(key: string, clients: number): Promise<Creators> {
    const part = { account: 'creators', keys: [key], clients, operations: 1, seed: this.#options.seed, loses: false, only: 'create' } as const
    const { recorded } = await this.#play(part, undefined)
    const { registry } = this.#own
    const backlog = await settle(registry, async ms => {
      await databaseOf(this.#options.database).advance(this.#work.place, ms)
      this.#running.advance(ms)
    })
    const answers = recorded.map(({ answered }) => (answered?.answer.state === 'failed' ? answered.answer.code : answered?.answer.state))
    const [history] = historiesOf([...recorded, ...(await this.#look(part.account, key))], [key]).values()
    if (history === undefined) throw new Error('there is no history')
    return { answers, backlog, found: await this.#running.look(''), verdict: checkHistory(secretModel, history) }
  }

  async stop(): Promise<void> {
    const opened = (await Promise.allSettled(this.#processes)).filter(one => one.status === 'fulfilled')
    await Promise.all(opened.map(({ value }) => value.kill()))
    await this.#own.close()
    await this.#running.stop()
    await databaseOf(this.#options.database).remove(this.#work.place)
    this.#folder.remove()
  }

  /** All clients of all processes at once. */
  async #play(
    shared: Omit<Part, 'process' | 'startAt' | 'maintains'>,
    death: { readonly victim: number; readonly afterWrites: number; readonly delayMs: number } | undefined,
  ): Promise<{ readonly recorded: Recorded[]; readonly killed: boolean; readonly lost: number; readonly held: boolean }> {
    const recorded = new Map<string, Recorded>()
    let lost = 0
    let held = false
    const processes = await Promise.all(this.#processes)
    const startAt = nanosecondsSince(this.#origin) + SOON_NS
    const parts = processes.map(async (one, index) => {
      let writes = 0
      let isOver = false
      let dying: Promise<void> | undefined
      const die = (): void => void (isOver || (dying = one.kill()))
      const hear = (message: ToParent): void => {
        if (message.type === 'called') {
          const { call } = message
          recorded.set(call.by, { call })
          const asked = askedOf(call.key, call.wish)
          if (asked?.wish.request === call.by) for (const other of processes) if (other !== one) other.hear(asked)
          if (!isWrite(call.wish)) return
          writes += 1
          if (index === death?.victim && writes === death.afterWrites) void delay(death.delayMs).then(die)
        } else if (message.type === 'answered') {
          const { by, at, answer } = message
          const told = recorded.get(by)
          if (told !== undefined) recorded.set(by, { ...told, answered: { at, answer } })
        } else if (message.type === 'lost') {
          lost += message.lost.answers
          held ||= message.lost.holds
          if (message.lost.holds) void this.#expire()
        }
      }
      const end = await one.play({ ...shared, process: one.name, startAt, maintains: index % 2 === 0 }, hear)
      isOver = true
      // It may be killed while the word that it is done is on its way.
      if (end === 'played' && dying === undefined) return false
      await dying
      this.#processes[index] = this.#open(one.name)
      await this.#expire()
      return true
    })
    const killed = (await Promise.all(parts)).includes(true)
    return { recorded: [...recorded.values()], killed, lost, held }
  }

  #open(name: string): Promise<ClientProcess> {
    const opening = ClientProcess.open(name, this.#cache, this.#work, this.#options.workers ?? 1, this.#origin)
    opening.catch(() => {}) // the next round hears of it
    return opening
  }

  /** Moves the database's clock past every lease, once for each who asks: for the others a writer that lives has been asleep. */
  #expire(): Promise<void> {
    return (this.#expired = this.#expired.then(() => databaseOf(this.#options.database).advance(this.#work.place, LEASE_MS + 1_000)))
  }

  /** What is there in the end, and what is kept of it. */
  async #look(account: string, key: string): Promise<readonly Recorded[]> {
    const found = await this.#perform(account, key, `end.${key}`, { kind: 'read key' })
    const answer = found.answered?.answer
    if (answer?.state !== 'done' || answer.id === undefined) return [found]
    return [found, await this.#perform(account, key, `end.versions.${key}`, { kind: 'versions', id: answer.id })]
  }

  async #perform(account: string, key: string, by: string, wish: Wish): Promise<Recorded> {
    const at = nanosecondsSince(this.#origin)
    const answer = await this.#own.perform(account, key, by, wish)
    return { call: { by, client: 'end', key, wish, at }, answered: { at: nanosecondsSince(this.#origin), answer } }
  }
}

/** The requests of which somebody does not know what became of them, and nobody knows that they are done. */
function unanswered(recorded: readonly Recorded[]): readonly Asked[] {
  const open = new Map<string, Asked>()
  const done = new Set<string>()
  for (const { call, answered } of recorded) {
    const asked = askedOf(call.key, call.wish)
    if (asked === undefined) continue
    if (isUnknown(answered?.answer)) open.set(asked.wish.request, asked)
    if (answered?.answer.state === 'done') done.add(asked.wish.request)
  }
  return [...open].flatMap(([request, asked]) => (done.has(request) ? [] : [asked]))
}
