import { isAborted, type Abortable } from './abort.ts'
import { explained } from './classify.ts'
import { DriverFinding } from './failure.ts'
import { Shared } from './shared.ts'
import type { Failure } from '../errors.ts'

/**
 * For authors of drivers: what a function that the caller gave answers, such as one for credentials. Whatever it throws means `failure`, and
 * so does an answer that does not fit. @throws the function's own error, or a DriverFinding
 */
export async function askedOf<T>(
  give: () => unknown,
  fits: (answer: unknown) => answer is T,
  failure: Failure | ((error: unknown) => Failure),
): Promise<T> {
  const meaning = (error?: unknown): Failure => (typeof failure === 'function' ? failure(error) : failure)
  let answer: unknown
  try {
    answer = await give()
  } catch (error) {
    throw explained(error, meaning(error))
  }
  if (!fits(answer)) throw new DriverFinding(meaning())
  return answer
}

/** Something that ends after its time, such as the token of a login. */
export interface Lasting {
  readonly token: string
  /** By `performance.now()`, from before the request, so that it ends before the server's own. */
  readonly since: number
  readonly ttlMs: number
}

/** When so much of its time is over, it is renewed by the next call. There is no timer: who does not call needs no token. */
const RENEW_AT = 2 / 3

/** For authors of drivers: a token, got and renewed once for many callers, and kept for its time. */
export class Renewed<Held extends Lasting> {
  readonly #renew: (held: Held | undefined) => Promise<Held>
  readonly #next = new Shared<string>()
  #held: Held | undefined

  /** `renew` is given what is there and has not ended. */
  constructor(renew: (held: Held | undefined) => Promise<Held>) {
    this.#renew = renew
  }

  /** @throws DriverFinding `aborted`, or whatever `renew` throws, unless what is there has a part of its time yet */
  async get(call: Abortable): Promise<string> {
    const held = this.#held
    if (held !== undefined && isYoung(held)) return held.token
    try {
      return await this.#next.run(async () => {
        this.#held = await this.#renew(this.#held !== undefined && hasTime(this.#held) ? this.#held : undefined)
        return this.#held.token
      }, call)
    } catch (error) {
      if (held !== undefined && held === this.#held && hasTime(held) && !isAborted(call)) return held.token
      throw error
    }
  }

  /** Forgets a token that the server refused; not one that was got since. */
  drop(token: string): void {
    if (this.#held?.token === token) this.#held = undefined
  }
}

function hasTime({ since, ttlMs }: Lasting): boolean {
  return performance.now() - since < ttlMs
}

function isYoung({ since, ttlMs }: Lasting): boolean {
  return performance.now() - since < ttlMs * RENEW_AT
}
