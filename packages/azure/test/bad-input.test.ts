import { encodeName, SecretError, type NativePath, type SecretDriver, type VersionId } from '@strongroom/core'
import { startAzureEmulator, type AzureEmulator } from '@strongroom/emulators/azure'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { azureDriver, azureSecretStore } from '../src/index.ts'
import { call, codeOf } from './fake-client.ts'
import { asked, credentialAt, officialClient, optionsAt } from './vault.ts'

let vault: AzureEmulator
let driver: SecretDriver

beforeAll(async () => {
  vault = await startAzureEmulator()
  driver = azureDriver(optionsAt(vault))
  await driver.list({ prefix: '', withLabels: false, page: undefined }, call)
})
beforeEach(() => void asked(vault))
afterAll(async () => {
  await driver?.close()
  await vault?.stop()
})

const text = (value: string): { readonly bytes: Uint8Array; readonly text: true } => ({ bytes: new TextEncoder().encode(value), text: true })
const create = (path: string, more: object = {}): ReturnType<SecretDriver['create']> =>
  driver.create({ path: path as NativePath, payload: text('v'), labels: {}, token: path, ...more }, call)

describe('names', () => {
  const bad = [
    '',
    '.',
    '..',
    'a/b',
    '../deletedsecrets',
    'a b',
    'a_b',
    'a.b',
    'a?x=1',
    'a#b',
    'a%2fb',
    'a\nb',
    'größe',
    'a\0',
    'x'.repeat(128),
    'versions/',
  ]

  test.each(bad)('%j is refused by every operation, and nothing is sent', async name => {
    const path = name as NativePath
    const version = 'a'.repeat(32) as VersionId
    const append = { path, payload: text('v'), token: 't', after: undefined, staged: false }
    const calls: readonly (() => Promise<unknown>)[] = [
      () => create(name),
      () => driver.append(append, call),
      () => driver.read({ path, version: undefined }, call),
      () => driver.read({ path, version }, call),
      () => driver.versions({ path, after: undefined, page: undefined }, call),
      () => driver.destroyVersion({ path, version }, call),
      () => driver.remove({ path, purge: false }, call),
      () => driver.remove({ path, purge: true }, call),
      () => driver.restore({ path }, call),
    ]
    for (const act of calls) expect(await codeOf(driver, act())).toEqual(['invalid_argument', 'none'])
    expect(asked(vault)).toEqual([])
  })

  test('of 127 characters is taken, and so are names that look like parts of the interface', async () => {
    for (const name of ['x'.repeat(127), '-', '0', 'versions', 'backup', 'restore', 'deletedsecrets', 'constructor']) {
      const { version } = await create(name)
      expect((await driver.read({ path: name as NativePath, version: undefined }, call)).version).toBe(version)
      expect((await driver.versions({ path: name as NativePath, after: undefined, page: undefined }, call)).items).toHaveLength(1)
      expect(await driver.remove({ path: name as NativePath, purge: true }, call)).toEqual({ state: 'gone' })
    }
  })

  test('of a store are longer when they are encoded, and too long ones are refused before anything is sent', async () => {
    await using store = azureSecretStore(optionsAt(vault))
    expect(encodeName('a'.repeat(100) + 'ä'.repeat(4)).length).toBe(132)
    await expect(store.get('a'.repeat(100) + 'ä'.repeat(4))).rejects.toMatchObject({ code: 'invalid_argument' })
    await expect(azureSecretStore(optionsAt(vault), { prefix: 'prod/' }).get('a')).rejects.toMatchObject({ code: 'invalid_argument' })
    expect(asked(vault)).toEqual([])
  })
})

describe('names that differ only in case are one secret', () => {
  const native = { naming: 'native' } as const

  test('natively: read, written and removed by either, made once, and listed as it was written first', async () => {
    await using store = azureSecretStore(optionsAt(vault), native)
    const { version } = await store.put('Case-Key', 'one')
    expect(await store.get('case-key')).toMatchObject({ version, name: 'case-key' })
    await expect(store.put('CASE-KEY', 'two', { ifAbsent: 'unsafe-check-then-write' })).rejects.toMatchObject({ code: 'already_exists' })
    const { version: second } = await store.put('CASE-KEY', 'two')
    expect((await store.get('Case-Key')).version).toBe(second)
    expect((await Array.fromAsync(store.versions('case-KEY'))).map(found => found.version).toSorted()).toEqual([version, second].toSorted())
    const names = (await Array.fromAsync(store.list())).map(({ name }) => name)
    expect(names.filter(name => name.toLowerCase() === 'case-key')).toEqual(['Case-Key'])
    expect(await store.delete('case-key', { purge: true })).toEqual({ state: 'gone' })
    await expect(store.get('Case-Key')).rejects.toMatchObject({ code: 'not_found' })
  })

  test('a prefix of another case lists what a read with it finds', async () => {
    await officialClient(vault).setSecret('Prod-one', 'v')
    await using store = azureSecretStore(optionsAt(vault), { prefix: 'prod-' })
    expect((await Array.fromAsync(store.list())).map(({ name }) => name)).toEqual(['one'])
    expect((await store.get('one')).value.revealText()).toBe('v')
  })

  test('portably they are two', async () => {
    await using store = azureSecretStore(optionsAt(vault), { prefix: 'portable-' })
    await store.put('ApiKey', 'one')
    await store.put('apikey', 'two')
    expect([(await store.get('ApiKey')).value.revealText(), (await store.get('apikey')).value.revealText()]).toEqual(['one', 'two'])
    expect((await Array.fromAsync(store.list())).map(({ name }) => name).toSorted()).toEqual(['ApiKey', 'apikey'])
  })
})

