import type { DriverCall, Payload, SecretDriver } from '../../driver.ts'
import { isSecretError, SecretError } from '../../errors.ts'
import { samePointer } from '../../metadata-support/records.ts'
import type { OldCopy, StoredRecord } from '../../records.ts'
import type { Intent, QueueDraft } from '../../work.ts'
import type { Migration, MigrationReport } from '../../migration.ts'
import type { Actor, NativePath, VersionId } from '../../words.ts'
import type { Access } from '../access.ts'
import { crypto } from '../crypto.ts'
import { labelsOf } from '../labels.ts'
import type { Meeting } from './meeting.ts'
import type { Pace } from './pace.ts'
import { movedPath } from '../paths.ts'
import { persist } from '../persist.ts'
import { ReadTogether } from './read-together.ts'
import type { Slots } from './slots.ts'
import type { BoundStores, GuardedStore } from '../stores.ts'
import type { Upkeep } from '../upkeep.ts'
import { VERSION_GONE, type ProtocolTimes } from '../write-protocol.ts'
import { createSecret, listVersionsIfAny } from '../writes.ts'

export interface MovePlace extends GuardedStore<SecretDriver> {
  readonly prefix: string
  readonly reads: Pace
  readonly writes: Pace
  readonly slots: Slots
}

export interface MoveParts {
  readonly stores: BoundStores<SecretDriver>
  readonly access: Access
  readonly upkeep: Upkeep
  readonly times: ProtocolTimes
  readonly actor: Actor
}

export interface MoveRun {
  readonly operation: string
  readonly from: MovePlace
  readonly to: MovePlace
  readonly graceMs: number
  /** For those that have an intent, or soon will, and are not read back: no more of them wait for a slot than get one within a lease. */
  readonly begun: Slots
  /** Of what is begun and what is committed. */
  readonly meeting: Meeting
  /** Once it aborts nothing new is begun: what is not put yet is left or given up at once, and what is put goes on to its end. */
  readonly over: AbortSignal
}

type Outcome = Pick<Migration, 'outcome' | 'code' | 'reason'> & { readonly resumed?: boolean; readonly error?: SecretError }

interface Copied {
  readonly version: VersionId
  readonly fullPath: string
  /** Another put of it may still land. */
  readonly uncertain: boolean
  readonly resumed: boolean
}

type Place = Pick<StoredRecord['pointer'], 'path' | 'version'>

interface PutTime {
  readonly leaseEndsAt: number
  /** Of the target's writes. */
  readonly turn: number
  readonly isResumed: boolean
}

const NOTHING = { code: undefined, reason: undefined } as const
const BUSY: Outcome = { outcome: 'busy', ...NOTHING }
const DIFFERENT = 'what was read back is not what was put; the copy is removed, and the secret stays where it is'

/**
 * Moves one record: read, put, read back, compare, and one transaction that moves the pointer. The record stays open to other writes
 * all the time; one that comes first wins, and then the copy is given up. What was put and not committed is recovery's, as in a create.
 */
export class Mover {
  readonly #parts: MoveParts
  readonly #run: MoveRun
  #mayBatch: boolean
  #compared = 0
  #different = 0

  constructor(parts: MoveParts, run: MoveRun) {
    this.#parts = parts
    this.#run = run
    this.#mayBatch = run.from.driver.capabilities.maxBatch > 1
  }

