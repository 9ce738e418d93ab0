import type { Database } from './database.ts'
import { postgres } from './postgres.ts'
import { sqlite } from './sqlite.ts'

export const databases: readonly Database[] = [sqlite, postgres]

export function databaseOf(name: string): Database {
  const found = databases.find(database => database.name === name)
  if (found === undefined) throw new RangeError(`databases are ${databases.map(database => database.name).join(', ')}`)
  return found
}

export async function stopDatabases(): Promise<void> {
  await Promise.all(databases.map(database => database.stop()))
}
