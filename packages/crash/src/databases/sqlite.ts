import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sqliteMetadata } from '@strongroom/sqlite'
import { advanceClock, clockIn, makeClock } from './clock.ts'
import type { Database } from './database.ts'

interface Place {
  readonly folder: string
}

const folderOf = (place: unknown): string => (place as Place).folder

export const sqlite: Database = {
  name: 'sqlite',
  cuts: true,
  make: async (parent, name) => {
    const place: Place = { folder: join(parent, name) }
    await makeClock(place.folder)
    return place
  },
  open: (place, insideTransaction) =>
    sqliteMetadata({ path: join(folderOf(place), 'metadata.db'), clock: clockIn(folderOf(place), insideTransaction) }),
  advance: (place, ms) => advanceClock(folderOf(place), ms),
  bytes: async place => {
    const files = (await readdir(folderOf(place))).filter(file => file.startsWith('metadata.db'))
    return Buffer.concat(await Promise.all(files.map(file => readFile(join(folderOf(place), file)))))
  },
  remove: async place => await rm(folderOf(place), { recursive: true, force: true }),
  stop: async () => {},
}
