import { SecretManagerServiceClient } from '@google-cloud/secret-manager'
import { isSecretError, SecretError } from '@strongroom/core'
import { expect, test } from 'vitest'
import { gcpDriver, gcpSecretStore, type GcpOptions } from '../src/index.ts'
import { bearer } from './place.ts'

const good = { projectId: 'my-project' }
const credentials = { client_email: 'a@b.example', private_key: 'a-key-that-must-not-be-shown' }
const method = async (): Promise<readonly unknown[]> => []
const client = { createSecret: method, addSecretVersion: method, accessSecretVersion: method }
const key = 'projects/p/locations/europe-west3/keyRings/r/cryptoKeys/k'

function failureOf(options: unknown): SecretError {
  try {
    gcpDriver(options as GcpOptions)
  } catch (error) {
    if (isSecretError(error)) return error
    throw error
  }
  throw new Error('it was taken')
}

test.each<[string, unknown]>([
  ['no options', undefined],
  ['a list', []],
  ['no project', {}],
  ['a project’s number', { projectId: '123456789012' }],
  ['a project with a slash, which would name something else', { projectId: 'a-project/secrets/x' }],
  ['an unknown option', { ...good, project: 'x' }],
  ['a region that is a host', { ...good, region: 'evil.example' }],
  ['a region with a slash', { ...good, region: 'europe-west3/x' }],
  ['another transport', { ...good, transport: 'http' }],
  ['an alias that is latest', { ...good, versionAlias: 'latest' }],
  ['an alias that is NEW', { ...good, versionAlias: 'NEW' }],
  ['an alias that is a number', { ...good, versionAlias: '7' }],
  ['an alias of 64 characters', { ...good, versionAlias: 'a'.repeat(64) }],
  ['confirmReads that is text', { ...good, confirmReads: 'yes' }],
  ['a replication without a type', { ...good, replication: {} }],
  ['a replication nowhere', { ...good, replication: { type: 'locations', locations: [] } }],
  ['a replication in a place that is none', { ...good, replication: { type: 'locations', locations: [{ location: '' }] } }],
  ['a key that is an alias', { ...good, replication: { type: 'automatic', kmsKey: 'alias/key' } }],
  ['a key of one location that is none', { ...good, replication: { type: 'locations', locations: [{ location: 'europe-west3', kmsKey: '' }] } }],
  ['annotations that are a list', { ...good, annotations: ['x'] }],
  ['an annotation with a colon', { ...good, annotations: { 'a:b': 'x' } }],
  ['an annotation that is a number', { ...good, annotations: { owner: 1 } }],
  ['the driver’s own annotation', { ...good, annotations: { 'strongroom-create': 'x' } }],
  ['too many bytes of annotations', { ...good, annotations: { long: 'ä'.repeat(6_500) } }],
  ['credentials that are text', { ...good, credentials: 'x' }],
  ['a key file that is empty', { ...good, keyFile: '' }],
  ['an authClient that gives no headers', { ...good, authClient: {} }],
  ['an endpoint that is no URL', { ...good, endpoint: 'localhost' }],
  ['an endpoint of another protocol', { ...good, endpoint: 'ftp://localhost' }],
  ['a plain endpoint elsewhere', { ...good, endpoint: 'http://gcp.example.com' }],
  ['a plain endpoint elsewhere, with the leave denied', { ...good, endpoint: 'http://gcp.example.com', unsafePlainHttp: false }],
  ['leave for plain endpoints that is text', { ...good, unsafePlainHttp: 'yes' }],
  ['an endpoint with a password', { ...good, endpoint: 'https://user:password@localhost' }],
  ['an endpoint with a path', { ...good, endpoint: 'https://localhost/v1' }],
  ['a client that can do nothing', { ...good, client: {} }],
])('%s is refused as invalid_argument, with a hint', (_, options) => {
  const { code, effect, retryable, hint } = failureOf(options)
  expect([code, effect, retryable]).toEqual(['invalid_argument', 'none', false])
  expect(hint).toBeTypeOf('string')
})

test.each<[string, object]>([
  ['two kinds of credentials', { credentials, keyFile: '/a/file' }],
  ['credentials over http', { credentials, endpoint: 'http://localhost:8080' }],
  ['a key file over http', { keyFile: '/a/file', endpoint: 'http://localhost:8080' }],
  ['a client and an endpoint', { client, endpoint: 'https://localhost' }],
  ['a client and credentials', { client, credentials }],
  ['a client and a transport', { client, transport: 'rest' }],
  ['locations of a regional secret', { region: 'europe-west3', replication: { type: 'locations', locations: [{ location: 'europe-west3' }] } }],
  ['an alias that is to be confirmed', { versionAlias: 'live', confirmReads: true }],
])('%s exclude each other', (_, more) => {
  expect(failureOf({ ...good, ...more }).code).toBe('misconfigured')
})

test('a refusal does not show the credentials', () => {
  expect(JSON.stringify(failureOf({ ...good, credentials, keyFile: '/a/file' }))).not.toContain('must-not-be-shown')
})

test('the location is made of project and region alone', () => {
  expect(gcpDriver({ ...good, credentials }).location).toBe('gcp:my-project')
  expect(gcpDriver({ ...good, region: 'europe-west3', authClient: bearer('x') }).location).toBe('gcp:my-project:europe-west3')
})

test('a version can be staged with an alias, and without one the newest is current', () => {
  expect(gcpDriver(good).capabilities.current).toBe('on_append')
  expect(gcpDriver({ ...good, versionAlias: 'live' }).capabilities.current).toBe('on_promote')
})

test('good options are taken, a client of the SDK too', async () => {
  const replication = { type: 'locations', locations: [{ location: 'us-east1' }, { location: 'europe-west3', kmsKey: key }] } as const
  gcpDriver({ ...good, replication, annotations: { team: 'payments' }, transport: 'rest', endpoint: 'https://localhost:8443' })
  gcpDriver({ ...good, region: 'europe-west3', replication: { type: 'automatic', kmsKey: key } })
  gcpDriver({ projectId: 'example.com:my-project' })
  const ready = new SecretManagerServiceClient({ projectId: 'my-project' })
  expect(gcpDriver({ ...good, client: ready }).kind).toBe('gcp')
  await ready.close()
})

test('a wrong policy is refused by the store', () => {
  expect(() => gcpSecretStore(good, { attempts: 0 })).toThrow(SecretError)
})

test.each([
  { endpoint: 'http://127.0.0.1:8080' },
  { endpoint: 'http://localhost:8080' },
  { endpoint: 'http://[::1]:8080' },
  { endpoint: 'http://gcp.example.com', unsafePlainHttp: true },
])('a plain endpoint on the loopback, or with leave, is taken: %o', more => {
  expect(gcpDriver({ ...good, ...more }).kind).toBe('gcp')
})
