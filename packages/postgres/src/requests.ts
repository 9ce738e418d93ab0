import {
  answeredBy,
  answerText,
  busy,
  recordOfAnswer,
  requestRow,
  requireWhole,
  withoutPointer,
  type Answered,
  type Busy,
  type IdempotentRequest,
  type Intent,
  type RequestOf,
  type RequestRow,
  type SecretRecord,
} from '@strongroom/core'
import { findDone } from './audit.ts'
import { intentOfToken, requireRecord, type AccountTransaction, type Transaction } from './transaction.ts'

interface Beginning {
  readonly token: string
  readonly request?: IdempotentRequest | undefined
}

const FIND = 'SELECT * FROM requests WHERE registry = $1 AND account = $2 AND id = ANY($3) AND expires_at > $4'
const DELETE = 'DELETE FROM requests WHERE registry = $1 AND account = $2 AND id = ANY($3)'
/** The oldest first. One that is being written anew, or that another process forgets, is left to it: nobody waits. */
const EXPIRED = `
  SELECT account, id FROM requests WHERE registry = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3 FOR UPDATE SKIP LOCKED`
/** The time once more, because an id may be one of several accounts. */
const FORGET = 'DELETE FROM requests WHERE registry = $1 AND account = ANY($2) AND id = ANY($3) AND expires_at <= $4'

/** What is known of the request before anything else is judged: its answer, or the intent that it still has. @throws SecretError `not_found` */
export async function knownRequest(transaction: AccountTransaction, { request }: Beginning): Promise<Answered | Busy | undefined> {
  if (request === undefined) return undefined
  const { connection, registry, account, now, operation } = transaction
  const rows = await connection.all<RequestRow>(FIND, registry, account.id, request.ids, now)
  const [row] = rows.toSorted((a, b) => request.ids.indexOf(a.id) - request.ids.indexOf(b.id))
  if (row === undefined) return undefined
  const answered = answeredBy(operation, row, request)
  if (answered !== undefined) return answered
  const intent = await intentOfToken(transaction, row.token)
  return intent === undefined ? await lateAnswer(transaction, row) : busy(intent, now)
}

/** Of an operation that was committed all the same, by a process of a release that keeps no answers: the record as it is found, from now on. */
async function lateAnswer(transaction: AccountTransaction, { id, token }: RequestRow): Promise<Answered | undefined> {
  const secret = (await findDone(transaction, token))?.secret ?? undefined
  if (secret === undefined) return undefined
  const record = withoutPointer(await requireRecord(transaction, secret, undefined))
  await keepAnswer(transaction, { request: id, token }, record)
  return { state: 'answered', record }
}

/** Writes the request's row anew, with what has begun or, given a record, has been done. */
export async function rememberRequest(
  { connection, registry, account, now, operation }: AccountTransaction,
  { token, request }: Beginning,
  record?: SecretRecord,
): Promise<void> {
  if (request === undefined) return
  const row = requestRow(operation, request, { account: account.id, token }, now)
  await connection.run(DELETE, registry, account.id, request.ids)
  await connection.insert('requests', { registry, ...row, answer: record === undefined ? null : answerText(record) })
}

/** For the commit of an intent. */
export async function keepAnswer(
  { connection, registry, account }: AccountTransaction,
  { request, token }: Pick<Intent, 'request' | 'token'>,
  record: SecretRecord,
): Promise<void> {
  if (request === undefined) return
  const sql = 'UPDATE requests SET answer = $5 WHERE registry = $1 AND account = $2 AND id = $3 AND token = $4'
  await connection.run(sql, registry, account.id, request, token, answerText(record))
}

/** The answer that is kept of an operation. */
export async function keptAnswer({ connection, registry, account }: AccountTransaction, token: string): Promise<SecretRecord | undefined> {
  const sql = 'SELECT answer FROM requests WHERE registry = $1 AND account = $2 AND token = $3 AND answer IS NOT NULL'
  const row = await connection.get<{ readonly answer: string }>(sql, registry, account.id, token)
  return row === undefined ? undefined : recordOfAnswer(row.answer)
}

export async function forgetRequests(transaction: Transaction, { limit }: RequestOf<'forgetRequests'>): Promise<number> {
  const { connection, registry, operation } = transaction
  requireWhole(operation, 'limit', limit, 1)
  const now = await transaction.time()
  const expired = await connection.all<Pick<RequestRow, 'account' | 'id'>>(EXPIRED, registry, now, limit)
  if (expired.length === 0) return 0
  const accounts = expired.map(({ account }) => account)
  const ids = expired.map(({ id }) => id)
  await connection.run(FORGET, registry, accounts, ids, now)
  return expired.length
}
