import type { Payload } from '../../driver.ts'
import type { StoredRecord } from '../../records.ts'
import type { NativePath } from '../../words.ts'

type Found = ReadonlyMap<NativePath, Payload>

/** Values of some records that are read together, once the first of them is asked for. Each is given out once, and is then the asker's to overwrite. */
export class ReadTogether {
  readonly #read: () => Promise<Found>
  readonly #left = new Map<NativePath, Payload>()
  #reading: Promise<void> | undefined

  /** `read` never fails: what it could not read it leaves out. */
  constructor(read: () => Promise<Found>) {
    this.#read = read
  }

  /** Undefined: it is to be read by itself. */
  async take({ pointer: { path } }: StoredRecord): Promise<Payload | undefined> {
    await this.#all()
    const payload = this.#left.get(path)
    this.#left.delete(path)
    return payload
  }

  /** Overwrites what nobody has asked for. */
  async drop(): Promise<void> {
    await this.#reading
    for (const { bytes } of this.#left.values()) bytes.fill(0)
    this.#left.clear()
  }

  #all(): Promise<void> {
    this.#reading ??= (async () => {
      for (const [path, payload] of await this.#read()) this.#left.set(path, payload)
    })()
    return this.#reading
  }
}
