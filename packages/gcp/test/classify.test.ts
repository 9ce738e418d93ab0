import { GoogleError } from 'google-gax'
import { type Failure, type SecretErrorCode } from '@strongroom/core'
import { DriverFinding, refused } from '@strongroom/core/driver-support'
import { describe, expect, test } from 'vitest'
import { gcpDriver } from '../src/index.ts'
import { withCircumstances } from '@strongroom/core/driver-support'
import { classify, codeOf, tokenFailure } from '../src/classify.ts'

type Row = [error: unknown, code: SecretErrorCode, retryable: boolean, effect: Failure['effect']]

const google = (code: number, more: object = {}): Error => Object.assign(new GoogleError(`${code} A_MESSAGE`), { code, ...more })
const said = (code: number, message: string, more: object = {}): Error => Object.assign(new GoogleError(message), { code, ...more })
const coded = (code: unknown, more: object = {}): Error => Object.assign(new Error('a message'), { code, ...more })
/** As the REST transport wraps what the network said, twice. */
const wrapped = (code: string, more: object = {}): Error => Object.assign(google(14), { cause: coded(code, { cause: coded(code, { ...more }) }) })
const page = (httpStatusCode: number, code: number): Error =>
  said(code, `Error response from RPC GetSecret with status ${httpStatusCode} could not be decoded: the response body is not JSON: <html>`, {
    httpStatusCode,
  })

const rows: readonly Row[] = [
  [google(1), 'unavailable', true, 'unknown'],
  [google(2), 'unavailable', true, 'unknown'],
  [google(3), 'invalid_argument', false, 'none'],
  [google(4), 'unavailable', true, 'unknown'],
  [google(5), 'not_found', false, 'none'],
  [google(6), 'already_exists', false, 'none'],
  [google(7), 'permission_denied', false, 'none'],
  [google(7, { reason: 'SERVICE_DISABLED' }), 'misconfigured', false, 'none'],
  [google(7, { reason: 'IAM_PERMISSION_DENIED' }), 'permission_denied', false, 'none'],
  [google(8), 'throttled', true, 'none'],
  [google(8, { reason: 'RATE_LIMIT_EXCEEDED' }), 'throttled', true, 'none'],
  [google(8, { reason: 'RESOURCE_QUOTA_EXCEEDED' }), 'quota_exceeded', false, 'none'],
  [google(9), 'misconfigured', false, 'none'],
  [google(10), 'conflict', true, 'none'],
  [google(11), 'invalid_argument', false, 'none'],
  [google(12), 'misconfigured', false, 'none'],
  [google(13), 'unavailable', true, 'unknown'],
  [google(14), 'unavailable', true, 'unknown'],
  [google(15), 'corrupt', false, 'unknown'],
  [google(16), 'unauthenticated', false, 'none'],
  [google(17), 'unknown', false, 'unknown'],
  [google(404), 'unknown', false, 'unknown'],
  // gRPC, by the beginning of its own text.
  [said(14, '14 UNAVAILABLE: No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:1'), 'unavailable', true, 'none'],
  [said(14, '14 UNAVAILABLE: Name resolution failed for target dns:no-such-host.invalid:443'), 'unavailable', true, 'none'],
  [
    said(14, '14 UNAVAILABLE: No connection established. Last error: Error: self-signed certificate. Resolution note: '),
    'misconfigured',
    false,
    'none',
  ],
  [said(14, '14 UNAVAILABLE: No connection established. Last error: Error: unable to verify the first certificate'), 'misconfigured', false, 'none'],
  [said(14, '14 UNAVAILABLE: Connection dropped'), 'unavailable', true, 'unknown'],
  [said(14, 'something says: No connection established'), 'unavailable', true, 'unknown'],
  // REST.
  [wrapped('ECONNREFUSED'), 'unavailable', true, 'none'],
  [wrapped('ENOTFOUND'), 'unavailable', true, 'none'],
  [wrapped('ETIMEDOUT', { syscall: 'connect' }), 'unavailable', true, 'none'],
  [wrapped('ECONNRESET'), 'unavailable', true, 'unknown'],
  [wrapped('DEPTH_ZERO_SELF_SIGNED_CERT'), 'misconfigured', false, 'none'],
  [wrapped('CERT_HAS_EXPIRED'), 'misconfigured', false, 'none'],
  [page(404, 5), 'misconfigured', false, 'none'],
  [page(407, 9), 'misconfigured', false, 'none'],
  [page(429, 8), 'throttled', true, 'none'],
  [page(502, 13), 'unavailable', true, 'unknown'],
  // Of a ready client's.
  [coded('ECONNREFUSED'), 'unavailable', true, 'none'],
  [coded('ECONNRESET'), 'unavailable', true, 'unknown'],
  [coded('ENOENT'), 'unknown', false, 'unknown'],
  [new TypeError('x is not a function'), 'unknown', false, 'unknown'],
  [{ code: 5 }, 'unknown', false, 'unknown'],
  ...[undefined, null, 0, 'text', Symbol('x'), {}, [], () => {}].map((value): Row => [value, 'unknown', false, 'unknown']),
]

