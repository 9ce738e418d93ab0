import type { DriverCall } from '../driver.ts'
import { SecretError, type Failure, type SecretErrorCode } from '../errors.ts'
import type { StorePolicy } from '../policy.ts'
import { backoffMs, sleep } from './backoff.ts'
import { release, retain } from './shared.ts'
import { Stop } from './stop.ts'

const DEFAULT_DEADLINE_MS = 15_000
const DEFAULT_ATTEMPTS = 4

/** What a guard needs of a driver, whichever of its powers the face was given. */
export interface Guarded {
  readonly kind: string
  readonly location: string | undefined
  classify(error: unknown): Failure
  close(): Promise<void>
}

export interface GuardedCall<T> {
  readonly operation: string
  readonly secretName?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** A shorter time than the policy's, for instance the rest of a lease. */
  readonly withinMs?: number | undefined
  /**
   * What an attempt without an answer means. `read`: nothing, it had no effect. `repeat`: a write that is no more when done
   * twice. `never`: the error goes to the caller. A function: it looks whether the effect is there (and gives the write's own
   * answer); undefined allows another attempt.
   */
  readonly afterUnknown: 'read' | 'repeat' | 'never' | ((call: DriverCall) => Promise<T | undefined>)
  readonly attempt: (call: DriverCall) => Promise<T>
}

export interface GuardedAnswer<T> {
  readonly answer: T
  /** An attempt without an answer came before: its effect may still arrive. */
  readonly uncertain: boolean
}

/**
 * The one choke point between every face and its driver: deadline, cancellation, retries, error wrapping, observation and the
 * closed state. Checks of names, sizes and capabilities are beside it, in `checks.ts`.
 */
export class Guard {
  readonly #driver: Guarded
  readonly #part: Guarded
  readonly #policy: StorePolicy
  readonly label: string
  readonly deadlineMs: number
  readonly #attempts: number
  readonly #running = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  /** `part` is what is closed in the end: the driver itself where `driver` is a narrowed view of it. */
  constructor(driver: Guarded, policy: StorePolicy, label: string = driver.location ?? driver.kind, part: Guarded = driver) {
    this.#driver = driver
    this.#part = part
    this.#policy = policy
    this.label = label
    this.deadlineMs = policy.deadlineMs ?? DEFAULT_DEADLINE_MS
    this.#attempts = policy.attempts ?? DEFAULT_ATTEMPTS
    retain(part)
  }

  get closed(): boolean {
    return this.#closing !== undefined
  }

  /** @throws SecretError `closed` */
  assertOpen(operation: string): void {
    if (this.closed) throw SecretError.refused('closed', operation, { store: this.label })
  }

  async run<T>(request: GuardedCall<T>): Promise<T> {
    return (await this.runWrite(request)).answer
  }

  async runWrite<T>(request: GuardedCall<T>): Promise<GuardedAnswer<T>> {
    const startedAt = performance.now()
    const state = { attempts: 0 }
    let code: SecretErrorCode | 'ok' = 'unknown'
    const running = this.#loop(request, startedAt, state)
    this.#running.add(running)
    try {
      const answer = await running
      code = 'ok'
      return answer
    } catch (error) {
      if (error instanceof SecretError) code = error.code
      throw error
    } finally {
      this.#running.delete(running)
      this.#observe(request.operation, startedAt, state.attempts, code)
    }
  }

  async close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.allSettled(this.#running)
      await release(this.#part)
    })()
    await this.#closing
  }

  async #loop<T>(request: GuardedCall<T>, startedAt: number, state: { attempts: number }): Promise<GuardedAnswer<T>> {
    this.assertOpen(request.operation)
    const withinMs = Math.min(this.deadlineMs, request.withinMs ?? this.deadlineMs)
    const stop = new Stop(request.signal, withinMs)
    try {
      return await this.#attempt(request, stop, startedAt + withinMs, state)
    } finally {
      stop.end()
    }
  }

  async #attempt<T>(request: GuardedCall<T>, stop: Stop, deadlineAt: number, state: { attempts: number }): Promise<GuardedAnswer<T>> {
    const reads = request.afterUnknown === 'read'
    let uncertain = false
    for (;;) {
      if (stop.code !== undefined) throw this.#error(request, stop.failure(uncertain))
      let failure: Failure
      state.attempts += 1
      const call = { signal: stop.signal, attempt: state.attempts }
      try {
        if (uncertain && typeof request.afterUnknown === 'function') {
          const found = await stop.race(request.afterUnknown(call))
          if (found !== undefined) return { answer: found, uncertain }
        }
        return { answer: await stop.race(request.attempt(call)), uncertain }
      } catch (error) {
        failure = stop.code === undefined ? this.#classify(error, request.operation) : stop.failure(true)
      }
      if (failure.effect === 'unknown' && !reads) uncertain = true
      failure = { ...failure, effect: uncertain ? 'unknown' : 'none' }
      const mayRepeat = failure.retryable && stop.code === undefined && (!uncertain || request.afterUnknown !== 'never')
      if (!mayRepeat || state.attempts >= this.#attempts) throw this.#error(request, failure)
      const delayMs = backoffMs(state.attempts, failure)
      if (performance.now() + delayMs >= deadlineAt) throw this.#error(request, failure)
      await sleep(delayMs, stop.signal)
    }
  }

  #classify(error: unknown, operation: string): Failure {
    try {
      this.#policy.unsafeOnRawError?.(error, operation)
    } catch {
      // An observer does not change an outcome.
    }
    try {
      return this.#driver.classify(error)
    } catch {
      return { code: 'unknown', retryable: false, effect: 'unknown' }
    }
  }

  #error(request: GuardedCall<unknown>, { code, retryable, effect, retryAfterMs, hint }: Failure): SecretError {
    const { operation, secretName } = request
    return new SecretError({ code, retryable, effect, retryAfterMs, hint, operation, secretName, store: this.label })
  }

  #observe(operation: string, startedAt: number, attempts: number, code: SecretErrorCode | 'ok'): void {
    const { onOperation } = this.#policy
    if (onOperation === undefined) return
    try {
      onOperation({ store: this.label, operation, durationMs: performance.now() - startedAt, attempts, code })
    } catch {
      // An observer does not change an outcome.
    }
  }
}
