import { execFileSync } from 'node:child_process'
import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { postgresMetadata } from '@strongroom/postgres'
import { RegistryScene } from '@strongroom/testbed'
import { expectRefusedAndWhole, expectWholeInMidOperation, type Trouble } from '@strongroom/testbed/cases'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { backendOf, thrownBy, urlWith, useDatabase } from './database.ts'
import { withQueries } from './pools.ts'

// What a registry makes of a database in trouble: a coded error with the effect that is true, nothing lost, and recovery when it is over.

const database = useDatabase()
const HOUR_MS = 3_600_000
const SLOW_MS = 180_000

interface Stage {
  readonly scene: RegistryScene
  readonly schema: string
  /** As a standby does: the database knows no transaction that writes. */
  readOnly: boolean
}

interface StageTrouble {
  readonly code: string
  begin(stage: Stage): Promise<void>
  end(stage: Stage): Promise<void>
}

const TROUBLES: Readonly<Record<string, StageTrouble>> = {
  'a server that vanishes': {
    code: 'unavailable',
    begin: () => database.server.crash(),
    end: () => database.server.startAgain(),
  },
  'a database that may only be read': {
    code: 'misconfigured',
    begin: async stage => void (stage.readOnly = true),
    end: async stage => void (stage.readOnly = false),
  },
  'a table whose bytes are overwritten': {
    code: 'corrupt',
    begin: stage => rewritten(stage, bytes => bytes.fill(0xff)),
    end: stage => rewritten(stage, (_, before) => before),
  },
  'a table that a newer release has renamed': {
    code: 'misconfigured',
    begin: async ({ schema }) => void (await database.admin.query(`ALTER TABLE "${schema}".accounts RENAME TO owners`)),
    end: async ({ schema }) => void (await database.admin.query(`ALTER TABLE "${schema}".owners RENAME TO accounts`)),
  },
}

describe.each(Object.entries(TROUBLES))('%s', (_, { code, begin, end }) => {
  const troubleOf = (stage: Stage): Trouble => ({ code, begin: () => begin(stage), end: () => end(stage) })
  it(
    'refuses every call for certain, and all is there when it is over',
    async context => {
      if (!database.isOurs) context.skip('the server is not ours to stop')
      await withStage(async stage => {
        await expectRefusedAndWhole(stage.scene, troubleOf(stage))
      })
    },
    SLOW_MS,
  )

  it(
    'in mid-operation leaves nobody in the wrong, and nothing behind',
    async context => {
      if (!database.isOurs) context.skip('the server is not ours to stop')
      await withStage(async stage => {
        await expectWholeInMidOperation(stage.scene, troubleOf(stage))
      })
    },
    SLOW_MS,
  )
})

describe('a server', () => {
  it(
    'that vanishes while it commits leaves the write wholly done or wholly undone',
    async context => {
      if (!database.isOurs) context.skip('the server is not ours to stop')
      await withStage(async ({ scene, schema }) => {
        // Its COMMIT goes on for as long as the server is there.
        await database.admin.query(`
          CREATE FUNCTION "${schema}".at_commit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN NULL; END';
          CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON "${schema}".records DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION "${schema}".at_commit()`)
        const told = scene.create('new', 'n1')
        await backendOf(database, schema, "query = 'COMMIT' AND wait_event = 'PgSleep'")
        await database.server.crash()
        expect(await told).toMatchObject({ code: 'unavailable', effect: 'unknown' })
        await database.server.startAgain()
        await database.admin.query(`DROP TRIGGER at_commit ON "${schema}".records`)
        await scene.settle()
        expect(await scene.expectWhole()).toEqual({ old: 'o1' })
      })
    },
    SLOW_MS,
  )

  it(
    'whose disk is full refuses, and all is there when there is room again',
    async context => {
      if (!database.isOurs) context.skip('the server is not ours')
      const folder = await mkdtemp(join(tmpdir(), 'strongroom-disk-'))
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder], { stdio: 'ignore' })
      } catch {
        await rm(folder, { recursive: true })
        context.skip('this user may not mount')
      }
      try {
        execFileSync('chown', ['--reference', await dataFolder(), folder])
        const space = `disk_${Date.now()}`
        await database.admin.query(`CREATE TABLESPACE ${space} LOCATION '${folder}'`)
        await withStage(async ({ scene, schema }) => {
          await moveTo(space, schema)
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
          expect(Object.keys(values)).toHaveLength(made + 1)
          expect(values['key-0']).toBe('changed')
          await moveTo('pg_default', schema)
        })
        await database.admin.query(`DROP TABLESPACE ${space}`)
      } finally {
        execFileSync('umount', ['--lazy', folder])
        await rm(folder, { recursive: true })
      }
    },
    SLOW_MS,
  )

  it('of a newer schema is refused at the start, and has everything when the newer release is gone', async () => {
    await withStage(async ({ scene, schema }) => {
      await scene.close()
      await database.admin.query(`UPDATE "${schema}".schema_version SET version = version + 1`)
      expect(await thrownBy(scene.open())).toMatchObject({ kind: 'strongroom.secret-error', code: 'misconfigured', effect: 'none' })
      await database.admin.query(`UPDATE "${schema}".schema_version SET version = version - 1`)
      expect(await scene.create('new', 'n1')).toBe('done')
      await scene.settle()
      expect(await scene.expectWhole()).toEqual({ new: 'n1', old: 'o1' })
    })
  })
})

