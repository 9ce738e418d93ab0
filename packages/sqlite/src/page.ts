import { recordOfRow, requireWhole, SecretError, type ListedRow, type PageRequest, type RecordPage, type SortField } from '@strongroom/core'
import type { Transaction } from './transaction.ts'

type Position = Pick<ListedRow, 'id' | SortField>

/** What the index `records_listed` has: of any other column, a page by key would have to look into each row. */
const LISTED = 'id, account, key, description, cloud_secret_path, created_at, created_by_id, created_by_type, updated_at, updated_by, revision'

/**
 * The rows next to a cursor, or the first ones, nearest first. `ascending` is the way to go through the index: the requested
 * order when going forwards, the opposite when going backwards.
 */
export function pageQuery(field: SortField, ascending: boolean, fromCursor: boolean): string {
  const beyond = fromCursor ? `AND (${field}, id) ${ascending ? '>' : '<'} (:value, :id)` : ''
  const way = ascending ? 'ASC' : 'DESC'
  return `SELECT ${LISTED} FROM records WHERE registry = :registry AND account = :account ${beyond} ORDER BY ${field} ${way}, id ${way} LIMIT :limit`
}

export function page(transaction: Transaction, request: PageRequest): RecordPage {
  const { connection, registry, operation } = transaction
  const { account, limit, sortBy, sortOrder, startingAfter, endingBefore } = request
  requireWhole(operation, 'limit', limit, 1)
  if (startingAfter !== undefined && endingBefore !== undefined) throw SecretError.invalid(operation, 'at most one cursor is given')
  const cursor = startingAfter ?? endingBefore
  const position = cursor === undefined ? undefined : positionOf(transaction, account, cursor)
  const backwards = endingBefore !== undefined

  const sql = pageQuery(sortBy, (sortOrder === 'asc') !== backwards, position !== undefined)
  // One more than asked for, to know whether more follow.
  const common = { registry, account, limit: limit + 1 }
  const rows = connection.all<ListedRow>(sql, position === undefined ? common : { ...common, value: position[sortBy], id: position.id })
  const items = rows.slice(0, limit).map(recordOfRow)
  return { items: backwards ? items.toReversed() : items, hasMore: rows.length > limit, total: totalOf(transaction, account), limit }
}

/** Where the record of a cursor stands, or stood when it was deleted. */
function positionOf({ connection, registry, operation }: Transaction, account: string, id: string): Position {
  for (const table of ['records', 'tombstones']) {
    const sql = `SELECT id, key, created_at, updated_at FROM ${table} WHERE registry = :registry AND id = :id AND account = :account`
    const position = connection.get<Position>(sql, { registry, id, account })
    if (position !== undefined) return position
  }
  throw SecretError.invalid(operation, 'a cursor is the id of a record of the account')
}

function totalOf({ connection, registry }: Transaction, account: string): number {
  const sql = 'SELECT records FROM accounts WHERE registry = :registry AND account = :account'
  return connection.get<{ records: number }>(sql, { registry, account })?.records ?? 0
}
