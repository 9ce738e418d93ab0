import {
  DecryptionFailure,
  EncryptionFailure,
  InternalServiceError,
  InvalidNextTokenException,
  InvalidParameterException,
  InvalidRequestException,
  LimitExceededException,
  PreconditionNotMetException,
  ResourceExistsException,
  ResourceNotFoundException,
  SecretsManagerServiceException,
} from '@aws-sdk/client-secrets-manager'
import { type Failure, type SecretErrorCode } from '@strongroom/core'
import { DriverFinding, refused } from '@strongroom/core/driver-support'
import { describe, expect, test } from 'vitest'
import { awsDriver } from '../src/index.ts'
import { withCircumstances } from '@strongroom/core/driver-support'
import { classify } from '../src/classify.ts'

type Row = [error: unknown, code: SecretErrorCode, retryable: boolean, effect: Failure['effect']]

const $metadata = { httpStatusCode: 400 }
const message = 'a message'
const service = (name: string, metadata: object = $metadata): Error =>
  new SecretsManagerServiceException({ name, $fault: 'client', $metadata: metadata, message })
const coded = (code: string, more: object = {}): Error => Object.assign(new Error(code), { code, ...more })
const named = (name: string): Error => Object.assign(new Error(name), { name })

const rows: readonly Row[] = [
  [new ResourceNotFoundException({ $metadata, message }), 'not_found', false, 'none'],
  [new ResourceExistsException({ $metadata, message }), 'already_exists', false, 'none'],
  [new PreconditionNotMetException({ $metadata, message }), 'conflict', false, 'none'],
  [new InvalidParameterException({ $metadata, message }), 'invalid_argument', false, 'none'],
  [new InvalidRequestException({ $metadata, message }), 'invalid_argument', false, 'none'],
  [new InvalidNextTokenException({ $metadata, message }), 'invalid_argument', false, 'none'],
  [service('ValidationException'), 'invalid_argument', false, 'none'],
  [service('AccessDeniedException'), 'permission_denied', false, 'none'],
  [new EncryptionFailure({ $metadata, message }), 'permission_denied', false, 'none'],
  [new DecryptionFailure({ $metadata, message }), 'permission_denied', false, 'none'],
  [new LimitExceededException({ $metadata, message }), 'quota_exceeded', false, 'none'],
  [new InternalServiceError({ $metadata, message }), 'unavailable', true, 'unknown'],
  [service('ServiceUnavailable'), 'unavailable', true, 'unknown'],
  [service('UnrecognizedClientException'), 'unauthenticated', false, 'none'],
  [service('InvalidSignatureException'), 'unauthenticated', false, 'none'],
  [service('InvalidSignatureException', { clockSkewCorrected: true }), 'unauthenticated', true, 'none'],
  [service('ExpiredTokenException'), 'unauthenticated', false, 'none'],
  [service('MissingAuthenticationTokenException'), 'unauthenticated', false, 'none'],
  [named('CredentialsProviderError'), 'unauthenticated', false, 'none'],
  ...['ThrottlingException', 'Throttling', 'TooManyRequestsException', 'RequestLimitExceeded', 'SlowDown'].map((name): Row => [
    service(name),
    'throttled',
    true,
    'none',
  ]),
  [service('UnknownOperationException'), 'misconfigured', false, 'none'],
  [coded('ECONNREFUSED'), 'unavailable', true, 'none'],
  [coded('ENOTFOUND'), 'unavailable', true, 'none'],
  [coded('EAI_AGAIN', { syscall: 'getaddrinfo' }), 'unavailable', true, 'none'],
  [coded('ETIMEDOUT', { syscall: 'connect' }), 'unavailable', true, 'none'],
  [Object.assign(new AggregateError([coded('ECONNREFUSED')]), { code: 'ECONNREFUSED' }), 'unavailable', true, 'none'],
  [coded('ECONNRESET', { name: 'TimeoutError' }), 'unavailable', true, 'unknown'],
  [coded('EPIPE'), 'unavailable', true, 'unknown'],
  [coded('HPE_INVALID_CONSTANT'), 'unavailable', true, 'unknown'],
  [coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'misconfigured', false, 'none'],
  [named('TimeoutError'), 'unavailable', true, 'unknown'],
  [new SyntaxError('Unexpected token <'), 'unavailable', true, 'unknown'],
  [named('AbortError'), 'aborted', false, 'unknown'],
  [service('Unknown', { httpStatusCode: 502 }), 'unavailable', true, 'unknown'],
  [service('Unknown', { httpStatusCode: 429 }), 'throttled', true, 'none'],
  [service('SomethingNewException'), 'unknown', false, 'unknown'],
  [new TypeError('x is not a function'), 'unknown', false, 'unknown'],
  [service('constructor'), 'unknown', false, 'unknown'],
  ...[undefined, null, 0, 'text', Symbol('x'), {}, [], () => {}].map((value): Row => [value, 'unknown', false, 'unknown']),
]

describe('classify', () => {
  test.each(rows)('%s → %s', (error, code, retryable, effect) => {
    expect(awsDriver({ region: 'eu-west-1' }).classify(error)).toMatchObject({ code, retryable, effect })
  })

  test('a status does not overrule a name', () => {
    expect(classify(service('ResourceNotFoundException', { httpStatusCode: 500 })).code).toBe('not_found')
    expect(classify(service('AccessDeniedException', { httpStatusCode: 404 })).code).toBe('permission_denied')
  })

  test.each([
    ["You can't create this secret because a secret with this name is already scheduled for deletion.", 'create', 'name_held', true],
    ["You can't perform this operation on the secret because it was marked for deletion.", 'read', 'not_found', false],
    ["You can't perform this operation on the secret because it was deleted.", 'append', 'not_found', false],
    ['You tried to enable rotation on a secret without a Lambda function.', 'append', 'invalid_argument', false],
  ])('InvalidRequestException: %s', (message, operation, code, retryable) => {
    const error = withCircumstances(new InvalidRequestException({ $metadata, message }), { operation })
    expect(classify(error)).toMatchObject({ code, retryable, effect: 'none' })
  })

  test('a token that is in use for another value is a conflict of the append', () => {
    expect(classify(withCircumstances(new ResourceExistsException({ $metadata, message }), { operation: 'append' })).code).toBe('conflict')
  })

  test('a refusal after an earlier step has written is of unknown effect', () => {
    expect(classify(withCircumstances(service('ThrottlingException'), { effect: 'unknown' })).effect).toBe('unknown')
  })

  test.each([
    ['2', 2_000, 2_000],
    ['0.5', 500, 500],
    [new Date(Date.now() + 60_000).toUTCString(), 50_000, 60_000],
    ['soon', undefined, undefined],
    ['', undefined, undefined],
    [undefined, undefined, undefined],
  ])('Retry-After: %s', (value, least, most) => {
    const error = Object.assign(service('ThrottlingException'), { $response: { headers: { 'retry-after': value } } })
    const { retryAfterMs } = classify(error)
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
