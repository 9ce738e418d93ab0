import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accountId, isSecretError, memoryDriver, unsafeAllowEveryone, type Actor } from '@strongroom/core'
import { startAwsEmulator, type AwsEmulator } from '@strongroom/emulators/aws'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConfigError, openStrongroom } from '../src/index.ts'

const ACCOUNT = accountId('acme')
const ADA: Actor = { id: 'ada', type: 'user' }
const environment = { ID: 'AKIA', SECRET: 'secret' }

const failure = async (work: Promise<unknown>): Promise<unknown> =>
  await work.then(
    () => undefined,
    (error: unknown) => error,
  )

const folder = mkdtempSync(join(tmpdir(), 'strongroom-combinators-'))
afterAll(() => rmSync(folder, { recursive: true }))

let aws: AwsEmulator
beforeAll(async () => void (aws = await startAwsEmulator()))
beforeEach(() => aws.controls.clearFaults())
afterAll(() => aws.stop())

const main = () => ({
  type: 'aws',
  region: 'eu-west-1',
  accountId: aws.accountId,
  endpoint: aws.url,
  credentials: { accessKeyId: { env: 'ID' }, secretAccessKey: { env: 'SECRET' } },
})

describe('fallback', () => {
  const open = (more: object = {}) =>
    openStrongroom(
      {
        stores: { main: { ...main(), fallback: ['empty', 'backup'] }, empty: 'memory:', backup: 'memory:' },
        writeTo: 'main',
        policy: { attempts: 1 },
        ...more,
      },
      { environment },
    )
  const outage = () => aws.controls.inject({ kind: 'fail', code: 'ServiceUnavailable' }, { count: 100 })
  const text = async (reading: Promise<{ readonly value: { revealText(): string } }>) => (await reading).value.revealText()

  it('asks the next source when one is unavailable, and never when the secret is missing or the read denied', async () => {
    await using room = await open({ stores: { main: { ...main(), fallback: 'backup' }, backup: 'memory:' } })
    await room.store().put('both', 'in main')
    await room.store('backup').put('both', 'in backup')
    await room.store('backup').put('only-there', 'in backup')
    const source = room.source()
    expect(await text(source.get('both'))).toBe('in main')
    expect(isSecretError(await failure(source.get('only-there')), 'not_found')).toBe(true)
    aws.controls.inject({ kind: 'fail', code: 'AccessDeniedException' })
    expect(isSecretError(await failure(source.get('both')), 'permission_denied')).toBe(true)
    outage()
    expect(await text(source.get('both'))).toBe('in backup')
    expect((await source.getMany(['both', 'only-there'])).map(one => one.ok && one.secret.value.revealText())).toEqual(['in backup', 'in backup'])
    // A store is that place and no other.
    expect(isSecretError(await failure(room.store().get('both')), 'unavailable')).toBe(true)
  })

  it('is in the order of the list', async () => {
    await using room = await open()
    await room.store('backup').put('k', 'in backup')
    outage()
    expect(isSecretError(await failure(room.source().get('k')), 'not_found')).toBe(true)
    await room.store('empty').put('k', 'in the first')
    expect(await text(room.source().get('k'))).toBe('in the first')
  })

  it('never gives a version of another store for one of the first', async () => {
    await using room = await open({ stores: { main: { ...main(), fallback: 'backup' }, backup: 'memory:' } })
    const { version } = await room.store('backup').put('versioned', 'another value')
    outage()
    expect(isSecretError(await failure(room.source().get('versioned', { version })), 'unavailable')).toBe(true)
  })

  it('is behind the cache, and a source that is closed leaves the others open', async () => {
    await using room = await open({ cache: { pointerTtlMs: 60_000 }, stores: { main: { ...main(), fallback: 'backup' }, backup: 'memory:' } })
    await room.store('backup').put('cached', 'in backup')
    outage()
    expect(await text(room.source().get('cached'))).toBe('in backup')
    await room.store('backup').put('cached', 'changed')
    expect(await text(room.source().get('cached'))).toBe('in backup')
    await room.source().close()
    expect(await text(room.store('backup').get('cached'))).toBe('changed')
  })

  it('does not serve the reader: a record is where its pointer says', async () => {
    await using room = await openStrongroom(
      { stores: { main: { ...main(), fallback: 'backup' }, backup: 'memory:' }, writeTo: 'main', metadata: 'memory:', policy: { attempts: 1 } },
      { environment, authorize: unsafeAllowEveryone },
    )
    await (await room.registry()).account(ACCOUNT, ADA).create({ key: 'k', value: 'v' })
    outage()
    expect(isSecretError(await failure((await room.reader()).account(ACCOUNT, ADA).read({ key: 'k' })), 'unavailable')).toBe(true)
  })
})

