import { execFileSync } from 'node:child_process'
import { chmod, copyFile, open, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sqliteMetadata } from '@strongroom/sqlite'
import { RegistryScene } from '@strongroom/testbed'
import { expectRefusedAndWhole, expectWholeInMidOperation, type Trouble } from '@strongroom/testbed/cases'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { child, withFolder } from './folder.ts'

// What a registry makes of a database in trouble: a coded error with the effect that is true, nothing lost, and recovery when it is over.

interface FileTrouble {
  readonly code: string
  /** What still fits into the pages that are there is made. */
  readonly partly?: true
  begin(path: string): Promise<void>
  end(path: string): Promise<void>
}

const PAGE = 4096
const HOUR_MS = 3_600_000
const NO_LIMIT = 0xfffffffe

/** A statement about every connection, until the test ends or it says otherwise: the real engine then refuses what it must. */
let setting = ''

function watchConnections(): void {
  const exec = Object.getOwnPropertyDescriptor(DatabaseSync.prototype, 'exec')?.value as (this: DatabaseSync, sql: string) => void
  vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(function (this: DatabaseSync, sql: string) {
    if (sql.startsWith('BEGIN') && setting !== '') exec.call(this, setting)
    exec.call(this, sql)
  })
}

const TROUBLES: Readonly<Record<string, FileTrouble>> = {
  'a disk that is full': {
    code: 'quota_exceeded',
    partly: true,
    async begin(path) {
      // No free page in the file, and none to be had: what comes next needs one.
      withDatabase(path, database => database.exec('VACUUM'))
      setting = 'PRAGMA max_page_count = 1'
    },
    async end() {
      setting = `PRAGMA max_page_count = ${NO_LIMIT}`
    },
  },
  'a file that may only be read': {
    code: 'misconfigured',
    async begin() {
      setting = 'PRAGMA query_only = ON'
    },
    async end() {
      setting = 'PRAGMA query_only = OFF'
    },
  },
  'a file whose bytes are overwritten': {
    code: 'corrupt',
    async begin(path) {
      withDatabase(path, forgetPages)
      await copyFile(path, `${path}.good`)
      const { size } = await stat(path)
      const file = await open(path, 'r+')
      await file.write(Buffer.alloc(size - PAGE, 0xff), 0, size - PAGE, PAGE)
      await file.close()
    },
    async end(path) {
      const good = await open(`${path}.good`, 'r')
      const bytes = await good.readFile()
      await good.close()
      // In place, as the file was damaged: it stays the same file.
      const file = await open(path, 'r+')
      await file.write(bytes, 0, bytes.length, 0)
      await file.close()
      withDatabase(path, forgetPages)
    },
  },
  'a file that vanishes': {
    code: 'unavailable',
    begin: path => rename(path, `${path}.away`),
    end: path => rename(`${path}.away`, path),
  },
  'a table that a newer release has renamed': {
    code: 'misconfigured',
    async begin(path) {
      withDatabase(path, database => database.exec('ALTER TABLE accounts RENAME TO owners'))
    },
    async end(path) {
      withDatabase(path, database => database.exec('ALTER TABLE owners RENAME TO accounts'))
    },
  },
}

afterEach(() => {
  setting = ''
  vi.restoreAllMocks()
})

describe.each(Object.entries(TROUBLES))('%s', (_, { code, partly, begin, end }) => {
  const troubleOf = (path: string): Trouble => ({ code, partly, begin: () => begin(path), end: () => end(path) })
  it('refuses every call for certain, and all is there when it is over', async () => {
    await withScene(async (scene, path) => {
      await expectRefusedAndWhole(scene, troubleOf(path))
    })
  })

  it('in mid-operation leaves nobody in the wrong, and nothing behind', async () => {
    await withScene(async (scene, path) => {
      await expectWholeInMidOperation(scene, troubleOf(path))
    })
  })
})

describe('at its start a registry', () => {
  it('refuses a file that is damaged, and has all of it once it is mended', async () => {
    await refusedAtStart(TROUBLES['a file whose bytes are overwritten'])
  })

  it('refuses a file of a newer schema, and has all of it when the newer release is gone', async () => {
    const version = (change: number) => async (path: string) =>
      withDatabase(path, database => {
        const { user_version: old } = database.prepare('PRAGMA user_version').get() as { user_version: number }
        database.exec(`PRAGMA user_version = ${old + change}`)
      })
    await refusedAtStart({ code: 'misconfigured', begin: version(1), end: version(-1) })
  })

  it('refuses a file that may only be read', async () => {
    await withScene(async (scene, path) => {
      await scene.close()
      await chmod(dirname(path), 0o777)
      await chmod(path, 0o444)
      expect(await child('open', path)).toEqual({ code: 'misconfigured', effect: 'none', retryable: false })
      await chmod(path, 0o600)
      expect(await scene.update('old', 'o2')).toBe('done')
      await scene.settle()
      expect(await scene.expectWhole()).toEqual({ old: 'o2' })
    })
  })
})

describe('a file that is replaced while it is open', () => {
  it('is written to no more, and the other one is found by the next start', async () => {
    await withScene(async (scene, path) => {
      await scene.close()
      await copyFile(path, `${path}.backup`)
      expect(await scene.create('later', 'l1')).toBe('done')
      for (const end of ['', '-wal', '-shm']) await rename(path + end, `${path}.old${end}`)
      await copyFile(`${path}.backup`, path)
      expect(await scene.update('old', 'o2')).toMatchObject({ code: 'unavailable', effect: 'none' })
      await scene.close()
      const { items } = await (await scene.secrets()).list()
      expect(items.map(({ key }) => key)).toEqual(['old'])
    })
  })
})