describe('values', () => {
  test('of the largest size come back, and larger ones are refused', async () => {
    const path = 'sizes' as NativePath
    await create('sizes', { payload: text('x'.repeat(25_000)) })
    expect((await driver.read({ path, version: undefined }, call)).payload.bytes.byteLength).toBe(25_000)
    const bytes = Uint8Array.from({ length: 18_750 }, (_, index) => index)
    await driver.append({ path, payload: { bytes, text: false }, token: 't', after: undefined, staged: false }, call)
    expect((await driver.read({ path, version: undefined }, call)).payload).toEqual({ bytes, text: false })
    const larger = driver.append({ path, payload: text('x'.repeat(25_001)), token: 't2', after: undefined, staged: false }, call)
    expect(await codeOf(driver, larger)).toEqual(['invalid_argument', 'none'])
    await using store = azureSecretStore(optionsAt(vault), { limits: 'native' })
    for (const value of ['x'.repeat(25_001), 'ä'.repeat(12_501), new Uint8Array(18_751)]) {
      await expect(store.put('sizes', value)).rejects.toMatchObject({ code: 'too_large', effect: 'none' })
    }
  })

  test.each([
    '\n',
    ' leading and trailing \r\n',
    '\ufeffbom',
    'a\0b',
    '{"value":"x"}',
    '""',
    '\u2028\u2029',
    '🔑'.repeat(1_000),
    'AP/+',
    '%24skiptoken',
  ])('%j comes back as it was', async value => {
    await using store = azureSecretStore(optionsAt(vault), { prefix: 'values-' })
    await store.put('one', value)
    expect((await store.get('one')).value.revealText()).toBe(value)
  })

  test('an empty value of somebody else’s is empty text', async () => {
    await officialClient(vault).setSecret('empty', '')
    expect((await driver.read({ path: 'empty' as NativePath, version: undefined }, call)).payload).toEqual({ bytes: new Uint8Array(), text: true })
  })
})

describe('labels', () => {
  const labelled = async (labels: Readonly<Record<string, string>>): Promise<unknown> => {
    await using store = azureSecretStore(optionsAt(vault), { prefix: 'labels-' })
    await store.put('one', 'v', { ifAbsent: 'unsafe-check-then-write', labels })
    await store.put('one', 'v2')
    const [found] = await Array.fromAsync(store.list({ withLabels: true }))
    await store.delete('one', { purge: true })
    return found?.labels
  }

  test('of the largest size, 8 of them, outlive an append', async () => {
    const labels = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`n${index}${'x'.repeat(61)}`, 'v'.repeat(256)]))
    expect(await labelled(labels)).toEqual(labels)
  })

  test('past the limits, with newlines, or none at all, are refused before anything is sent', async () => {
    const nine = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`n${index}`, 'v']))
    for (const labels of [
      nine,
      { ['x'.repeat(64)]: 'v' },
      { a: 'v'.repeat(257) },
      { a: 'line\nbreak' },
      { 'line\nbreak': 'v' },
      { a: '' },
      { 'strongroom:token': 'v' },
    ]) {
      await expect(labelled(labels)).rejects.toMatchObject({ code: 'invalid_argument' })
    }
    expect(asked(vault)).toEqual([])
  })

  test('that the vault refuses are refused without effect', async () => {
    expect(await codeOf(driver, create('refused', { labels: { a: 'v'.repeat(257) } }))).toEqual(['invalid_argument', 'none'])
    expect((await codeOf(driver, driver.read({ path: 'refused' as NativePath, version: undefined }, call)))[0]).toBe('not_found')
  })
})

test('a certificate is read by its name, and neither listed nor written over', async () => {
  vault.plantCertificate({ name: 'cert-one', value: 'MIIK' })
  await using store = azureSecretStore(optionsAt(vault), { prefix: 'cert-' })
  expect(await Array.fromAsync(store.list())).toEqual([])
  expect((await store.get('one')).value.revealText()).toBe('MIIK')
  await expect(store.put('one', 'v', { ifAbsent: 'unsafe-check-then-write' })).rejects.toMatchObject({ code: 'already_exists' })
})

