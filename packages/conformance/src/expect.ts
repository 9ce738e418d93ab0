import assert from 'node:assert/strict'
import { isSecretError, secretErrorCodes, type Failure, type SecretDriver, type SecretError, type SecretErrorCode } from '@strongroom/core'
import type { NativePath, VersionId } from '@strongroom/core'
import type { CaseContext } from './case-context.ts'

/** What a promise was rejected with; fails when it resolves. */
export async function rejectionOf(work: Promise<unknown>): Promise<unknown> {
  const outcome = await work.then(
    answer => ({ answered: answer === undefined ? 'nothing' : 'something' }),
    (error: unknown) => ({ error }),
  )
  if ('answered' in outcome) assert.fail(`the call must fail, and it answered ${outcome.answered}`)
  return outcome.error
}

/** What a driver's rejection means by its own `classify`; fails when the promise resolves. */
export async function failureOf(driver: SecretDriver, work: Promise<unknown>): Promise<Failure> {
  const failure = driver.classify(await rejectionOf(work))
  assertFailure(failure)
  return failure
}

/** The driver must refuse, as one of these codes, having written nothing. */
export async function expectRefusal(driver: SecretDriver, work: Promise<unknown>, ...codes: readonly SecretErrorCode[]): Promise<Failure> {
  const failure = await failureOf(driver, work)
  assert.ok(codes.includes(failure.code), `fails as ${codes.join(' or ')}, not as ${failure.code}`)
  assert.equal(failure.effect, 'none', `a refusal as ${failure.code} has written nothing, and says so`)
  return failure
}

/** The store must fail with a SecretError of one of these codes. */
export async function expectError(work: Promise<unknown>, ...codes: readonly SecretErrorCode[]): Promise<SecretError> {
  const error = await rejectionOf(work)
  assert.ok(isSecretError(error), `a store throws only SecretErrors, not ${String(error)}`)
  assert.ok(codes.includes(error.code), `fails as ${codes.join(' or ')}, not as ${error.code}`)
  return error
}

/** `classify` answers the three axes and nothing that is not in the contract. */
export function assertFailure(failure: Failure): void {
  assert.ok(typeof failure === 'object' && failure !== null, 'classify answers an object')
  assert.ok(secretErrorCodes.includes(failure.code), `code is one of the contract's, not ${failure.code}`)
  assert.equal(typeof failure.retryable, 'boolean', 'retryable is a boolean')
  assert.ok(failure.effect === 'none' || failure.effect === 'unknown', 'effect is none or unknown')
  const { retryAfterMs, hint } = failure
  assert.ok(retryAfterMs === undefined || (Number.isFinite(retryAfterMs) && retryAfterMs >= 0), 'retryAfterMs is a time, or undefined')
  assert.ok(hint === undefined || typeof hint === 'string', 'hint is a sentence, or undefined')
}

export function assertBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  assert.ok(actual instanceof Uint8Array, `${what}: bytes are a Uint8Array`)
  // Compared by hand, so that a failure tells where and does not print kilobytes.
  const length = Math.min(actual.byteLength, expected.byteLength)
  for (let index = 0; index < length; index += 1) {
    if (actual[index] !== expected[index]) assert.fail(`${what}: byte ${index} is ${actual[index]}, not ${expected[index]}`)
  }
  assert.equal(actual.byteLength, expected.byteLength, `${what}: length`)
}

/** The version that the list calls current, which is at most one. */
export async function currentOf(context: CaseContext, path: NativePath): Promise<VersionId | undefined> {
  const current = (await context.versions(path)).filter(version => version.current)
  assert.ok(current.length <= 1, `at most one version is current, not ${current.length}`)
  return current[0]?.version
}

/** Runs the work as often as said, at the same time, and gives the outcomes. */
export function race<T>(count: number, work: (index: number) => Promise<T>): Promise<PromiseSettledResult<T>[]> {
  return Promise.allSettled(Array.from({ length: count }, (_, index) => work(index)))
}

export function won<T>(results: readonly PromiseSettledResult<T>[]): T[] {
  return results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
}

export function lost(results: readonly PromiseSettledResult<unknown>[]): unknown[] {
  return results.flatMap(result => (result.status === 'rejected' ? [result.reason as unknown] : []))
}
