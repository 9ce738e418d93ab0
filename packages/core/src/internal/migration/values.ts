import type { DriverCall, Payload, SecretDriver } from '../../driver.ts'
import { isSecretError, SecretError } from '../../errors.ts'
import type { StoredRecord } from '../../records.ts'
import type { NativePath } from '../../words.ts'
import { crypto } from '../crypto.ts'
import { requireGoing, type MovePlace, type MoveRun } from './move-run.ts'
import { ReadTogether } from './read-together.ts'

type Place = Pick<StoredRecord['pointer'], 'path' | 'version'>

/** Reads the values that are moved: those of records in the source, and what is in the target. */
export class Values {
  readonly #run: MoveRun
  #mayBatch: boolean

  constructor(run: MoveRun) {
    this.#run = run
    this.#mayBatch = run.from.driver.capabilities.maxBatch > 1
  }

  /** Of records that are moved one after the other. */
  together(records: readonly StoredRecord[]): ReadTogether {
    return new ReadTogether(() => this.#readMany(records))
  }

  /** Of a record, in the source. @throws SecretError `aborted` once the run is over */
  async of(record: StoredRecord, together: ReadTogether): Promise<Payload> {
    const { from, over } = this.#run
    return (await together.take(record)) ?? (await from.slots.run(() => this.#read(from, record.key, record.pointer, over)))
  }

  /** What the target keeps, before anything is put. @throws SecretError `aborted` once the run is over */
  kept(key: string, at: Place): Promise<Payload> {
    const { to, over } = this.#run
    return this.#read(to, key, at, over)
  }

  /** What was put in the target, also once the run is over. */
  back(key: string, at: Place): Promise<Payload> {
    return this.#read(this.#run.to, key, at)
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
      requireGoing(this.#run)
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

  async #read({ guard, driver, reads }: MovePlace, key: string, { path, version }: Place, signal?: AbortSignal): Promise<Payload> {
    const call = { operation: this.#run.operation, secretName: key, signal, afterUnknown: 'read' } as const
    await reads.turn(1, signal)
    if (signal !== undefined) requireGoing(this.#run)
    return (await guard.run({ ...call, attempt: at => driver.read({ path, version }, at) })).payload
  }
}

/** @throws SecretError `too_large` */
export function requireFit(operation: string, { bytes, text }: Payload, { name, driver }: MovePlace): void {
  const form = text ? 'text' : 'binary'
  const allowed = driver.capabilities.maxValueBytes[form]
  if (bytes.byteLength <= allowed) return
  const hint = `the value has ${bytes.byteLength} bytes of ${form}, ${allowed} allowed`
  throw SecretError.refused('too_large', operation, { store: name, hint })
}

/** In constant time. `read` is overwritten. */
export function same(read: Payload, payload: Payload): boolean {
  const isSame = read.bytes.byteLength === payload.bytes.byteLength && crypto().timingSafeEqual(read.bytes, payload.bytes)
  read.bytes.fill(0)
  return isSame
}
