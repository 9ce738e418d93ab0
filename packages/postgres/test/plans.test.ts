import { REGISTRY, useEverything, World, writeWithoutRequest } from '@strongroom/conformance/metadata'
import type { AuditEntry } from '@strongroom/core'
import { postgresMetadata, type PostgresQuery } from '@strongroom/postgres'
import { beforeAll, describe, expect, it } from 'vitest'
import { pageQuery } from '../src/page.ts'
import { useDatabase } from './database.ts'
import { withQueries } from './pools.ts'

const database = useDatabase()

interface Plan {
  readonly 'Node Type': string
  readonly 'Index Name'?: string
  readonly 'Relation Name'?: string
  readonly 'Index Cond'?: string
  readonly 'Actual Rows'?: number
  readonly Plans?: readonly Plan[]
}

/** All nodes of the plan that the database takes with the statistics of many rows. `ANALYZE` executes it too; nothing that it does is kept. */
async function planOf(
  schema: string,
  { text, values = [] }: Pick<PostgresQuery, 'text' | 'values'>,
  execute: '' | 'ANALYZE, ' = '',
): Promise<readonly Plan[]> {
  const client = await database.admin.connect()
  try {
    await client.query(`BEGIN; SET LOCAL search_path = "${schema}"`)
    const { rows } = await client.query<{ 'QUERY PLAN': readonly [{ Plan: Plan }] }>(`EXPLAIN (${execute}COSTS OFF, FORMAT JSON) ${text}`, values)
    const all = (plan: Plan): readonly Plan[] => [plan, ...(plan.Plans ?? []).flatMap(all)]
    return rows.flatMap(row => all(row['QUERY PLAN'][0].Plan))
  } finally {
    await client.query('ROLLBACK')
    client.release()
  }
}

const PARTIAL = /^(queue_copies_|intents_(secret|key|migration)$)/
/** Of what is due, and of what fails again and again. */
const UPKEEP = /^(queue|intents)_(due|failing)$/
const indexesOf = (plan: readonly Plan[]): readonly string[] => plan.flatMap(({ 'Index Name': name }) => name ?? [])
const kindsOf = (plan: readonly Plan[]): readonly string[] => plan.map(({ 'Node Type': kind }) => kind)

