import { SecretError } from '../errors.ts'
import { keptBy } from '../metadata-support/records.ts'
import { requireWhole, type RequestOf } from '../metadata-support/requests.ts'
import { boundElsewhere } from '../metadata-support/stores.ts'
import { isIdle } from '../metadata-support/tasks.ts'
import type { BoundNames, PageRequest, PathOwner, RecordPage, References } from '../metadata-requests.ts'
import type { StoredRecord } from '../records.ts'
import type { AccountId, NativePath } from '../words.ts'
import { copyRecord, copyStored, recordAtPath, recordByKey, recordOf, type Transaction } from './state.ts'

export function find(transaction: Transaction, { account, id, key }: RequestOf<'find'>): StoredRecord | undefined {
  if ((id === undefined) === (key === undefined)) throw SecretError.invalid(transaction.operation, 'either an id or a key is given')
  const record = id === undefined ? recordByKey(transaction, account, key ?? '') : recordOf(transaction, account, id)
  return record === undefined ? undefined : copyStored(record)
}

export function page(transaction: Transaction, request: PageRequest): RecordPage {
  const { operation, state } = transaction
  const { account, limit, sortBy, sortOrder, startingAfter, endingBefore } = request
  requireWhole(operation, 'limit', limit, 1)
  if (startingAfter !== undefined && endingBefore !== undefined) throw SecretError.invalid(operation, 'at most one cursor is given')
  const cursorId = startingAfter ?? endingBefore
  const cursor = cursorId === undefined ? undefined : (recordOf(transaction, account, cursorId) ?? state.tombstones.get(cursorId))
  if (cursorId !== undefined && cursor?.accountId !== account) throw SecretError.invalid(operation, 'a cursor is the id of a record of the account')

  const compare = (a: StoredRecord, b: StoredRecord): number => (sortOrder === 'asc' ? ascending(sortBy, a, b) : ascending(sortBy, b, a))
  const all = [...state.records.values()].filter(record => record.accountId === account).toSorted(compare)
  const backwards = endingBefore !== undefined
  const rest = all.filter(record => cursor === undefined || (backwards ? compare(record, cursor) < 0 : compare(record, cursor) > 0))
  const items = backwards ? rest.slice(-limit) : rest.slice(0, limit)
  return { items: items.map(copyRecord), hasMore: rest.length > items.length, total: all.length, limit }
}

export function owners(transaction: Transaction, { store, paths }: RequestOf<'owners'>): readonly PathOwner[] {
  const { state, now } = transaction
  const named = (path: NativePath) => (entry: { readonly store: string; readonly path: NativePath }) => entry.store === store && entry.path === path
  const answers = [...new Set(paths)].map((path): PathOwner => {
    const row = recordAtPath(transaction, store, path)
    const tasks = [...state.queue.values()].filter(named(path))
    return {
      path,
      row:
        row === undefined
          ? undefined
          : { account: row.accountId, secret: row.id, version: row.pointer.version, kept: keptBy(row), adopted: row.adopted },
      intents: [...state.intents.values()].filter(named(path)).length,
      tasks: tasks.length,
      destroys: tasks.filter(({ task }) => task === 'destroy_version').length,
      purges: tasks.filter(task => task.task === 'purge_path' && isIdle(task, now)).length,
    }
  })
  return answers.filter(({ row, intents, tasks }) => row !== undefined || intents > 0 || tasks > 0)
}

export function scan({ operation, state }: Transaction, { store, after, limit }: RequestOf<'scan'>): readonly StoredRecord[] {
  requireWhole(operation, 'limit', limit, 1)
  const rest = [...state.records.values()].filter(
    ({ pointer }) => pointer.store === store && (after === undefined || compareBytes(pointer.path, after) > 0),
  )
  const sorted = rest.toSorted((a, b) => compareBytes(a.pointer.path, b.pointer.path))
  return sorted.slice(0, limit).map(copyStored)
}

export function accounts({ operation, state }: Transaction, { after, limit }: RequestOf<'accounts'>): readonly AccountId[] {
  requireWhole(operation, 'limit', limit, 1)
  const rest = [...state.audit.keys()].filter(account => after === undefined || compareBytes(account, after) > 0)
  return rest.toSorted(compareBytes).slice(0, limit)
}

export function references({ state }: Transaction, { store }: RequestOf<'references'>): References {
  const count = (names: Iterable<{ readonly store: string }>): number =>
    [...names].filter(named => store === undefined || named.store === store).length
  const pointers = [...state.records.values()].map(({ pointer }) => pointer)
  return { records: count(pointers), intents: count(state.intents.values()), tasks: count(state.queue.values()) }
}

export function bindStores({ operation, state }: Transaction, { stores }: RequestOf<'bindStores'>): BoundNames {
  for (const [name, location] of Object.entries(stores)) {
    const bound = state.stores.get(name)
    if (bound !== undefined && bound !== location) throw boundElsewhere(operation, name, bound, location)
  }
  for (const [name, location] of Object.entries(stores)) state.stores.set(name, location)
  const pointers = [...state.records.values()].map(({ pointer }) => pointer)
  const used = new Set([...pointers, ...state.intents.values(), ...state.queue.values()].map(({ store }) => store))
  const missing = [...used].filter(name => !Object.hasOwn(stores, name)).toSorted(compareBytes)
  return { missing, bound: Object.fromEntries(state.stores) }
}

function ascending(field: PageRequest['sortBy'], a: StoredRecord, b: StoredRecord): number {
  return compareField(field, a, b) || compareBytes(a.id, b.id)
}

function compareField(field: PageRequest['sortBy'], a: StoredRecord, b: StoredRecord): number {
  if (field === 'key') return compareBytes(a.key, b.key)
  if (field === 'created_at') return a.createdAt.getTime() - b.createdAt.getTime()
  if (a.updatedAt === null || b.updatedAt === null) return Number(a.updatedAt !== null) - Number(b.updatedAt !== null)
  return a.updatedAt.getTime() - b.updatedAt.getTime()
}

/** By UTF-8 bytes, which is not the order of JavaScript's UTF-16 strings. */
function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
