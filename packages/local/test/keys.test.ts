import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { addLocalKey, localDriver } from '../src/index.ts'
import { filesOf, openLocal, storePath, temporaryDirectory } from './helpers.ts'
import { OutOfBandStore, thumbprint } from './out-of-band.ts'

afterEach(() => vi.unstubAllEnvs())

interface KeySet {
  readonly keys: readonly { readonly kty: string; readonly kid: string; readonly k: string; readonly alg: string }[]
}

async function keySet(file: string): Promise<KeySet> {
  return JSON.parse(await readFile(file, 'utf8')) as KeySet
}

/** Everything in the directory but SQLite's lock table, which every opening touches. */
async function contents(path: string): Promise<ReadonlyMap<string, string>> {
  return new Map([...(await filesOf(path))].filter(([name]) => !/-(shm|wal)$/.test(name)).map(([name, bytes]) => [name, bytes.toString('base64')]))
}

test('the key file that the first use makes is a JWK Set of one key, named by its thumbprint', async () => {
  const path = await storePath()
  await openLocal({ path }).create('a', 'value')
  const { keys } = await keySet(join(path, 'key'))
  expect(keys).toEqual([{ kty: 'oct', kid: thumbprint(keys[0]?.k as string), alg: 'A256GCM', use: 'enc', k: expect.stringMatching(/^[\w-]{43}$/) }])
})

test('a bare variable in either base64, and the default variable before the key file', async () => {
  const bytes = randomBytes(32)
  const path = await storePath()
  vi.stubEnv('STRONGROOM_LOCAL_KEY', `${bytes.toString('base64')}\n`)
  await openLocal({ path }).create('a', 'value')
  vi.stubEnv('STRONGROOM_LOCAL_KEY', undefined)
  vi.stubEnv('OTHER_KEY', bytes.toString('base64url'))
  expect(await openLocal({ path, key: { env: 'OTHER_KEY' } }).read('a')).toBe('value')
  const used = new OutOfBandStore(path).with(database => database.prepare('SELECT kid FROM keys').all())
  expect(used).toEqual([{ kid: thumbprint(bytes.toString('base64url')) }])
  expect([...(await filesOf(path)).keys()]).not.toContain('key')
})

test('a variable may hold a JWK Set: the first key writes, all of them read', async () => {
  const [one, two] = ['one', 'two'].map(kid => ({ kty: 'oct', kid, k: randomBytes(32).toString('base64url') }))
  const path = await storePath()
  const key = { env: 'KEY_SET' }
  vi.stubEnv('KEY_SET', JSON.stringify({ keys: [one] }))
  await openLocal({ path, key }).create('old', 'under one')
  vi.stubEnv('KEY_SET', JSON.stringify({ keys: [two, one] }))
  const local = openLocal({ path, key })
  await local.create('new', 'under two')
  expect([await local.read('old'), await local.read('new')]).toEqual(['under one', 'under two'])
  const kids = new OutOfBandStore(path).with(database => database.prepare('SELECT kid FROM versions ORDER BY sequence').all())
  expect(kids).toEqual([{ kid: 'one' }, { kid: 'two' }])
})

test.each([
  ['nothing', undefined],
  ['an empty variable', ''],
  ['31 bytes', randomBytes(31).toString('base64')],
  ['33 bytes', randomBytes(33).toString('base64')],
  ['hex', randomBytes(32).toString('hex')],
  ['a set without keys', '{"keys":[]}'],
  ['a set with a short key', '{"keys":[{"kty":"oct","k":"AAAA"}]}'],
  ['a set with a public key', '{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}'],
  ['a key for another algorithm', JSON.stringify({ keys: [{ kty: 'oct', alg: 'HS256', k: randomBytes(32).toString('base64url') }] })],
  ['broken JSON', '{"keys":['],
])('%s is not a key: misconfigured, without the text in the message', async (_, value) => {
  const path = await storePath()
  vi.stubEnv('BAD_KEY', value)
  const local = openLocal({ path, key: { env: 'BAD_KEY' } })
  const failure = await local.failure(local.create('a', 'value'))
  expect(failure).toMatchObject({ code: 'misconfigured', effect: 'none', hint: expect.any(String) })
  if (value !== undefined && value !== '') expect(failure.hint).not.toContain(value.slice(0, 12))
})

