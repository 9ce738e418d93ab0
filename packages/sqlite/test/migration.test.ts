import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sqliteMetadata } from '@strongroom/sqlite'
import { ACCOUNT, REGISTRY, World, type StartMetadata } from '@strongroom/conformance/metadata'
import { BEFORE_KEPT_VERSIONS, BEFORE_MIGRATIONS, expectKeptVersions, expectMigrationsFromNowOn } from '@strongroom/testbed/cases'
import { expect, it } from 'vitest'
import { APPLICATION_ID, MIGRATIONS } from '../src/schema.ts'
import { withFolder } from './folder.ts'

/** Takes back what the last migration has made of the indices of what is due. */
const BEFORE_DUE = `
  DROP INDEX queue_due; DROP INDEX queue_failing; DROP INDEX queue_order; DROP INDEX intents_due; DROP INDEX intents_failing;
  CREATE INDEX queue_order ON queue (registry, sequence, ready_at); CREATE INDEX intents_lease ON intents (registry, lease_until);`

it('a file of the schema before records kept versions has the pointer’s as the one that each keeps', async () => {
  await withFolder(async folder => {
    const path = join(folder, 'metadata.db')
    const database = new DatabaseSync(path)
    const before = MIGRATIONS.findIndex(sql => sql.includes('COLUMN versions'))
    expect(before).toBeGreaterThan(0)
    database.exec(`
      ${MIGRATIONS.slice(0, before).join('\n')}
      PRAGMA application_id = ${APPLICATION_ID};
      PRAGMA user_version = ${before};
      INSERT INTO accounts VALUES ('${REGISTRY}', '${ACCOUNT}', 2, 3, ''), ('registry-9', '${ACCOUNT}', 1, 1, '');
      ${BEFORE_KEPT_VERSIONS}`)
    database.close()
    const world = await World.make(async clock => {
      const store = sqliteMetadata({ path, clock })
      return { store, dispose: () => store.close() }
    })
    await expectKeptVersions(world, async sql => {
      const old = new DatabaseSync(path)
      old.exec(sql)
      old.close()
    })
    await world.dispose()
  })
})

it('a file of the schema before migrations keeps the intents that it has, and their rules', async () => {
  await withFolder(async folder => {
    const path = join(folder, 'metadata.db')
    const database = new DatabaseSync(path)
    const before = MIGRATIONS.findIndex(sql => sql.includes("'migrate'"))
    expect(before).toBeGreaterThan(0)
    database.exec(`
      ${MIGRATIONS.slice(0, before).join('\n')}
      PRAGMA application_id = ${APPLICATION_ID};
      PRAGMA user_version = ${before};
      INSERT INTO accounts VALUES ('${REGISTRY}', '${ACCOUNT}', 1, 0, '');
      ${BEFORE_MIGRATIONS}`)
    database.close()
    const world = await World.make(async clock => {
      const store = sqliteMetadata({ path, clock })
      return { store, dispose: () => store.close() }
    })
    await expectMigrationsFromNowOn(world)
    await world.dispose()
    const after = new DatabaseSync(path)
    expect(after.prepare('PRAGMA foreign_key_check').all()).toEqual([])
    expect(after.prepare('PRAGMA foreign_key_list(intents)').all()).toMatchObject([{ table: 'accounts' }, { table: 'accounts' }])
    after.close()
  })
})

it('a file of the schema before the index of what a page shows lists by key what it has, and follows its changes', async () => {
  await withFolder(async folder => {
    const path = join(folder, 'metadata.db')
    const start: StartMetadata = async clock => {
      const store = sqliteMetadata({ path, clock })
      return { store, dispose: () => store.close() }
    }
    const before = await World.make(start)
    for (const key of ['one', 'two']) await before.create({ key, description: `${key}, as it was` })
    const three = await before.create({ key: 'three', description: 'three, as it was' })
    await before.dispose()
    // Nothing but indices and a column of intents has come since.
    const version = MIGRATIONS.findIndex(sql => sql.includes('records_listed'))
    expect(version).toBeGreaterThan(0)
    const raw = new DatabaseSync(path)
    raw.exec(`DROP INDEX records_listed; ALTER TABLE intents DROP COLUMN replaces; ${BEFORE_DUE} PRAGMA user_version = ${version}`)
    raw.close()

    const world = await World.make(start)
    const listed = async (): Promise<readonly unknown[]> => {
      const cursors = { startingAfter: undefined, endingBefore: undefined }
      const request = { registry: REGISTRY, account: ACCOUNT, limit: 10, sortBy: 'key', sortOrder: 'asc', ...cursors } as const
      const { items } = await world.store.page(request, {})
      return items.map(({ key, description, revision }) => [key, description, revision])
    }
    const old = (key: string): unknown => [key, `${key}, as it was`, 1]
    expect(await listed()).toEqual([old('one'), old('three'), old('two')])
    await world.commitUpdate(await world.beginUpdate(three, 'new'))
    await world.create({ key: 'four', description: null })
    expect(await listed()).toEqual([['four', null, 1], old('one'), ['three', 'new', 2], old('two')])
    await world.dispose()
    const after = new DatabaseSync(path)
    expect(after.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
    after.close()
  })
})