describe('readOnly', () => {
  const backend = memoryDriver({ name: 'shared' })
  const schemes = { shared: () => ({ ...backend, close: async () => {} }) }
  const options = { environment, schemes, authorize: unsafeAllowEveryone }

  it('reads, and refuses every write, of the store and of the registry', async () => {
    {
      await using room = await openStrongroom({ stores: { old: { type: 'shared' } } }, options)
      await room.store().put('plain', 'v')
    }
    await using room = await openStrongroom({ stores: { old: { type: 'shared', readOnly: true }, main: 'memory:' } }, options)
    expect(room.config.writeTo).toBe('main')
    const old = room.store('old')
    expect((await old.get('plain')).value.revealText()).toBe('v')
    const [entry] = await Array.fromAsync(old.list())
    expect(entry?.name).toBe('plain')
    const [version] = await Array.fromAsync(old.versions('plain'))
    const before = await backend.list({ prefix: '', withLabels: false, page: undefined }, { signal: new AbortController().signal, attempt: 1 })
    for (const write of [
      () => old.put('plain', 'w'),
      () => old.put('new', 'w', { ifAbsent: true }),
      () => old.delete('plain'),
      () => old.delete('plain', { purge: true }),
      () => old.restore('plain'),
      () => old.destroyVersion('plain', version?.version ?? ('' as never)),
    ]) {
      const error = await failure(write())
      expect(isSecretError(error, 'misconfigured')).toBe(true)
      expect(error).toMatchObject({ effect: 'none', retryable: false, hint: 'the configuration says readOnly of this store' })
    }
    expect(await backend.list({ prefix: '', withLabels: false, page: undefined }, { signal: new AbortController().signal, attempt: 1 })).toEqual(
      before,
    )
    expect((await old.get('plain')).value.revealText()).toBe('v')
  })

  it('leaves a record in it readable, an update of it undone, and the purge of a deleted one for later', async () => {
    const metadata = `sqlite:${join(folder, 'meta.db')}`
    const open = (stores: object, writeTo: string) => openStrongroom({ stores, writeTo, metadata }, options)
    {
      await using room = await open({ old: { type: 'shared' } }, 'old')
      await (await room.registry()).account(ACCOUNT, ADA).create({ key: 'k', value: 'v' })
    }
    const store = { old: { type: 'shared' }, main: `local:${folder}/store` }
    {
      await using room = await open({ ...store, old: { type: 'shared', readOnly: true } }, 'main')
      const registry = await room.registry()
      const secrets = registry.account(ACCOUNT, ADA)
      const { id, revision } = await secrets.describe({ key: 'k' })
      expect(isSecretError(await failure(secrets.update(id, { value: 'w' })), 'misconfigured')).toBe(true)
      expect((await secrets.describe({ key: 'k' })).revision).toBe(revision)
      expect((await (await room.reader()).account(ACCOUNT, ADA).read({ key: 'k' })).value.revealText()).toBe('v')
      await secrets.delete(id)
      expect(await registry.maintain()).toMatchObject({ purged: 0, backlog: 1 })
      expect(await Array.fromAsync(registry.pending())).toMatchObject([{ task: 'purge_path', store: 'old', code: 'misconfigured' }])
    }
    await using room = await open(store, 'main')
    const registry = await room.registry()
    await vi.waitFor(async () => expect(await registry.maintain()).toMatchObject({ backlog: 0 }), { timeout: 60_000, interval: 200 })
  })

  it('is a field of a program’s own type as well, and checked there', async () => {
    const error = await failure(openStrongroom({ stores: { old: { type: 'shared', readOnly: 'yes' }, main: 'memory:' } }, options))
    expect(error).toBeInstanceOf(ConfigError)
    expect(error).toMatchObject({ problems: [{ path: 'stores.old.readOnly', found: '"yes"', allowed: 'true or false' }] })
  })
})
