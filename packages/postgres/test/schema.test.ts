import { ACCOUNT, REGISTRY, START, World } from '@strongroom/conformance/metadata'
import { postgresMetadata, postgresSchema } from '@strongroom/postgres'
import {
  BEFORE_KEPT_VERSIONS,
  BEFORE_MIGRATIONS,
  expectIntentOfBefore,
  expectNothingTwice,
  expectKeptVersions,
  expectMigrationsFromNowOn,
} from '@strongroom/testbed/cases'
import { describe, expect, it } from 'vitest'
import { openSchema } from '../src/open.ts'
import { MIGRATIONS } from '../src/schema.ts'
import { backendOf, firstCall, urlWith, useDatabase } from './database.ts'
import { withQueries } from './pools.ts'

const database = useDatabase()
const misconfigured = { kind: 'strongroom.secret-error', code: 'misconfigured', retryable: false, effect: 'none' }
const nothing = { records: 0, intents: 0, tasks: 0 }

async function versionOf(schema: string): Promise<number> {
  const { rows } = await database.admin.query<{ version: string }>(`SELECT version FROM "${schema}".schema_version`)
  return Number(rows[0]?.version)
}

describe('a schema', () => {
  it('is made by many stores at once, each with connections of its own', async () => {
    const schema = database.newSchema()
    expect(await Promise.all(Array.from({ length: 24 }, () => firstCall({ connectionString: database.url, schema })))).toEqual(
      Array.from({ length: 24 }, () => nothing),
    )
    expect(await versionOf(schema)).toBe(MIGRATIONS.length)
  })

  it('tells its version without being made or migrated', async () => {
    const schema = database.newSchema()
    const place = { connectionString: database.url, schema }
    const newest = MIGRATIONS.length
    expect(await postgresSchema(place)).toEqual({ version: 0, newest })
    const { rowCount } = await database.admin.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema])
    expect(rowCount).toBe(0)
    const pool = database.newPool()
    await openSchema(pool, { schema, statementTimeoutMs: 20_000 }, MIGRATIONS.slice(0, 1))
    await pool.end()
    expect(await postgresSchema(place)).toEqual({ version: 1, newest })
    expect(await versionOf(schema)).toBe(1)
    await database.admin.query(`UPDATE "${schema}".schema_version SET version = ${newest + 1}`)
    await expect(postgresSchema(place)).rejects.toMatchObject({ ...misconfigured, operation: 'metadata.schema' })
    await expect(postgresSchema({ ...place, connectionString: 'postgres://nobody@127.0.0.1:1/none' })).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('is migrated once, by releases of different versions at once, and the older ones are refused afterwards', async () => {
    const schema = database.newSchema()
    const newer = [...MIGRATIONS, 'CREATE TABLE newer (number bigint)', 'CREATE TABLE newest (number bigint)']
    const pool = database.newPool({ max: 24 })
    const open = (release: readonly string[]): Promise<unknown> =>
      openSchema(pool, { schema, statementTimeoutMs: 20_000 }, release).then(
        () => 'open',
        (error: unknown) => error,
      )
    const releases = Array.from({ length: 24 }, (_, index) => newer.slice(0, MIGRATIONS.length + (index % 3)))
    const outcomes = await Promise.all(releases.map(open))
    expect(outcomes.filter((_, index) => index % 3 === 2)).toEqual(Array.from({ length: 8 }, () => 'open'))
    for (const outcome of outcomes) if (outcome !== 'open') expect(outcome).toMatchObject(misconfigured)
    expect(await versionOf(schema)).toBe(newer.length)
    expect(await open(newer)).toBe('open')
    expect(await open(MIGRATIONS)).toMatchObject(misconfigured)
    expect(await firstCall({ connectionString: database.url, schema })).toMatchObject({ ...misconfigured, operation: 'metadata.references' })
    await pool.end()
  })

  it('whose migration fails is left as it was, and the next start tries again', async () => {
    const schema = database.newSchema()
    const pool = database.newPool()
    const settings = { schema, statementTimeoutMs: 10_000 }
    await expect(openSchema(pool, settings, [...MIGRATIONS, 'CREATE TABLE half (number bigint); SELECT 1 / 0'])).rejects.toMatchObject({
      effect: 'none',
    })
    const { rowCount } = await database.admin.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema])
    expect(rowCount).toBe(0)
    await openSchema(pool, settings)
    expect(await versionOf(schema)).toBe(MIGRATIONS.length)
    await pool.end()
  })

  it('of before records kept versions has the pointer’s as the one that each keeps', async () => {
    const before = MIGRATIONS.findIndex(sql => sql.includes('COLUMN versions'))
    expect(before).toBeGreaterThan(0)
    const schema = database.newSchema()
    const pool = database.newPool()
    await openSchema(pool, { schema, statementTimeoutMs: 10_000 }, MIGRATIONS.slice(0, before))
    await pool.end()
    await database.admin.query(`
      SET search_path = "${schema}";
      INSERT INTO accounts VALUES ('${REGISTRY}', '${ACCOUNT}', 2, 3, '', 0), ('registry-9', '${ACCOUNT}', 1, 1, '', 0);
      ${BEFORE_KEPT_VERSIONS}
      RESET search_path`)
    const world = await World.make(async () => {
      const store = postgresMetadata({ connectionString: database.url, schema })
      return { store, dispose: () => store.close() }
    })
    await expectKeptVersions(world, async sql => void (await database.admin.query(`SET search_path = "${schema}"; ${sql} RESET search_path`)))
    await world.dispose()
  })

  it('of the release before idempotency keys is migrated, with an intent under way', async () => {
    const schema = database.newSchema()
    const pool = database.newPool()
    await openSchema(pool, { schema, statementTimeoutMs: 20_000 }, MIGRATIONS.slice(0, 1))
    await pool.query(`INSERT INTO "${schema}".intents VALUES ('${REGISTRY}', 'i', 'create', 'account-1', 's', 'one', 'alice', 'user', 'main', 'p', NULL, NULL, 1,
      'text', 't', ${START}, 0)`)
    const world = await World.make(async clock => ({ store: postgresMetadata({ pool, schema, clock }), dispose: () => pool.end() }))
    await expectIntentOfBefore(world)
    await world.dispose()
  })

  it('that a process of before idempotency keys still writes to does nothing twice', async () => {
    const schema = database.newSchema()
    const pool = database.newPool()
    const world = await World.make(async clock => ({ store: postgresMetadata({ pool, schema, clock }), dispose: () => pool.end() }))
    await expectNothingTwice(world, async sql => void (await database.admin.query(`SET search_path = "${schema}"; ${sql} RESET search_path`)))
    await world.dispose()
  })

  it('of the release before migrations keeps the intents that it has, and their rules', async () => {
    const before = MIGRATIONS.findIndex(sql => sql.includes("'migrate'"))
    expect(before).toBeGreaterThan(0)
    const schema = database.newSchema()
    const pool = database.newPool()
    await openSchema(pool, { schema, statementTimeoutMs: 20_000 }, MIGRATIONS.slice(0, before))
    await database.admin.query(`
      SET search_path = "${schema}";
      INSERT INTO accounts VALUES ('${REGISTRY}', '${ACCOUNT}', 1, 0, '', 0);
      ${BEFORE_MIGRATIONS}
      RESET search_path`)
    const world = await World.make(async clock => ({ store: postgresMetadata({ pool, schema, clock }), dispose: () => pool.end() }))
    await expectMigrationsFromNowOn(world)
    await world.dispose()
  })

  it('of another program is refused, and stays as it was', async () => {
    const schema = database.newSchema()
    await database.admin.query(`CREATE SCHEMA "${schema}"; CREATE TABLE "${schema}".records (theirs text)`)
    expect(await firstCall({ connectionString: database.url, schema })).toMatchObject(misconfigured)
    const { rows } = await database.admin.query('SELECT tablename FROM pg_tables WHERE schemaname = $1', [schema])
    expect(rows).toEqual([{ tablename: 'records' }])
  })

  it('is used by a user who may not make tables, once it is made', async () => {
    const schema = database.newSchema()
    const role = `user_${schema}`
    const url = urlWith(database.url, changed => {
      changed.username = role
      changed.password = 'x'
    })
    await database.admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`)
    try {
      expect(await firstCall({ connectionString: url, schema })).toMatchObject(misconfigured)
      expect(await firstCall({ connectionString: database.url, schema })).toEqual(nothing)
      expect(await firstCall({ connectionString: url, schema })).toMatchObject(misconfigured)
      await database.admin.query(
        `GRANT USAGE ON SCHEMA "${schema}" TO ${role}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "${schema}" TO ${role}`,
      )
      const world = await World.make(async () => {
        const store = postgresMetadata({ connectionString: url, schema })
        return { store, dispose: () => store.close() }
      })
      await world.delete(await world.create())
      await world.dispose()
    } finally {
      await database.admin.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
    }
  })

  it('is apart from every other one', async () => {
    const schemas = [database.newSchema(), database.newSchema()]
    const [first, second] = schemas.map(schema => postgresMetadata({ connectionString: database.url, schema }))
    await first?.bindStores({ registry: REGISTRY, stores: { main: 'aws:1' } }, {})
    expect(await second?.bindStores({ registry: REGISTRY, stores: { main: 'aws:2' } }, {})).toEqual({ missing: [], bound: { main: 'aws:2' } })
    await first?.close()
    await second?.close()
  })
})

describe('a database', () => {
  it('with another encoding is refused', async () => {
    const name = database.newSchema()
    await database.admin.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'`)
    const url = urlWith(database.url, changed => (changed.pathname = `/${name}`))
    try {
      expect(await firstCall({ connectionString: url })).toMatchObject(misconfigured)
    } finally {
      await database.admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
    }
  })

  it.each(['read committed', 'repeatable read', 'serializable'])(
    'whose default is %s, with odd settings, keeps the order of bytes and of writers',
    async isolation => {
      const name = database.newSchema()
      await database.admin.query(`CREATE DATABASE ${name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'`)
      const url = urlWith(database.url, changed => (changed.pathname = `/${name}`))
      const settings = {
        default_transaction_isolation: isolation,
        default_transaction_read_only: 'on',
        synchronous_commit: 'off',
        search_path: 'pg_catalog',
      }
      for (const [setting, value] of Object.entries(settings)) await database.admin.query(`ALTER DATABASE ${name} SET ${setting} = '${value}'`)
      const pool = database.newPool({ connectionString: url, max: 8 })
      const durable: string[] = []
      const watched = withQueries(pool, async (query, client) => {
        const { rows } = query.text.startsWith('INSERT INTO audit')
          ? await client.query({ ...query, text: 'SHOW synchronous_commit', values: [] })
          : { rows: [] }
        durable.push(...rows.map(row => (row as { synchronous_commit: string }).synchronous_commit))
        return query
      })
      const world = await World.make(async () => ({ store: postgresMetadata({ pool: watched }), dispose: () => pool.end() }))
      try {
        const keys = ['b', 'a', 'B', 'ä', 'a-', 'a1']
        await Promise.all(keys.map(key => world.create({ key })))
        const first = { registry: REGISTRY, account: world.createRequest().account, limit: 9, startingAfter: undefined, endingBefore: undefined }
        const { items, total } = await world.store.page({ ...first, sortBy: 'key', sortOrder: 'asc' }, {})
        expect(items.map(({ key }) => key)).toEqual(['B', 'a', 'a-', 'a1', 'b', 'ä'])
        expect(total).toBe(6)
        expect(new Set(durable)).toEqual(new Set(['on']))
      } finally {
        await world.dispose()
        await database.admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
      }
    },
  )

  it('that may only be read is misconfigured for a writer', async () => {
    const schema = database.newSchema()
    expect(await firstCall({ connectionString: database.url, schema })).toEqual(nothing)
    const pool = database.newPool()
    // As a standby does: it knows no transaction that writes.
    const standby = withQueries(pool, query => ({ ...query, text: query.text.replace('READ WRITE', 'READ ONLY') }))
    const world = await World.make(async () => ({ store: postgresMetadata({ pool: standby, schema }), dispose: () => pool.end() }))
    expect(await world.references()).toEqual(nothing)
    await expect(world.begin()).rejects.toMatchObject({ ...misconfigured, operation: 'metadata.beginCreate' })
    await world.dispose()
  })

  it('has the time, which goes on while a writer waits', async () => {
    await database.withWorld(async (world, schema) => {
      const record = await world.create()
      const client = await database.newPool().connect()
      await client.query(`BEGIN; SELECT * FROM "${schema}".accounts FOR UPDATE`)
      const began = world.beginUpdate(record)
      await backendOf(database, schema, "wait_event_type = 'Lock'")
      const { rows } = await client.query<{ now: string }>('SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now, pg_sleep(0.02)')
      await client.query('COMMIT')
      client.release()
      expect((await began).leaseUntil.getTime()).toBeGreaterThan(Number(rows[0]?.now) + 60_000)
    })
  })
})
