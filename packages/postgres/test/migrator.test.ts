import { postgresMetadata } from '@strongroom/postgres'
import { expectMovedAndBack } from '@strongroom/testbed/cases'
import { test } from 'vitest'
import { useDatabase } from './database.ts'

const database = useDatabase()

test('a migrator moves secrets to another store and back, and adopts', { timeout: 120_000 }, async () => {
  const schema = database.newSchema()
  await expectMovedAndBack(clock => postgresMetadata({ connectionString: database.url, schema, clock }))
})
