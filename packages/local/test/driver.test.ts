import { execFileSync } from 'node:child_process'
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { SecretError, type DriverCall } from '@strongroom/core'
import { localDriver, localSecretStore } from '../src/index.ts'
import { call, native, openLocal, reveal, storePath, temporaryDirectory, text } from './helpers.ts'
import { OutOfBandStore } from './out-of-band.ts'

const packageDirectory = dirname(dirname(fileURLToPath(import.meta.url)))

test('importing the package and making a driver loads neither jose nor node:sqlite, and touches no file; the first call does', async () => {
  const path = await storePath()
  const program = `
    import { registerHooks } from 'node:module'
    const seen = []
    registerHooks({ resolve(specifier, context, next) { seen.push(specifier); return next(specifier, context) } })
    const { localSecretStore } = await import('@strongroom/local')
    const heavy = () => ['jose', 'node:sqlite'].filter(name => seen.includes(name))
    const { existsSync } = await import('node:fs')
    const store = localSecretStore({ path: process.argv[1] })
    const before = { heavy: heavy(), there: existsSync(process.argv[1]), core: seen.includes('@strongroom/core') }
    await store.put('a', 'value')
    await store.close()
    process.stdout.write(JSON.stringify({ before, after: heavy() }))`
  const given = ['--conditions=@strongroom/source', '--input-type=module', '-e', program, path]
  const answer = JSON.parse(execFileSync(process.execPath, given, { cwd: packageDirectory, encoding: 'utf8' })) as unknown
  expect(answer).toEqual({ before: { heavy: [], there: false, core: true }, after: ['jose', 'node:sqlite'] })
})

test('the location is the real path, the same before and after the first use and through a link', async () => {
  const directory = await temporaryDirectory()
  await mkdir(join(directory, 'real'))
  await symlink(join(directory, 'real'), join(directory, 'link'))
  const before = localDriver({ path: join(directory, 'link', 'store') })
  const local = openLocal({ path: join(directory, 'real', '..', 'real', 'store') })
  const made = await local.driver.create({ path: native('a'), payload: text('value'), labels: {}, token: 'token' }, call)
  const after = localDriver({ path: join(directory, 'link', 'store') })
  expect([before.location, local.driver.location, after.location]).toEqual(Array(3).fill(`local:${directory}/real/store`))
  expect(made.fullPath).toBe(`local:${directory}/real/store#a`)
})

test('a failed start is forgotten: the same driver works once the reason is gone', async () => {
  const directory = await temporaryDirectory()
  await writeFile(join(directory, 'store'), 'a file in the way')
  const local = openLocal({ path: join(directory, 'store') })
  expect(await local.failure(local.create('a', 'value'))).toMatchObject({ code: 'misconfigured', effect: 'none' })
  await rm(join(directory, 'store'))
  await local.create('a', 'value')
  expect(await local.read('a')).toBe('value')
})

test('a driver can be closed twice, before its first use, and used again', async () => {
  const local = openLocal({ path: await storePath() })
  await local.driver.close()
  await local.create('a', 'value')
  await local.driver.close()
  await local.driver.close()
  expect(await local.read('a')).toBe('value')
})

test('an aborted signal stops every call before it touches anything, whatever its reason is', async () => {
  const path = await storePath()
  const { driver } = openLocal({ path })
  const name = native('a')
  const version = 'version' as never
  for (const reason of [undefined, 'a string', null, { name: 'Other' }]) {
    const stopped: DriverCall = { signal: AbortSignal.abort(reason), attempt: 1 }
    const calls = [
      driver.create({ path: name, payload: text('value'), labels: {}, token: 'token' }, stopped),
      driver.append({ path: name, payload: text('value'), token: 'token', after: undefined, staged: false }, stopped),
      driver.promote({ path: name, version, from: version }, stopped),
      driver.read({ path: name, version: undefined }, stopped),
      driver.readMany({ paths: [name] }, stopped),
      driver.versions({ path: name, after: undefined, page: undefined }, stopped),
      driver.list({ prefix: '', withLabels: true, page: undefined }, stopped),
      driver.destroyVersion({ path: name, version }, stopped),
      driver.remove({ path: name, purge: true }, stopped),
      driver.restore({ path: name }, stopped),
    ]
    for (const result of await Promise.allSettled(calls)) {
      expect(result.status === 'rejected' && driver.classify(result.reason)).toMatchObject({ code: 'aborted', effect: 'none' })
    }
  }
  expect(await readdir(dirname(path))).toEqual([])
})

