import { describeMetadata } from '@strongroom/conformance/vitest'
import { postgresMetadata, type PostgresPool } from '@strongroom/postgres'
import type pg from 'pg'
import { emptied, useDatabase } from './database.ts'
import { withQueries } from './pools.ts'

const database = useDatabase()
/** The property of pages makes thousands of transactions, and CI's machines are slow. */
const patience = { caseTimeoutMs: 120_000 }

const schema = database.newSchema()
describeMetadata(
  'PostgreSQL',
  async clock => {
    const open = () => postgresMetadata({ connectionString: database.url, schema, clock })
    return { store: open(), second: async () => open(), dispose: () => emptied(database, schema) }
  },
  patience,
)

// As databases are that know no other isolation: whoever was overtaken is refused, for real, and has to begin again.
const other = database.newSchema()
describeMetadata(
  'PostgreSQL with serializable transactions alone',
  async clock => {
    const pools: pg.Pool[] = []
    const open = () => {
      const pool = database.newPool({ max: 10 })
      pools.push(pool)
      const serializable: PostgresPool = withQueries(pool, query => ({
        ...query,
        text: query.text.replace(/ISOLATION LEVEL (READ COMMITTED|REPEATABLE READ)/, 'ISOLATION LEVEL SERIALIZABLE'),
      }))
      return postgresMetadata({ pool: serializable, schema: other, clock })
    }
    return {
      store: open(),
      second: async () => open(),
      dispose: async () => {
        await Promise.all(pools.map(pool => pool.end()))
        await emptied(database, other)
      },
    }
  },
  patience,
)
