import { DriverFinding, refused } from './failure.ts'
import type { Failure } from '../errors.ts'

/** What a driver knows of an error that the error itself does not say. */
export interface Circumstances {
  /** What the driver was at, by its own names: one error of a backend can mean two things. */
  readonly operation?: string | undefined
  /** Whether the call may have written, where the step that failed does not tell: an earlier one has, or this one only looked. */
  readonly effect?: Failure['effect'] | undefined
  /** What the error means, whatever is in it. */
  readonly failure?: Failure | undefined
  /** The wait that the backend asked for, in milliseconds. */
  readonly retryAfterMs?: number | undefined
}

const circumstances = new WeakMap<object, Circumstances>()

/**
 * For authors of drivers: remembers more of an error for `classifier`. What is said later counts, but an effect that is `unknown` stays
 * so. The error goes on unchanged, since `unsafeOnRawError` shows the SDK's own.
 */
export function withCircumstances(error: unknown, more: Circumstances): unknown {
  if (typeof error !== 'object' || error === null) return error
  const known = circumstances.get(error)
  circumstances.set(error, { ...known, ...more, ...(known?.effect === 'unknown' && { effect: 'unknown' }) })
  return error
}

/** For authors of drivers: what is thrown in place of `error`, which means `failure`: the error itself where it can be remembered. */
export function explained(error: unknown, failure: Failure): unknown {
  return typeof error === 'object' && error !== null ? withCircumstances(error, { failure }) : new DriverFinding(failure)
}

/** For authors of drivers: a step of a call; however it fails, this is the effect. `unknown` after a step that has written. */
export async function withEffect<T>(effect: Failure['effect'], step: Promise<T>): Promise<T> {
  try {
    return await step
  } catch (error) {
    throw withCircumstances(error, { effect })
  }
}

/** For authors of drivers: undefined where the work fails in an expected way, such as that there is nothing. */
export async function unlessFailed<T>(work: Promise<T>, isExpected: (error: unknown) => boolean): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (isExpected(error)) return undefined
    throw error
  }
}

const UNKNOWN: Failure = refused('unknown', { effect: 'unknown' })

/**
 * For authors of drivers: makes `classify` of what a backend's own errors mean. Its circumstances and a `DriverFinding` say more than
 * the error; what nobody knows is `unknown` with an unknown effect, and so is an error that cannot be looked at. Never throws.
 */
export function classifier(meaningOf: (error: object, operation: string | undefined) => Failure | undefined): (error: unknown) => Failure {
  return error => {
    try {
      if (typeof error !== 'object' || error === null) return UNKNOWN
      const { operation, effect, failure, retryAfterMs } = circumstances.get(error) ?? {}
      const meaning = failure ?? (error instanceof DriverFinding ? error.failure : meaningOf(error, operation)) ?? UNKNOWN
      const wait = meaning.retryAfterMs ?? retryAfterMs
      return { ...meaning, effect: effect ?? meaning.effect, retryAfterMs: meaning.retryable ? wait : undefined }
    } catch {
      return UNKNOWN
    }
  }
}