test('a write that is aborted while its value is sealed writes nothing, so that wiped bytes are never stored', async () => {
  const local = openLocal({ path: await storePath() })
  await local.create('a', 'the first')
  const controller = new AbortController()
  const payload = text('the second')
  const { driver } = local
  const writing = driver.append(
    { path: native('a'), payload, token: 'token', after: undefined, staged: false },
    { signal: controller.signal, attempt: 1 },
  )
  await Promise.resolve()
  controller.abort()
  payload.bytes.fill(0)
  expect(await local.failure(writing)).toMatchObject({ code: 'aborted', effect: 'none' })
  expect((await driver.versions({ path: native('a'), after: undefined, page: undefined }, call)).items).toHaveLength(1)
})

test('the same token with another value is not the same create', async () => {
  const local = openLocal({ path: await storePath() })
  const version = await local.create('a', 'value', 'token')
  expect(await local.create('a', 'value', 'token')).toBe(version)
  expect(await local.failure(local.create('a', 'other', 'token'))).toMatchObject({ code: 'already_exists' })
  expect(await local.failure(local.create('a', 'value', 'other token'))).toMatchObject({ code: 'already_exists' })
  await local.append('a', 'newer')
  expect(await local.create('a', 'value', 'token')).toBe(version)
  expect(await local.read('a')).toBe('newer')
})

test('a prefix is text, not a pattern, in whatever alphabet', async () => {
  const local = openLocal({ path: await storePath() })
  const names = ['a%b', 'a_b', 'axb', 'A%b', 'ä', 'äb', 'a\u{10ffff}', 'a\u{10ffff}z', '\u{10ffff}', "a'b", 'a']
  for (const name of names) await local.create(name, 'value')
  const list = async (prefix: string): Promise<readonly string[]> =>
    (await local.driver.list({ prefix, withLabels: false, page: undefined }, call)).items.map(({ path }) => path)
  for (const prefix of ['', 'a', 'A', 'a%', 'a_', "a'", 'ä', 'a\u{10ffff}', '\u{10ffff}', 'b']) {
    expect((await list(prefix)).toSorted()).toEqual(names.filter(name => name.startsWith(prefix)).toSorted())
  }
})

test('versions come oldest first in pages, from the hint on', async () => {
  const local = openLocal({ path: await storePath() })
  const made = [await local.create('a', 'value')]
  for (let index = 0; index < 204; index += 1) made.push(await local.append('a', `value ${index}`))
  const all = async (after: string | undefined): Promise<readonly string[]> => {
    const found: string[] = []
    let page: string | undefined
    do {
      const answer = await local.driver.versions({ path: native('a'), after: after as never, page }, call)
      found.push(...answer.items.map(({ version }) => version))
      page = answer.next
    } while (page !== undefined)
    return found
  }
  expect(await all(undefined)).toEqual(made)
  expect(await all(made[149])).toEqual(made.slice(150))
  expect(await all('no such version')).toEqual(made)
  const strange = local.driver.versions({ path: native('a'), after: undefined, page: "1' OR 1" }, call)
  expect(await local.failure(strange)).toMatchObject({ code: 'invalid_argument' })
})

