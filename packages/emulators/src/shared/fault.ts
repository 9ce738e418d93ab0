/**
 * What a request meets instead of an answer, or beside it. Nothing is applied by `throttle`, `fail`, `answer`, `reset` and
 * `stall`; by `lose`, `cut`, `slow` and `delay` the request is applied first; `hold` does as it says.
 */
export type Fault =
  /** The backend's own answer for too many requests. `retryAfterMs` becomes its own header, in whole seconds. */
  | { readonly kind: 'throttle'; readonly retryAfterMs?: number | undefined }
  /** The backend's own error of that code; each emulator's page lists its codes. */
  | { readonly kind: 'fail'; readonly code: string }
  /** Anything, such as a load balancer's HTML page. */
  | { readonly kind: 'answer'; readonly status: number; readonly body: string; readonly headers?: Readonly<Record<string, string>> }
  /** The connection ends before the request is applied. */
  | { readonly kind: 'reset' }
  /** The request is taken and never answered. */
  | { readonly kind: 'stall' }
  /** The connection ends after the request was applied, without an answer. */
  | { readonly kind: 'lose' }
  /** Half of the answer's body, then the connection ends. */
  | { readonly kind: 'cut' }
  /** The answer's body comes in eight pieces, so many milliseconds apart. */
  | { readonly kind: 'slow'; readonly gapMs: number }
  /** The answer comes so many milliseconds later. */
  | { readonly kind: 'delay'; readonly ms: number }
  /**
   * The request is kept until `release` resolves: before it is applied, or after, before its answer is sent. It goes on whatever has
   * become of its sender, so that it can land after its sender has died. `release` is called once, when the request has come so far.
   */
  | { readonly kind: 'hold'; readonly applied: boolean; readonly release: () => Promise<unknown> }

/** Which requests meet a fault. */
export interface InjectOptions {
  /** How many requests meet it; default 1. */
  readonly count?: number | undefined
  /** Only requests of these operations, as the journal names them; default: every one. */
  readonly operations?: readonly string[] | undefined
  /** How many of these requests pass before the first that meets it; default 0. */
  readonly after?: number | undefined
}

interface Waiting {
  readonly fault: Fault
  readonly operations: readonly string[] | undefined
  left: number
  passing: number
}

/** The faults that wait for their requests, first come first served. */
export class Faults {
  readonly #waiting: Waiting[] = []

  inject(fault: Fault, { count = 1, operations, after = 0 }: InjectOptions = {}): void {
    if (!(Number.isInteger(count) && count > 0)) throw new RangeError('count is a whole number from 1')
    if (!(Number.isInteger(after) && after >= 0)) throw new RangeError('after is a whole number from 0')
    this.#waiting.push({ fault, operations, left: count, passing: after })
  }

  /** The fault of this request, which is then used up. */
  take(operation: string): Fault | undefined {
    const index = this.#waiting.findIndex(({ operations }) => operations === undefined || operations.includes(operation))
    const found = this.#waiting[index]
    if (found === undefined) return undefined
    if (found.passing > 0) {
      found.passing -= 1
      return undefined
    }
    found.left -= 1
    if (found.left === 0) this.#waiting.splice(index, 1)
    return found.fault
  }

  clear(): void {
    this.#waiting.length = 0
  }
}
