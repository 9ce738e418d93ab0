interface Size {
  /** They wait for so many, */
  readonly most: number
  /** and no longer than so many milliseconds, */
  readonly waitMs: number
  /** and not for more than there are. */
  readonly present: () => number
}

/**
 * Lets those who come soon after each other go on together: a database that groups what it is asked at the same time then waits for its disk
 * once for all of them.
 */
export class Meeting {
  readonly #size: Size
  readonly #waiting: (() => void)[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(size: Size) {
    this.#size = size
  }

  async join(): Promise<void> {
    await new Promise<void>(resolve => {
      this.#waiting.push(resolve)
      this.#timer ??= setTimeout(() => this.#goOn(), this.#size.waitMs)
      this.look()
    })
  }

  /** Somebody has come, or has gone for good. */
  look(): void {
    const { most, present } = this.#size
    if (this.#waiting.length >= Math.min(most, present())) this.#goOn()
  }

  #goOn(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
