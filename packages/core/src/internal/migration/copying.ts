import type { DriverCall, Payload, SecretDriver } from '../../driver.ts'
import { SecretError } from '../../errors.ts'
import type { MigrationReport } from '../../migration.ts'
import type { StoredRecord } from '../../records.ts'
import type { VersionId } from '../../words.ts'
import type { Intent, QueueDraft } from '../../work.ts'
import { crypto } from '../crypto.ts'
import { labelsOf } from '../labels.ts'
import { movedPath } from '../paths.ts'
import { persist } from '../persist.ts'
import { createSecret, listVersionsIfAny } from '../writes.ts'
import { BUSY, errorOf, leave, NOTHING, requireGoing, type MoveParts, type MoveRun, type Outcome } from './move-run.ts'
import { same, type Values } from './values.ts'

interface Copied {
  readonly version: VersionId
  readonly fullPath: string
  /** Another put of it may still land. */
  readonly uncertain: boolean
  readonly resumed: boolean
}

interface PutTime {
  readonly leaseEndsAt: number
  /** Of the target's writes. */
  readonly turn: number
  readonly isResumed: boolean
}

const DIFFERENT = 'what was read back is not what was put; the copy is removed, and the secret stays where it is'

/** Copies a record's value into the target under an intent: put, read back, compared, and one transaction that moves the pointer. */
export class Copying {
  readonly #parts: MoveParts
  readonly #run: MoveRun
  readonly #values: Values
  #compared = 0
  #different = 0

  constructor(parts: MoveParts, run: MoveRun, values: Values) {
    this.#parts = parts
    this.#run = run
    this.#values = values
  }

  /** What became of the comparisons so far. */
  get verified(): Pick<MigrationReport, 'compared' | 'different'> {
    return { compared: this.#compared, different: this.#different }
  }

  /** Answers the commit that is still to be made, if it comes so far. */
  async begin(record: StoredRecord, payload: Payload): Promise<Outcome | (() => Promise<Outcome>)> {
    const { stores, times, actor } = this.#parts
    const { registry, metadata } = stores
    const { to, meeting, over } = this.#run
    requireGoing(this.#run)
    const { id: secret, accountId: account, pointer: from } = record
    const token = crypto().randomUUID()
    const path = movedPath(to.prefix, registry, secret, token)
    await meeting.join()
    const turn = await to.writes.turn(1, over) // before its lease begins
    requireGoing(this.#run)
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
    requireGoing(this.#run)
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
      const back = await this.#values.back(key, { path: intent.path, version: copied.version })
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
    const enqueue = uncertain ? [...leave(this.#run, record), watch] : leave(this.#run, record)
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
    const error = errorOf(this.#run, thrown)
    const { purge, watch } = this.#undoing(intent)
    // Without an answer it may have happened: the intent stays, and tells the next run or recovery.
    // Once the lease is over, whoever resumed it may have put what this one has not.
    const leaves = (): boolean => isPut || performance.now() > leaseEndsAt - this.#parts.times.deadlineMs
    if (error.effect === 'none') await this.#giveUp(intent, error.code, () => (leaves() ? [purge, watch] : [])).catch(() => {})
    throw error
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

  async #giveUp({ id, account, token }: Intent, code: SecretError['code'], enqueue: () => readonly QueueDraft[]): Promise<void> {
    const { registry, metadata } = this.#parts.stores
    await persist(() => metadata.abandon({ registry, intent: id, account, token, code, enqueue: enqueue() }, {}))
  }

  #undoing({ store, path, token }: Intent): { readonly purge: QueueDraft; readonly watch: QueueDraft } {
    const place = { store, path }
    return { purge: { task: 'purge_path', ...place }, watch: { task: 'watch_path', ...place, token, delayMs: this.#parts.times.putHorizonMs } }
  }
}
