import { recordOfRow, requireWhole, SecretError, type PageRequest, type RecordPage, type RecordRow, type SortField } from '@strongroom/core'
import type { Transaction } from './transaction.ts'

type Position = Pick<RecordRow, 'id' | SortField>

const POSITION = `
  SELECT id, key, created_at, updated_at FROM records WHERE registry = $1 AND id = $2 AND account = $3
  UNION ALL SELECT id, key, created_at, updated_at FROM tombstones WHERE registry = $1 AND id = $2 AND account = $3`

/**
 * The rows next to a cursor, or the first ones, nearest first. `ascending` is the way to go through the index: the requested
 * order when going forwards, the opposite when going backwards. Parameters: registry, account, limit, value and id of the cursor.
 */
export function pageQuery(field: SortField, ascending: boolean, fromCursor: boolean): string {
  // With the id for keys too: the record of a cursor may be deleted, and its key another's since.
  const beyond = fromCursor ? `AND (${field}, id) ${ascending ? '>' : '<'} ($4, $5)` : ''
  const way = ascending ? 'ASC' : 'DESC'
  // No two records of an account have one key, and the index of keys has no id to sort by.
  const order = field === 'key' ? `key ${way}` : `${field} ${way}, id ${way}`
  return `SELECT * FROM records WHERE registry = $1 AND account = $2 ${beyond} ORDER BY ${order} LIMIT $3`
}

export async function page(transaction: Transaction, request: PageRequest): Promise<RecordPage> {
  const { connection, registry, operation } = transaction
  const { account, limit, sortBy, sortOrder, startingAfter, endingBefore } = request
  requireWhole(operation, 'limit', limit, 1)
  if (startingAfter !== undefined && endingBefore !== undefined) throw SecretError.invalid(operation, 'at most one cursor is given')
  const cursor = startingAfter ?? endingBefore
  const position = cursor === undefined ? undefined : await positionOf(transaction, account, cursor)
  const backwards = endingBefore !== undefined

  const sql = pageQuery(sortBy, (sortOrder === 'asc') !== backwards, position !== undefined)
  const from = position === undefined ? [] : [position[sortBy], position.id]
  // One more than asked for, to know whether more follow.
  const rows = await connection.all<RecordRow>(sql, registry, account, limit + 1, ...from)
  const items = rows.slice(0, limit).map(recordOfRow)
  return { items: backwards ? items.toReversed() : items, hasMore: rows.length > limit, total: await totalOf(transaction, account), limit }
}

/** Where the record of a cursor stands, or stood when it was deleted. */
async function positionOf({ connection, registry, operation }: Transaction, account: string, id: string): Promise<Position> {
  const position = await connection.get<Position>(POSITION, registry, id, account)
  if (position === undefined) throw SecretError.invalid(operation, 'a cursor is the id of a record of the account')
  return position
}

async function totalOf({ connection, registry }: Transaction, account: string): Promise<number> {
  const sql = 'SELECT records FROM accounts WHERE registry = $1 AND account = $2'
  return (await connection.get<{ records: number }>(sql, registry, account))?.records ?? 0
}
