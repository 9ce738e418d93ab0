import { REGISTRY, World } from '@strongroom/conformance/metadata'
import { postgresMetadata } from '@strongroom/postgres'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { backendOf, thrownBy, useDatabase } from './database.ts'
import { withQueries } from './pools.ts'

const database = useDatabase()
const unavailable = { kind: 'strongroom.secret-error', code: 'unavailable', retryable: true, effect: 'none' }
const misconfigured = { kind: 'strongroom.secret-error', code: 'misconfigured', retryable: false, effect: 'none' }

/** Holds a row of the schema, as another transaction does, while the body runs. */
async function holding(sql: string, body: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  try {
    await client.query('BEGIN')
    await client.query(sql)
    await body(client)
  } finally {
    await client.end()
  }
}

const WAITS = "wait_event_type = 'Lock'"

describe('a statement', () => {
  it('that waits for longer than its time is unavailable, and changes nothing', async () => {
    await database.withWorld(
      async (world, schema) => {
        const record = await world.create()
        await holding(`SELECT * FROM "${schema}".accounts FOR UPDATE`, async () => {
          const refused = {
            ...unavailable,
            operation: 'metadata.updateDescription',
            hint: expect.stringContaining('the time of a statement') as unknown,
          }
          expect(await thrownBy(world.describe(record, 'x'))).toMatchObject(refused)
          expect(await world.find(record.id)).toMatchObject({ revision: 1 })
        })
        expect(await world.describe(record, 'x')).toMatchObject({ state: 'done', record: { revision: 2 } })
      },
      { statementTimeoutMs: 300 },
    )
  })

  it('whose backend is terminated is unavailable, and the next call has another connection', async () => {
    await database.withWorld(
      async (world, schema) => {
        const record = await world.create()
        await holding(`SELECT * FROM "${schema}".accounts FOR UPDATE`, async () => {
          const call = thrownBy(world.describe(record, 'x'))
          await backendOf(database, schema, WAITS)
          await database.admin.query('SELECT pg_terminate_backend($1)', [await backendOf(database, schema, WAITS)])
          expect(await call).toMatchObject(unavailable)
        })
        expect(await world.describe(record, 'x')).toMatchObject({ state: 'done', record: { revision: 2 } })
      },
      { maxConnections: 1 },
    )
  })

  it('that is aborted while it waits for a lock ends at once, without any effect', async () => {
    await database.withWorld(
      async (world, schema) => {
        const record = await world.create()
        await holding(`SELECT * FROM "${schema}".accounts FOR UPDATE`, async () => {
          const controller = new AbortController()
          const call = thrownBy(world.store.beginUpdate(world.updateRequest(record), { signal: controller.signal }))
          await backendOf(database, schema, WAITS)
          controller.abort()
          expect(await call).toMatchObject({ code: 'aborted', effect: 'none', operation: 'metadata.beginUpdate' })
          // The one connection was given up, so this gets another.
          expect(await world.references()).toEqual({ records: 1, intents: 0, tasks: 0 })
        })
        expect(await world.beginUpdate(record)).toMatchObject({ secret: record.id })
      },
      { maxConnections: 1 },
    )
  })

  it('that is aborted while it waits for a connection ends at once, and the connection is of use afterwards', async () => {
    await database.withWorld(
      async (world, schema) => {
        const record = await world.create()
        await holding(`SELECT * FROM "${schema}".accounts FOR UPDATE`, async client => {
          const first = world.describe(record, 'x')
          await backendOf(database, schema, WAITS)
          const controller = new AbortController()
          const second = thrownBy(world.store.references({ registry: REGISTRY }, { signal: controller.signal }))
          controller.abort()
          expect(await second).toMatchObject({ code: 'aborted', effect: 'none' })
          await client.query('ROLLBACK')
          expect(await first).toMatchObject({ state: 'done' })
        })
        expect(await world.references()).toMatchObject({ records: 1 })
      },
      { maxConnections: 1 },
    )
  })

  it('that is chosen to end a deadlock is made again', async () => {
    await database.withWorld(async (world, schema) => {
      await world.create()
      const [task] = await world.enqueue({ task: 'watch_path', store: 'main', path: world.createRequest().path, claimMs: 60_000 })
      if (task === undefined) throw new Error('not claimed')
      const deadlocks = async (): Promise<number> => {
        await database.admin.query('SELECT pg_stat_clear_snapshot()')
        const { rows } = await database.admin.query<{ deadlocks: string }>(
          'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
        )
        return Number(rows[0]?.deadlocks)
      }
      const before = await deadlocks()
      await holding(`SELECT * FROM "${schema}".queue FOR UPDATE`, async client => {
        const settling = world.settle(task, { state: 'done' })
        await backendOf(database, schema, WAITS)
        // It holds the account and waits for the task; now this waits for the account.
        await client.query(`SELECT * FROM "${schema}".accounts FOR UPDATE`)
        await client.query('COMMIT')
        expect(await settling).toBe(true)
      })
      while ((await deadlocks()) === before) await new Promise(resolve => setTimeout(resolve, 50))
      expect(await world.references()).toMatchObject({ tasks: 0 })
    })
  })

  it('that was overtaken is made again', async () => {
    let begun = 0
    let schema = ''
    const pool = database.newPool()
    const serializable = withQueries(pool, async (query, client) => {
      if (query.text.includes('READ WRITE')) begun += 1
      if (begun === 1 && query.text.includes('FROM accounts')) {
        // It has seen how things are; then another transaction changes them.
        await client.query({ ...query, text: 'SELECT 1 FROM records WHERE registry = $1 OR account = $2' })
        await database.admin.query(`UPDATE "${schema}".accounts SET tasks = tasks`)
      }
      return { ...query, text: query.text.replace('READ COMMITTED', 'SERIALIZABLE') }
    })
    try {
      await database.withWorld(async (calm, own) => {
        schema = own
        const record = await calm.create()
        const store = postgresMetadata({ pool: serializable, schema })
        const request = { ...calm.updateRequest(record), description: 'x' }
        expect(await store.updateDescription(request, {})).toMatchObject({ state: 'done', record: { revision: 2 } })
        expect(begun).toBe(2)
        expect(await calm.audit()).toHaveLength(2)
      })
    } finally {
      await pool.end()
    }
  })

  it('that is overtaken each time is given up, after a bounded number of times', async () => {
    let begun = 0
    const pool = database.newPool()
    const overtaken = withQueries(pool, query => {
      if (!query.text.startsWith('INSERT INTO intents')) return query
      begun += 1
      return { text: "DO 'BEGIN RAISE EXCEPTION SQLSTATE ''40001''; END'", types: query.types }
    })
    try {
      await database.withWorld(async (calm, schema) => {
        const store = postgresMetadata({ pool: overtaken, schema })
        expect(await thrownBy(store.beginCreate(calm.createRequest(), {}))).toMatchObject({ ...unavailable, operation: 'metadata.beginCreate' })
        expect(begun).toBeGreaterThan(5)
        expect(begun).toBeLessThan(100)
        expect(await calm.references()).toMatchObject({ intents: 0 })
      })
    } finally {
      await pool.end()
    }
  }, 90_000)

  it('holds no text that the database cannot keep', async () => {
    await database.withWorld(async world => {
      for (const key of ['a\0b', '\ud800']) {
        expect(await thrownBy(world.begin({ key }))).toMatchObject({ code: 'invalid_argument', effect: 'none' })
      }
      expect(await world.references()).toEqual({ records: 0, intents: 0, tasks: 0 })
      await world.create({ key: "'; DROP TABLE records; --" })
      expect(await world.references()).toEqual({ records: 1, intents: 0, tasks: 0 })
    })
  })
})