describe('query plans over many rows', () => {
  let schema = ''
  beforeAll(async () => {
    schema = database.newSchema()
    const store = postgresMetadata({ connectionString: database.url, schema })
    await store.references({ registry: REGISTRY }, {})
    await store.close()
    await fill(schema)
  })

  it.each(['created_at', 'updated_at', 'key'] as const)('of a page by %s read what they answer from an index, without a sort', async field => {
    const index = { created_at: 'records_created', updated_at: 'records_updated', key: 'records_key' }[field]
    for (const ascending of [true, false]) {
      for (const fromCursor of [true, false]) {
        const value = [field === 'key' ? 'key-5000' : 5000, 'id-5000']
        const values = [REGISTRY, 'account-1', 21, ...(fromCursor ? value : [])]
        const plan = await planOf(schema, { text: pageQuery(field, ascending, fromCursor), values }, 'ANALYZE, ')
        expect(indexesOf(plan)).toEqual([index])
        expect(kindsOf(plan)).toEqual(['Limit', 'Index Scan'])
        // The cursor narrows the search, so that a late page costs what the first one does.
        if (fromCursor) expect(plan[1]?.['Index Cond']).toMatch(/[<>]=? ?\(?ROW|key [<>]/)
        expect(plan[1]?.['Actual Rows']).toBe(21)
      }
    }
  })

  it('of every statement of every method never go through a table, but to count all of it, and none is for requests that nobody makes', async () => {
    const queries = new Map<string, PostgresQuery>()
    const pool = database.newPool()
    const watched = withQueries(pool, query => {
      if (/^\s*(SELECT|INSERT|UPDATE|DELETE)/.test(query.text) && !/pg_catalog|schema_version|set_config|clock_timestamp/.test(query.text))
        queries.set(query.text, query)
      return query
    })
    const world = await World.make(async clock => ({ store: postgresMetadata({ pool: watched, schema, clock }), dispose: () => pool.end() }))
    await writeWithoutRequest(world)
    expect([...queries.keys()].filter(text => /\brequests\b/.test(text))).toEqual([])
    await useEverything(world)
    await world.dispose()
    expect(queries.size).toBeGreaterThan(40)
    const broad: string[] = []
    const partial: string[] = []
    const claims: string[] = []
    for (const query of queries.values()) {
      const plan = await planOf(schema, query)
      if (/copy IS NOT NULL|'migrate'/.test(query.text)) partial.push(...indexesOf(plan).filter(name => PARTIAL.test(name)))
      if (/ready_at <=|lease_until <=|>= 8/.test(query.text)) claims.push(...indexesOf(plan).filter(name => UPKEEP.test(name)))
      if (kindsOf(plan).some(kind => /^(Seq Scan|Bitmap Heap Scan|Sort|Incremental Sort)$/.test(kind)))
        broad.push(`${query.text} -> ${kindsOf(plan).join(', ')}`)
    }
    // What is due is found without what is not, and what fails without the rest.
    expect([...new Set(claims)].toSorted()).toEqual(['intents_due', 'intents_failing', 'queue_due', 'queue_failing'])
    // The partial indexes: of old copies among many tasks, and of the one intent of a kind that a record or a key has.
    expect([...new Set(partial)].toSorted()).toEqual([
      'intents_key',
      'intents_migration',
      'intents_secret',
      'queue_copies_secret',
      'queue_copies_store',
    ])
    expect(partial.filter(name => name.startsWith('queue_copies_')).length).toBe(3)
    // A registry has few stores.
    const ofStores = 'SELECT name, location FROM stores WHERE registry = $1 ->'
    expect(
      broad.filter(
        text =>
          !text.startsWith(ofStores) &&
          !/^SELECT (count\(\*\)|sum\(records\)::bigint) AS number FROM \w+ WHERE registry = \$1( AND store = \$2)? -> /.test(text),
      ),
    ).toEqual([])
  })
})

/** Some thousand rows in each table, of several accounts and registries, and the statistics of them. */
async function fill(schema: string): Promise<void> {
  const rows = (count: number): string => `generate_series(1, ${count}) AS n CROSS JOIN (VALUES ('${REGISTRY}'), ('registry-9')) AS r (registry)`
  const hash = '0'.repeat(64)
  const outcome: AuditEntry['outcome'] = 'ok'
  await database.admin.query(`
    SET search_path = "${schema}";
    INSERT INTO accounts SELECT registry, 'account-' || n, 0, 1, '${hash}', 0 FROM ${rows(2000)};
    INSERT INTO stores SELECT registry, 'store-' || n, 'place' FROM ${rows(2000)};
    INSERT INTO records SELECT registry, 'id-' || n, 'account-' || (n % 5), 'key-' || n, NULL, 'full', n, 'a', 'user', n, NULL, 1, 'main', 'path-' || n, 'v1',
      '[]'
      FROM ${rows(10000)};
    INSERT INTO tombstones SELECT registry, 'gone-' || n, 'account-' || (n % 5), 'key-' || n, n, n FROM ${rows(5000)};
    INSERT INTO intents SELECT registry, 'intent-' || n, 'create', 'account-' || (n % 5), 'new-' || n, 'new-' || n, 'a', 'user', 'main', 'new-' || n, NULL, NULL,
      1, NULL, 'token-' || n, 4000000000000 + n, 0 FROM ${rows(5000)};
    INSERT INTO queue SELECT registry, 'task-' || n, 'watch_path', 'account-' || (n % 5), 'id-' || n, 'main', 'path-' || n, NULL, NULL, 0, n, NULL,
      4000000000000 + n, n FROM ${rows(5000)};
    INSERT INTO queue SELECT registry, 'copy-' || n, 'purge_path', 'account-' || (n % 5), 'id-' || n, 'main', 'old-' || n, 'v1', NULL, 0, n, NULL,
      4000000000000 + n, 5000 + n, NULL, NULL, '{"cloud_secret_path":"full","versions":"[]"}' FROM ${rows(5000)};
    INSERT INTO requests SELECT registry, 'account-' || (n % 5), 'request-' || n, 'fingerprint-' || n, 'request-token-' || n, NULL, 4000000000000 + n
      FROM ${rows(5000)};
    INSERT INTO settled_claims SELECT registry, 'claim-' || n, 4000000000000 FROM ${rows(5000)};
    INSERT INTO audit SELECT registry, 'account-' || (n % 5), n / 5 + 1, n, 'a', 'user', 'secret.create', '${outcome}', NULL, 'id-' || n, 'key-' || n,
      'operation-' || n, '${hash}', '${hash}' FROM ${rows(10000)};
    UPDATE accounts SET audit_sequence = 2000, tasks = 10000, records = 2000 WHERE account IN ('account-0', 'account-1', 'account-2', 'account-3', 'account-4');
    ANALYZE accounts, stores, records, tombstones, intents, queue, requests, settled_claims, audit;
    RESET search_path`)
}
