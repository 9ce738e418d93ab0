import createVault from 'node-vault'
import { type Failure, type SecretErrorCode } from '@strongroom/core'
import { DriverFinding, refused } from '@strongroom/core/driver-support'
import { describe, expect, test } from 'vitest'
import { withCircumstances } from '@strongroom/core/driver-support'
import { classify, statusOf } from '../src/classify.ts'
import { vaultDriver } from '../src/index.ts'

type Row = [what: string, error: unknown, code: SecretErrorCode, retryable: boolean, effect: Failure['effect']]

/** The SDK's own error for an answer: its class is not exported. */
async function answered(statusCode: number, body: unknown = { errors: [] }): Promise<unknown> {
  const client = createVault({ 'request-promise': { defaults: () => async () => ({ statusCode, body, request: { path: '' } }) } })
  return await client.request({ method: 'GET', path: '/x' }).catch((error: unknown) => error)
}
const said = (...errors: readonly string[]): object => ({ errors })
const coded = (code: string, more: object = {}): Error => Object.assign(new Error(code), { code, ...more })

const rows: readonly Row[] = [
  ['a bad request', await answered(400, said('no data provided')), 'invalid_argument', false, 'none'],
  ['a path that cannot be printed, which has no body', await answered(400, undefined), 'invalid_argument', false, 'none'],
  ['a comparison that failed', await answered(400, said('check-and-set parameter did not match the current version')), 'conflict', false, 'none'],
  [
    'a mount that is not ready',
    await answered(400, said('Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief period.')),
    'unavailable',
    true,
    'none',
  ],
  ['a proxy that asks who it is', await answered(401, {}), 'unauthenticated', false, 'none'],
  ['a denial', await answered(403, said('permission denied')), 'permission_denied', false, 'none'],
  ['a key that is not there', await answered(404), 'not_found', false, 'none'],
  ['a version that is deleted', await answered(404, { data: { data: null, metadata: {} } }), 'version_unusable', false, 'none'],
  ['a mount that is not there', await answered(404, said('no handler for route "x/data/y"')), 'misconfigured', false, 'none'],
  ['a namespace that is not there', await answered(404, said('namespace not found')), 'misconfigured', false, 'none'],
  ['something else than a Vault', await answered(404, {}), 'misconfigured', false, 'none'],
  ['an operation that the mount does not know', await answered(405, said('unsupported operation')), 'misconfigured', false, 'none'],
  ['a node that has not caught up', await answered(412, said('required index state not present')), 'unavailable', true, 'none'],
  ['a body that is too large', await answered(413, said('http: request body too large')), 'too_large', false, 'none'],
  ['a rate limit', await answered(429, said('request path "secret/data/a": rate limit quota exceeded')), 'throttled', true, 'none'],
  ['a full quota', await answered(429, said('request path "auth/x/login": lease count quota exceeded')), 'quota_exceeded', false, 'none'],
  ['a standby of disaster recovery', await answered(472), 'unavailable', true, 'none'],
  ['a performance standby', await answered(473), 'unavailable', true, 'none'],
  ['a redirect', await answered(307, ''), 'misconfigured', false, 'none'],
  ['an internal error', await answered(500, said('internal error')), 'unavailable', true, 'unknown'],
  [
    'a value that the storage does not take',
    await answered(500, said('put failed due to value being too large; got 1048600 bytes, max: 1048576 bytes')),
    'too_large',
    false,
    'unknown',
  ],
  ['a load balancer', await answered(502, {}), 'unavailable', true, 'unknown'],
  ['a sealed server', await answered(503, said('Vault is sealed')), 'unavailable', true, 'none'],
  ['a server that is busy', await answered(503, {}), 'unavailable', true, 'unknown'],
  ['a status that nobody knows', await answered(418), 'unknown', false, 'unknown'],
  ['nobody listens', coded('ECONNREFUSED', { syscall: 'connect' }), 'unavailable', true, 'none'],
  ['no such host', coded('ENOTFOUND', { syscall: 'getaddrinfo' }), 'unavailable', true, 'none'],
  ['several addresses, and nobody listens', Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }), 'unavailable', true, 'none'],
  ['a connection that could not be made in time', coded('ETIMEDOUT', { syscall: 'connect' }), 'unavailable', true, 'none'],
  ['a connection that ended', coded('ECONNRESET'), 'unavailable', true, 'unknown'],
  ['half an answer', coded('ECONNRESET', { message: 'aborted' }), 'unavailable', true, 'unknown'],
  ['an answer that is no HTTP', coded('HPE_INVALID_CONSTANT'), 'unavailable', true, 'unknown'],
  ['a certificate of its own', coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'misconfigured', false, 'none'],
  ['an authority that is not known', coded('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'misconfigured', false, 'none'],
  ['a certificate of another host', coded('ERR_TLS_CERT_ALTNAME_INVALID'), 'misconfigured', false, 'none'],
  ['a certificate that is over', coded('CERT_HAS_EXPIRED'), 'misconfigured', false, 'none'],
  ['a server that wants a certificate', coded('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'), 'misconfigured', false, 'none'],
  ['a server without TLS', coded('EPROTO'), 'misconfigured', false, 'none'],
  ['an abort', Object.assign(new Error('x'), { name: 'AbortError', code: 'ABORT_ERR' }), 'aborted', false, 'unknown'],
  ['a finding of the adapter', new DriverFinding(refused('corrupt')), 'corrupt', false, 'none'],
  ['a mistake in the code', new TypeError('x is not a function'), 'unknown', false, 'unknown'],
  ...[undefined, null, 0, 'text', Symbol('x'), {}, [], () => {}, { response: { statusCode: 404 } }].map((value): Row => [
    'no error at all',
    value,
    'unknown',
    false,
    'unknown',
  ]),
]

describe('classify', () => {
  const driver = vaultDriver({ address: 'http://127.0.0.1:1', auth: { method: 'token', token: 'x' } })
  test.each(rows)('%s', (_, error, code, retryable, effect) => {
    expect(driver.classify(error)).toMatchObject({ code, retryable, effect })
  })

  test('a comparison that failed is already_exists for a create', async () => {
    const error = await answered(400, said('check-and-set parameter did not match the current version'))
    expect(classify(withCircumstances(error, { operation: 'create' }))).toMatchObject({ code: 'already_exists', effect: 'none' })
  })

  test('the call knows better than its last step whether something was written', async () => {
    expect(classify(withCircumstances(await answered(403), { effect: 'unknown' })).effect).toBe('unknown')
    expect(classify(withCircumstances(coded('ECONNRESET'), { effect: 'none' })).effect).toBe('none')
  })

  test('the time to wait is told only where a repeat makes sense', async () => {
    expect(classify(withCircumstances(await answered(429), { retryAfterMs: 2000 })).retryAfterMs).toBe(2000)
    expect(classify(withCircumstances(await answered(403), { retryAfterMs: 2000 })).retryAfterMs).toBeUndefined()
  })

  test('what is remembered of an error does not change it', async () => {
    const error = Object.freeze((await answered(403)) as object)
    expect(withCircumstances(error, { operation: 'read' })).toBe(error)
    expect([classify(error).code, statusOf(error)]).toEqual(['permission_denied', 403])
  })
})
