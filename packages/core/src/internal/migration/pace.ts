import type { DriverCall, SecretDriver } from '../../driver.ts'
import type { Failure } from '../../errors.ts'
import { sleep } from '../backoff.ts'
import { READING, WRITING } from '../powers.ts'

const SLOWER = 2
const FASTER = 0.98
const FIRST_INTERVAL_MS = 10
const NO_INTERVAL_MS = 0.5
const REST_MS = 1000

/**
 * Spreads calls evenly over time, at no more than a rate. A store that says it is asked too much is left alone as long as it wishes,
 * and then asked half as often; each call that succeeds brings the rate back a little.
 */
export class Pace {
  readonly #leastMs: number
  #intervalMs: number
  #freeAt = 0
  #throttles = 0

  /** Calls a second; undefined: any number. */
  constructor(perSecond: number | undefined) {
    this.#leastMs = perSecond === undefined ? 0 : 1000 / perSecond
    this.#intervalMs = this.#leastMs
  }

  /**
   * Resolves when it is the caller's turn, whose request counts as so many calls; or once `over` aborts, for which the caller then looks
   * itself. Answers what {@link still} asks for.
   */
  async turn(calls = 1, over?: AbortSignal): Promise<number> {
    const now = performance.now()
    const at = Math.max(now, this.#freeAt)
    this.#freeAt = at + this.#intervalMs * calls
    if (at > now) await sleep(at - now, over)
    return this.#throttles
  }

  /** Whoever has had a turn and not called yet has another one, where the store was asked too much since. */
  async still(turn: number, over?: AbortSignal): Promise<void> {
    if (turn !== this.#throttles) await this.turn(1, over)
  }

  succeeded(): void {
    if (this.#intervalMs <= this.#leastMs) return
    const faster = this.#intervalMs * FASTER
    this.#intervalMs = faster < NO_INTERVAL_MS ? this.#leastMs : Math.max(this.#leastMs, faster)
  }

  throttled({ retryAfterMs = REST_MS }: Failure): void {
    const now = performance.now()
    // Those that were sent together are refused together: once is enough.
    if (this.#freeAt >= now + retryAfterMs) return
    this.#freeAt = now + retryAfterMs
    this.#throttles += 1
    this.#intervalMs = Math.max(FIRST_INTERVAL_MS, this.#intervalMs * SLOWER)
  }
}

/** The driver, telling its paces of every attempt that succeeds or is throttled. */
export function paced(driver: SecretDriver, reads: Pace, writes: Pace): SecretDriver {
  const telling =
    <Request, Answer>(pace: Pace, method: (request: Request, call: DriverCall) => Promise<Answer>) =>
    async (request: Request, call: DriverCall): Promise<Answer> => {
      try {
        const answer = await method(request, call)
        pace.succeeded()
        return answer
      } catch (error) {
        const failure = driver.classify(error)
        if (failure.code === 'throttled') pace.throttled(failure)
        throw error
      }
    }
  const { create, read, readMany, versions, list, ...rest } = { ...WRITING.view(driver), ...READING.view(driver) }
  return {
    ...rest,
    create: telling(writes, create),
    read: telling(reads, read),
    readMany: telling(reads, readMany),
    versions: telling(reads, versions),
    list: telling(reads, list),
  }
}
