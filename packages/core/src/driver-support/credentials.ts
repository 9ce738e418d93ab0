import type { Abortable } from './abort.ts'
import { explained } from './classify.ts'
import { DriverFinding } from './failure.ts'
import { Shared } from './shared.ts'
import { within } from './within.ts'
import type { Failure } from '../errors.ts'

/** As long as a server may be silent. */
const ANSWER_MS = 10_000

/**
 * For authors of drivers: what a function that the caller gave answers, such as one for credentials. Whatever it throws means `failure`, and
 * so does an answer that does not fit. One that does not come within `withinMs`, by default 10 seconds, means it too, but is retryable: where
 * many calls wait for one answer, a function that hangs once would end all that come after. @throws the function's own error, or a DriverFinding
 */
export async function askedOf<T>(
  give: () => unknown,
  fits: (answer: unknown) => answer is T,
  failure: Failure | ((error: unknown) => Failure),
  withinMs: number = ANSWER_MS,
): Promise<T> {
  const meaning = (error?: unknown): Failure => (typeof failure === 'function' ? failure(error) : failure)
  let answer: unknown
  try {
    answer = await within(withinMs, (async () => await give())(), () => LATE)
  } catch (error) {
    throw explained(error, error === LATE ? { ...meaning(), retryable: true } : meaning(error))
  }
  if (!fits(answer)) throw new DriverFinding(meaning())
  return answer
}

const LATE = Symbol('late')

/** Something that ends after its time, such as the token of a login. */
export interface Lasting {
  readonly token: string
  /** By `performance.now()`, from before the request, so that it ends before the server's own. */
  readonly since: number
  readonly ttlMs: number
}

/** When so much of its time is over, the next call has it renewed. There is no timer: who does not call needs no token. */
const RENEW_AT = 2 / 3
/** The least pause after a renewal that failed; it is half of the time that is left otherwise. */
const PAUSE_MS = 1_000

/** For authors of drivers: a token, got and renewed once for many callers, and kept for its time. */
export class Renewed<Held extends Lasting> {
  readonly #renew: (held: Held | undefined) => Promise<Held>
  readonly #next = new Shared<string>()
  #held: Held | undefined
  #renewAt = 0

  /** `renew` is given what is there and has not ended. */
  constructor(renew: (held: Held | undefined) => Promise<Held>) {
    this.#renew = renew
  }

  /**
   * What is there as long as it has time: nobody waits for its renewal, however long that takes.
   * @throws DriverFinding `aborted`, or whatever `renew` throws
   */
  async get(call: Abortable): Promise<string> {
    const held = this.#held
    if (held === undefined || timeLeft(held) <= 0) return await this.#next.run(() => this.#begin(), call)
    // Until its time is over, a failure is nobody's.
    if (performance.now() >= this.#renewAt) this.#next.begin(() => this.#begin()).catch(() => {})
    return held.token
  }

  async #begin(): Promise<string> {
    const held = this.#held !== undefined && timeLeft(this.#held) > 0 ? this.#held : undefined
    try {
      const { since, ttlMs, token } = (this.#held = await this.#renew(held))
      this.#renewAt = since + ttlMs * RENEW_AT
      return token
    } catch (error) {
      if (held !== undefined) this.#renewAt = performance.now() + Math.max(PAUSE_MS, timeLeft(held) / 2)
      throw error
    }
  }

  /** Forgets a token that the server refused; not one that was got since. */
  drop(token: string): void {
    if (this.#held?.token === token) this.#held = undefined
  }
}

function timeLeft({ since, ttlMs }: Lasting): number {
  return since + ttlMs - performance.now()
}
