import { isSecretError, SecretError } from '@strongroom/core'
import { expect, test } from 'vitest'
import { azureDriver, azureSecretStore, type AzureOptions } from '../src/index.ts'
import { fakeClient, VAULT } from './fake-client.ts'

const credential = { getToken: async () => null }
const good = { vaultUrl: VAULT, credential }
const shown = { tenantId: 'a-tenant', clientId: 'a-client', clientSecret: 'a-secret-that-must-not-be-shown' }

function failureOf(options: unknown): SecretError {
  try {
    azureDriver(options as AzureOptions)
  } catch (error) {
    if (isSecretError(error)) return error
    throw error
  }
  throw new Error('it was taken')
}

test.each<[string, unknown]>([
  ['no options', undefined],
  ['a list', []],
  ['no vault', { credential }],
  ['a vault without a protocol', { ...good, vaultUrl: 'my-vault.vault.azure.net' }],
  ['a vault over http', { ...good, vaultUrl: 'http://my-vault.vault.azure.net' }],
  ['a vault with a path', { ...good, vaultUrl: `${VAULT}/secrets` }],
  ['a vault with a query', { ...good, vaultUrl: `${VAULT}/?a=b` }],
  ['a vault with a user', { ...good, vaultUrl: 'https://user:password@my-vault.vault.azure.net' }],
  ['an unknown option', { ...good, region: 'x' }],
  ['no credential', { vaultUrl: VAULT }],
  ['a credential that is text', { ...good, credential: 'x' }],
  ['a credential of an unknown kind', { ...good, credential: { kind: 'password' } }],
  ['a credential of a kind that every object has', { ...good, credential: { kind: 'constructor' } }],
  ['a client secret without the secret', { ...good, credential: { ...shown, kind: 'client_secret', clientSecret: undefined } }],
  ['a certificate that is no path', { ...good, credential: { kind: 'client_certificate', tenantId: 'a', clientId: 'b', certificatePath: '' } }],
  ['a field that the kind does not take', { ...good, credential: { kind: 'managed_identity', tenantId: 'a' } }],
  ['a client id that is a number', { ...good, credential: { kind: 'managed_identity', clientId: 7 } }],
  ['another version of the service', { ...good, serviceVersion: '2026-04-01' }],
  ['an authority that is no text', { ...good, tls: { ca: 7 } }],
  ['more than an authority', { ...good, tls: { ca: 'x', rejectUnauthorized: false } }],
  ['a verification that is text', { ...good, disableChallengeResourceVerification: 'yes' }],
  ['tags that are a list', { ...good, tags: ['x'] }],
  ['a tag of this library', { ...good, tags: { 'Strongroom:token': 'x' } }],
  ['a tag that is a number', { ...good, tags: { owner: 1 } }],
  ['a tag that is too long', { ...good, tags: { owner: 'x'.repeat(257) } }],
  ['7 tags', { ...good, tags: Object.fromEntries(Array.from({ length: 7 }, (_, index) => [`tag${index}`, 'x'])) }],
  ['a client that cannot set', { vaultUrl: VAULT, client: { ...fakeClient({}), setSecret: undefined } }],
])('%s is refused as invalid_argument, with a hint', (_, options) => {
  const { code, effect, retryable, hint } = failureOf(options)
  expect([code, effect, retryable]).toEqual(['invalid_argument', 'none', false])
  expect(hint).toBeTypeOf('string')
})

test('a client and what a client is made from exclude each other, and so do two vaults', () => {
  const client = fakeClient({})
  for (const more of [{ credential }, { serviceVersion: '7.6' }, { tls: { ca: 'x' } }, { disableChallengeResourceVerification: true }]) {
    expect(failureOf({ vaultUrl: VAULT, client, ...more }).code).toBe('misconfigured')
  }
  expect(failureOf({ vaultUrl: 'https://another.vault.azure.net', client }).code).toBe('misconfigured')
})

test('a refusal does not show the credential', () => {
  const error = failureOf({ ...good, credential: { ...shown, kind: 'client_secret', tenantId: '' } })
  expect(JSON.stringify(error) + String(error)).not.toContain('must-not-be-shown')
})

test('the location is made of the host alone, as URLs compare it', () => {
  expect(azureDriver(good).location).toBe('azure:my-vault.vault.azure.net')
  expect(azureDriver({ ...good, vaultUrl: 'https://MY-vault.vault.azure.net:443/' }).location).toBe('azure:my-vault.vault.azure.net')
  expect(azureDriver({ ...good, vaultUrl: 'https://127.0.0.1:8443' }).location).toBe('azure:127.0.0.1:8443')
})

test('good options are taken, of each kind of credential', () => {
  const kinds: readonly AzureOptions['credential'][] = [
    { kind: 'managed_identity' },
    { kind: 'managed_identity', clientId: 'x' },
    { kind: 'workload_identity', tenantId: 'a', clientId: 'b', tokenFilePath: '/c' },
    { ...shown, kind: 'client_secret' },
    { kind: 'client_certificate', tenantId: 'a', clientId: 'b', certificatePath: '/c.pem' },
    { kind: 'azure_cli' },
    { kind: 'default' },
  ]
  for (const kind of kinds)
    expect(azureDriver({ ...good, credential: kind, serviceVersion: '2025-07-01', tags: { team: 'payments' } }).kind).toBe('azure')
  expect(azureDriver({ vaultUrl: VAULT, client: fakeClient({}) }).kind).toBe('azure')
})

test('a wrong policy is refused by the store', () => {
  expect(() => azureSecretStore(good, { attempts: 0 })).toThrow(SecretError)
})
