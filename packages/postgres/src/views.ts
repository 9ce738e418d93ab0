import {
  boundElsewhere,
  keptOfRow,
  requireWhole,
  SecretError,
  storedOfRow,
  type AccountId,
  type BoundNames,
  type NativePath,
  type PathOwner,
  type RecordRow,
  type References,
  type RequestOf,
  type StoredRecord,
} from '@strongroom/core'
import { recordByKey, recordOf, type Transaction } from './transaction.ts'

/** The tables that name stores. */
const NAMING = ['records', 'intents', 'queue'] as const
type Naming = (typeof NAMING)[number]

type Position = Pick<RecordRow, 'account' | 'id' | 'path' | 'version' | 'versions' | 'adopted'>

export async function find(transaction: Transaction, { account, id, key }: RequestOf<'find'>): Promise<StoredRecord | undefined> {
  if (id !== undefined && key === undefined) return await recordOf(transaction, account, id)
  if (id === undefined && key !== undefined) return await recordByKey(transaction, account, key)
  throw SecretError.invalid(transaction.operation, 'either an id or a key is given')
}

export async function owners(transaction: Transaction, { store, paths }: RequestOf<'owners'>): Promise<readonly PathOwner[]> {
  const { connection, registry } = transaction
  const asked = [...new Set(paths)]
  const at = 'WHERE registry = $1 AND store = $2 AND path = ANY($3)'
  const rows = await connection.all<Position>(`SELECT account, id, path, version, versions, adopted FROM records ${at}`, registry, store, asked)
  const counted = async <Counts extends object>(
    numbers: string,
    table: Naming,
    ...more: readonly number[]
  ): Promise<ReadonlyMap<NativePath, Counts>> => {
    const sql = `SELECT path, ${numbers} FROM ${table} ${at} GROUP BY path`
    const found = await connection.all<Counts & { readonly path: NativePath }>(sql, registry, store, asked, ...more)
    return new Map(found.map(counts => [counts.path, counts]))
  }
  const intents = await counted<Pick<PathOwner, 'intents'>>('count(*) AS intents', 'intents')
  const inQueue = `count(*) AS tasks, count(*) FILTER (WHERE task = 'destroy_version') AS destroys,
    count(*) FILTER (WHERE task = 'purge_path' AND (claim IS NULL OR ready_at <= $4)) AS purges`
  const tasks = await counted<Pick<PathOwner, 'tasks' | 'destroys' | 'purges'>>(inQueue, 'queue', await transaction.time())
  const found = new Map(rows.map(row => [row.path, rowOf(row)]))
  const none = { intents: 0, tasks: 0, destroys: 0, purges: 0 }
  return asked
    .map((path): PathOwner => ({ path, row: found.get(path), ...none, ...intents.get(path), ...tasks.get(path) }))
    .filter(owner => owner.row !== undefined || owner.intents > 0 || owner.tasks > 0)
}

function rowOf({ account, id: secret, version, versions, adopted }: Position): PathOwner['row'] {
  return { account, secret, version, kept: keptOfRow({ version, versions }), adopted: adopted ?? undefined }
}

export async function scan({ connection, registry, operation }: Transaction, request: RequestOf<'scan'>): Promise<readonly StoredRecord[]> {
  const { store, after, limit } = request
  requireWhole(operation, 'limit', limit, 1)
  // No path is empty, so that the first page is everything after the empty one.
  const sql = 'SELECT * FROM records WHERE registry = $1 AND store = $2 AND path > $3 ORDER BY path LIMIT $4'
  return (await connection.all<RecordRow>(sql, registry, store, after ?? '', limit)).map(storedOfRow)
}

export async function accounts({ connection, registry, operation }: Transaction, request: RequestOf<'accounts'>): Promise<readonly AccountId[]> {
  const { after, limit } = request
  requireWhole(operation, 'limit', limit, 1)
  // An account has its row with its first lock, and its trail with its first entry. No id is empty.
  const sql = 'SELECT account FROM accounts WHERE registry = $1 AND account > $2 AND audit_sequence > 0 ORDER BY account LIMIT $3'
  return (await connection.all<{ readonly account: AccountId }>(sql, registry, after ?? '', limit)).map(({ account }) => account)
}

export async function references({ connection, registry }: Transaction, { store }: RequestOf<'references'>): Promise<References> {
  const number = async (sql: string): Promise<number> => {
    const more = store === undefined ? [] : [store]
    return (await connection.get<{ readonly number: number | null }>(sql, registry, ...more))?.number ?? 0
  }
  const of = store === undefined ? 'registry = $1' : 'registry = $1 AND store = $2'
  const count = (table: Naming): Promise<number> => number(`SELECT count(*) AS number FROM ${table} WHERE ${of}`)
  // Each pass of upkeep asks for all of them, and there may be millions.
  const records = store === undefined ? await number(`SELECT sum(records)::bigint AS number FROM accounts WHERE ${of}`) : await count('records')
  return { records, intents: await count('intents'), tasks: await count('queue') }
}

export async function bindStores(transaction: Transaction, { stores }: RequestOf<'bindStores'>): Promise<BoundNames> {
  const { connection, registry, operation } = transaction
  // In one order, so that two processes never wait for each other.
  for (const [name, location] of Object.entries(stores).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    await connection.insert('stores', { registry, name, location }, 'ON CONFLICT DO NOTHING')
  }
  const sql = 'SELECT name, location FROM stores WHERE registry = $1'
  const rows = await connection.all<{ readonly name: string; readonly location: string }>(sql, registry)
  const bound = Object.fromEntries(rows.map(({ name, location }) => [name, location]))
  for (const [name, location] of Object.entries(stores)) {
    const at = bound[name] ?? ''
    if (at !== location) throw boundElsewhere(operation, name, at, location)
  }
  const used = new Set<string>()
  for (const table of NAMING) for (const name of await storesIn(transaction, table)) used.add(name)
  const missing = [...used].filter(name => !Object.hasOwn(stores, name))
  return { missing: missing.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))), bound }
}

/** The names in a table, each found by a step in its index: there are few stores and many rows. */
export async function storesIn({ connection, registry }: Transaction, table: Naming): Promise<readonly string[]> {
  const names: string[] = []
  const sql = `SELECT store FROM ${table} WHERE registry = $1 AND store > $2 ORDER BY store LIMIT 1`
  for (;;) {
    const next = await connection.get<{ readonly store: string }>(sql, registry, names.at(-1) ?? '')
    if (next === undefined) return names
    names.push(next.store)
  }
}
