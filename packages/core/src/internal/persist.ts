import { SecretError } from '../errors.ts'
import { backoffMs, sleep } from './backoff.ts'

const ATTEMPTS = 4

/** Repeats a database call that says it may be repeated. Every method of a metadata store may be, by its token or claim. */
export async function persist<T>(call: () => Promise<T>): Promise<T> {
  let uncertain = false
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof SecretError)) throw error
      // A refusal after an attempt without an answer does not say that the first one did nothing.
      uncertain ||= error.effect === 'unknown'
      if (!error.retryable || attempt === ATTEMPTS) throw uncertain ? error.in({ effect: 'unknown' }) : error
      await sleep(backoffMs(attempt, error))
    }
  }
}
