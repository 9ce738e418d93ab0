import { SecretError } from '../errors.ts'

/** The calls under way on one object, so that it can refuse new ones and wait for those when it closes. */
export class Calls {
  readonly #running = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  /** @throws SecretError `closed` */
  assertOpen(operation: string, store?: string): void {
    if (this.#closing !== undefined) throw SecretError.refused('closed', operation, { store })
  }

  async track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work)
    try {
      return await work
    } finally {
      this.#running.delete(work)
    }
  }

  async close(release: () => Promise<void>): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.allSettled(this.#running)
      await release()
    })()
    await this.#closing
  }
}
