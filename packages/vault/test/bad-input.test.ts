import { inspect } from 'node:util'
import { isSecretError, type NativePath, type SecretError, type SecretErrorCode, type SecretStore, type StorePolicy } from '@strongroom/core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { vaultDriver, vaultSecretStore, type VaultOptions } from '../src/index.ts'
import { missing, startVault, suite, type Vault } from './vault.ts'

// What a caller gives wrongly, or a real server does not take: a code, an effect, and nothing of the value.

const VALUE = 'marker-7d2f-of-a-secret-value'
const NATIVE: StorePolicy = { naming: 'native', limits: 'native' }
const labelsOf = (count: number): Record<string, string> => Object.fromEntries(Array.from({ length: count }, (_, index) => [`label${index}`, 'x']))

type Act = (store: SecretStore) => Promise<unknown>
const put =
  (name: string, value: string | Uint8Array = VALUE): Act =>
  store =>
    store.put(name, value)
const create =
  (labels: Readonly<Record<string, string>>): Act =>
  store =>
    store.put('labelled', VALUE, { ifAbsent: true, labels })

/** What is taken, what is one more, and the code that refuses it. */
const edges: readonly (readonly [what: string, at: Act, past: Act, code: SecretErrorCode])[] = [
  ['a name of 256 characters', put('x'.repeat(256)), put('x'.repeat(257)), 'invalid_argument'],
  ['a name of 256 characters of three bytes', put('日'.repeat(256)), put('日'.repeat(257)), 'invalid_argument'],
  ['a name that is not empty', put('x'), put(''), 'invalid_argument'],
  ['a name of two parts', put('a/b'), put('a//b'), 'invalid_argument'],
  ['a name that ends with a letter', put('a/b'), put('a/'), 'invalid_argument'],
  ['a name that begins with a letter', put('a/b'), put('/a'), 'invalid_argument'],
  ['a name with three dots', put('a/...'), put('a/..'), 'invalid_argument'],
  ['a name with a hidden file', put('a/.b'), put('a/./b'), 'invalid_argument'],
  ['a name with a space', put('a b'), put('a\tb'), 'invalid_argument'],
  ['a name of one line', put('a b'), put('a\nb'), 'invalid_argument'],
  ['a name that can be seen', put('a-b'), put('a\u200fb'), 'invalid_argument'],
  ['a name of common spaces', put('a b'), put('a\u00a0b'), 'invalid_argument'],
  ['text of 65,536 bytes', put('a', 'ä'.repeat(32_768)), put('a', `${VALUE}${'ä'.repeat(32_768)}`), 'too_large'],
  ['text of 65,536 bytes that JSON writes as six times as many', put('a', '\u0001'.repeat(65_536)), put('a', '\u0001'.repeat(65_537)), 'too_large'],
  ['binary of 65,536 bytes', put('a', new Uint8Array(65_536)), put('a', new Uint8Array(65_537)), 'too_large'],
  ['a value that is not empty', put('a', 'x'), put('a', ''), 'invalid_argument'],
  ['8 labels', create(labelsOf(8)), create(labelsOf(9)), 'invalid_argument'],
  ['a label of 256 characters', create({ owner: 'x'.repeat(256) }), create({ owner: 'x'.repeat(257) }), 'invalid_argument'],
  ['a label of a line', create({ owner: 'a team' }), create({ owner: 'a\nteam' }), 'invalid_argument'],
  ['a label that is not empty', create({ owner: 'x' }), create({ owner: '' }), 'invalid_argument'],
]

