import { SecretError } from '../errors.ts'

/** The calls under way on one object, so that it can refuse new ones and wait for those when it closes. */
export class Calls {
  #running = 0
  #idle: (() => void) | undefined
  #closing: Promise<void> | undefined
  readonly #stop = new AbortController()

  /** Aborts when it begins to close, for what would keep it from that. */
  get closing(): AbortSignal {
    return this.#stop.signal
  }

  /** @throws SecretError `closed` */
  assertOpen(operation: string, store?: string): void {
    if (this.#closing !== undefined) throw SecretError.refused('closed', operation, { store })
  }

  async track<T>(work: Promise<T>): Promise<T> {
    this.#running += 1
    try {
      return await work
    } finally {
      this.#running -= 1
      if (this.#running === 0) this.#idle?.()
    }
  }

  async close(release: () => Promise<void>): Promise<void> {
    this.#closing ??= (async () => {
      this.#stop.abort()
      if (this.#running > 0) await new Promise<void>(resolve => (this.#idle = resolve))
      await release()
    })()
    await this.#closing
  }
}