describe('a clock that jumps back', () => {
  it('between operations changes nothing but the times', async () => {
    await withStage(async ({ scene }) => {
      expect(await scene.create('first', 'f1')).toBe('done')
      scene.skip(-HOUR_MS)
      expect(await scene.create('second', 's1')).toBe('done')
      expect(await scene.update('first', 'f2')).toBe('done')
      const secrets = await scene.secrets()
      const { items } = await secrets.list({ sortBy: 'created_at', sortOrder: 'asc' })
      expect(items.map(({ key }) => key)).toEqual(['second', 'old', 'first'])
      const first = items.find(({ key }) => key === 'first')
      expect(first?.updatedAt?.getTime()).toBeLessThan(first!.createdAt.getTime())
      scene.skip(-HOUR_MS)
      expect(await scene.delete('old')).toBe('done')
      await scene.settle()
      expect(await scene.expectWhole()).toEqual({ first: 'f2', second: 's1' })
    })
  })

  it('in mid-operation lets the writer finish', async () => {
    await withStage(async ({ scene }) => {
      scene.duringPut = async () => scene.skip(-HOUR_MS)
      expect(await scene.create('new', 'n1')).toBe('done')
      scene.duringPut = async () => scene.skip(-HOUR_MS)
      expect(await scene.update('old', 'o2')).toBe('done')
      await scene.settle()
      expect(await scene.expectWhole()).toEqual({ new: 'n1', old: 'o2' })
    })
  })
})

/** A registry with one secret, `old`, whose value is `o1`. */
async function withStage(body: (stage: Stage) => Promise<void>): Promise<void> {
  const schema = database.newSchema()
  const connectionString = urlWith(database.url, url => url.searchParams.set('application_name', schema))
  const pool = new pg.Pool({ connectionString, max: 4 })
  pool.on('error', () => {})
  const watched = withQueries(pool, query => (stage.readOnly ? { ...query, text: query.text.replace('READ WRITE', 'READ ONLY') } : query))
  const scene = new RegistryScene(clock => postgresMetadata({ pool: watched, schema, clock }))
  const stage = { scene, schema, readOnly: false }
  try {
    expect(await scene.create('old', 'o1')).toBe('done')
    await body(stage)
  } finally {
    await scene.close()
    await pool.end()
  }
}

const kept = new Map<string, Buffer>()

/** Ends the server, changes the bytes of the table that every write begins with, and starts it again. */
async function rewritten({ schema }: Stage, change: (bytes: Buffer, before: Buffer) => Buffer): Promise<void> {
  // So that no log has the pages: what is written now is what is there after the start.
  await database.admin.query('CHECKPOINT')
  const { rows } = await database.admin.query<{ path: string }>('SELECT pg_relation_filepath($1::regclass) AS path', [`"${schema}".accounts`])
  const path = join(await dataFolder(), rows[0]?.path ?? '')
  await database.server.crash()
  const bytes = await readFile(path)
  const before = kept.get(path) ?? Buffer.from(bytes)
  kept.set(path, before)
  const after = change(bytes, before)
  const { size } = await stat(path)
  expect(after.length).toBe(size)
  const file = await open(path, 'r+')
  await file.write(after, 0, size, 0)
  await file.close()
  await database.server.startAgain()
}

async function dataFolder(): Promise<string> {
  const { rows } = await database.admin.query<{ data_directory: string }>('SHOW data_directory')
  return rows[0]?.data_directory ?? ''
}

/** All tables of the schema, with their indexes. */
async function moveTo(space: string, schema: string): Promise<void> {
  const { rows } = await database.admin.query<{ name: string; kind: string }>(
    "SELECT relname AS name, CASE relkind WHEN 'r' THEN 'TABLE' ELSE 'INDEX' END AS kind FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'i')",
    [schema],
  )
  for (const { name, kind } of rows) await database.admin.query(`ALTER ${kind} "${schema}"."${name}" SET TABLESPACE ${space}`)
}
