import {
  boundElsewhere,
  keptBy,
  requireWhole,
  SecretError,
  storedOfRow,
  type AccountId,
  type BoundNames,
  type PathOwner,
  type RecordRow,
  type References,
  type RequestOf,
  type StoredRecord,
} from '@strongroom/core'
import { recordAtPath, recordByKey, recordOf, type Transaction } from './transaction.ts'

/** The tables that name stores. */
const NAMING = ['records', 'intents', 'queue'] as const
type Naming = (typeof NAMING)[number]

type Tasks = Pick<PathOwner, 'tasks' | 'destroys' | 'purges'>

export function find(transaction: Transaction, { account, id, key }: RequestOf<'find'>): StoredRecord | undefined {
  if (id !== undefined && key === undefined) return recordOf(transaction, account, id)
  if (id === undefined && key !== undefined) return recordByKey(transaction, account, key)
  throw SecretError.invalid(transaction.operation, 'either an id or a key is given')
}

export function owners(transaction: Transaction, { store, paths }: RequestOf<'owners'>): readonly PathOwner[] {
  const { connection, registry, now } = transaction
  const at = 'WHERE registry = :registry AND store = :store AND path = :path'
  const intentsAt = `SELECT count(*) AS intents FROM intents ${at}`
  const tasksAt = `
    SELECT count(*) AS tasks, count(*) FILTER (WHERE task = 'destroy_version') AS destroys,
      count(*) FILTER (WHERE task = 'purge_path' AND (claim IS NULL OR ready_at <= :now)) AS purges FROM queue ${at}`
  const answers = [...new Set(paths)].map((path): PathOwner => {
    const row = recordAtPath(transaction, store, path)
    return {
      path,
      row: row && { account: row.accountId, secret: row.id, version: row.pointer.version, kept: keptBy(row), adopted: row.adopted },
      ...(connection.get<{ intents: number }>(intentsAt, { registry, store, path }) ?? { intents: 0 }),
      ...(connection.get<Tasks>(tasksAt, { registry, store, path, now }) ?? { tasks: 0, destroys: 0, purges: 0 }),
    }
  })
  return answers.filter(({ row, intents, tasks }) => row !== undefined || intents > 0 || tasks > 0)
}

export function scan({ connection, registry, operation }: Transaction, { store, after, limit }: RequestOf<'scan'>): readonly StoredRecord[] {
  requireWhole(operation, 'limit', limit, 1)
  // No path is empty, so that the first page is everything after the empty one.
  const sql = 'SELECT * FROM records WHERE registry = :registry AND store = :store AND path > :after ORDER BY path LIMIT :limit'
  return connection.all<RecordRow>(sql, { registry, store, after: after ?? '', limit }).map(storedOfRow)
}

export function accounts({ connection, registry, operation }: Transaction, { after, limit }: RequestOf<'accounts'>): readonly AccountId[] {
  requireWhole(operation, 'limit', limit, 1)
  // An account has its row with its first intent, and its trail with its first entry. No id is empty.
  const sql = 'SELECT account FROM accounts WHERE registry = :registry AND account > :after AND audit_sequence > 0 ORDER BY account LIMIT :limit'
  return connection.all<{ account: AccountId }>(sql, { registry, after: after ?? '', limit }).map(({ account }) => account)
}

export function references({ connection, registry }: Transaction, { store }: RequestOf<'references'>): References {
  const number = (sql: string): number => {
    const at = store === undefined ? { registry } : { registry, store }
    return connection.get<{ number: number | null }>(sql, at)?.number ?? 0
  }
  const of = store === undefined ? 'registry = :registry' : 'registry = :registry AND store = :store'
  const count = (table: Naming): number => number(`SELECT count(*) AS number FROM ${table} WHERE ${of}`)
  // Each pass of upkeep asks for all of them, and there may be millions.
  const records = store === undefined ? number(`SELECT sum(records) AS number FROM accounts WHERE ${of}`) : count('records')
  return { records, intents: count('intents'), tasks: count('queue') }
}

export function bindStores({ connection, registry, operation }: Transaction, { stores }: RequestOf<'bindStores'>): BoundNames {
  for (const [name, location] of Object.entries(stores)) {
    connection.run('INSERT INTO stores (registry, name, location) VALUES (:registry, :name, :location) ON CONFLICT DO NOTHING', {
      registry,
      name,
      location,
    })
  }
  const rows = connection.all<{ name: string; location: string }>('SELECT name, location FROM stores WHERE registry = :registry', { registry })
  const bound = Object.fromEntries(rows.map(({ name, location }) => [name, location]))
  for (const [name, location] of Object.entries(stores)) {
    const at = bound[name] ?? ''
    if (at !== location) throw boundElsewhere(operation, name, at, location)
  }
  const used = new Set(NAMING.flatMap(table => storesIn({ connection, registry }, table)))
  const missing = [...used].filter(name => !Object.hasOwn(stores, name))
  return { missing: missing.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))), bound }
}

/** The names in a table, each found by a step in its index: there are few stores and many rows. */
export function storesIn({ connection, registry }: Pick<Transaction, 'connection' | 'registry'>, table: Naming): readonly string[] {
  const names: string[] = []
  const sql = `SELECT store FROM ${table} WHERE registry = :registry AND store > :after ORDER BY store LIMIT 1`
  for (;;) {
    const next = connection.get<{ readonly store: string }>(sql, { registry, after: names.at(-1) ?? '' })
    if (next === undefined) return names
    names.push(next.store)
  }
}
