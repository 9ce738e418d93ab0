import { SecretError } from '../../errors.ts'
import type { OldCopy, StoredRecord } from '../../records.ts'
import type { MigrateOptions, Migration, MigrationPlan, MigrationReport, PlanOptions, Unfit } from '../../migration.ts'
import type { NativePath, SecretId } from '../../words.ts'
import { sleep } from '../backoff.ts'
import type { Calls } from '../calls.ts'
import { checkInteger, checkOptions, isObject } from '../checks.ts'
import { inParallel } from './in-parallel.ts'
import { Meeting } from './meeting.ts'
import { Mover } from './move.ts'
import type { MoveParts, MovePlace } from './move-run.ts'
import { Pace, paced } from './pace.ts'
import { ID_LENGTH, movedPath } from '../paths.ts'
import { persist } from '../persist.ts'
import type { ReadTogether } from './read-together.ts'
import { Slots } from './slots.ts'

const PAGE = 100
const DEFAULT_CONCURRENCY = 16
/** For each slot of the target so many have an intent, or are about to: one is put, two are put next, and two wait for others to begin with. */
const BEGUN = 5
/** Beside them so many as are read, or committed. */
const UNDER_WAY = BEGUN + 3
/** Begins and commits that wait for each other, for each slot; a moment that is short beside a cloud's answer. Without it they take the process a tenth more. */
const TOGETHER = 4
const TOGETHER_MS = 40
const DEFAULT_GRACE_MS = 24 * 3_600_000
const KEEP_MS = 100 * 365 * 24 * 3_600_000
const MAX_GRACE_MS = 366 * 24 * 3_600_000
/** So many secrets that fail one after the other for a reason that is not theirs end the run. */
const MUCH_TROUBLE = 8
const OF_THE_SECRET: ReadonlySet<string> = new Set(['too_large', 'corrupt', 'version_unusable'])
const PLAN_OPTIONS = ['from', 'to', 'concurrency', 'rate', 'measure', 'signal']

interface Candidate {
  readonly record: StoredRecord
  readonly copy: OldCopy | undefined
  readonly values: ReadTogether
}

export interface MigrateParts extends MoveParts {
  readonly calls: Calls
  readonly prefix: (store: string) => string
}

/** One store's records to another, some at a time, until none is left that can be moved. What is done stands; another run goes on. */
export class MigrationRun {
  readonly #parts: MigrateParts
  readonly #operation: string
  readonly #stop = new AbortController()
  /** By the caller, the migrator's close, or the run itself. */
  readonly #over: AbortSignal
  readonly #from: MovePlace
  readonly #to: MovePlace
  readonly #concurrency: number
  readonly #measures: boolean
  readonly #rates: readonly (number | undefined)[]
  readonly #skipUnfit: boolean
  readonly #mover: Mover
  readonly #meeting: Meeting
  #underWay = 0
  /** Why the run itself has ended. */
  #ends: { readonly error: unknown } | undefined

