import type { Payload } from '../../driver.ts'
import type { SecretError } from '../../errors.ts'
import { samePointer } from '../../metadata-support/records.ts'
import type { MigrationReport } from '../../migration.ts'
import type { OldCopy, StoredRecord } from '../../records.ts'
import { persist } from '../persist.ts'
import { Copying } from './copying.ts'
import { BUSY, errorOf, NOTHING, type MoveParts, type MoveRun, type Outcome } from './move-run.ts'
import type { ReadTogether } from './read-together.ts'
import { Returning } from './returning.ts'
import { requireFit, Values } from './values.ts'

/**
 * Moves one record: read, put, read back, compare, and one transaction that moves the pointer. The record stays open to other writes
 * all the time; one that comes first wins, and then the copy is given up. What was put and not committed is recovery's, as in a create.
 */
export class Mover {
  readonly #parts: MoveParts
  readonly #run: MoveRun
  readonly #values: Values
  readonly #copying: Copying
  readonly #returning: Returning

  constructor(parts: MoveParts, run: MoveRun) {
    this.#parts = parts
    this.#run = run
    this.#values = new Values(run)
    this.#copying = new Copying(parts, run, this.#values)
    this.#returning = new Returning(parts, run, this.#values)
  }

  /** What became of the comparisons so far. */
  get verified(): Pick<MigrationReport, 'compared' | 'different'> {
    const { compared, different } = this.#copying.verified
    return { compared: compared + this.#returning.compared, different }
  }

  /** The values of records that are moved one after the other. */
  together(records: readonly StoredRecord[]): ReadTogether {
    return this.#values.together(records)
  }

  /** `copy`: what an earlier migration left of it in the target. Never throws. */
  async move(record: StoredRecord, copy: OldCopy | undefined, values: ReadTogether): Promise<Outcome> {
    const { operation, to, begun } = this.#run
    let payload: Payload | undefined
    try {
      const read = await this.#values.of(record, values)
      payload = read
      requireFit(operation, read, to)
      const returned = copy === undefined ? undefined : await to.slots.run(() => this.#returning.make(record, copy, read))
      if (returned !== undefined) return returned
      const next = await begun.run(() => this.#copying.begin(record, read))
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
      const payload = await this.#values.of(record, values)
      payload.bytes.fill(0)
      requireFit(this.#run.operation, payload, this.#run.to)
      return undefined
    } catch (thrown) {
      const error = errorOf(this.#run, thrown)
      return !this.#run.over.aborted && (await this.#isUnchanged(record)) ? error : undefined
    }
  }

  async #failed(record: StoredRecord, thrown: unknown): Promise<Outcome> {
    const error = errorOf(this.#run, thrown)
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

  async #isUnchanged(record: StoredRecord): Promise<boolean> {
    const now = await this.#find(record)
    return now !== undefined && samePointer(now.pointer, record.pointer)
  }

  #find({ accountId: account, id }: StoredRecord): Promise<StoredRecord | undefined> {
    const { registry, metadata } = this.#parts.stores
    return persist(() => metadata.find({ registry, account, id }, {}))
  }
}