describe('classify', () => {
  test.each(rows)('%s → %s', (error, code, retryable, effect) => {
    expect(gcpDriver({ projectId: 'my-project' }).classify(error)).toMatchObject({ code, retryable, effect })
  })

  test.each([
    ['accessSecretVersion', 'Secret Version [projects/1/secrets/a/versions/1] is in DISABLED state.', 'version_unusable', false],
    ['accessSecretVersion', 'The Cloud KMS key is not enabled', 'permission_denied', false],
    ['addSecretVersion', 'the CryptoKey projects/1/… is disabled', 'permission_denied', false],
    ['updateSecret', 'The etag does not match', 'conflict', true],
    ['createSecret', 'the project is not in order', 'misconfigured', false],
  ])('a failed precondition of %s: %s', (operation, message, code, retryable) => {
    expect(classify(withCircumstances(said(9, message), { operation }))).toMatchObject({ code, retryable, effect: 'none' })
  })

  test('a refusal after an earlier step has written is of unknown effect', () => {
    expect(classify(withCircumstances(google(8), { effect: 'unknown' }))).toMatchObject({ code: 'throttled', effect: 'unknown' })
    expect(classify(withCircumstances(new DriverFinding(refused('aborted')), { effect: 'unknown' }))).toMatchObject({
      code: 'aborted',
      effect: 'unknown',
    })
  })

  test.each([
    [[{ retryDelay: { seconds: '2', nanos: 0 } }], 2_000],
    [[{ reason: 'x' }, { retryDelay: { seconds: { low: 0, toString: (): string => '0' }, nanos: 200_000_000 } }], 200],
    [[{ retryDelay: { nanos: 1 } }], 1],
    [[{ retryDelay: {} }], undefined],
    [[{ retryDelay: { seconds: 'soon' } }], undefined],
    [[null, 'x', 7], undefined],
    ['x', undefined],
    [undefined, undefined],
  ])('RetryInfo: %o', (statusDetails, wait) => {
    expect(classify(google(8, { statusDetails })).retryAfterMs).toBe(wait)
  })

  test('a number is Google’s own only where the answer was', () => {
    expect([codeOf(google(5)), codeOf(page(404, 5)), codeOf(coded('5')), codeOf({ code: 5 })]).toEqual([5, undefined, undefined, undefined])
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

describe('a token that cannot be had', () => {
  test.each<[unknown, SecretErrorCode, boolean]>([
    [coded('400', { status: 400 }), 'unauthenticated', false],
    [coded('503', { response: { status: 503 } }), 'unavailable', true],
    [coded(429, { status: 429 }), 'unavailable', true],
    [coded('ECONNREFUSED'), 'unavailable', true],
    [new Error('outer', { cause: coded('EAI_AGAIN') }), 'unavailable', true],
    [coded('ERR_OSSL_UNSUPPORTED'), 'unauthenticated', false],
    [coded('ENOENT'), 'unauthenticated', false],
    [new Error('invalid_grant'), 'unauthenticated', false],
    [undefined, 'unauthenticated', false],
  ])('%s → %s', (error, code, retryable) => {
    expect(tokenFailure(error)).toMatchObject({ code, retryable, effect: 'none' })
  })
})