test('two keys of the same id are refused', async () => {
  const keys = [1, 2].map(() => ({ kty: 'oct', kid: 'same', k: randomBytes(32).toString('base64url') }))
  vi.stubEnv('TWICE', JSON.stringify({ keys }))
  const local = openLocal({ path: await storePath(), key: { env: 'TWICE' } })
  expect(await local.failure(local.create('a', 'value'))).toMatchObject({ code: 'misconfigured', hint: 'two keys have the same id' })
})

test('with another key nothing is read, written or removed, the wanted key is named, and the right one still opens it', async () => {
  const path = await storePath()
  const good = openLocal({ path })
  const version = await good.create('a', 'value')
  await good.driver.close()
  const { keys } = await keySet(join(path, 'key'))
  const before = await contents(path)
  vi.stubEnv('STRONGROOM_LOCAL_KEY', randomBytes(32).toString('base64'))
  const wrong = openLocal({ path })
  const attempts = [wrong.read('a'), wrong.create('b', 'value'), wrong.append('a', 'other'), wrong.destroy('a', version), wrong.purge('a')]
  for (const attempt of attempts) {
    const failure = await wrong.failure(attempt)
    expect(failure).toMatchObject({ code: 'misconfigured', effect: 'none' })
    expect(failure.hint).toContain(keys[0]?.kid)
  }
  expect(await contents(path)).toEqual(before)
  vi.stubEnv('STRONGROOM_LOCAL_KEY', undefined)
  // The failed start was not kept either.
  expect(await wrong.read('a')).toBe('value')
})

/** A new key under an old name. */
function named(): string {
  return JSON.stringify({ keys: [{ kty: 'oct', kid: 'main', k: randomBytes(32).toString('base64url') }] })
}

test('another key under the same id is told from the right one, before anything is written', async () => {
  const path = await storePath()
  const key = { env: 'NAMED_KEY' }
  vi.stubEnv('NAMED_KEY', named())
  const good = openLocal({ path, key })
  await good.create('a', 'value')
  await good.driver.close()
  const before = await contents(path)
  vi.stubEnv('NAMED_KEY', named())
  const wrong = openLocal({ path, key })
  for (const attempt of [wrong.read('a'), wrong.create('b', 'value'), wrong.purge('a')]) {
    expect(await wrong.failure(attempt)).toMatchObject({ code: 'misconfigured', hint: expect.stringContaining('the key main is not') })
  }
  expect(await contents(path)).toEqual(before)
})

test('of two drivers with different keys on an empty store, the second to write is refused', async () => {
  const path = await storePath()
  vi.stubEnv('ONE', randomBytes(32).toString('base64'))
  vi.stubEnv('TWO', randomBytes(32).toString('base64'))
  const one = openLocal({ path, key: { env: 'ONE' } })
  const two = openLocal({ path, key: { env: 'TWO' } })
  for (const local of [one, two]) expect(await local.failure(local.read('a'))).toMatchObject({ code: 'not_found' })
  await one.create('a', 'value')
  expect(await two.failure(two.create('b', 'value'))).toMatchObject({ code: 'misconfigured' })
  expect(await two.failure(two.purge('a'))).toMatchObject({ code: 'misconfigured' })
  expect(await one.read('a')).toBe('value')
})

test('a missing key file is not made again for a store that was written', async () => {
  const path = await storePath()
  const local = openLocal({ path })
  await local.create('a', 'value')
  await local.driver.close()
  const saved = await readFile(join(path, 'key'))
  await rm(join(path, 'key'))
  const failure = await local.failure(local.create('b', 'value'))
  expect(failure).toMatchObject({ code: 'misconfigured', effect: 'none', hint: expect.stringContaining('put the key file back') })
  expect([...(await contents(path)).keys()]).toEqual(['store.db'])
  await writeFile(join(path, 'key'), saved)
  expect(await local.read('a')).toBe('value')
})

