import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { NEVER_UPDATED, type SecretId } from '@strongroom/core'
import { sqliteMetadata } from '@strongroom/sqlite'
import { ACCOUNT, REGISTRY, World } from '@strongroom/conformance/metadata'
import { expect, it } from 'vitest'
import { APPLICATION_ID, MIGRATIONS } from '../src/schema.ts'
import { withFolder } from './folder.ts'

it('a file of the schema before records kept versions has the pointer’s as the one that each keeps', async () => {
  await withFolder(async folder => {
    const path = join(folder, 'metadata.db')
    const database = new DatabaseSync(path)
    database.exec(`
      ${MIGRATIONS[0]}
      PRAGMA application_id = ${APPLICATION_ID};
      PRAGMA user_version = 1;
      INSERT INTO accounts VALUES ('${REGISTRY}', '${ACCOUNT}', 2, 3, ''), ('registry-9', '${ACCOUNT}', 1, 1, '');
      INSERT INTO records VALUES
        ('${REGISTRY}', 'fresh', '${ACCOUNT}', 'a', NULL, 'full', 1000, 'alice', 'user', ${NEVER_UPDATED}, NULL, 1, 'main', 'p-1', 'v"1'),
        ('${REGISTRY}', 'changed', '${ACCOUNT}', 'b', 'x', 'full', 1000, 'alice', 'user', 2000, 'robot', 3, 'main', 'p-2', 'v7'),
        ('registry-9', 'changed', '${ACCOUNT}', 'b', 'x', 'full', 1000, 'robot', 'user', 3000, 'alice', 2, 'main', 'p-2', 'v8');
      INSERT INTO audit VALUES
        ('${REGISTRY}', '${ACCOUNT}', 1, 1, 'robot', 'user', 'secret.update', 'ok', NULL, 'changed', 'b', 'o-1', '', ''),
        ('${REGISTRY}', '${ACCOUNT}', 2, 1, 'robot', 'service_account', 'secret.update', 'ok', NULL, 'changed', 'b', 'o-2', '', ''),
        ('${REGISTRY}', '${ACCOUNT}', 3, 1, 'robot', 'user', 'secret.update', 'failed', 'conflict', 'changed', 'b', 'o-3', '', ''),
        ('registry-9', '${ACCOUNT}', 1, 1, 'alice', 'user', 'secret.update', 'ok', NULL, 'changed', 'b', 'o-1', '', '')`)
    database.close()
    const world = await World.make(async clock => {
      const store = sqliteMetadata({ path, clock })
      return { store, dispose: () => store.close() }
    })
    expect((await world.find('fresh' as SecretId))?.versions).toEqual([
      { version: 'v"1', revision: 1, committedAt: new Date(1000), committedBy: { id: 'alice', type: 'user' } },
    ])
    const changed = await world.find('changed' as SecretId)
    expect(changed?.versions).toEqual([
      { version: 'v7', revision: 3, committedAt: new Date(2000), committedBy: { id: 'robot', type: 'service_account' } },
    ])
    expect((await world.find('changed' as SecretId, ACCOUNT, 'registry-9'))?.versions).toEqual([
      { version: 'v8', revision: 2, committedAt: new Date(3000), committedBy: { id: 'alice', type: 'user' } },
    ])
    if (changed === undefined) return
    await world.update(changed, 'v9', 2)
    expect((await world.find(changed.id))?.versions.map(({ version }) => version)).toEqual(['v9', 'v7'])
    await world.dispose()
  })
})
