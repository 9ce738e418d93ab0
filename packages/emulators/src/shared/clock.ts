/** The time as an emulator sees it: the machine's, moved forward at will. Retention, expiry and lag go by it. */
export class MovableClock {
  #ahead = 0

  /** Milliseconds since 1970. */
  now(): number {
    return Date.now() + this.#ahead
  }

  /** @throws RangeError for a step back */
  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError('a clock goes forward')
    this.#ahead += ms
  }
}
