import { readFileSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sqliteMetadata } from '@strongroom/sqlite'
import type { Database } from './database.ts'

interface Place {
  readonly folder: string
}

const placeOf = (place: unknown): string => (place as Place).folder
const clockOf = (place: unknown): string => join(placeOf(place), 'clock')

export const sqlite: Database = {
  name: 'sqlite',
  cuts: true,
  make: async (parent, name) => {
    const place: Place = { folder: join(parent, name) }
    await mkdir(place.folder)
    await writeFile(clockOf(place), '0')
    return place
  },
  open: (place, insideTransaction) =>
    sqliteMetadata({
      path: join(placeOf(place), 'metadata.db'),
      // The store asks for the time once in each transaction, after its beginning. A file is the clock of all processes.
      clock: () => {
        insideTransaction?.()
        return new Date(Date.now() + Number(readFileSync(clockOf(place), 'utf8')))
      },
    }),
  advance: async (place, ms) => {
    const next = `${clockOf(place)}.next`
    await writeFile(next, String(Number(await readFile(clockOf(place), 'utf8')) + ms))
    await rename(next, clockOf(place)) // nobody reads half of it
  },
  bytes: async place => {
    const files = (await readdir(placeOf(place))).filter(file => file.startsWith('metadata.db'))
    return Buffer.concat(await Promise.all(files.map(file => readFile(join(placeOf(place), file)))))
  },
  remove: async place => await rm(placeOf(place), { recursive: true, force: true }),
}
