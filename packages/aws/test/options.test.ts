import { isSecretError, SecretError } from '@strongroom/core'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { expect, test } from 'vitest'
import { awsDriver, awsSecretStore, type AwsClient, type AwsOptions } from '../src/index.ts'

const good = { region: 'eu-west-1' }
const keys = { accessKeyId: 'an-id', secretAccessKey: 'a-key-that-must-not-be-shown' }
const client: AwsClient = { send: async () => ({}) }

function failureOf(options: unknown): SecretError {
  try {
    awsDriver(options as AwsOptions)
  } catch (error) {
    if (isSecretError(error)) return error
    throw error
  }
  throw new Error('it was taken')
}

test.each<[string, unknown]>([
  ['no options', undefined],
  ['a list', []],
  ['no region', {}],
  ['a region that is a URL', { region: 'https://eu-west-1' }],
  ['a region with a dot, which would name another host', { region: 'eu-west-1.example' }],
  ['an unknown option', { ...good, accessKeyId: 'x' }],
  ['an account that is a number', { ...good, accountId: 123456789012 }],
  ['an account that is too short', { ...good, accountId: '12345' }],
  ['an endpoint that is no URL', { ...good, endpoint: 'localhost' }],
  ['an endpoint of another protocol', { ...good, endpoint: 'ftp://localhost' }],
  ['a plain endpoint elsewhere', { ...good, endpoint: 'http://aws.example.com' }],
  ['a plain endpoint elsewhere, with the leave denied', { ...good, endpoint: 'http://aws.example.com', unsafePlainHttp: false }],
  ['leave for plain endpoints that is text', { ...good, unsafePlainHttp: 'yes' }],
  ['an endpoint with a password', { ...good, endpoint: 'http://user:password@localhost' }],
  ['credentials without a key', { ...good, credentials: { accessKeyId: 'x' } }],
  ['a key with a line break at its end', { ...good, credentials: { ...keys, accessKeyId: 'x\n' } }],
  ['a session token with one', { ...good, credentials: { ...keys, sessionToken: 'x\n' } }],
  ['credentials that are text', { ...good, credentials: 'x' }],
  ['an empty key', { ...good, kmsKeyId: '' }],
  ['tags that are a list', { ...good, tags: ['x'] }],
  ['a tag of AWS', { ...good, tags: { 'AWS:owner': 'x' } }],
  ['a tag that is a number', { ...good, tags: { owner: 1 } }],
  ['too many tags', { ...good, tags: Object.fromEntries(Array.from({ length: 43 }, (_, index) => [`tag${index}`, 'x'])) }],
  ['a window of 6 days', { ...good, recoveryWindowDays: 6 }],
  ['a window of 31 days', { ...good, recoveryWindowDays: 31 }],
  ['a window of half days', { ...good, recoveryWindowDays: 7.5 }],
  ['a client that cannot send', { ...good, client: {} }],
])('%s is refused as invalid_argument, with a hint', (_, options) => {
  const { code, effect, retryable, hint } = failureOf(options)
  expect([code, effect, retryable]).toEqual(['invalid_argument', 'none', false])
  expect(hint).toBeTypeOf('string')
})

test('a client and what a client is made from exclude each other', () => {
  expect(failureOf({ ...good, client, endpoint: 'http://127.0.0.1:1' }).code).toBe('misconfigured')
  expect(failureOf({ ...good, client, credentials: keys }).code).toBe('misconfigured')
})

test('a refusal does not show the credentials', () => {
  expect(JSON.stringify(failureOf({ ...good, credentials: { ...keys, accessKeyId: '' } }))).not.toContain('must-not-be-shown')
})

test('the location is made of account and region alone', () => {
  expect(awsDriver({ ...good, accountId: '123456789012', credentials: keys }).location).toBe('aws:123456789012:eu-west-1')
  expect(awsDriver(good).location).toBeUndefined()
})

test('good options are taken, a client of the SDK too, and are not read again', () => {
  const options = { ...good, kmsKeyId: 'alias/x', tags: { team: 'payments' }, recoveryWindowDays: 7, client: new SecretsManagerClient(good) }
  const { location } = awsDriver(options)
  expect(location).toBeUndefined()
  for (const region of ['us-gov-west-1', 'cn-north-1', 'us-iso-east-1', 'eusc-de-east-1']) expect(awsDriver({ region }).kind).toBe('aws')
})

test('a wrong policy is refused by the store', () => {
  expect(() => awsSecretStore(good, { attempts: 0 })).toThrow(SecretError)
})

test.each([
  { endpoint: 'http://127.0.0.1:8080' },
  { endpoint: 'http://localhost:8080' },
  { endpoint: 'http://[::1]:8080' },
  { endpoint: 'http://aws.example.com', unsafePlainHttp: true },
])('a plain endpoint on the loopback, or with leave, is taken: %o', more => {
  expect(awsDriver({ ...good, ...more }).kind).toBe('aws')
})
