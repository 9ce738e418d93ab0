import { join } from 'node:path'
import { sqliteMetadata } from '@strongroom/sqlite'
import { expectMovedAndBack } from '@strongroom/testbed/cases'
import { test } from 'vitest'
import { withFolder } from './folder.ts'

test('a migrator moves secrets to another store and back, and adopts', { timeout: 120_000 }, async () => {
  await withFolder(folder => expectMovedAndBack(clock => sqliteMetadata({ path: join(folder, 'metadata.db'), clock })))
})