describe('a real disk', () => {
  it('of one megabyte is full, and all is there when there is room again', async context => {
    await withFolder(async folder => {
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' })
      } catch {
        context.skip('this user may not mount')
      }
      const path = join(folder, 'metadata.db')
      const scene = new RegistryScene(clock => sqliteMetadata({ path, clock }))
      try {
        let told: unknown
        let made = 0
        for (; made < 2_000; made += 1) {
          told = await scene.create(`key-${made}`, `value-${made}`)
          if (told !== 'done') break
        }
        expect(told).toMatchObject({ kind: 'strongroom.secret-error', code: 'quota_exceeded' })
        execFileSync('mount', ['-o', 'remount,size=64m', folder])
        expect(await scene.update('key-0', 'changed')).toBe('done')
        await scene.settle()
        const values = await scene.expectWhole()
        expect(Object.keys(values).length).toBe(made)
        expect(values['key-0']).toBe('changed')
      } finally {
        await scene.close().finally(() => execFileSync('umount', [folder]))
      }
    })
  })
})

describe('a clock that jumps back', () => {
  it('between operations changes nothing but the times', async () => {
    await withScene(async scene => {
      expect(await scene.create('first', 'f1')).toBe('done')
      scene.skip(-HOUR_MS)
      expect(await scene.create('second', 's1')).toBe('done')
      expect(await scene.update('first', 'f2')).toBe('done')
      const secrets = await scene.secrets()
      const byTime = await secrets.list({ sortBy: 'created_at', sortOrder: 'asc' })
      expect(byTime.items.map(({ key }) => key)).toEqual(['second', 'old', 'first'])
      const page = await secrets.list({ sortBy: 'created_at', sortOrder: 'asc', startingAfter: byTime.items[0]!.id })
      expect(page.items.map(({ key }) => key)).toEqual(['old', 'first'])
      const first = byTime.items.find(({ key }) => key === 'first')
      expect(first?.updatedAt?.getTime()).toBeLessThan(first!.createdAt.getTime())
      scene.skip(-HOUR_MS)
      expect(await scene.delete('old')).toBe('done')
      // The chain's order is that of its sequence.
      const trail = await Array.fromAsync(secrets.audit())
      expect(trail.map(({ sequence }) => sequence)).toEqual(trail.map((_, index) => index + 1))
      await scene.settle()
      expect(await scene.expectWhole()).toEqual({ first: 'f2', second: 's1' })
    })
  })

  it('in mid-operation lets the writer finish', async () => {
    await withScene(async scene => {
      scene.duringPut = async () => scene.skip(-HOUR_MS)
      expect(await scene.create('new', 'n1')).toBe('done')
      scene.duringPut = async () => scene.skip(-HOUR_MS)
      expect(await scene.update('old', 'o2')).toBe('done')
      await scene.settle()
      expect(await scene.expectWhole()).toEqual({ new: 'n1', old: 'o2' })
    })
  })

  it('after a writer’s end has its intent wait until the time is there again', async () => {
    await withScene(async (scene, path) => {
      const { begin, end } = TROUBLES['a file that vanishes']!
      scene.duringPut = () => begin(path)
      expect(await scene.update('old', 'o2')).toMatchObject({ effect: 'unknown' })
      await end(path)
      scene.skip(-HOUR_MS)
      const registry = await scene.open()
      expect(await registry.maintain()).toMatchObject({ recovered: 0, backlog: 1 })
      scene.skip(HOUR_MS / 2)
      expect(await registry.maintain()).toMatchObject({ recovered: 0, backlog: 1 })
      scene.skip(HOUR_MS)
      expect(await registry.maintain()).toMatchObject({ recovered: 1 })
      await scene.settle()
      expect(await scene.expectWhole()).toEqual({ old: 'o2' })
    })
  })
})

/** A registry with one secret, `old`, whose value is `o1`. */
async function withScene(body: (scene: RegistryScene, path: string) => Promise<void>): Promise<void> {
  await withFolder(async folder => {
    watchConnections()
    const path = join(folder, 'metadata.db')
    const scene = new RegistryScene(clock => sqliteMetadata({ path, clock }))
    try {
      expect(await scene.create('old', 'o1')).toBe('done')
      await body(scene, path)
    } finally {
      await scene.close()
    }
  })
}

async function refusedAtStart(trouble: FileTrouble | undefined): Promise<void> {
  if (trouble === undefined) throw new Error('no such trouble')
  await withScene(async (scene, path) => {
    await scene.close()
    await trouble.begin(path)
    await expect(scene.open()).rejects.toMatchObject({ kind: 'strongroom.secret-error', code: trouble.code, effect: 'none' })
    await trouble.end(path)
    expect(await scene.create('new', 'n1')).toBe('done')
    await scene.settle()
    expect(await scene.expectWhole()).toEqual({ new: 'n1', old: 'o1' })
  })
}

/** As another process has the file open. */
function withDatabase(path: string, work: (database: DatabaseSync) => void): void {
  const database = new DatabaseSync(path)
  try {
    database.exec('PRAGMA busy_timeout = 5000')
    work(database)
  } finally {
    database.close()
  }
}

/** Everything is in the file itself, and every other connection reads it anew. */
function forgetPages(database: DatabaseSync): void {
  database.exec('CREATE TABLE passing (column_1); DROP TABLE passing')
  database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()
}
