import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { addLocalKey, localKeyUsage, reencryptLocalStore } from '../src/index.ts'
import { Child, together } from './children.ts'
import { call, native, openLocal, storePath, type Local } from './helpers.ts'
import { OutOfBandStore } from './out-of-band.ts'

const COUNT = 230

interface Stage {
  readonly path: string
  readonly file: string
  readonly local: Local
  readonly oldKid: string
}

async function stage(count = COUNT): Promise<Stage> {
  const path = await storePath()
  const local = openLocal({ path })
  for (let index = 0; index < count; index += 1) await local.create(`name-${index}`, `value ${index}`)
  const oldKid = new OutOfBandStore(path).keys()[0]?.kid as string
  return { path, file: join(path, 'key'), local, oldKid }
}

async function keepOnly(file: string, ...kids: readonly string[]): Promise<void> {
  const { keys } = JSON.parse(await readFile(file, 'utf8')) as { readonly keys: readonly { readonly kid: string }[] }
  await writeFile(file, JSON.stringify({ keys: kids.map(kid => keys.find(key => key.kid === kid)) }))
}

async function expectAll(local: Local, count = COUNT): Promise<void> {
  for (let index = 0; index < count; index += 1) expect(await local.read(`name-${index}`)).toBe(`value ${index}`)
}

test('add a key, re-encrypt, take the old one away: every value is there, and the old key opens nothing', async () => {
  const { path, file, local, oldKid } = await stage()
  const gone = await local.append('name-0', 'destroyed')
  await local.destroy('name-0', gone)
  await local.append('name-0', 'value 0')
  await local.driver.remove({ path: native('name-1'), purge: false }, call)
  const { kid } = await addLocalKey({ file })
  const fresh = openLocal({ path })
  await fresh.create('new', 'already under the new key')
  expect(await localKeyUsage({ path })).toEqual(
    expect.arrayContaining([
      { kid, first: true, retired: false, values: 1 },
      { kid: oldKid, first: false, retired: false, values: COUNT + 1 },
    ]),
  )
  expect(await reencryptLocalStore({ path })).toEqual({ reencrypted: COUNT + 1, alreadyCurrent: 1 })
  expect(await reencryptLocalStore({ path })).toEqual({ reencrypted: 0, alreadyCurrent: COUNT + 2 })
  expect(await localKeyUsage({ path })).toEqual(
    expect.arrayContaining([
      { kid, first: true, retired: false, values: COUNT + 2 },
      { kid: oldKid, first: false, retired: true, values: 0 },
    ]),
  )
  await keepOnly(file, kid)
  const after = openLocal({ path })
  await after.driver.restore({ path: native('name-1') }, call)
  await expectAll(after)
  expect(await after.failure(after.read('name-0', gone))).toMatchObject({ code: 'version_unusable' })
})

test('a key that is taken away too early is named, and nothing is written until it is back', async () => {
  const { path, file, oldKid } = await stage(3)
  const { kid } = await addLocalKey({ file })
  const both = await readFile(file)
  await keepOnly(file, kid)
  const local = openLocal({ path })
  expect(await local.failure(local.create('new', 'value'))).toMatchObject({ code: 'misconfigured', hint: expect.stringContaining(oldKid) })
  await expect(reencryptLocalStore({ path })).rejects.toMatchObject({ code: 'misconfigured', kind: 'strongroom.secret-error' })
  await writeFile(file, both)
  await expectAll(local, 3)
})

test('killed half way, everything can be read, and the next run does the rest', async () => {
  const { path, file, oldKid } = await stage()
  await addLocalKey({ file })
  const child = new Child('reencrypt', path, oldKid, '60')
  await together([child])
  expect(await child.ended).toEqual([null, 'SIGKILL'])
  expect(child.lines).not.toContain('finished')
  await expectAll(openLocal({ path }))
  const { reencrypted, alreadyCurrent } = await reencryptLocalStore({ path })
  expect(alreadyCurrent).toBeGreaterThanOrEqual(60)
  expect(reencrypted).toBeGreaterThan(0)
  expect(reencrypted + alreadyCurrent).toBe(COUNT)
  await expectAll(openLocal({ path }))
})

