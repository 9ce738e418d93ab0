import { randomBytes } from 'node:crypto'
import { mkdir, readdir, stat, writeFile, chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { addLocalKey, reencryptLocalStore } from '../src/index.ts'
import { call, filesOf, filesWith, native, openLocal, storePath, temporaryDirectory, text, type Local } from './helpers.ts'
import { OutOfBandStore } from './out-of-band.ts'

const MARKER = 'plaintext-marker-7f3a'

/** A piece of each stored ciphertext, by version. */
function ciphertexts(path: string): ReadonlyMap<string, string> {
  const sql = 'SELECT id, envelope FROM versions JOIN envelopes USING (sequence)'
  const rows = new OutOfBandStore(path).with(database => database.prepare(sql).all()) as unknown as { id: string; envelope: string }[]
  return new Map(rows.map(({ id, envelope }) => [id, (JSON.parse(envelope) as { ciphertext: string }).ciphertext.slice(0, 40)]))
}

async function piecesIn(path: string, pieces: readonly string[]): Promise<readonly string[]> {
  const bytes = Buffer.concat([...(await filesOf(path)).values()])
  return pieces.filter(piece => bytes.indexOf(piece) !== -1)
}

test('no file holds a value, in any form in which it may have been written', async () => {
  const path = await storePath()
  const { driver } = openLocal({ path })
  for (const [index, value] of [MARKER, MARKER.repeat(1000)].entries()) {
    await driver.create({ path: native(`short-${index}`), payload: text(value), labels: { label: 'plain' }, token: `token ${index}` }, call)
    await driver.append({ path: native(`short-${index}`), payload: text(value), token: 'more', after: undefined, staged: true }, call)
  }
  const hidden = [MARKER, Buffer.from(MARKER).toString('base64url').slice(0, -2), Buffer.from(MARKER).toString('hex')]
  for (const needle of hidden) expect(await filesWith(path, needle)).toEqual([])
  // The scan finds what is there in the clear: paths and labels are.
  expect(await filesWith(path, 'short-1')).not.toEqual([])
  await driver.close()
  for (const needle of hidden) expect(await filesWith(path, needle)).toEqual([])
})

test('the log is scanned too: what was just written is found in it as ciphertext', async () => {
  const path = await storePath()
  const local = openLocal({ path })
  await local.create('a', MARKER)
  const [ciphertext] = [...ciphertexts(path).values()]
  expect(await filesWith(path, ciphertext as string)).toContain('store.db-wal')
})

test('after destroyVersion and purge no file holds the ciphertext, with neighbours written and destroyed in any order', async () => {
  const path = await storePath()
  const local = openLocal({ path })
  await local.create('first', 'value')
  const outside = new DatabaseSync(join(path, 'store.db'))
  onTestFinished(() => outside.close())
  const stored = outside.prepare(
    "SELECT substr(envelope ->> 'ciphertext', 1, 40) AS piece FROM versions JOIN envelopes USING (sequence) WHERE id = ?",
  )
  const live: { readonly version: string; readonly name: string; readonly ciphertext: string }[] = []
  const destroyed: string[] = []
  for (let index = 0; index < 400; index += 1) {
    const name = `name-${randomBytes(4).toString('hex')}`
    const version = await local.create(name, randomBytes(100).toString('hex'))
    live.push({ version, name, ciphertext: String(stored.get(version)?.['piece']) })
    if (live.length < 40) continue
    const [gone] = live.splice(randomBytes(1).readUInt8() % live.length, 1)
    if (gone === undefined) continue
    if (index % 2 === 0) await local.destroy(gone.name, gone.version as never)
    else expect(await local.purge(gone.name)).toEqual({ state: 'gone' })
    destroyed.push(gone.ciphertext)
  }
  const found = await piecesIn(path, [...destroyed, ...live.map(({ ciphertext }) => ciphertext)])
  // The others are where they were.
  expect(found).toEqual(live.map(({ ciphertext }) => ciphertext))
})

// A row's own page is rewritten when its neighbours come and go, and the old copy of a row then stays in it, secure_delete or
// not: about one in a thousand destroyed values was still there. Overflow pages never move.
test('every ciphertext lies in overflow pages only, whatever its size', async () => {
  const path = await storePath()
  const local = openLocal({ path })
  for (const [index, size] of [1, 20, 100, 300, 600, 900, 1000, 1100, 3000, 60_000].entries()) await local.create(`name-${index}`, 'v'.repeat(size))
  // With what stands before it, since two letters of base64, the ciphertext of one byte, stand elsewhere too.
  const key = '"ciphertext":"'
  const pieces = [...ciphertexts(path).values()].map(piece => key + piece.slice(0, 20))
  expect(await local.purge('no such name')).toEqual({ state: 'gone' }) // empties the log into the database
  const bytes = (await filesOf(path)).get('store.db') as Buffer
  const types = new OutOfBandStore(path).with(database => {
    const { page_size } = database.prepare('PRAGMA page_size').get() as { page_size: number }
    const pageAt = database.prepare('SELECT name, pagetype FROM dbstat WHERE pageno = ?')
    return pieces.map(piece => ({ ...pageAt.get(Math.floor((bytes.indexOf(piece) + key.length) / page_size) + 1) }))
  })
  expect(types).toEqual(pieces.map(() => ({ name: 'envelopes', pagetype: 'overflow' })))
})

test('after a re-encryption no file holds a ciphertext under the old key', async () => {
  const path = await storePath()
  const local = openLocal({ path })
  for (let index = 0; index < 120; index += 1) await local.create(`name-${index}`, `value ${index}`)
  const old = [...ciphertexts(path).values()]
  await addLocalKey({ file: join(path, 'key') })
  await reencryptLocalStore({ path })
  expect(await piecesIn(path, old)).toEqual([])
})

test('a reader that holds the log keeps a destruction from being confirmed, and it is confirmed once that reader ends', async () => {
  const path = await storePath()
  const local = openLocal({ path })
  const version = await local.create('a', MARKER)
  const reader = new DatabaseSync(join(path, 'store.db'))
  onTestFinished(() => reader.close())
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM secrets').get()
  const failure = local.driver.classify(await local.destroy('a', version).catch((error: unknown) => error))
  expect(failure).toMatchObject({ code: 'unavailable', retryable: true, effect: 'unknown' })
  expect(await local.purge('b')).toMatchObject({ state: 'pending' })
  reader.exec('COMMIT')
  await local.destroy('a', version)
  expect(await local.purge('b')).toEqual({ state: 'gone' })
})

async function modes(path: string): Promise<Readonly<Record<string, number>>> {
  const names = ['.', ...(await readdir(path))]
  return Object.fromEntries(await Promise.all(names.map(async name => [name, (await stat(join(path, name))).mode & 0o777] as const)))
}

const CLOSED_TO_OTHERS = { '.': 0o700, key: 0o600, 'store.db': 0o600, 'store.db-wal': 0o600, 'store.db-shm': 0o600 }

test('the directory is 0700 and every file in it 0600, whatever the umask, and again after they were opened wide', async () => {
  const path = join(await temporaryDirectory(), 'deep', 'store')
  // A worker cannot change its umask, so this only shows that no file depends on the one there is.
  const local: Local = openLocal({ path })
  await local.create('a', 'value')
  expect(await modes(path)).toEqual(CLOSED_TO_OTHERS)
  await local.driver.close()
  for (const name of ['.', 'key', 'store.db']) await chmod(join(path, name), name === '.' ? 0o755 : 0o644)
  await local.read('a')
  expect(await modes(path)).toEqual(CLOSED_TO_OTHERS)
  await addLocalKey({ file: join(path, 'key') })
  expect(await modes(path)).toEqual(CLOSED_TO_OTHERS)
})

test('an open directory with files of others is refused and left as it is', async () => {
  const path = join(await temporaryDirectory(), 'home')
  await mkdir(path, { mode: 0o755 })
  await chmod(path, 0o755)
  await writeFile(join(path, 'letter.txt'), 'mine')
  const local = openLocal({ path })
  expect(await local.failure(local.create('a', 'value'))).toMatchObject({ code: 'misconfigured', effect: 'none' })
  expect(await readdir(path)).toEqual(['letter.txt'])
  expect((await modes(path))['.']).toBe(0o755)
})
