import { isSecretError, SecretError } from '@strongroom/core'
import { expect, test } from 'vitest'
import { vaultDriver, vaultSecretStore, type VaultClient, type VaultOptions } from '../src/index.ts'

const address = 'https://vault.example.com:8200'
const auth = { method: 'token', token: 'a-token-that-must-not-be-shown' } as const
const good = { address, auth }
const client: VaultClient = { request: async () => ({}) }
const pem = '-----BEGIN CERTIFICATE-----\n'

function failureOf(options: unknown): SecretError {
  try {
    vaultDriver(options as VaultOptions)
  } catch (error) {
    if (isSecretError(error)) return error
    throw error
  }
  throw new Error('it was taken')
}

test.each<[string, unknown]>([
  ['no options', undefined],
  ['a list', []],
  ['no address', { auth }],
  ['an address that is no URL', { ...good, address: 'vault.example.com' }],
  ['an address of another protocol', { ...good, address: 'ftp://vault.example.com' }],
  ['an address with a password', { ...good, address: 'https://user:password@vault.example.com' }],
  ['an address with a query', { ...good, address: 'https://vault.example.com/?x=1' }],
  ['an address with a fragment', { ...good, address: 'https://vault.example.com/#x' }],
  ['a plain address elsewhere', { ...good, address: 'http://vault.example.com:8200' }],
  ['a plain address of a host that only begins like the loopback', { ...good, address: 'http://127.0.0.1.example.com:8200' }],
  ['a plain address elsewhere, with the leave denied', { ...good, address: 'http://vault.example.com:8200', unsafePlainHttp: false }],
  ['leave for plain addresses that is text', { ...good, unsafePlainHttp: 'yes' }],
  ['an unknown option', { ...good, token: 'x' }],
  ['an empty mount', { ...good, mount: '' }],
  ['a mount that begins with a slash', { ...good, mount: '/secret' }],
  ['a mount with dots', { ...good, mount: 'secret/../sys' }],
  ['a mount that is a number', { ...good, mount: 1 }],
  ['a namespace with an empty part', { ...good, namespace: 'team//part' }],
  ['a namespace that no header takes', { ...good, namespace: 'größe' }],
  ['a namespace with a line break', { ...good, namespace: 'team\nX-Other: 1' }],
  ['no auth', { address }],
  ['auth of an unknown method', { address, auth: { method: 'ldap' } }],
  ['auth of a method that objects have', { address, auth: { method: 'constructor' } }],
  ['auth that is a token', { address, auth: 'token' }],
  ['auth with an option of another method', { address, auth: { ...auth, role: 'x' } }],
  ['a token with a line break at its end', { address, auth: { method: 'token', token: 'x\n' } }],
  ['an empty token', { address, auth: { method: 'token', token: '' } }],
  ['renew that is text', { address, auth: { ...auth, renew: 'yes' } }],
  ['approle without a secret id', { address, auth: { method: 'approle', roleId: 'x' } }],
  ['approle at a mount that is no path', { address, auth: { method: 'approle', roleId: 'x', secretId: 'y', mount: '../x' } }],
  ['kubernetes without a role', { address, auth: { method: 'kubernetes' } }],
  ['kubernetes with an empty file', { address, auth: { method: 'kubernetes', role: 'x', jwtFile: '' } }],
  ['jwt without one', { address, auth: { method: 'jwt', role: 'x' } }],
  ['jwt from a file', { address, auth: { method: 'jwt', role: 'x', jwt: 'y', jwtFile: '/x' } }],
  ['tls that is text', { ...good, tls: pem }],
  ['tls with an option that would switch it off', { ...good, tls: { rejectUnauthorized: false } }],
  ['a certificate authority that is a path', { ...good, tls: { ca: '/etc/ca.pem' } }],
  ['a certificate without its key', { ...good, tls: { cert: pem } }],
  ['9 versions', { ...good, maxVersions: 9 }],
  ['versions without end', { ...good, maxVersions: Infinity }],
  ['a client that cannot ask', { address, client: {} }],
])('%s is refused as invalid_argument, with a hint', (_, options) => {
  const { code, effect, retryable, hint } = failureOf(options)
  expect([code, effect, retryable]).toEqual(['invalid_argument', 'none', false])
  expect(hint).toBeTypeOf('string')
})

test.each<[string, unknown]>([
  ['a client and auth', { ...good, client }],
  ['a client and tls', { address, client, tls: { ca: pem } }],
  ['a client and leave for plain addresses', { address, client, unsafePlainHttp: true }],
  ['a client of another address', { address, client: { ...client, endpoint: 'https://other.example.com:8200' } }],
  ['tls for a plain address', { ...good, address: 'http://127.0.0.1:8200', tls: { ca: pem } }],
  ['two places for the token of a service account', { address, auth: { method: 'kubernetes', role: 'x', jwt: 'y', jwtFile: '/x' } }],
])('%s are misconfigured', (_, options) => {
  expect(failureOf(options).code).toBe('misconfigured')
})

test.each([
  { address: 'http://127.0.0.1:8200' },
  { address: 'http://localhost:8200' },
  { address: 'http://[::1]:8200' },
  { address: 'http://vault.example.com:8200', unsafePlainHttp: true },
])('a plain address on the loopback, or with leave, is taken: %o', options => {
  expect(vaultDriver({ auth: { method: 'token', token: 'x' }, ...options }).location).toBe(`vault:${options.address}:/secret`)
})

test('a refusal does not show the token', () => {
  expect(JSON.stringify(failureOf({ ...good, auth: { ...auth, renew: 1 } }))).not.toContain('must-not-be-shown')
})

test('the location is made of address, namespace and mount alone, however they are written', () => {
  const locationOf = (more: Partial<VaultOptions>): string | undefined => vaultDriver({ ...good, ...more }).location
  expect(locationOf({})).toBe('vault:https://vault.example.com:8200:/secret')
  expect(locationOf({ address: 'https://VAULT.example.com:8200/', mount: 'secret/' })).toBe(locationOf({}))
  expect(locationOf({ auth: { method: 'approle', roleId: 'x', secretId: 'y' } })).toBe(locationOf({}))
  expect(locationOf({ namespace: 'team/part/', mount: 'kv/app' })).toBe('vault:https://vault.example.com:8200:team/part/kv/app')
  expect(locationOf({ address: 'https://example.com/vault/' })).toBe('vault:https://example.com/vault:/secret')
})

test('good options are taken, and not read again', () => {
  for (const auth of [
    { method: 'token', token: async () => 'x', renew: true },
    { method: 'kubernetes', role: 'x' },
    { method: 'kubernetes', role: 'x', jwtFile: '/run/token', mount: 'k8s/one' },
    { method: 'jwt', role: 'x', jwt: () => 'y' },
  ] as const) {
    expect(vaultDriver({ address, auth }).kind).toBe('vault')
  }
  expect(vaultDriver({ address, client: { ...client, endpoint: `${address}/` } as VaultClient }).kind).toBe('vault')
  const options = { ...good, mount: 'one', tls: { ca: pem, cert: pem, key: pem }, maxVersions: 10 }
  const driver = vaultDriver(options)
  options.mount = 'another'
  expect(driver.location).toBe('vault:https://vault.example.com:8200:/one')
})

test('a wrong policy is refused by the store', () => {
  expect(() => vaultSecretStore(good, { attempts: 0 })).toThrow(SecretError)
})
