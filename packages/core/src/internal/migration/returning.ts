import type { Payload } from '../../driver.ts'
import { isSecretError, SecretError } from '../../errors.ts'
import type { OldCopy, StoredRecord } from '../../records.ts'
import { crypto } from '../crypto.ts'
import { persist } from '../persist.ts'
import { listVersionsIfAny } from '../writes.ts'
import { BUSY, leave, NOTHING, requireGoing, type MoveParts, type MoveRun, type Outcome } from './move-run.ts'
import { same, type Values } from './values.ts'

/** Moves a record back onto the copy that an earlier migration left in the target, where that is what the record has now: nothing is put. */
export class Returning {
  readonly #parts: MoveParts
  readonly #run: MoveRun
  readonly #values: Values
  #compared = 0

  constructor(parts: MoveParts, run: MoveRun, values: Values) {
    this.#parts = parts
    this.#run = run
    this.#values = values
  }

  /** How many copies were read and found to be the value. */
  get compared(): number {
    return this.#compared
  }

  /** Undefined when the old copy is not what the record has now. */
  async make(record: StoredRecord, copy: OldCopy, payload: Payload): Promise<Outcome | undefined> {
    requireGoing(this.#run)
    const { key } = record
    if (!(await this.#isAlone(copy)) || !(await this.#isAsItWas(copy, key))) return undefined
    const kept = await this.#values.kept(key, copy.pointer).catch((error: unknown) => {
      if (isSecretError(error, 'not_found', 'version_unusable')) return undefined
      throw error
    })
    if (kept === undefined || !same(kept, payload)) return undefined
    this.#compared += 1
    return await this.#commit(record, copy)
  }

  async #commit(record: StoredRecord, copy: OldCopy): Promise<Outcome> {
    const { registry, metadata } = this.#parts.stores
    const { id: secret, accountId: account, pointer: from } = record
    const token = crypto().randomUUID()
    const request = { registry, account, secret, from, to: copy.pointer, actor: this.#parts.actor, token, enqueue: leave(this.#run, record) }
    try {
      const { state } = await persist(() => metadata.commitReturn(request, {}))
      return state === 'done' ? { outcome: 'returned', ...NOTHING } : BUSY
    } catch (error) {
      if (isSecretError(error, 'not_found')) return { outcome: 'gone', ...NOTHING }
      throw error instanceof SecretError ? error.in({ operation: this.#run.operation }) : error
    }
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
    requireGoing(this.#run)
    const found = await listVersionsIfAny(to, path, { operation, secretName: key, signal: over })
    const usable = found.filter(({ state }) => state === 'usable')
    const kept = new Set(versions.map(one => one.version))
    return usable.some(one => one.version === version && one.current) && usable.every(one => kept.has(one.version))
  }
}
