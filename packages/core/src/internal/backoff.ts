import type { Failure } from '../errors.ts'

const BASE_MS = 100
const THROTTLED_BASE_MS = 500
const CAP_MS = 10_000
const HELD_BASE_MS = 200
const HELD_CAP_MS = 2_000

/**
 * Full jitter: anywhere between 0 and the doubled base, so that many clients do not come back together. A time that the server
 * asked for is waited out whole, and the jitter comes on top.
 */
export function backoffMs(attempt: number, failure: Failure): number {
  const base = failure.code === 'throttled' ? THROTTLED_BASE_MS : BASE_MS
  if (failure.retryAfterMs !== undefined) return failure.retryAfterMs + Math.random() * BASE_MS
  return Math.random() * Math.min(CAP_MS, base * 2 ** (attempt - 1))
}

/**
 * Before the next look at a name that comes free by itself: doubled too, and never less than half of it, since each look is a request and
 * nothing tells how many there will be. So long at most, as the name is wanted soon after it is free.
 */
export function heldMs(look: number, { retryAfterMs = 0 }: Failure): number {
  return retryAfterMs + Math.min(HELD_CAP_MS, HELD_BASE_MS * 2 ** (look - 1)) * (0.5 + Math.random() / 2)
}

/** Resolves after the time, or at once when the signal aborts. With `unref` it does not keep the process alive. */
export function sleep(ms: number, signal?: AbortSignal, unref?: 'unref'): Promise<void> {
  return new Promise(resolve => {
    if (signal?.aborted === true) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    if (unref !== undefined) timer.unref()
    signal?.addEventListener('abort', done, { once: true })
  })
}
