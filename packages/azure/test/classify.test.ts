import { type Failure, type SecretErrorCode } from '@strongroom/core'
import { DriverFinding, refused } from '@strongroom/core/driver-support'
import { describe, expect, test } from 'vitest'
import { azureDriver } from '../src/index.ts'
import { withCircumstances } from '@strongroom/core/driver-support'
import { classify } from '../src/classify.ts'
import { restError, VAULT } from './fake-client.ts'

type Row = [error: unknown, code: SecretErrorCode, retryable: boolean, effect: Failure['effect']]

const coded = (code: string, more: object = {}): Error => Object.assign(new Error(code), { code, ...more })
const named = (name: string, more: object = {}): Error => Object.assign(new Error(name), { name, ...more })

const rows: readonly Row[] = [
  [restError(400, 'BadParameter'), 'invalid_argument', false, 'none'],
  [restError(401, 'Unauthorized'), 'unauthenticated', false, 'none'],
  [restError(401), 'unauthenticated', false, 'none'],
  [restError(403, 'Forbidden'), 'permission_denied', false, 'none'],
  [restError(403, 'Forbidden', 'ForbiddenByRbac'), 'permission_denied', false, 'none'],
  [restError(403, 'Forbidden', 'ForbiddenByPolicy'), 'permission_denied', false, 'none'],
  [restError(403, 'Forbidden', 'ForbiddenByFirewall'), 'permission_denied', false, 'none'],
  [restError(403), 'permission_denied', false, 'none'],
  [restError(403, 'Forbidden', 'SecretDisabled'), 'version_unusable', false, 'none'],
  [restError(404, 'SecretNotFound'), 'not_found', false, 'none'],
  [restError(404), 'misconfigured', false, 'none'],
  [restError(405, 'MethodNotAllowed'), 'misconfigured', false, 'none'],
  [restError(408), 'unavailable', true, 'unknown'],
  [restError(409, 'Conflict'), 'conflict', true, 'none'],
  [restError(409, 'Conflict', 'ObjectIsDeletedButRecoverable'), 'not_found', false, 'none'],
  [restError(409, 'Conflict', 'ObjectIsBeingDeleted'), 'not_found', false, 'none'],
  [restError(409, 'Conflict', 'ObjectIsBeingRecovered'), 'name_held', true, 'none'],
  [restError(413), 'too_large', false, 'none'],
  [restError(429, 'Throttled'), 'throttled', true, 'none'],
  [restError(429), 'throttled', true, 'none'],
  [restError(500, 'InternalServerError'), 'unavailable', true, 'unknown'],
  [restError(502), 'unavailable', true, 'unknown'],
  [restError(503, 'ServiceUnavailable'), 'unavailable', true, 'unknown'],
  [restError(200), 'unavailable', true, 'unknown'],
  [restError(302), 'misconfigured', false, 'none'],
  [restError(418, 'Teapot'), 'unknown', false, 'unknown'],
  [coded('ECONNREFUSED'), 'unavailable', true, 'none'],
  [coded('ENOTFOUND'), 'unavailable', true, 'none'],
  [coded('EAI_AGAIN'), 'unavailable', true, 'none'],
  [coded('ECONNRESET'), 'unavailable', true, 'unknown'],
  [coded('EPIPE'), 'unavailable', true, 'unknown'],
  [coded('HPE_INVALID_CONSTANT'), 'unavailable', true, 'unknown'],
  [coded('REQUEST_SEND_ERROR'), 'unavailable', true, 'unknown'],
  [coded('PARSE_ERROR', { statusCode: 200 }), 'unavailable', true, 'unknown'],
  [coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'misconfigured', false, 'none'],
  [coded('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'misconfigured', false, 'none'],
  [coded('ERR_TLS_CERT_ALTNAME_INVALID'), 'misconfigured', false, 'none'],
  [named('AbortError'), 'aborted', false, 'unknown'],
  [named('CredentialUnavailableError'), 'unauthenticated', false, 'none'],
  [named('AuthenticationError', { statusCode: 400 }), 'unauthenticated', false, 'none'],
  [named('AuthenticationRequiredError'), 'unauthenticated', false, 'none'],
  [named('AggregateAuthenticationError'), 'unauthenticated', false, 'none'],
  [new Error("The challenge resource 'x' does not match the requested domain. Set …"), 'misconfigured', false, 'none'],
  [new Error('The challenge contains invalid scope'), 'misconfigured', false, 'none'],
  [new TypeError('x is not a function'), 'unknown', false, 'unknown'],
  [named('constructor'), 'unknown', false, 'unknown'],
  ...[undefined, null, 0, 'text', Symbol('x'), {}, [], () => {}].map((value): Row => [value, 'unknown', false, 'unknown']),
]

describe('classify', () => {
  test.each(rows)('%s → %s', (error, code, retryable, effect) => {
    const driver = azureDriver({ vaultUrl: VAULT, credential: { kind: 'default' } })
    expect(driver.classify(error)).toMatchObject({ code, retryable, effect })
  })

  test.each([
    ['ObjectIsDeletedButRecoverable', false],
    ['ObjectIsBeingDeleted', true],
    ['ObjectIsBeingRecovered', true],
  ])('to a create, %s is a name that is held, and no time is named for it', (inner, retryable) => {
    const error = withCircumstances(restError(409, 'Conflict', inner), { operation: 'create' })
    expect(classify(error)).toMatchObject({ code: 'name_held', retryable, retryAfterMs: undefined, effect: 'none' })
  })

  test('what fails while it only looks has no effect, and what fails after a step has written may have one', () => {
    expect(classify(withCircumstances(restError(502), { effect: 'none' })).effect).toBe('none')
    expect(classify(withCircumstances(restError(429), { effect: 'unknown' })).effect).toBe('unknown')
    const later = withCircumstances(withCircumstances(restError(429), { effect: 'unknown' }), { effect: 'none' })
    expect(classify(later).effect).toBe('unknown')
    expect(classify(withCircumstances(new DriverFinding(refused('aborted')), { effect: 'unknown' })).effect).toBe('unknown')
  })

  test.each([
    ['2', 2_000, 2_000],
    ['0.5', 500, 500],
    [new Date(Date.now() + 60_000).toUTCString(), 50_000, 60_000],
    ['soon', undefined, undefined],
    ['', undefined, undefined],
  ])('Retry-After: %s', (value, least, most) => {
    const { retryAfterMs } = classify(restError(429, 'Throttled', undefined, { 'retry-after': value }))
    if (least === undefined || most === undefined) return expect(retryAfterMs).toBeUndefined()
    expect(retryAfterMs).toBeGreaterThanOrEqual(least)
    expect(retryAfterMs).toBeLessThanOrEqual(most)
  })

  test('it never throws, whatever it is given', () => {
    const hostile = new Proxy(new Error('hostile'), {
      get: () => {
        throw new Error('a trap')
      },
    })
    expect(classify(hostile)).toMatchObject({ code: 'unknown', effect: 'unknown' })
  })

  test('a finding of the adapter keeps its meaning', () => {
    expect(classify(new DriverFinding(refused('closed'))).code).toBe('closed')
  })
})