describe.skipIf(missing !== undefined)(suite('bad input'), () => {
  let vault: Vault
  let mount: string
  const stores: SecretStore[] = []
  beforeAll(async () => {
    vault = await startVault()
  })
  afterAll(() => vault?.stop())
  beforeEach(async () => {
    mount = await vault.mount()
  })
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close()
  })
  const options = (more: Partial<VaultOptions> = {}): VaultOptions => ({
    address: vault.url,
    mount,
    auth: { method: 'token', token: vault.token },
    ...more,
  })
  const storeWith = (policy: StorePolicy = {}, more: Partial<VaultOptions> = {}): SecretStore => {
    const store = vaultSecretStore(options(more), { attempts: 1, ...policy })
    stores.push(store)
    return store
  }

  it.each(edges)('%s', async (_, at, past, code) => {
    const store = storeWith(NATIVE)
    const error = await errorOf(past(store))
    expect([error.code, error.effect, error.retryable]).toEqual([code, 'none', false])
    expectSilent(error)
    expect(await Array.fromAsync(store.list())).toEqual([])
    await at(store)
    expect(await Array.fromAsync(store.list())).toHaveLength(1)
  })

  it('what the driver takes for printable is what the server takes: nothing is refused after the value was written', async () => {
    const driver = vaultDriver(options())
    const call = { signal: new AbortController().signal, attempt: 1 }
    const payload = { bytes: new TextEncoder().encode(VALUE), text: true }
    const texts = [
      'a b',
      'größe',
      '日本語',
      '🔑',
      '€',
      '“”',
      'e\u0301',
      '\u00a0',
      '\u2028',
      '\u200b',
      '\u200f',
      '\u00ad',
      '\ue000',
      '\u0007',
      '\u007f',
      'a\nb',
      '',
    ]
    for (const [index, text] of texts.entries()) {
      const path = `labelled-${index}` as NativePath
      const made = await driver.create({ path, payload, labels: { owner: text }, token: 'x' }, call).catch((error: unknown) => driver.classify(error))
      // Either all of it, or nothing.
      const { status, body } = await vault.ask('GET', `${mount}/metadata/${path}`)
      if ('version' in made) expect(body.data, JSON.stringify(text)).toMatchObject({ custom_metadata: { owner: text }, max_versions: 10_000 })
      else expect([made.code, made.effect, status], JSON.stringify(text)).toEqual(['invalid_argument', 'none', 404])
    }
    const edge = async (labels: Record<string, string>): Promise<string> =>
      await driver.create({ path: `edge-${Math.random()}` as NativePath, payload, labels, token: 'x' }, call).then(
        () => 'taken',
        (error: unknown) => `${driver.classify(error).code} ${driver.classify(error).effect}`,
      )
    expect(await edge(labelsOf(64))).toBe('taken')
    expect(await edge(labelsOf(65))).toBe('invalid_argument none')
    expect(await edge({ ['x'.repeat(128)]: 'x' })).toBe('taken')
    expect(await edge({ ['x'.repeat(129)]: 'x' })).toBe('invalid_argument none')
    expect(await edge({ owner: 'ä'.repeat(256) })).toBe('taken')
    expect(await edge({ owner: `${'ä'.repeat(256)}a` })).toBe('invalid_argument none')
    await driver.close()
  })

  it('what is refused is refused for every operation, and leaves the neighbours alone', async () => {
    const store = storeWith(NATIVE)
    await store.put('a', VALUE)
    for (const name of ['../a', 'b/../a', 'a/', './a', '/a', 'a/.']) {
      const acts = [
        store.get(name),
        store.put(name, 'x'),
        store.delete(name, { purge: true }),
        Array.fromAsync(store.versions(name)),
        store.destroyVersion(name, '1' as never),
      ]
      for (const error of await Promise.all(acts.map(errorOf))) expect([name, error.code, error.effect]).toEqual([name, 'invalid_argument', 'none'])
    }
    expect((await store.get('a')).value.revealText()).toBe(VALUE)
  })

  it('portable limits are refused before anything is sent', async () => {
    const store = storeWith({}, { address: 'http://127.0.0.1:9' })
    expect((await errorOf(store.put('a', VALUE.repeat(1_000)))).code).toBe('too_large')
  })

  it('a version that cannot be one, or that there is not, is not_found, without a value', async () => {
    const store = storeWith()
    await store.put('a', VALUE)
    for (const version of ['2', '999999999999999', '9999999999999999999', '0', '-1', 'latest', '1.0', ' 1'] as never[]) {
      const error = await errorOf(store.get('a', { version }))
      expect([version, error.code]).toEqual([version, 'not_found'])
      expectSilent(error)
      await store.destroyVersion('a', version)
    }
    expect((await store.get('a')).value.revealText()).toBe(VALUE)
  })

  it('a mount that is not there, and one of version 1, are misconfigured for reads and writes, and keep the value to themselves', async () => {
    for (const wrong of ['no-such-mount', await vault.mount('1')]) {
      const store = storeWith({}, { mount: wrong })
      const errors = [await errorOf(store.get('a')), await errorOf(store.put('a', VALUE)), await errorOf(Array.fromAsync(store.list()))]
      for (const error of errors) expect([error.code, error.effect, error.retryable]).toEqual(['misconfigured', 'none', false])
      expectSilent(...errors)
    }
  })

  it('a token that ends in mid-run is unauthenticated for reads and writes', async () => {
    const token = await vault.tokenFor({ [`${mount}/*`]: ['create', 'read', 'update', 'delete', 'list'] })
    const store = storeWith({}, { auth: { method: 'token', token } })
    await store.put('a', VALUE)
    await vault.admin('POST', 'auth/token/revoke', { token })
    const errors = [
      await errorOf(store.get('a')),
      await errorOf(store.put('a', `${VALUE}-2`)),
      await errorOf(store.put('b', VALUE, { ifAbsent: true })),
      await errorOf(Array.fromAsync(store.list())),
      await errorOf(store.delete('a', { purge: true })),
    ]
    for (const error of errors) expect([error.code, error.effect, error.retryable]).toEqual(['unauthenticated', 'none', false])
    expectSilent(...errors)
    expect((await storeWith().get('a')).value.revealText()).toBe(VALUE)
  })
})

async function errorOf(work: Promise<unknown>): Promise<SecretError> {
  const error: unknown = await work.then(
    () => new Error('it was taken'),
    (thrown: unknown) => thrown,
  )
  if (isSecretError(error)) return error
  throw error
}

function expectSilent(...errors: readonly SecretError[]): void {
  for (const error of errors) {
    const shown = [inspect(error, { depth: Infinity, showHidden: true }), JSON.stringify(error), String(error), error.stack]
    for (const text of shown) {
      expect(text).not.toContain(VALUE)
      expect(text).not.toContain(Buffer.from(VALUE).toString('base64').slice(0, 20))
    }
  }
}
