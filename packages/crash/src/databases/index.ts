import type { Database } from './database.ts'
import { sqlite } from './sqlite.ts'

export const databases: readonly Database[] = [sqlite]

export function databaseOf(name: string): Database {
  const found = databases.find(database => database.name === name)
  if (found === undefined) throw new RangeError(`databases are ${databases.map(database => database.name).join(', ')}`)
  return found
}
