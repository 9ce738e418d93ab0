import type { DriverCall } from '../driver.ts'
import { SecretError, secretErrorCodes, type Failure, type SecretErrorCode } from '../errors.ts'
import type { StorePolicy } from '../policy.ts'
import { backoffMs, heldMs, sleep } from './backoff.ts'
import { disown, release, retain } from './shared.ts'
import { itself, Stop } from './stop.ts'

export const DEFAULT_DEADLINE_MS = 15_000
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

interface State {
  attempts: number
  /** Attempts among them that found the name held for the moment: they do not count against the policy's. */
  held: number
  uncertain: boolean
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
  #running = 0
  #idle: (() => void) | undefined
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

  /** `result`: what the answer is made into. */
  run<T, R = T>(request: GuardedCall<T>, result: (answer: T) => R = itself as (answer: T) => R): Promise<R> {
    return this.#execute(request, { attempts: 0, held: 0, uncertain: false }, result)
  }

  async runWrite<T>(request: GuardedCall<T>): Promise<GuardedAnswer<T>> {
    const state = { attempts: 0, held: 0, uncertain: false }
    return { answer: await this.#execute(request, state, itself), uncertain: state.uncertain }
  }

  async close(): Promise<void> {
    this.#closing ??= (async () => {
      if (this.#running > 0) await new Promise<void>(resolve => (this.#idle = resolve))
      await release(this.#part).catch((error: unknown) => {
        throw this.#error({ operation: 'close' }, { ...this.#classify(error, 'close'), effect: 'none' })
      })
    })()
    await this.#closing
  }

  /** For a face that failed to open: the driver stays the caller's, open. */
  disown(): void {
    this.#closing = Promise.resolve()
    disown(this.#part)
  }

  /**
   * No async function while the first attempt succeeds, and few closures: what runs between two network calls is cold, so each frame
   * would be paid for in full.
   */
  #execute<T, R>(request: GuardedCall<T>, state: State, result: (answer: T) => R): Promise<R> {
    if (this.closed) return Promise.reject(SecretError.refused('closed', request.operation, { store: this.label }))
    const stop = new Stop(request.signal, Math.min(this.deadlineMs, request.withinMs ?? this.deadlineMs))
    this.#running += 1
    if (stop.code !== undefined) return this.#goOn(request, state, stop, undefined, result)
    state.attempts = 1
    return new Promise((resolve, reject) => {
      let over = false
      const failed = (error: unknown): void => {
        if (over) return
        over = true
        resolve(this.#goOn(request, state, stop, error, result))
      }
      const answered = (answer: T): void => {
        if (over) return
        over = true
        this.#end(request, state, stop, 'ok')
        try {
          resolve(result(answer))
        } catch (error) {
          reject(error)
        }
      }
      stop.onStop = failed
      try {
        request.attempt(stop).then(answered, failed)
      } catch (error) {
        failed(error) // of a driver whose method is no async function
      }
    })
  }

  /** After an attempt that failed with this error; after none where the call was over before. */
  async #goOn<T, R>(request: GuardedCall<T>, state: State, stop: Stop, error: unknown, result: (answer: T) => R): Promise<R> {
    let code: SecretErrorCode | 'ok' = 'unknown'
    try {
      for (let thrown = error; ;) {
        if (state.attempts > 0) await this.#pause(request, state, stop, thrown)
        if (stop.code !== undefined) throw this.#error(request, stop.failure(state.uncertain))
        state.attempts += 1
        try {
          const answer = await stop.race(() => this.#again(request, state, stop))
          code = 'ok'
          return result(answer)
        } catch (error) {
          thrown = error
        }
      }
    } catch (error) {
      if (error instanceof SecretError) code = error.code
      throw error
    } finally {
      this.#end(request, state, stop, code)
    }
  }

  /** The time before the next attempt. @throws SecretError when there is none */
  async #pause(request: GuardedCall<unknown>, state: State, stop: Stop, error: unknown): Promise<void> {
    const failure = stop.code === undefined ? this.#classify(error, request.operation) : stop.failure(true)
    if (failure.effect === 'unknown' && request.afterUnknown !== 'read') state.uncertain = true
    const isHeld = failure.code === 'name_held'
    if (isHeld) state.held += 1
    const counted = state.attempts - state.held
    const delayMs = isHeld ? heldMs(state.held, failure) : backoffMs(counted, failure)
    const mayRepeat = failure.retryable && stop.code === undefined && (!state.uncertain || request.afterUnknown !== 'never')
    // Who wants one attempt wants no waiting either.
    const isLast = this.#attempts === 1 || counted >= this.#attempts
    if (!mayRepeat || isLast || performance.now() + delayMs >= stop.deadlineAt) {
      throw this.#error(request, { ...failure, effect: state.uncertain ? 'unknown' : 'none' })
    }
    await sleep(delayMs, stop.signal)
  }

  async #again<T>({ afterUnknown, attempt }: GuardedCall<T>, { attempts, uncertain }: State, stop: Stop): Promise<T> {
    stop.attempt = attempts
    const found = uncertain && typeof afterUnknown === 'function' ? await afterUnknown(stop) : undefined
    return found ?? (await attempt(stop))
  }

  #end({ operation, withinMs }: GuardedCall<unknown>, { attempts }: State, stop: Stop, code: SecretErrorCode | 'ok'): void {
    stop.end()
    this.#running -= 1
    if (this.#running === 0) this.#idle?.()
    this.#observe(operation, stop.deadlineAt - Math.min(this.deadlineMs, withinMs ?? this.deadlineMs), attempts, code)
  }

  #classify(error: unknown, operation: string): Failure {
    try {
      this.#policy.unsafeOnRawError?.(error, operation)
    } catch {
      // An observer does not change an outcome.
    }
    try {
      const failure: Partial<Failure> | undefined = this.#driver.classify(error)
      if (isFailure(failure)) return failure
    } catch {
      // As an answer that is none.
    }
    return { code: 'unknown', retryable: false, effect: 'unknown' }
  }

  #error(request: Pick<GuardedCall<unknown>, 'operation' | 'secretName'>, { code, retryable, effect, retryAfterMs, hint }: Failure): SecretError {
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

function isFailure(failure: Partial<Failure> | undefined): failure is Failure {
  const known: readonly unknown[] = secretErrorCodes
  return known.includes(failure?.code) && (failure?.effect === 'none' || failure?.effect === 'unknown')
}