describe('a process that stops in mid-transaction', () => {
  it('loses it, and holds the others up no longer than a statement may take', async () => {
    const pool = database.newPool()
    const stopping = withQueries(pool, async query => {
      if (query.text.startsWith('INSERT INTO intents')) await new Promise(resolve => setTimeout(resolve, 2500))
      return query
    })
    await database.withWorld(async (world, schema) => {
      await world.create()
      const stopped = postgresMetadata({ pool: stopping, schema, statementTimeoutMs: 700 })
      const call = thrownBy(stopped.beginCreate(world.createRequest({ key: 'one' }), {}))
      expect(await world.begin({ key: 'two' })).toMatchObject({ key: 'two' })
      expect(await call).toMatchObject(unavailable)
      expect(await world.references()).toEqual({ records: 1, intents: 1, tasks: 0 })
    })
  })
})

describe('a pool', () => {
  it('of ours outlives the end of its idle connections', async () => {
    await database.withWorld(async (world, schema) => {
      await world.create()
      const idle = 'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = $1'
      expect((await database.admin.query(idle, [schema])).rowCount).toBeGreaterThan(0)
      // Time for the news to come in: without a listener it would end this process.
      await new Promise(resolve => setTimeout(resolve, 50))
      expect((await world.create()).revision).toBe(1)
    })
  })

  it('of the caller’s stays open, whole and its own', async () => {
    const pool = database.newPool({ max: 1 })
    const schema = database.newSchema()
    const world = await World.make(async () => ({ store: postgresMetadata({ pool, schema }), dispose: async () => {} }))
    const settings = 'SELECT current_setting($1) AS one, current_setting($2) AS two'
    const { rows: before } = await pool.query(settings, ['search_path', 'statement_timeout'])
    await world.create()
    expect((await pool.query(settings, ['search_path', 'statement_timeout'])).rows).toEqual(before)
    await world.dispose()
    expect(pool.ended).toBe(false)
    expect(pool.listenerCount('error')).toBe(1)
    const client = await pool.connect()
    // The pool's own are there again, ours are not.
    expect(client.listenerCount('error')).toBe(0)
    client.release()
    await pool.end()
    const ended = postgresMetadata({ pool, schema })
    expect(await thrownBy(ended.references({ registry: REGISTRY }, {}))).toMatchObject(misconfigured)
  })

  it('may have temporary tables of the same names', async () => {
    const pool = database.newPool({ max: 1 })
    await database.withWorld(
      async world => {
        const record = await world.create()
        await pool.query('CREATE TEMPORARY TABLE records (theirs text); CREATE TEMPORARY TABLE accounts (theirs text)')
        expect(await world.find(record.id)).toMatchObject({ key: record.key })
        expect(await world.describe(record, 'x')).toMatchObject({ state: 'done' })
      },
      { pool },
    )
  })

  it('may read every type in its own way', async () => {
    const types = { getTypeParser: () => () => 'odd' } as unknown as pg.CustomTypesConfig
    const pool = database.newPool({ types })
    await database.withWorld(
      async world => {
        const record = await world.create({ key: 'kept' })
        expect(await world.find(record.id)).toMatchObject({ key: 'kept', revision: 1, createdAt: record.createdAt })
      },
      { pool },
    )
    await pool.end()
  })
})
