import { readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { localSecretStore } from '../src/index.ts'
import { call, native, openLocal, storePath, text, type Local } from './helpers.ts'
import { OutOfBandStore } from './out-of-band.ts'

interface Envelope {
  readonly [member: string]: string
}

interface Stage {
  readonly path: string
  readonly local: Local
  readonly outside: OutOfBandStore
}

async function stage(): Promise<Stage> {
  const path = await storePath()
  const local = openLocal({ path })
  return { path, local, outside: new OutOfBandStore(path) }
}

const OF = 'SELECT sequence FROM versions WHERE id = ?'

function envelopeOf(database: DatabaseSync, version: string): string {
  return String(database.prepare(`SELECT envelope FROM envelopes WHERE sequence = (${OF})`).get(version)?.['envelope'])
}

function setEnvelope(database: DatabaseSync, version: string, envelope: string): void {
  database.prepare(`UPDATE envelopes SET envelope = ? WHERE sequence = (${OF})`).run(envelope, version)
}

const flip = (encoded: string): string => (encoded.startsWith('A') ? 'B' : 'A') + encoded.slice(1)
const asText = (header: object): string => Buffer.from(JSON.stringify(header)).toString('base64url')

test.each<[string, (envelope: Envelope) => unknown]>([
  ['a changed ciphertext', envelope => ({ ...envelope, ciphertext: flip(envelope['ciphertext'] as string) })],
  ['a changed tag', envelope => ({ ...envelope, tag: flip(envelope['tag'] as string) })],
  ['a shortened tag', envelope => ({ ...envelope, tag: (envelope['tag'] as string).slice(0, 6) })],
  ['a changed nonce', envelope => ({ ...envelope, iv: flip(envelope['iv'] as string) })],
  ['other additional data', envelope => ({ ...envelope, aad: flip(envelope['aad'] as string) })],
  ['no additional data', ({ aad: _aad, ...envelope }) => envelope],
  ['a header that says binary', envelope => ({ ...envelope, protected: asText({ alg: 'dir', enc: 'A256GCM', cty: 'application/octet-stream' }) })],
  ['another algorithm', envelope => ({ ...envelope, protected: asText({ alg: 'A256KW', enc: 'A256GCM' }) })],
  ['no object', () => 'text'],
  ['an array', () => []],
  ['null', () => null],
])('%s is corrupt', async (_, change) => {
  const { local, outside } = await stage()
  const version = await local.create('a', 'value')
  await local.create('b', 'other')
  outside.with(database => setEnvelope(database, version, JSON.stringify(change(JSON.parse(envelopeOf(database, version)) as Envelope))))
  expect(await local.failure(local.read('a'))).toMatchObject({ code: 'corrupt', effect: 'none' })
  // In a batch it spoils only itself.
  const outcomes = await local.driver.readMany({ paths: [native('a'), native('b')] }, call)
  expect(outcomes).toMatchObject([
    { path: 'a', failure: { code: 'corrupt' } },
    { path: 'b', payload: text('other') },
  ])
})

test('what is not even JSON is corrupt, and so is a value whose envelope is gone', async () => {
  const { local, outside } = await stage()
  const version = await local.create('a', 'value')
  outside.with(database => setEnvelope(database, version, '{'))
  expect(await local.failure(local.read('a'))).toMatchObject({ code: 'corrupt' })
  outside.with(database => database.exec('DELETE FROM envelopes'))
  expect(await local.failure(local.read('a'))).toMatchObject({ code: 'corrupt' })
})

test('values swapped between two names are corrupt under both', async () => {
  const { local, outside } = await stage()
  const [one, two] = [await local.create('a', 'value of a'), await local.create('b', 'value of b')]
  outside.with(database => {
    const [first, second] = [envelopeOf(database, one), envelopeOf(database, two)]
    setEnvelope(database, one, second)
    setEnvelope(database, two, first)
  })
  for (const name of ['a', 'b']) expect(await local.failure(local.read(name))).toMatchObject({ code: 'corrupt' })
})

test('whole rows moved to another name are corrupt, version ids and all', async () => {
  const { local, outside } = await stage()
  await local.create('a', 'value of a')
  await local.create('b', 'value of b')
  outside.with(database => database.exec(`UPDATE secrets SET path = 'c' WHERE path = 'a'; UPDATE secrets SET path = 'a' WHERE path = 'b'`))
  for (const name of ['a', 'c']) expect(await local.failure(local.read(name))).toMatchObject({ code: 'corrupt' })
})

test('an old value replayed as a newer version is corrupt', async () => {
  const { local, outside } = await stage()
  const old = await local.create('a', 'the old password')
  const current = await local.append('a', 'the new password')
  outside.with(database => setEnvelope(database, current, envelopeOf(database, old)))
  expect(await local.failure(local.read('a'))).toMatchObject({ code: 'corrupt' })
  expect(await local.read('a', old)).toBe('the old password')
})

test('a store over it tells the fixed sentence, and nothing of what was stored', async () => {
  const { path, local, outside } = await stage()
  const version = await local.create('a', 'value')
  outside.with(database => setEnvelope(database, version, '{"protected":"marker-in-the-envelope"}'))
  await using store = localSecretStore({ path })
  const error: unknown = await store.get('a').catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({
    code: 'corrupt',
    message: `get "a" in ${store.location}: a stored value is damaged, or was not written at this place (corrupt)`,
  })
})

async function closedStage(): Promise<Stage> {
  const made = await stage()
  for (let index = 0; index < 40; index += 1) await made.local.create(`name-${index}`, `value ${index}`)
  await made.local.driver.close()
  return made
}

test.each([
  ['cut to nothing', 0],
  ['cut in its header', 50],
  ['cut after its first page', 1024],
  ['cut in the middle', 20_000],
])('a database that was %s is corrupt: no new one takes its place', async (_, size) => {
  const { path, local } = await closedStage()
  await truncate(join(path, 'store.db'), size)
  expect(await local.failure(local.read('name-39'))).toMatchObject({ code: 'corrupt', effect: 'none', hint: expect.stringMatching(/restore it/) })
  expect(await local.failure(local.create('new', 'value'))).toMatchObject({ code: 'corrupt' })
})

test('a database overwritten with noise is corrupt', async () => {
  const { path, local } = await closedStage()
  await writeFile(join(path, 'store.db'), Buffer.alloc(50_000, 'noise'))
  expect(await local.failure(local.read('name-1'))).toMatchObject({ code: 'corrupt' })
})

test('a log without its database is corrupt, since SQLite would replay it into a new one', async () => {
  const { path, local } = await closedStage()
  await rm(join(path, 'store.db'))
  await writeFile(join(path, 'store.db-wal'), 'a log')
  expect(await local.failure(local.read('name-1'))).toMatchObject({ code: 'corrupt' })
  expect(await readFile(join(path, 'store.db-wal'), 'utf8')).toBe('a log')
})

test.each([
  ['PRAGMA user_version = 2', 'misconfigured', 'newer version'],
  ['PRAGMA user_version = 0', 'corrupt', 'schema version'],
  ['PRAGMA application_id = 1', 'misconfigured', 'not made by this package'],
])('%s: the database is refused as %s', async (change, code, hint) => {
  const { local, outside } = await closedStage()
  outside.with(database => database.exec(change))
  expect(await local.failure(local.create('new', 'value'))).toMatchObject({ code, effect: 'none', hint: expect.stringContaining(hint) })
})
