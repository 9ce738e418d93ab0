// How many secrets a second a registry creates on the memory store, beside a loop written by hand that makes the same commits and nothing
// else: the same rows in the same tables, as durable, without a look at anything and without the hashes of the audit trail.
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { accountId, createSecretRegistry, memoryDriver, unsafeAllowEveryone } from '@strongroom/core'
import type { MetadataStore, SecretRegistry } from '@strongroom/core'
import { postgresMetadata } from '@strongroom/postgres'
import { sqliteMetadata } from '@strongroom/sqlite'
import { startPostgres } from '@strongroom/testbed'
import pg from 'pg'
import { alternately, print, rateRow, type Row } from './measure.ts'

const GOAL = 0.7
const ACTOR = { id: 'alice', type: 'user' } as const
const DESCRIPTION = 'What it is for.'
const HASH = '0'.repeat(64)

interface Sizes {
  readonly rounds?: number
  /** Creates of each writer in a round. */
  readonly each?: number
}

export async function creates(sizes: Sizes = {}): Promise<readonly Row[]> {
  return [...(await onSqlite(sizes)), ...(await onPostgres(sizes))]
}

async function onSqlite({ rounds = 60, each = 25 }: Sizes): Promise<readonly Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-bench-'))
  const [mine, bare] = ['ours.db', 'by-hand.db'].map(name => sqliteMetadata({ path: join(folder, name) })) as [MetadataStore, MetadataStore]
  const [registry, another] = [await registryOn(mine), await registryOn(bare)]
  // The schema is made, and the account, before the loop begins.
  await create(another, 'acme')
  await another.close()
  const byHand = sqliteByHand(join(folder, 'by-hand.db'))
  try {
    const ours = async (): Promise<void> => {
      for (let count = 0; count < each; count += 1) await create(registry, 'acme')
    }
    const baseline = async (): Promise<void> => {
      for (let count = 0; count < each; count += 1) byHand.create()
    }
    const medians = await alternately({ baseline, ours }, { rounds, warmUp: Math.ceil(rounds / 5) })
    return [rateRow('SQLite: creates, one after the other, beside a loop by hand', each / medians.ours, each / medians.baseline, GOAL)]
  } finally {
    byHand.close()
    await registry.close()
    await rm(folder, { recursive: true })
  }
}

