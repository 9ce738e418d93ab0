import { setTimeout as delay } from 'node:timers/promises'
import type { DriverCall, Failure, SecretDriver } from '@strongroom/core'

const TRIES = 3
const LONGEST_WAIT_MS = 3_000

interface Timed {
  /** By the machine's clock, in milliseconds since 1970. */
  readonly startedAt: number
  readonly durationMs: number
}

/** What became of one call. `raw` is only looked into for names and dates that are known beforehand; it is never shown. */
export type Attempt<Answer> =
  | (Timed & { readonly ok: true; readonly answer: Answer })
  | (Timed & { readonly ok: false; readonly failure: Failure; readonly raw: unknown })

export interface Asking {
  readonly driver: SecretDriver
  /** For one call, its repetitions apart. */
  readonly deadlineMs: number
  /** Ends calls that are under way. */
  readonly signal: AbortSignal
  /** Told of each call that is over. */
  readonly onCall: () => void
}

/** One call of a driver, again where its failure says that this may help. Never throws. */
export async function attempt<Answer>(
  { driver, deadlineMs, signal, onCall }: Asking,
  call: (call: DriverCall) => Promise<Answer>,
): Promise<Attempt<Answer>> {
  for (let tries = 1; ; tries += 1) {
    const begun = performance.now()
    const timed = (): Timed => ({ startedAt: Date.now() - (performance.now() - begun), durationMs: performance.now() - begun })
    const timeout = AbortSignal.timeout(deadlineMs)
    try {
      const answer = await raced(signal => call({ signal, attempt: tries }), AbortSignal.any([signal, timeout]))
      return { ok: true, answer, ...timed() }
    } catch (raw) {
      const failure = failureOf(driver, raw, { signal, timeout })
      const waitMs = failure.retryAfterMs ?? 100 * tries
      const again = failure.retryable && failure.effect === 'none' && tries < TRIES && waitMs <= LONGEST_WAIT_MS && !signal.aborted
      if (!again) return { ok: false, failure, raw, ...timed() }
      await delay(waitMs)
    } finally {
      onCall()
    }
  }
}

function failureOf(
  driver: SecretDriver,
  raw: unknown,
  { signal, timeout }: { readonly signal: AbortSignal; readonly timeout: AbortSignal },
): Failure {
  if (signal.aborted) return { code: 'aborted', retryable: false, effect: 'unknown' }
  if (timeout.aborted) return { code: 'deadline_exceeded', retryable: false, effect: 'unknown' }
  return driver.classify(raw)
}

/** An adapter ends its calls when the signal says so; one that is examined is not relied upon. */
async function raced<Answer>(call: (signal: AbortSignal) => Promise<Answer>, limit: AbortSignal): Promise<Answer> {
  limit.throwIfAborted()
  let stop = (): void => {}
  const stopped = new Promise<never>((_, fail) => (stop = () => fail(new Error('stopped'))))
  limit.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([call(limit), stopped])
  } finally {
    limit.removeEventListener('abort', stop)
  }
}