  /** What became of the comparisons so far. */
  get verified(): Pick<MigrationReport, 'compared' | 'different'> {
    return { compared: this.#compared, different: this.#different }
  }

  /** The values of records that are moved one after the other. */
  together(records: readonly StoredRecord[]): ReadTogether {
    return new ReadTogether(() => this.#readMany(records))
  }

  /** `copy`: what an earlier migration left of it in the target. Never throws. */
  async move(record: StoredRecord, copy: OldCopy | undefined, values: ReadTogether): Promise<Outcome> {
    const { operation, to, begun } = this.#run
    let payload: Payload | undefined
    try {
      const read = await this.#value(record, values)
      payload = read
      requireFit(operation, read, to)
      const returned = copy === undefined ? undefined : await to.slots.run(() => this.#return(record, copy, read))
      if (returned !== undefined) return returned
      const next = await begun.run(() => this.#copy(record, read))
      return typeof next === 'function' ? await next() : next
    } catch (thrown) {
      return await this.#failed(record, thrown)
    } finally {
      payload?.bytes.fill(0)
    }
  }

  /** Reads its value, only to see whether it fits. Undefined when it does, or is not there to be moved any more. */
  async measure(record: StoredRecord, values: ReadTogether): Promise<SecretError | undefined> {
    try {
      const payload = await this.#value(record, values)
      payload.bytes.fill(0)
      requireFit(this.#run.operation, payload, this.#run.to)
      return undefined
    } catch (thrown) {
      const error = this.#errorOf(thrown)
      return !this.#run.over.aborted && (await this.#isUnchanged(record)) ? error : undefined
    }
  }

  /** Undefined when the old copy is not what the record has now. */
  async #return(record: StoredRecord, copy: OldCopy, payload: Payload): Promise<Outcome | undefined> {
    const { operation, to } = this.#run
    this.#requireGoing()
    const { id: secret, accountId: account, key, pointer } = record
    if (!(await this.#isAlone(copy)) || !(await this.#isAsItWas(copy, key))) return undefined
    const kept = await this.#readEarly(to, key, copy.pointer).catch((error: unknown) => {
      if (isSecretError(error, 'not_found', 'version_unusable')) return undefined
      throw error
    })
    if (kept === undefined || !same(kept, payload)) return undefined
    this.#compared += 1
    const { registry, metadata } = this.#parts.stores
    const token = crypto().randomUUID()
    const request = { registry, account, secret, from: pointer, to: copy.pointer, actor: this.#parts.actor, token, enqueue: this.#leave(record) }
    try {
      const { state } = await persist(() => metadata.commitReturn(request, {}))
      return state === 'done' ? { outcome: 'returned', ...NOTHING } : BUSY
    } catch (error) {
      if (isSecretError(error, 'not_found')) return { outcome: 'gone', ...NOTHING }
      throw error instanceof SecretError ? error.in({ operation }) : error
    }
  }

  /** Answers the commit that is still to be made, if it comes so far. */
  async #copy(record: StoredRecord, payload: Payload): Promise<Outcome | (() => Promise<Outcome>)> {
    const { stores, times, actor } = this.#parts
    const { registry, metadata } = stores
    const { to, meeting, over } = this.#run
    this.#requireGoing()
    const { id: secret, accountId: account, pointer: from } = record
    const token = crypto().randomUUID()
    const path = movedPath(to.prefix, registry, secret, token)
    await meeting.join()
    const turn = await to.writes.turn(1, over) // before its lease begins
    this.#requireGoing()
    const { leaseMs } = times
    const startedAt = performance.now()
    const leaseEndsAt = startedAt + leaseMs
    const begun = await persist(() => {
      // Asked again later, it could be a second intent where the first one's undoing is at work.
      if (performance.now() >= leaseEndsAt) throw SecretError.refused('deadline_exceeded', this.#run.operation)
      return metadata.beginMigrate({ registry, account, secret, from, actor, store: to.name, path, token, leaseMs }, {})
    })
    if (begun.state === 'begun')
      return await to.slots.run(() => this.#fill(begun.record, begun.intent, payload, { leaseEndsAt, turn, isResumed: false }))
    if (!begun.expired) return BUSY
    this.#requireGoing()
    const [left] = await persist(() => metadata.claimExpiredIntents({ registry, limit: 1, leaseMs, intent: begun.intent }, {}))
    if (left === undefined) return BUSY
    // Of the same version, which never changes: whoever puts it puts the same.
    const isMine = left.operation === 'migrate' && left.store === to.name && left.base?.version === from.version
    if (isMine) return await to.slots.run(() => this.#fill(record, left, payload, { leaseEndsAt, turn, isResumed: true }))
    await this.#parts.upkeep.recoverClaimed(left, { endsAt: leaseEndsAt })
    return BUSY
  }

  /** Puts the copy, unless it is there, and reads it back. Answers its commit. */
  async #fill(record: StoredRecord, intent: Intent, payload: Payload, { leaseEndsAt, turn, isResumed }: PutTime): Promise<() => Promise<Outcome>> {
    const { to, operation, over } = this.#run
    const { key } = record
    let isPut = isResumed
    try {
      await to.writes.still(turn, over)
      if (over.aborted || performance.now() > leaseEndsAt - this.#parts.times.deadlineMs) {
        // What may have been put already is the next run's.
        if (isResumed) return () => Promise.resolve(BUSY)
        throw SecretError.refused('conflict', operation)
      }
      const copied = (isResumed ? await this.#there(intent) : undefined) ?? (await this.#put(record, intent, payload, { leaseEndsAt, isResumed }))
      isPut = true
      const back = await this.#read(to, key, { path: intent.path, version: copied.version })
      this.#compared += 1
      if (!same(back, payload)) {
        this.#different += 1
        throw SecretError.refused('corrupt', operation, { store: to.name, secretName: key, hint: DIFFERENT })
      }
      return () => this.#commit(record, intent, { ...copied, uncertain: copied.uncertain || isResumed }, leaseEndsAt)
    } catch (thrown) {
      return await this.#fail(intent, thrown, isPut, leaseEndsAt)
    }
  }

  async #commit(record: StoredRecord, intent: Intent, copied: Copied, leaseEndsAt: number): Promise<Outcome> {
    const { registry, metadata } = this.#parts.stores
    const { accountId: account, pointer: from } = record
    const { version, fullPath, uncertain, resumed } = copied
    const { id, token } = intent
    const { purge, watch } = this.#undoing(intent)
    const enqueue = uncertain ? [...this.#leave(record), watch] : this.#leave(record)
    try {
      await this.#run.meeting.join()
      const outcome = await persist(() => metadata.commitMigrate({ registry, intent: id, account, token, from, version, fullPath, enqueue }, {}))
      if (outcome.state === 'committed') return { outcome: 'moved', resumed, ...NOTHING }
      if (outcome.state === 'refused') await this.#giveUp(intent, 'conflict', () => (uncertain ? [purge, watch] : [purge]))
      return BUSY
    } catch (thrown) {
      return await this.#fail(intent, thrown, true, leaseEndsAt)
    }
  }

  /** Gives the copy up where it is certain that it is not committed. */
  async #fail(intent: Intent, thrown: unknown, isPut: boolean, leaseEndsAt: number): Promise<never> {
    const error = this.#errorOf(thrown)
    const { purge, watch } = this.#undoing(intent)
    // Without an answer it may have happened: the intent stays, and tells the next run or recovery.
    // Once the lease is over, whoever resumed it may have put what this one has not.
    const leaves = (): boolean => isPut || performance.now() > leaseEndsAt - this.#parts.times.deadlineMs
    if (error.effect === 'none') await this.#giveUp(intent, error.code, () => (leaves() ? [purge, watch] : [])).catch(() => {})
    throw error
  }

  #undoing({ store, path, token }: Intent): { readonly purge: QueueDraft; readonly watch: QueueDraft } {
    const place = { store, path }
    return { purge: { task: 'purge_path', ...place }, watch: { task: 'watch_path', ...place, token, delayMs: this.#parts.times.putHorizonMs } }
  }

  async #put(
    { id: secret, accountId: account, key }: StoredRecord,
    { path, token }: Intent,
    payload: Payload,
    { leaseEndsAt, isResumed }: Pick<PutTime, 'leaseEndsAt' | 'isResumed'>,
  ): Promise<Copied> {
    const { operation, to } = this.#run
    const labels = labelsOf(this.#parts.stores.registry, account, secret)
    const withinMs = leaseEndsAt - performance.now()
    const request = { operation, secretName: key, withinMs, path, payload, labels, token, isNew: !isResumed }
    const made = await createSecret(to.guard, to.driver, request)
    return { ...made.answer, uncertain: made.uncertain, resumed: false }
  }

  /** What a run that was cut off has put. The path is told by the list, which may be late: then the put is made again, by the same token. */
  async #there({ path, key, account, secret }: Intent): Promise<Copied | undefined> {
    const { operation, to } = this.#run
    await to.reads.turn()
    const found = await listVersionsIfAny(to, path, { operation, secretName: key })
    const version = found.findLast(({ state }) => state === 'usable')?.version
    if (version === undefined) return undefined
    const list = (at: DriverCall): ReturnType<SecretDriver['list']> => to.driver.list({ prefix: path, withLabels: true, page: undefined }, at)
    await to.reads.turn()
    const { items } = await to.guard.run({ operation, secretName: key, afterUnknown: 'read', attempt: list })
    const entry = items.find(item => item.path === path)
    if (entry === undefined) return undefined
    // Where a create is more than one request, the last of them may be missing: what is half made is given up.
    const { labels = {} } = entry
    const isWhole = Object.entries(labelsOf(this.#parts.stores.registry, account, secret)).every(([name, value]) => labels[name] === value)
    if (!isWhole) throw SecretError.refused('conflict', operation, { store: to.name, secretName: key })
    return { version, fullPath: entry.fullPath, uncertain: true, resumed: true }
  }

  /** Whether nothing but its purge is still to be done where the old copy is: no write of before can land there any more. */
  async #isAlone({ pointer: { path } }: OldCopy): Promise<boolean> {
    const { registry, metadata } = this.#parts.stores
    const [owner] = await persist(() => metadata.owners({ registry, store: this.#run.to.name, paths: [path] }, {}))
    return owner?.tasks === 1
  }

  /** Whether it is what outsiders read, and beside it only what it kept: what else is there would be nobody's. */
  async #isAsItWas({ pointer: { path, version }, versions }: OldCopy, key: string): Promise<boolean> {
    const { operation, to, over } = this.#run
    await to.reads.turn(1, over)
    this.#requireGoing()
    const found = await listVersionsIfAny(to, path, { operation, secretName: key, signal: over })
    const usable = found.filter(({ state }) => state === 'usable')
    const kept = new Set(versions.map(one => one.version))
    return usable.some(one => one.version === version && one.current) && usable.every(one => kept.has(one.version))
  }

  async #value(record: StoredRecord, values: ReadTogether): Promise<Payload> {
    const { from } = this.#run
    return (await values.take(record)) ?? (await from.slots.run(() => this.#readEarly(from, record.key, record.pointer)))
  }

  /** Where the store has a batch: what is current in it and is the record's version. Everything else is read by itself, which tells why. */
  async #readMany(records: readonly StoredRecord[]): Promise<ReadonlyMap<NativePath, Payload>> {
    const { operation, from, over } = this.#run
    const { guard, driver, reads, slots } = from
    const found = new Map<NativePath, Payload>()
    if (!this.#mayBatch || records.length < 2) return found
    const versions = new Map(records.map(({ pointer: { path, version } }) => [path, version]))
    const paths = [...versions.keys()]
    try {
      await reads.turn(paths.length, over)
      this.#requireGoing()
      const attempt = (call: DriverCall): ReturnType<SecretDriver['readMany']> => driver.readMany({ paths }, call)
      for (const outcome of await slots.run(() => guard.run({ operation, signal: over, afterUnknown: 'read', attempt }))) {
        if ('failure' in outcome) continue
        if (outcome.version === versions.get(outcome.path)) found.set(outcome.path, outcome.payload)
        else outcome.payload.bytes.fill(0)
      }
    } catch (error) {
      // Who may read each of them may not be allowed to ask for many.
      if (isSecretError(error, 'permission_denied', 'unsupported')) this.#mayBatch = false
    }
    return found
  }

  /** Before anything is put. @throws SecretError `aborted` once the run is over */
  #readEarly(place: MovePlace, key: string, at: Place): Promise<Payload> {
    return this.#read(place, key, at, this.#run.over)
  }

  async #read(place: MovePlace, key: string, { path, version }: Place, signal?: AbortSignal): Promise<Payload> {
    const { guard, driver, reads } = place
    const call = { operation: this.#run.operation, secretName: key, signal, afterUnknown: 'read' } as const
    await reads.turn(1, signal)
    if (signal !== undefined) this.#requireGoing()
    return (await guard.run({ ...call, attempt: at => driver.read({ path, version }, at) })).payload
  }

  /** What becomes of the place that a record leaves. What was adopted is left as it is. */
  #leave({ pointer, cloudSecretPath, versions, adopted }: StoredRecord): readonly QueueDraft[] {
    if (adopted !== undefined) return []
    return [{ task: 'purge_path', ...pointer, delayMs: this.#run.graceMs, copy: { cloudSecretPath, versions } }]
  }

  async #giveUp({ id, account, token }: Intent, code: SecretError['code'], enqueue: () => readonly QueueDraft[]): Promise<void> {
    const { registry, metadata } = this.#parts.stores
    await persist(() => metadata.abandon({ registry, intent: id, account, token, code, enqueue: enqueue() }, {}))
  }

  async #failed(record: StoredRecord, thrown: unknown): Promise<Outcome> {
    const error = this.#errorOf(thrown)
    const { code, message: reason } = error
    if (this.#run.over.aborted && code === 'aborted') return BUSY
    const now = await this.#find(record).catch(() => record)
    if (now === undefined) return { outcome: 'gone', ...NOTHING }
    // Another write came first, which is why its version was not there, or the database refused; or the intent has to tell what became of it.
    if (!samePointer(now.pointer, record.pointer) || code === 'conflict') return BUSY
    if (error.effect === 'unknown') return { ...BUSY, error }
    const { accountId: account, id: secret, key } = record
    await this.#parts.access.recordFailure({ account, actor: this.#parts.actor, action: 'secret.migrate', outcome: 'failed', code, secret, key })
    return { outcome: code === 'too_large' ? 'unfit' : 'failed', code, reason, error }
  }

  /** @throws SecretError `aborted` */
  #requireGoing(): void {
    const { over, operation } = this.#run
    if (over.aborted) throw SecretError.refused('aborted', operation)
  }

  #errorOf(thrown: unknown): SecretError {
    const { operation } = this.#run
    if (!(thrown instanceof SecretError)) return new SecretError({ code: 'unknown', retryable: false, effect: 'unknown', operation })
    return thrown.code === 'version_unusable' || thrown.code === 'not_found' ? thrown.in({ operation, hint: VERSION_GONE }) : thrown.in({ operation })
  }

  async #isUnchanged(record: StoredRecord): Promise<boolean> {
    const now = await this.#find(record)
    return now !== undefined && samePointer(now.pointer, record.pointer)
  }

  #find({ accountId: account, id }: StoredRecord): Promise<StoredRecord | undefined> {
    const { registry, metadata } = this.#parts.stores
    return persist(() => metadata.find({ registry, account, id }, {}))
  }
}

/** @throws SecretError `too_large` */
function requireFit(operation: string, { bytes, text }: Payload, { name, driver }: MovePlace): void {
  const form = text ? 'text' : 'binary'
  const allowed = driver.capabilities.maxValueBytes[form]
  if (bytes.byteLength <= allowed) return
  const hint = `the value has ${bytes.byteLength} bytes of ${form}, ${allowed} allowed`
  throw SecretError.refused('too_large', operation, { store: name, hint })
}

/** In constant time. `read` is overwritten. */
function same(read: Payload, payload: Payload): boolean {
  const isSame = read.bytes.byteLength === payload.bytes.byteLength && crypto().timingSafeEqual(read.bytes, payload.bytes)
  read.bytes.fill(0)
  return isSame
}