test('what another program writes by the README is read, and the other way round', async () => {
  const path = await storePath()
  const local = openLocal({ path })
  const outside = new OutOfBandStore(path)
  await local.create('a', 'by the driver')
  expect(Buffer.from((await outside.read('a')) as Uint8Array).toString()).toBe('by the driver')
  await outside.write('a', Buffer.from('by another program'))
  expect(await local.read('a')).toBe('by another program')
  expect(await outside.read('b')).toBeUndefined()
})

test('a database that is locked for long is unavailable, soon and with nothing written; afterwards the call works', async () => {
  const path = await storePath()
  const local = openLocal({ path })
  await local.create('a', 'value')
  const holder = new DatabaseSync(join(path, 'store.db'))
  holder.exec('BEGIN IMMEDIATE')
  const startedAt = performance.now()
  expect(await local.failure(local.append('a', 'newer'))).toMatchObject({ code: 'unavailable', effect: 'none' })
  expect(performance.now() - startedAt).toBeLessThan(3000)
  expect(await local.read('a')).toBe('value')
  holder.exec('ROLLBACK')
  holder.close()
  await local.append('a', 'newer')
})

test('many drivers of one process share a store', async () => {
  const path = await storePath()
  const locals = Array.from({ length: 5 }, () => openLocal({ path }))
  await Promise.all(locals.map((local, index) => local.create(`name-${index}`, `value ${index}`)))
  for (const [index, local] of locals.entries()) expect(await local.read(`name-${(index + 1) % 5}`)).toBe(`value ${(index + 1) % 5}`)
})

function sqlite(errcode: number): Error {
  return Object.assign(new Error('raw text'), { code: 'ERR_SQLITE_ERROR', errcode })
}

function system(code: string): Error {
  return Object.assign(new Error('raw text'), { code })
}

test('classify knows the errors of SQLite and of the system, and never throws', () => {
  const driver = localDriver({ path: 'anywhere' })
  const expected: readonly (readonly [unknown, string, boolean, string])[] = [
    [sqlite(5), 'unavailable', true, 'none'],
    [sqlite(5 | (2 << 8)), 'unavailable', true, 'none'],
    [sqlite(13), 'quota_exceeded', false, 'none'],
    [sqlite(8), 'misconfigured', false, 'none'],
    [sqlite(14), 'misconfigured', false, 'none'],
    [sqlite(11), 'corrupt', false, 'none'],
    [sqlite(26), 'corrupt', false, 'none'],
    [sqlite(10 | (4 << 8)), 'unavailable', true, 'unknown'],
    [sqlite(19), 'unknown', false, 'unknown'],
    [system('ENOENT'), 'misconfigured', false, 'none'],
    [system('EACCES'), 'permission_denied', false, 'none'],
    [system('ENOSPC'), 'quota_exceeded', false, 'none'],
    [system('toString'), 'unknown', false, 'unknown'],
    [new Error('raw text'), 'unknown', false, 'unknown'],
    [undefined, 'unknown', false, 'unknown'],
  ]
  for (const [error, code, retryable, effect] of expected) {
    const failure = driver.classify(error)
    expect(failure).toMatchObject({ code, retryable, effect })
    expect(failure.hint ?? '').not.toContain('raw')
  }
})

test('a store over it works as any other, and its errors are core’s', async () => {
  await using store = localSecretStore({ path: await storePath() }, { prefix: 'prod/' })
  const { version } = await store.put('Stripe Key', 'sk_live')
  await store.put('Stripe Key', Uint8Array.of(1, 2, 3), { ifVersion: version })
  await expect(store.put('Stripe Key', 'late', { ifVersion: version })).rejects.toMatchObject({ code: 'conflict' })
  using value = (await store.get('Stripe Key')).value
  expect([value.isText, [...value.revealBytes()]]).toEqual([false, [1, 2, 3]])
  const missing: unknown = await store.get('nothing').catch((error: unknown) => error)
  expect(missing).toBeInstanceOf(SecretError)
  expect(missing).toMatchObject({ code: 'not_found', store: store.location })
  expect(reveal({ payload: text('x') })).toBe('x')
})
