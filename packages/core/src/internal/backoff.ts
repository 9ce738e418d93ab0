import type { Failure } from '../errors.ts'

const BASE_MS = 100
const THROTTLED_BASE_MS = 500
const CAP_MS = 10_000

/**
 * Full jitter: anywhere between 0 and the doubled base, so that many clients do not come back together. A time that the server
 * asked for is waited out whole, and the jitter comes on top.
 */
export function backoffMs(attempt: number, failure: Failure): number {
  const base = failure.code === 'throttled' ? THROTTLED_BASE_MS : BASE_MS
  if (failure.retryAfterMs !== undefined) return failure.retryAfterMs + Math.random() * BASE_MS
  return Math.random() * Math.min(CAP_MS, base * 2 ** (attempt - 1))
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
