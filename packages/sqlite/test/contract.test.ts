import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryMetadata } from '@strongroom/core'
import { sqliteMetadata } from '@strongroom/sqlite'
import { metadataContract } from './metadata-contract.ts'

metadataContract('memory', async clock => {
  const store = memoryMetadata({ clock })
  return { store, dispose: () => store.close() }
})

metadataContract('sqlite in memory', async clock => {
  const store = sqliteMetadata({ path: ':memory:', clock })
  return { store, dispose: () => store.close() }
})

metadataContract('sqlite in a file', async clock => {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-sqlite-'))
  const store = sqliteMetadata({ path: join(folder, 'metadata.db'), clock })
  return {
    store,
    async dispose() {
      await store.close()
      await rm(folder, { recursive: true })
    },
  }
})
