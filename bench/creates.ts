// How many secrets a second a registry creates on the memory store, beside a loop written by hand that makes the same commits and nothing
// else: the same rows in the same tables, as durable, without a look at anything and without the hashes of the audit trail.
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { accountId, createSecretRegistry, memoryDriver, secretId, unsafeAllowEveryone } from '@strongroom/core'
import type { MetadataStore, NativePath, SecretRegistry } from '@strongroom/core'
import { postgresMetadata } from '@strongroom/postgres'
import { sqliteMetadata } from '@strongroom/sqlite'
import { startPostgres } from '@strongroom/testbed'
import pg from 'pg'
import { alternately, print, rateRow, type Row } from './measure.ts'

const GOAL = 0.7
const ACTOR = { id: 'alice', type: 'user' } as const
const DESCRIPTION = 'What it is for.'
const HASH = '0'.repeat(64)
const LEASE_MS = 45_000

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
  const registry = await registryOn(sqliteMetadata({ path: join(folder, 'ours.db') }))
  const byHand = await sqliteByHand(join(folder, 'by-hand.db'))
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

async function sqliteByHand(path: string): Promise<{ create(): void; close(): void }> {
  const database = new DatabaseSync(path)
  const templates = await templatesOf(sqliteMetadata({ path }), 'acme', async table => database.prepare(`SELECT * FROM ${table} LIMIT 1`).get())
  database.exec('PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL')
  const insert = (table: string, row: Values): StatementSync => {
    const columns = Object.keys(row)
    return database.prepare(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(name => `:${name}`).join(', ')})`)
  }
  const [intent, record, entry] = [insert('intents', templates.intent), insert('records', templates.record), insert('audit', templates.entry)]
  const account = database.prepare(
    'UPDATE accounts SET records = records + 1, audit_sequence = :sequence, audit_hash = :hash WHERE account = :account',
  )
  const done = database.prepare('DELETE FROM intents WHERE registry = :registry AND id = :id')
  let { sequence } = database.prepare('SELECT max(sequence) AS sequence FROM audit').get() as { sequence: number }
  return {
    create() {
      const rows = rowsOf(templates, 'acme', (sequence += 1))
      database.exec('BEGIN IMMEDIATE')
      intent.run(rows.intent)
      database.exec('COMMIT')
      database.exec('BEGIN IMMEDIATE')
      record.run(rows.record)
      account.run({ sequence, hash: HASH, account: 'acme' })
      done.run({ registry: 'bench', id: rows.id })
      entry.run(rows.entry)
      database.exec('COMMIT')
    },
    close: () => database.close(),
  }
}

type Values = Readonly<Record<string, string | number | null>>

/** A row of each table that a create writes to, as the library has written it: whatever columns there are, the loop's rows have them. */
interface Templates {
  readonly intent: Values
  readonly record: Values
  readonly entry: Values
}

async function templatesOf(store: MetadataStore, account: string, first: (table: string) => Promise<unknown>): Promise<Templates> {
  const registry = await registryOn(store)
  await create(registry, account)
  const [secret, token] = [secretId(randomUUID()), randomUUID()]
  const place = { store: 'main', path: `bench-${secret}` as NativePath }
  const write = { secret, key: `key-${secret}`, description: DESCRIPTION, actor: ACTOR, token, leaseMs: LEASE_MS }
  await store.beginCreate({ registry: 'bench', account: accountId(account), ...place, ...write }, {})
  const [intent, record, entry] = [await first('intents'), await first('records'), await first('audit')] as [Values, Values, Values]
  await registry.close()
  return { intent, record, entry }
}

/** What one create writes: the rows of the intent, the record and the audit entry. */
function rowsOf(templates: Templates, account: string, sequence: number): Templates & { readonly id: string } {
  const [id, secret, token, key, now] = [randomUUID(), randomUUID(), randomUUID(), `key-${randomUUID()}`, Date.now()]
  const path = `bench-${secret}`
  return {
    id,
    intent: { ...templates.intent, account, id, secret, key, path, token, lease_until: now + LEASE_MS },
    record: { ...templates.record, account, id: secret, key, created_at: now, cloud_secret_path: path, path },
    entry: { ...templates.entry, account, sequence, at: now, secret, key, operation_id: token, previous_hash: HASH, hash: HASH },
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
      const names = Array.from({ length: writers }, (_, writer) => `account-${writer % accounts}`)
      const first = async (table: string): Promise<unknown> => (await bare.query(`SELECT * FROM ${table} LIMIT 1`)).rows[0]
      const templates = await templatesOf(postgresMetadata({ pool, schema }), 'account-0', first)
      const registry = await registryOn(postgresMetadata({ pool, schema }))
      // Every account is there before the loop begins.
      for (const account of new Set(names)) await create(registry, account)
      // One round is as long with few writers as with many.
      const times = Math.ceil((each * 2) / writers)
      const all = (one: (account: string) => Promise<unknown>) => async (): Promise<void> => {
        await Promise.all(
          names.map(async account => {
            for (let count = 0; count < times; count += 1) await one(account)
          }),
        )
      }
      const works = { ours: all(account => create(registry, account)), baseline: all(account => postgresByHand(bare, account, templates)) }
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

async function postgresByHand(pool: pg.Pool, account: string, templates: Templates): Promise<void> {
  const rows = rowsOf(templates, account, 0)
  const insert = (client: pg.PoolClient, table: string, row: Values): Promise<unknown> => {
    const columns = Object.keys(row)
    const text = `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map((_, index) => `$${index + 1}`).join(', ')})`
    return client.query(text, Object.values(row))
  }
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await insert(client, 'intents', rows.intent)
    await client.query('COMMIT')
    await client.query('BEGIN')
    const text =
      'UPDATE accounts SET records = records + 1, audit_sequence = audit_sequence + 1, audit_hash = $2 WHERE account = $1 RETURNING audit_sequence'
    const {
      rows: [head],
    } = await client.query<{ audit_sequence: string }>(text, [account, HASH])
    await insert(client, 'records', rows.record)
    await client.query('DELETE FROM intents WHERE registry = $1 AND id = $2', ['bench', rows.id])
    await insert(client, 'audit', { ...rows.entry, sequence: Number(head?.audit_sequence) })
    await client.query('COMMIT')
  } finally {
    client.release()
  }
}

function registryOn(metadata: MetadataStore): Promise<SecretRegistry> {
  return createSecretRegistry({
    id: 'bench',
    metadata,
    stores: { main: memoryDriver({ name: 'bench' }) },
    writeTo: 'main',
    authorize: unsafeAllowEveryone,
  })
}

function create(registry: SecretRegistry, account: string): Promise<unknown> {
  return registry
    .account(accountId(account), ACTOR)
    .create({ key: `key-${randomUUID()}`, value: 'correct horse battery staple', description: DESCRIPTION })
}

if (import.meta.main) print(await creates())
