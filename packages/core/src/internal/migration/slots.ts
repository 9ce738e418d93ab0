/**
 * Lets so many go on at a time, in the order in which they came. Once `over` aborts it keeps nobody any more, and whoever goes on has to
 * look whether it has.
 */
export class Slots {
  #free: number
  readonly #over: AbortSignal
  readonly #waiting: (() => void)[] = []

  constructor(count: number, over: AbortSignal) {
    this.#free = count
    this.#over = over
    over.addEventListener('abort', () => this.#waiting.splice(0).forEach(go => go()), { once: true })
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#over.aborted) return await work()
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>(resolve => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free += 1
      else next()
    }
  }
}
