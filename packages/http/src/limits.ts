import type { RateLimiterMemory } from 'rate-limiter-flexible'
import { Problem } from './problem.ts'

/** How often one caller may ask. */
export interface RateLimit {
  /** Requests that one caller's key may make: a whole number from 1 … */
  readonly requests: number
  /** … in so many seconds, more than 0. */
  readonly perSeconds: number
}

const RETRY_SOON_MS = 1000

/** How often one client may ask: in this process, so behind several servers each counts for itself. */
export class RateLimits {
  readonly #limit: RateLimit | undefined
  #limiter: Promise<RateLimiterMemory> | undefined

  /** @throws TypeError for a limit that is none: by one that is no number, nobody would be held back */
  constructor(limit: RateLimit | undefined) {
    if (limit !== undefined && !(Number.isSafeInteger(limit.requests) && limit.requests >= 1)) {
      throw new TypeError('rateLimit.requests is a whole number from 1')
    }
    if (limit !== undefined && !(Number.isFinite(limit.perSeconds) && limit.perSeconds > 0)) {
      throw new TypeError('rateLimit.perSeconds is a number above 0')
    }
    this.#limit = limit
  }

  /** @throws Problem 429 */
  async take(client: string): Promise<void> {
    if (this.#limit === undefined) return
    const { requests, perSeconds } = this.#limit
    const limiter = await (this.#limiter ??= makeLimiter(requests, perSeconds))
    const wait = await limiter.consume(client).then(
      () => undefined,
      (full: { readonly msBeforeNext: number }) => full.msBeforeNext,
    )
    if (wait === undefined) return
    throw new Problem({ status: 429, code: 'rate_limited', detail: 'too many requests with this key', retryAfterMs: wait, retry: true })
  }
}

async function makeLimiter(points: number, duration: number): Promise<RateLimiterMemory> {
  const { RateLimiterMemory } = await import('rate-limiter-flexible')
  return new RateLimiterMemory({ points, duration })
}

/** How many requests are worked on at once. A request whose body is still on its way takes no place. */
export class Places {
  readonly #most: number
  #taken = 0

  constructor(most: number) {
    this.#most = most
  }

  /** @throws Problem 503 when all are taken */
  async within<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    if (this.#taken >= this.#most) {
      throw new Problem({
        status: 503,
        code: 'overloaded',
        detail: 'this server is full; nothing was done',
        effect: 'none',
        retryAfterMs: RETRY_SOON_MS,
        retry: true,
      })
    }
    this.#taken += 1
    try {
      return await work()
    } finally {
      this.#taken -= 1
    }
  }
}