test('disabled, expired, missing and denied are told apart', async () => {
  const client = officialClient(vault)
  await client.setSecret('disabled', 'v', { enabled: false })
  await client.setSecret('expired', 'v', { expiresOn: new Date(1_000_000) })
  vault.controls.permit('emulator-user')
  vault.controls.permit('owner')
  vault.controls.permit('nobody', { operations: [] })
  const denied = azureDriver(optionsAt(vault, 'nobody'))
  const read = (by: SecretDriver, path: string): Promise<string> =>
    by.read({ path: path as NativePath, version: undefined }, call).then(
      ({ payload }) => new TextDecoder().decode(payload.bytes),
      (error: unknown) => by.classify(error).code,
    )
  expect(await Promise.all([read(driver, 'disabled'), read(driver, 'expired'), read(driver, 'missing'), read(denied, 'expired')])).toEqual([
    'version_unusable',
    'v',
    'not_found',
    'permission_denied',
  ])
  await denied.close()
})

describe('tokens and certificates', () => {
  test('a token that runs out in the middle of a run is renewed', async () => {
    let issued = 0
    const credential = {
      // To the SDK it runs out at once, so that each call asks for another one.
      getToken: async () => ({ token: vault.issueToken('owner', { expiresInMs: 60_000 }), expiresOnTimestamp: Date.now() + (issued += 1) }),
    }
    await using store = azureSecretStore({ ...optionsAt(vault), credential }, { prefix: 'renewed-' })
    await store.put('a', 'one')
    vault.controls.clock.advance(120_000)
    await store.put('a', 'two')
    expect((await store.get('a')).value.revealText()).toBe('two')
    expect(issued).toBeGreaterThan(2)
  })

  test('a token that the vault takes back is unauthenticated, without effect, and told at once', async () => {
    await using store = azureSecretStore({ ...optionsAt(vault), credential: credentialAt(vault, 'owner', 3_600_000) }, { prefix: 'revoked-' })
    await store.put('a', 'one')
    vault.controls.clock.advance(7_200_000)
    await expect(store.put('a', 'two')).rejects.toMatchObject({ code: 'unauthenticated', effect: 'none', retryable: false })
  })

  test('a certificate that is not trusted is misconfigured, and nothing is sent', async () => {
    const { tls: _, ...untrusting } = optionsAt(vault)
    await using store = azureSecretStore(untrusting)
    await expect(store.put('a', 'one')).rejects.toMatchObject({ code: 'misconfigured', effect: 'none', retryable: false })
    await using named = azureSecretStore({ ...optionsAt(vault), tls: { ca: '-----BEGIN CERTIFICATE-----\nnonsense' } })
    await expect(named.get('a')).rejects.toBeInstanceOf(SecretError)
    expect(vault.controls.requests).toBe(0)
  })

  test('a host that does not exist is unavailable, without effect', async () => {
    const lost = azureDriver({ ...optionsAt(vault), vaultUrl: 'https://no-such-vault.invalid' })
    expect(await codeOf(lost, lost.read({ path: 'a' as NativePath, version: undefined }, call))).toEqual(['unavailable', 'none'])
    await lost.close()
  })
})

describe('answers that are none', () => {
  const page = { kind: 'answer', headers: { 'content-type': 'text/html' }, body: '<html></html>' } as const
  const json = { kind: 'answer', headers: { 'content-type': 'application/json' } } as const

  test.each([
    ['HTML with 200', { ...page, status: 200 }, 'unavailable', 'unknown'],
    ['HTML with 502', { ...page, status: 502 }, 'unavailable', 'unknown'],
    ['nothing with 200', { ...json, status: 200, body: '' }, 'unavailable', 'unknown'],
    ['nothing with 500', { ...json, status: 500, body: '' }, 'unavailable', 'unknown'],
    ['nothing with 404', { ...json, status: 404, body: '' }, 'misconfigured', 'none'],
    ['HTML with 404', { ...page, status: 404 }, 'misconfigured', 'none'],
    ['half of the JSON', { ...json, status: 200, body: '{"value":"v","id":"https:' }, 'unavailable', 'unknown'],
    ['JSON of another form', { ...json, status: 200, body: '{}' }, 'corrupt', 'unknown'],
    ['a list', { ...json, status: 200, body: '[]' }, 'corrupt', 'unknown'],
    ['null', { ...json, status: 200, body: 'null' }, 'unavailable', 'unknown'],
  ] as const)('to a write: %s', async (_, fault, code, effect) => {
    vault.controls.inject(fault, { operations: ['SetSecret'] })
    expect(await codeOf(driver, create(`none-${crypto.randomUUID()}`))).toEqual([code, effect])
    vault.controls.inject(fault, { operations: ['GetSecretVersions'] })
    const [code2, effect2] = await codeOf(driver, create(`none-${crypto.randomUUID()}`))
    expect([code2 === code || code2 === 'corrupt', effect2]).toEqual([true, 'none'])
  })
})