function sqliteByHand(path: string): { create(): void; close(): void } {
  const database = new DatabaseSync(path)
  database.exec('PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL')
  const insert = (table: string): StatementSync => {
    const columns = database
      .prepare(`SELECT name FROM pragma_table_info('${table}')`)
      .all()
      .map(({ name }) => String(name))
    return database.prepare(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(name => `:${name}`).join(', ')})`)
  }
  const [intent, record, entry] = [insert('intents'), insert('records'), insert('audit')]
  const account = database.prepare(
    'UPDATE accounts SET records = records + 1, audit_sequence = :sequence, audit_hash = :hash WHERE account = :account',
  )
  const done = database.prepare('DELETE FROM intents WHERE registry = :registry AND id = :id')
  const template = database.prepare('SELECT * FROM records').get() ?? {}
  let { sequence } = database.prepare('SELECT max(sequence) AS sequence FROM audit').get() as { sequence: number }
  return {
    create() {
      const rows = rowsOf(template, (sequence += 1))
      database.exec('BEGIN IMMEDIATE')
      intent.run(rows.intent)
      database.exec('COMMIT')
      database.exec('BEGIN IMMEDIATE')
      record.run(rows.record)
      account.run({ sequence, hash: HASH, account: 'acme' })
      done.run({ registry: 'bench', id: rows.intent.id })
      entry.run(rows.entry)
      database.exec('COMMIT')
    },
    close: () => database.close(),
  }
}

type Values = Readonly<Record<string, string | number | null>>

/** What one create writes: the rows of the intent, the record and the audit entry. */
function rowsOf(
  template: object,
  sequence: number,
): { readonly intent: Values & { readonly id: string }; readonly record: Values; readonly entry: Values } {
  const [secret, token, key, now] = [randomUUID(), randomUUID(), `key-${randomUUID()}`, Date.now()]
  const common = { registry: 'bench', account: 'acme' }
  const actor = { actor_id: ACTOR.id, actor_type: ACTOR.type }
  const place = { store: 'main', path: `bench-${secret}` }
  const write = { operation: 'create', secret, key, base_version: null, base_revision: null, sets_description: 1, description: DESCRIPTION, token }
  const entry = { at: now, action: 'secret.create', outcome: 'ok', code: null, secret, key, operation_id: token, previous_hash: HASH, hash: HASH }
  return {
    intent: { ...common, id: randomUUID(), ...write, ...actor, ...place, lease_until: now + 30_000, recoveries: 0 },
    record: { ...(template as Values), ...common, id: secret, key, created_at: now, cloud_secret_path: place.path, path: place.path },
    entry: { ...common, sequence, ...actor, ...entry },
  }
}

/** The registry's writers each in an account of their own, and all in one account, whose audit trail is one chain. */
async function onPostgres({ rounds = 60, each = 25 }: Sizes): Promise<readonly Row[]> {
  const server = await startPostgres({ flushes: true })
  const rows: Row[] = []
  try {
    for (const [writers, accounts] of [
      [1, 1],
      [8, 8],
      [64, 64],
      [8, 1],
      [64, 1],
    ] as const) {
      const name = `PostgreSQL: creates, ${writers} at once in ${accounts === 1 ? 'one account' : `${accounts} accounts`}, beside a loop by hand`
      const schema = `w${writers}_a${accounts}`
      const common = { connectionString: server.url, max: writers }
      const [pool, bare] = [new pg.Pool(common), new pg.Pool({ ...common, options: `-c search_path=${schema}` })]
      // A connection that ends while nobody uses it is no error of any call.
      for (const one of [pool, bare]) one.on('error', () => {})
      const registry = await registryOn(postgresMetadata({ pool, schema }))
      const names = Array.from({ length: writers }, (_, writer) => `account-${writer % accounts}`)
      for (const account of new Set(names)) await create(registry, account)
      const {
        rows: [template],
      } = await bare.query<Values>('SELECT * FROM records LIMIT 1')
      // One round is as long with few writers as with many.
      const times = Math.ceil((each * 2) / writers)
      const all = (one: (account: string) => Promise<unknown>) => async (): Promise<void> => {
        await Promise.all(
          names.map(async account => {
            for (let count = 0; count < times; count += 1) await one(account)
          }),
        )
      }
      const works = { ours: all(account => create(registry, account)), baseline: all(account => postgresByHand(bare, account, template ?? {})) }
      const medians = await alternately(works, { rounds: Math.ceil(rounds / 3), warmUp: Math.ceil(rounds / 10) })
      rows.push(rateRow(name, (writers * times) / medians.ours, (writers * times) / medians.baseline, undefined))
      await registry.close()
      await Promise.all([pool.end(), bare.end()])
    }
  } finally {
    await server.stop()
  }
  return rows
}

async function postgresByHand(pool: pg.Pool, account: string, template: Values): Promise<void> {
  const rows = rowsOf(template, 0)
  const insert = (client: pg.PoolClient, table: string, row: Values): Promise<unknown> => {
    const columns = Object.keys(row)
    const text = `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map((_, index) => `$${index + 1}`).join(', ')})`
    return client.query(text, Object.values(row))
  }
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await insert(client, 'intents', { ...rows.intent, account })
    await client.query('COMMIT')
    await client.query('BEGIN')
    const text =
      'UPDATE accounts SET records = records + 1, audit_sequence = audit_sequence + 1, audit_hash = $2 WHERE account = $1 RETURNING audit_sequence'
    const {
      rows: [head],
    } = await client.query<{ audit_sequence: string }>(text, [account, HASH])
    await insert(client, 'records', { ...rows.record, account })
    await client.query('DELETE FROM intents WHERE registry = $1 AND id = $2', ['bench', rows.intent.id])
    await insert(client, 'audit', { ...rows.entry, account, sequence: Number(head?.audit_sequence) })
    await client.query('COMMIT')
  } finally {
    client.release()
  }
}

function registryOn(metadata: MetadataStore): Promise<SecretRegistry> {
  return createSecretRegistry({ id: 'bench', metadata, stores: { main: memoryDriver() }, writeTo: 'main', authorize: unsafeAllowEveryone })
}

function create(registry: SecretRegistry, account: string): Promise<unknown> {
  return registry
    .account(accountId(account), ACTOR)
    .create({ key: `key-${randomUUID()}`, value: 'correct horse battery staple', description: DESCRIPTION })
}

if (import.meta.main) print(await creates())
