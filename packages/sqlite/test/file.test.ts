import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { verifyAudit } from '@strongroom/core'
import { sqliteMetadata, sqliteSchema } from '@strongroom/sqlite'
import { expectIntentOfBefore, expectNothingTwice } from '@strongroom/testbed/cases'
import { describe, expect, it } from 'vitest'
import { REGISTRY, START, World } from '@strongroom/conformance/metadata'
import { APPLICATION_ID, MIGRATIONS } from '../src/schema.ts'
import { child, withFolder } from './folder.ts'

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777

const makeFile = async (path: string): Promise<void> => {
  const store = sqliteMetadata({ path })
  await store.references({ registry: REGISTRY }, {})
  await store.close()
}

const refusal = async (path: string): Promise<unknown> => {
  const store = sqliteMetadata({ path })
  try {
    return await store.references({ registry: REGISTRY }, {})
  } catch (error) {
    return error
  } finally {
    await store.close()
  }
}

describe('the file', () => {
  it('is its owner’s alone, with everything beside it, whatever the umask', async () => {
    await withFolder(async folder => {
      const path = join(folder, 'deep', 'er', 'metadata.db')
      const old = process.umask(0)
      try {
        const world = await World.make(async clock => {
          const store = sqliteMetadata({ path, clock })
          return { store, dispose: () => store.close() }
        })
        await world.create()
        expect((await readdir(join(folder, 'deep', 'er'))).toSorted()).toEqual(['metadata.db', 'metadata.db-shm', 'metadata.db-wal'])
        for (const end of ['', '-shm', '-wal']) expect(await modeOf(path + end)).toBe(0o600)
        expect(await modeOf(join(folder, 'deep'))).toBe(0o700)
        expect(await modeOf(join(folder, 'deep', 'er'))).toBe(0o700)
        await world.dispose()
      } finally {
        process.umask(old)
      }
    })
  })

  it('tells its schema without being made, migrated or opened for work', async () => {
    await withFolder(async folder => {
      const path = join(folder, 'metadata.db')
      expect(await sqliteSchema({ path })).toBeUndefined()
      expect(await readdir(folder)).toEqual([])
      await makeFile(path)
      const newest = MIGRATIONS.length
      expect(await sqliteSchema({ path })).toEqual({ version: newest, newest })
      const raw = new DatabaseSync(path)
      const set = (version: number): void => raw.exec(`PRAGMA user_version = ${version}`)
      set(1)
      expect(await sqliteSchema({ path })).toEqual({ version: 1, newest })
      expect(raw.prepare('PRAGMA user_version').get()).toEqual({ user_version: 1 })
      set(newest + 1)
      await expect(sqliteSchema({ path })).rejects.toMatchObject({ code: 'misconfigured', operation: 'metadata.schema' })
      raw.exec('PRAGMA application_id = 7')
      await expect(sqliteSchema({ path })).rejects.toMatchObject({ code: 'misconfigured' })
      raw.close()
      await writeFile(path, 'no database at all, but long enough to be looked at')
      await expect(sqliteSchema({ path })).rejects.toMatchObject({ code: 'corrupt' })
    })
  })

  it('is not made before the first call', async () => {
    await withFolder(async folder => {
      await sqliteMetadata({ path: join(folder, 'metadata.db') }).close()
      expect(await readdir(folder)).toEqual([])
    })
  })

  it('holds everything when it is opened again', async () => {
    await withFolder(async folder => {
      const path = join(folder, 'file:odd?name=1.db')
      const factory = (clock: () => Date) => {
        const store = sqliteMetadata({ path, clock })
        return Promise.resolve({ store, dispose: () => store.close() })
      }
      const first = await World.make(factory)
      const record = await first.create({ description: 'kept' })
      await first.update(record, 'v2')
      const intent = await first.beginUpdate(record, null)
      await first.enqueue({ task: 'watch_path', store: 'main', path: intent.path, delayMs: 5 })
      const before = [await first.find(record.id), await first.audit(), await first.references()]
      await first.dispose()
      expect(await readdir(folder)).toEqual(['file:odd?name=1.db'])
      const second = await World.make(factory)
      expect([await second.find(record.id), await second.audit(), await second.references()]).toEqual(before)
      expect(await verifyAudit(await second.audit())).toMatchObject({ ok: true })
      second.wait(5)
      expect(second.now).toBe(START + 5)
      expect(await second.claim()).toHaveLength(1)
      expect(await second.commitUpdate(intent)).toMatchObject({ state: 'committed', record: { description: null, revision: 3 } })
      await second.dispose()
    })
  })

  it('is durable and checked by SQLite itself', async () => {
    await withFolder(async folder => {
      const path = join(folder, 'metadata.db')
      await makeFile(path)
      const database = new DatabaseSync(path)
      expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
      expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
      const tables = database.prepare("SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'").all()
      expect(tables.length).toBe(9)
      expect(tables.every(table => table['strict'] === 1)).toBe(true)
      database.close()
    })
  })

  it('of a newer schema is refused, and stays as it was', async () => {
    await withFolder(async folder => {
      const path = join(folder, 'metadata.db')
      await makeFile(path)
      const database = new DatabaseSync(path)
      database.exec('PRAGMA user_version = 99; PRAGMA journal_mode = DELETE')
      database.close()
      const before = await readFile(path)
      expect(await refusal(path)).toMatchObject({ code: 'misconfigured', retryable: false, effect: 'none', operation: 'metadata.references' })
      expect(await readFile(path)).toEqual(before)
      expect(await readdir(folder)).toEqual(['metadata.db'])
    })
  })

  it('of the schema before idempotency keys is migrated, with an intent under way', async () => {
    await withFolder(async folder => {
      const path = join(folder, 'metadata.db')
      const database = new DatabaseSync(path)
      database.exec(`${MIGRATIONS[0]}; PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = 1`)
      database.exec(`
        INSERT INTO accounts VALUES ('${REGISTRY}', 'account-1', 0, 0, '${'0'.repeat(64)}');
        INSERT INTO intents VALUES ('${REGISTRY}', 'i', 'create', 'account-1', 's', 'one', 'alice', 'user', 'main', 'p', NULL, NULL, 1, 'text', 't', ${START}, 0)`)
      database.close()
      const world = await World.make(async clock => {
        const store = sqliteMetadata({ path, clock })
        return { store, dispose: () => store.close() }
      })
      await expectIntentOfBefore(world)
      await world.dispose()
    })
  })

  it('that a process of before idempotency keys still writes to does nothing twice', async () => {
    await withFolder(async folder => {
      const path = join(folder, 'metadata.db')
      const world = await World.make(async clock => {
        const store = sqliteMetadata({ path, clock })
        return { store, dispose: () => store.close() }
      })
      await expectNothingTwice(world, async sql => {
        const database = new DatabaseSync(path)
        database.exec(sql)
        database.close()
      })
      await world.dispose()
    })
  })

  it('of another program is refused, and stays as it was', async () => {
    await withFolder(async folder => {
      const path = join(folder, 'metadata.db')
      const database = new DatabaseSync(path)
      database.exec('CREATE TABLE theirs (value)')
      database.close()
      const before = await readFile(path)
      expect(await refusal(path)).toMatchObject({ code: 'misconfigured' })
      expect(await readFile(path)).toEqual(before)
    })
  })

  it('that is damaged is corrupt', async () => {
    await withFolder(async folder => {
      const path = join(folder, 'metadata.db')
      await writeFile(path, 'this is not a database. '.repeat(400))
      expect(await refusal(path)).toMatchObject({ code: 'corrupt', effect: 'none' })
      await rm(path)
      await makeFile(path)
      const bytes = await readFile(path)
      await writeFile(path, bytes.fill(0xff, 4096))
      expect(await refusal(path)).toMatchObject({ code: 'corrupt', effect: 'none' })
    })
  })

  it('that may only be read is misconfigured for a writer', async () => {
    await withFolder(async folder => {
      const path = join(folder, 'metadata.db')
      await makeFile(path)
      await chmod(path, 0o444)
      const refused = { code: 'misconfigured', effect: 'none', retryable: false }
      await chmod(folder, 0o777)
      expect(await child('readonly', path)).toEqual([{ records: 0, intents: 0, tasks: 0 }, refused])
      await rm(`${path}-wal`, { force: true })
      await rm(`${path}-shm`, { force: true })
      await chmod(folder, 0o555)
      expect(await child('readonly', path)).toEqual([refused, refused])
      await chmod(folder, 0o700)
    })
  })

  it('that cannot be opened is tried again by the next call', async () => {
    await withFolder(async folder => {
      const store = sqliteMetadata({ path: join(folder, 'taken', 'metadata.db') })
      await writeFile(join(folder, 'taken'), '')
      await expectRefused(store.references({ registry: REGISTRY }, {}), 'misconfigured')
      await rm(join(folder, 'taken'))
      await mkdir(join(folder, 'taken', 'metadata.db'), { recursive: true })
      await expectRefused(store.references({ registry: REGISTRY }, {}), 'misconfigured')
      await rm(join(folder, 'taken', 'metadata.db'), { recursive: true })
      expect(await store.references({ registry: REGISTRY }, {})).toEqual({ records: 0, intents: 0, tasks: 0 })
      await store.close()
    })
  })

  it('that another connection writes to is unavailable for the time being', async () => {
    await withFolder(async folder => {
      const path = join(folder, 'metadata.db')
      await makeFile(path)
      const world = await World.make(async clock => {
        const store = sqliteMetadata({ path, clock, busyTimeoutMs: 30 })
        return { store, dispose: () => store.close() }
      })
      const record = await world.create()
      const other = new DatabaseSync(path)
      other.exec('BEGIN IMMEDIATE')
      const started = performance.now()
      await expect(world.describe(record, 'x')).rejects.toMatchObject({
        code: 'unavailable',
        retryable: true,
        effect: 'none',
        operation: 'metadata.updateDescription',
      })
      expect(performance.now() - started).toBeGreaterThanOrEqual(20)
      expect(await world.find(record.id)).toMatchObject({ description: null })
      other.exec('ROLLBACK')
      other.close()
      expect(await world.describe(record, 'x')).toMatchObject({ state: 'done' })
      await world.dispose()
    })
  })

  it('that another connection is making is waited for', async () => {
    await withFolder(async folder => {
      const path = join(folder, 'metadata.db')
      await makeFile(path)
      const other = new DatabaseSync(path)
      // Without the log yet, as it is while its first process prepares it: SQLite itself does not wait for this lock.
      other.exec('PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE')
      const release = setTimeout(() => other.close(), 150)
      expect(await refusal(path)).toEqual({ records: 0, intents: 0, tasks: 0 })
      clearTimeout(release)
    })
  })

  it('is not named, nor is what was written, in an error', async () => {
    await withFolder(async folder => {
      const path = join(folder, 'metadata.db')
      const world = await World.make(async clock => {
        const store = sqliteMetadata({ path, clock })
        return { store, dispose: () => store.close() }
      })
      // What no type allows makes SQLite fail while it binds parameters.
      const bad = { id: Symbol('confidential') as unknown as string, type: 'user' } as const
      const error: unknown = await world.begin({ actor: bad, description: 'confidential' }).catch((error: unknown) => error)
      expect(error).toMatchObject({ kind: 'strongroom.secret-error', code: 'unknown', effect: 'none' })
      expect(error).not.toHaveProperty('cause')
      expect((error as Error).message).not.toMatch(/confidential|metadata\.db/)
      expect(await world.references()).toEqual({ records: 0, intents: 0, tasks: 0 })
      await world.create()
      await world.dispose()
    })
  })
})

describe('options', () => {
  it('are checked at once', () => {
    for (const options of [{ path: '' }, { path: 'a\0b' }, { path: 'a', busyTimeoutMs: -1 }, { path: 'a', busyTimeoutMs: 0.5 }]) {
      expect(() => sqliteMetadata(options)).toThrow(expect.objectContaining({ code: 'invalid_argument' }))
    }
  })
})

/** Expects a SecretError of the code, final and without any effect. */
async function expectRefused(promise: Promise<unknown>, code: string): Promise<void> {
  await expect(promise).rejects.toMatchObject({ kind: 'strongroom.secret-error', code, retryable: false, effect: 'none', store: undefined })
}