  /** @throws SecretError `invalid_argument`, and `misconfigured` for a store that the migrator was not given */
  constructor(parts: MigrateParts, operation: string, options: MigrateOptions | PlanOptions) {
    checkOptions(operation, options, operation === 'migrator.plan' ? PLAN_OPTIONS : [...PLAN_OPTIONS, 'graceMs', 'skipUnfit'])
    const { from, to, concurrency = DEFAULT_CONCURRENCY, rate = {}, measure, graceMs, skipUnfit = false, signal } = options as MigrateOptions
    if (typeof from !== 'string' || typeof to !== 'string' || from === to) {
      throw SecretError.invalid(operation, 'from and to are the names of two stores')
    }
    checkInteger(operation, 'concurrency', concurrency, 1, 256)
    if (graceMs !== 'keep') checkInteger(operation, 'graceMs', graceMs, 0, MAX_GRACE_MS)
    this.#parts = parts
    this.#operation = operation
    this.#over = AbortSignal.any([this.#stop.signal, parts.calls.closing, ...(signal === undefined ? [] : [signal])])
    this.#concurrency = concurrency
    this.#skipUnfit = skipUnfit
    const rates = checkedRates(operation, rate, parts.stores.names)
    const place = (name: string): MovePlace => {
      const { reads, writes } = rates[name] ?? {}
      const store = parts.stores.get(name, operation)
      const own = { prefix: parts.prefix(name), reads: new Pace(reads), writes: new Pace(writes), slots: new Slots(concurrency, this.#over) }
      return { ...store, ...own, driver: paced(store.driver, own.reads, own.writes) }
    }
    this.#from = place(from)
    this.#to = place(to)
    this.#rates = [rates[from]?.reads, rates[to]?.reads, rates[to]?.writes]
    this.#requireRoom()
    const [largest, allowed] = [this.#from.driver.capabilities.maxValueBytes, this.#to.driver.capabilities.maxValueBytes]
    this.#measures = measure ?? (allowed.text < largest.text || allowed.binary < largest.binary)
    const delayMs = graceMs === 'keep' ? KEEP_MS : (graceMs ?? DEFAULT_GRACE_MS)
    const begun = new Slots(concurrency * BEGUN, this.#over)
    this.#meeting = new Meeting({ most: concurrency * TOGETHER, waitMs: TOGETHER_MS, present: () => this.#underWay })
    this.#mover = new Mover(parts, { operation, from: this.#from, to: this.#to, graceMs: delayMs, begun, meeting: this.#meeting, over: this.#over })
  }

  async plan(): Promise<MigrationPlan> {
    const unfit: Unfit[] = []
    const begun = await this.#begun()
    let [secrets, oldCopies, fitting, removals, creates] = [0, 0, 0, 0, 0]
    const look = async ({ record, copy, values }: Candidate): Promise<void> => {
      secrets += 1
      if (copy !== undefined) oldCopies += 1
      const error = this.#measures ? await this.#mover.measure(record, values) : undefined
      if (error !== undefined) return void unfit.push({ ...named(record), code: error.code, reason: error.message })
      fitting += 1
      if (record.adopted === undefined) removals += 1
      if (copy === undefined && !begun.has(record.id)) creates += 1
    }
    for await (const _ of inParallel(this.#candidates(new Set()), this.#concurrency, look, () => this.#stop.abort()));
    this.#requireGoing()
    const reads = fitting + (this.#measures ? secrets : 0)
    const calls = { from: { reads, removals }, to: { creates, reads: fitting } }
    const names = { from: this.#from.name, to: this.#to.name }
    return { ...names, secrets, oldCopies, measured: this.#measures, unfit, calls, secondsAtLeast: this.#secondsAtLeast(calls) }
  }

  /** What may be put already by a run that was cut off. */
  async #begun(): Promise<ReadonlySet<SecretId>> {
    const { registry, metadata } = this.#parts.stores
    const begun = new Set<SecretId>()
    for (let after: string | undefined; ;) {
      const request = { registry, of: 'intents', after, limit: PAGE } as const
      const { items, next } = await persist(() => metadata.pending(request, { signal: this.#over }))
      for (const { store, secret } of items) if (store === this.#to.name) begun.add(secret)
      if (next === undefined) return begun
      after = next
    }
  }

  /** The first call of each kind waits for nothing. */
  #secondsAtLeast({ from, to }: MigrationPlan['calls']): number | undefined {
    if (this.#rates.every(rate => rate === undefined)) return undefined
    const counts = [from.reads - this.#from.driver.capabilities.maxBatch, to.reads - 1, to.creates - 1]
    return Math.max(0, ...counts.map((count, index) => count / (this.#rates[index] ?? Number.POSITIVE_INFINITY)))
  }

  /** While some are put, the next ones are read. What is put when the run ends is told before its error is thrown. */
  async *migrate(): AsyncGenerator<Migration, MigrationReport> {
    const outcomes = { moved: 0, returned: 0, gone: 0, busy: 0, unfit: 0, failed: 0 }
    const counted = (migration: Migration): Migration => {
      outcomes[migration.outcome] += 1
      return migration
    }
    let resumed = 0
    const over = new Set<SecretId>()
    if (this.#measures) {
      for (const unfit of (await this.plan()).unfit) {
        over.add(unfit.secret)
        yield counted({ ...unfit, outcome: 'unfit', resumed: false })
      }
      if (over.size > 0 && !this.#skipUnfit) throw this.#unfit(over.size)
    }
    const { leaseMs, deadlineMs } = this.#parts.times
    let trouble = 0
    let progressAt = performance.now()
    for (;;) {
      const busy: Migration[] = []
      const move = async ({ record, copy, values }: Candidate): Promise<Migration> => {
        const { outcome, code, reason, resumed: isResumed = false, error } = await this.#mover.move(record, copy, values)
        trouble = error !== undefined && !OF_THE_SECRET.has(error.code) ? trouble + 1 : 0
        // At once, so that those who have begun put nothing any more.
        if (trouble >= MUCH_TROUBLE) this.#end(error)
        return { outcome, ...named(record), code, reason, resumed: isResumed }
      }
      const tracked = (candidate: Candidate): Promise<Migration> => {
        this.#underWay += 1
        const end = (): void => {
          this.#underWay -= 1
          this.#meeting.look()
        }
        return this.#parts.calls.track(move(candidate).finally(end))
      }
      for await (const migration of inParallel(this.#candidates(over), this.#concurrency * UNDER_WAY, tracked, () => this.#stop.abort())) {
        if (migration.outcome === 'busy') {
          busy.push(migration)
          continue
        }
        progressAt = performance.now()
        over.add(migration.secret)
        if (migration.resumed) resumed += 1
        yield counted(migration)
      }
      this.#requireGoing()
      // Every lease that was there is over by then.
      if (busy.length === 0 || performance.now() - progressAt > leaseMs + deadlineMs) {
        for (const migration of busy) yield counted(migration)
        const { registry, metadata } = this.#parts.stores
        const { records: left } = await persist(() => metadata.references({ registry, store: this.#from.name }, {}))
        return { outcomes, resumed, ...this.#mover.verified, left }
      }
      await sleep(Math.min(1000, leaseMs / 10), this.#over)
    }
  }

  /** What is in the source and not over, with its old copy in the target; no more once the run is over. */
  async *#candidates(over: ReadonlySet<SecretId>): AsyncGenerator<Candidate> {
    try {
      yield* this.#scan(over)
    } catch (error) {
      this.#end(error)
    }
  }

  async *#scan(over: ReadonlySet<SecretId>): AsyncGenerator<Candidate> {
    const { registry, metadata } = this.#parts.stores
    const { name: from } = this.#from
    const { name: to } = this.#to
    for (let after: NativePath | undefined; ;) {
      if (this.#over.aborted) return
      const found = await persist(() => metadata.scan({ registry, store: from, after, limit: PAGE }, {}))
      const records = found.filter(({ id }) => !over.has(id))
      const secrets = records.map(({ id }) => id)
      const copies = secrets.length === 0 ? [] : await persist(() => metadata.oldCopies({ registry, store: to, secrets }, {}))
      const bySecret = new Map(copies.map(copy => [copy.secret, copy]))
      for (const some of inPieces(records, this.#from.driver.capabilities.maxBatch)) {
        const values = this.#mover.together(some)
        try {
          for (const record of some) {
            if (this.#over.aborted) return
            yield { record, copy: bySecret.get(record.id), values }
          }
        } finally {
          void values.drop()
        }
      }
      after = found.at(-1)?.pointer.path
      if (found.length < PAGE) return
    }
  }

  #end(error: unknown): void {
    this.#ends ??= { error }
    this.#stop.abort()
  }

  /** @throws SecretError when the run is over: `aborted`, `closed`, or why it has ended itself */
  #requireGoing(): void {
    if (this.#ends !== undefined) throw this.#ends.error
    this.#parts.calls.assertOpen(this.#operation)
    if (this.#over.aborted) throw SecretError.refused('aborted', this.#operation)
  }

  #requireRoom(): void {
    const { driver, name, prefix } = this.#to
    const { length } = movedPath(prefix, this.#parts.stores.registry, 'i'.repeat(ID_LENGTH) as SecretId, 'token123')
    if (length <= driver.capabilities.maxPathLength) return
    const hint = `its prefix is too long: a path has ${length} characters with it, ${driver.capabilities.maxPathLength} allowed`
    throw SecretError.refused('misconfigured', this.#operation, { store: name, hint })
  }

  #unfit(count: number): SecretError {
    const hint = `${count} secrets cannot be moved as they are, and nothing was moved; change or delete them, or move the others with skipUnfit`
    return SecretError.refused('too_large', this.#operation, { store: this.#to.name, hint })
  }
}

function inPieces<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size))
}

function named({ accountId: account, id: secret, key }: StoredRecord): Pick<Migration, 'account' | 'secret' | 'key'> {
  return { account, secret, key }
}

function checkedRates(operation: string, rate: PlanOptions['rate'], names: readonly string[]): NonNullable<PlanOptions['rate']> {
  if (!isObject(rate)) throw SecretError.invalid(operation, 'rate is an object of rates by the store’s name')
  for (const [name, calls] of Object.entries(rate)) {
    if (!names.includes(name)) throw SecretError.invalid(operation, `rate names a store that is not given; the stores are ${names.join(', ')}`)
    checkOptions(operation, calls, ['reads', 'writes'], 'rate')
    for (const perSecond of Object.values(calls)) {
      if (perSecond !== undefined && !(typeof perSecond === 'number' && perSecond > 0 && perSecond <= 1_000_000)) {
        throw SecretError.invalid(operation, 'a rate is calls a second: a number above 0, at most 1,000,000')
      }
    }
  }
  return rate
}