test('a driver that was open before the rotation reads the new values, and never writes under the retired key', async () => {
  const { path, file, local, oldKid } = await stage(3)
  const { kid } = await addLocalKey({ file })
  await local.create('before', 'still under the old key')
  await openLocal({ path }).create('other', 'under the new key')
  expect(await local.read('other')).toBe('under the new key')
  const stale = openLocal({ path })
  await stale.read('other')
  await reencryptLocalStore({ path })
  await keepOnly(file, kid)
  for (const driver of [local, stale]) await driver.append('other', 'after the rotation', `token ${Math.random()}`)
  const kids = new OutOfBandStore(path).with(database => database.prepare('SELECT DISTINCT kid FROM versions').all())
  expect(kids).toEqual([{ kid }])
  expect(kid).not.toBe(oldKid)
})

test('a retired key that is put first again is refused for writes, until a re-encryption takes it back', async () => {
  const { path, file, oldKid } = await stage(3)
  const { kid } = await addLocalKey({ file })
  await reencryptLocalStore({ path })
  await keepOnly(file, oldKid, kid)
  const local = openLocal({ path })
  expect(await local.read('name-0')).toBe('value 0')
  expect(await local.failure(local.create('new', 'value'))).toMatchObject({ code: 'misconfigured', hint: expect.stringContaining('retired') })
  expect(await reencryptLocalStore({ path })).toEqual({ reencrypted: 3, alreadyCurrent: 0 })
  await local.create('new', 'value')
  await keepOnly(file, oldKid)
  await expectAll(openLocal({ path }), 3)
})

test('a damaged value does not stop the others, is named, and keeps the old key in use', async () => {
  const { path, file, oldKid } = await stage(120)
  await addLocalKey({ file })
  new OutOfBandStore(path).with(database => database.exec(`UPDATE envelopes SET envelope = '{}' WHERE sequence = 7`))
  await expect(reencryptLocalStore({ path })).rejects.toMatchObject({ code: 'corrupt', secretName: 'name-6' })
  const usage = await localKeyUsage({ path })
  expect(usage.find(({ kid }) => kid === oldKid)).toEqual({ kid: oldKid, first: false, retired: false, values: 1 })
  await openLocal({ path }).purge('name-6')
  expect(await reencryptLocalStore({ path })).toEqual({ reencrypted: 0, alreadyCurrent: 119 })
})

test('a re-encryption while others write loses none of their writes', async () => {
  const { path, file } = await stage(60)
  const child = new Child('append', path, 'writer', '40')
  await openLocal({ path }).create('shared', 'the first')
  await together([child])
  await child.said(5)
  await addLocalKey({ file })
  await reencryptLocalStore({ path })
  const versions = await child.finished()
  await reencryptLocalStore({ path })
  const usage = await localKeyUsage({ path })
  expect(usage.filter(({ values }) => values > 0)).toEqual([{ kid: expect.any(String), first: true, retired: false, values: 60 + 1 + 40 }])
  const local = openLocal({ path })
  for (const [index, version] of versions.entries()) expect(await local.read('shared', version as never)).toBe(`writer ${index}`)
})

test('what is destroyed while a re-encryption runs stays destroyed', async () => {
  const { path, file, local } = await stage(120)
  const versions = await Promise.all(
    Array.from({ length: 120 }, async (_, index) => (await local.driver.read({ path: native(`name-${index}`), version: undefined }, call)).version),
  )
  await addLocalKey({ file })
  let ended = false
  const running = reencryptLocalStore({ path }).finally(() => (ended = true))
  let during = 0
  for (const [index, version] of versions.entries()) {
    if (index % 2 === 1) continue
    await local.destroy(`name-${index}`, version)
    if (!ended) during += 1
    await new Promise(resolve => setImmediate(resolve))
  }
  await running
  expect(during).toBeGreaterThan(5)
  const rows = new OutOfBandStore(path).with(database => database.prepare('SELECT count(*) AS count FROM envelopes').get())
  expect(rows).toEqual({ count: 60 })
  for (const index of versions.keys()) {
    const code = index % 2 === 0 ? 'version_unusable' : 'none'
    expect(await local.failure(local.read(`name-${index}`))).toMatchObject({ code })
  }
})

test('it ends with the signal, and says so', async () => {
  const { path, file } = await stage(3)
  await addLocalKey({ file })
  await expect(reencryptLocalStore({ path }, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' })
})