test.each([
  ['empty', ''],
  ['half written', '{"keys":[{"kty":"oct","k":"'],
  ['random bytes', randomBytes(64).toString('latin1')],
])('a key file that is %s is misconfigured, and is left as it is', async (_, damage) => {
  const path = await storePath()
  const local = openLocal({ path })
  await local.create('a', 'value')
  await local.driver.close()
  await writeFile(join(path, 'key'), damage)
  expect(await local.failure(local.read('a'))).toMatchObject({ code: 'misconfigured', hint: expect.stringContaining('JWK Set') })
  expect(await readFile(join(path, 'key'), 'utf8')).toBe(damage)
})

test('a key file elsewhere must be made first, and then serves', async () => {
  const path = await storePath()
  const file = join(await temporaryDirectory(), 'our-key')
  const local = openLocal({ path, key: { file } })
  expect(await local.failure(local.create('a', 'value'))).toMatchObject({ code: 'misconfigured', hint: expect.stringContaining('addLocalKey') })
  const { kid } = await addLocalKey({ file })
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  await local.create('a', 'value')
  const used = new OutOfBandStore(path).with(database => database.prepare('SELECT kid FROM keys').all())
  expect(used).toEqual([{ kid }])
})

test('addLocalKey puts the new key first and keeps what it does not know', async () => {
  const file = join(await temporaryDirectory(), 'key')
  const strange = { kty: 'oct', kid: 'strange', k: randomBytes(32).toString('base64url'), remark: 'from the safe' }
  await writeFile(file, JSON.stringify({ keys: [strange] }))
  const { kid } = await addLocalKey({ file })
  const { keys } = await keySet(file)
  expect(keys.map(key => key.kid)).toEqual([kid, 'strange'])
  expect(keys[1]).toEqual(strange)
})

test('addLocalKey refuses a file that is no key set, and one that another process is changing; both stay as they are', async () => {
  const directory = await temporaryDirectory()
  const file = join(directory, 'key')
  await writeFile(file, 'a letter')
  await expect(addLocalKey({ file })).rejects.toMatchObject({ code: 'misconfigured', kind: 'strongroom.secret-error' })
  await rm(file)
  await writeFile(`${file}.new`, '')
  await expect(addLocalKey({ file })).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('.new') })
  expect([...(await filesOf(directory)).keys()]).toEqual(['key.new'])
})

test('keys that were added at once are all there, or their callers were told', async () => {
  const file = join(await temporaryDirectory(), 'key')
  await addLocalKey({ file })
  const added = await Promise.allSettled(Array.from({ length: 6 }, () => addLocalKey({ file })))
  const told = added.flatMap(result => (result.status === 'fulfilled' ? [result.value.kid] : []))
  const { keys } = await keySet(file)
  expect(told.every(kid => keys.some(key => key.kid === kid))).toBe(true)
  expect(keys).toHaveLength(told.length + 1)
})

test('wrong options are refused when the driver is made', async () => {
  const wrong: unknown[] = [
    undefined,
    {},
    { path: '' },
    { path: 'a\0b' },
    { path: 'a', key: {} },
    { path: 'a', key: { env: 'A', file: 'b' } },
    { path: 'a', mode: 1 },
  ]
  for (const options of wrong) expect(() => localDriver(options as { path: string })).toThrow(expect.objectContaining({ code: 'invalid_argument' }))
})

test('the path may be a file, or closed: misconfigured', async () => {
  const directory = await temporaryDirectory()
  await mkdir(join(directory, 'a'))
  await writeFile(join(directory, 'file'), '')
  const local = openLocal({ path: join(directory, 'file', 'store') })
  expect(await local.failure(local.create('a', 'value'))).toMatchObject({ code: 'misconfigured', effect: 'none' })
})
