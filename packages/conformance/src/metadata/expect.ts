import assert, { AssertionError } from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { isSecretError, type SecretError, type SecretErrorCode } from '@strongroom/core'
import { rejectionOf } from '../expect.ts'

/** Stands in an expected answer for any text but the empty one. */
export const aText: unique symbol = Symbol('any text')

/** The answer has this and nothing more; a field that is undefined is as good as none. */
export function equal(actual: unknown, expected: unknown): void {
  if (!matches(actual, expected, false)) throw different(actual, expected, 'the answer must be')
}

/** The answer has at least these fields, and lists have these elements alone. */
export function includes(actual: unknown, expected: unknown): void {
  if (!matches(actual, expected, true)) throw different(actual, expected, 'the answer must have')
}

export function differ(actual: unknown, other: unknown): void {
  assert.ok(!isDeepStrictEqual(actual, other), 'the answer must be another one')
}

/** The work is refused with a SecretError of the code, final and without any effect. */
export async function expectRefused(work: Promise<unknown>, code: SecretErrorCode): Promise<SecretError> {
  const error = await rejectionOf(work)
  assert.ok(isSecretError(error), `a metadata store throws only SecretErrors, not ${String(error)}`)
  includes(error, { code, retryable: false, effect: 'none', store: undefined })
  return error
}

function matches(actual: unknown, expected: unknown, partly: boolean): boolean {
  if (expected === aText) return typeof actual === 'string' && actual !== ''
  if (Array.isArray(expected)) {
    return Array.isArray(actual) && actual.length === expected.length && expected.every((one, index) => matches(actual[index], one, partly))
  }
  if (!isFields(expected) || !isFields(actual)) return isDeepStrictEqual(actual, expected)
  const names = new Set([...Object.keys(expected), ...(partly ? [] : Object.keys(actual))])
  return [...names].every(name => matches(actual[name], expected[name], partly))
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

function different(actual: unknown, expected: unknown, message: string): AssertionError {
  const shown = (value: unknown): string =>
    JSON.stringify(value, (_, field: unknown) => (typeof field === 'symbol' ? '(any text)' : field), 2) ?? String(value)
  return new AssertionError({ message: `${message}\n${shown(expected)}\nand is\n${shown(actual)}`, actual, expected, operator: 'deepStrictEqual' })
}
