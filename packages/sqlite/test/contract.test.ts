import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeMetadata } from '@strongroom/conformance/vitest'
import { sqliteMetadata } from '@strongroom/sqlite'

describeMetadata('sqlite in memory', async clock => ({ store: sqliteMetadata({ path: ':memory:', clock }), dispose: async () => {} }))

describeMetadata('sqlite in a file', async clock => {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-sqlite-'))
  const path = join(folder, 'metadata.db')
  return {
    store: sqliteMetadata({ path, clock }),
    second: async () => sqliteMetadata({ path, clock }),
    dispose: () => rm(folder, { recursive: true }),
  }
})
