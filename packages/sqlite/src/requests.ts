import {
  answeredBy,
  answerText,
  busy,
  recordOfAnswer,
  requestRow,
  requireWhole,
  withoutPointer,
  type AccountId,
  type Answered,
  type Busy,
  type IdempotentRequest,
  type Intent,
  type RequestOf,
  type RequestRow,
  type SecretRecord,
} from '@strongroom/core'
import { findDone } from './audit.ts'
import { intentOfToken, requireRecord, type Transaction } from './transaction.ts'

interface Beginning {
  readonly account: AccountId
  readonly token: string
  readonly request?: IdempotentRequest | undefined
}

type Operation = Pick<Intent, 'account' | 'request' | 'token'>

const FIND = 'SELECT * FROM requests WHERE registry = :registry AND account = :account AND id = :id AND expires_at > :now'
const DELETE = 'DELETE FROM requests WHERE registry = :registry AND account = :account AND id = :id'
const INSERT = `
  INSERT INTO requests (registry, account, id, fingerprint, token, answer, expires_at)
  VALUES (:registry, :account, :id, :fingerprint, :token, :answer, :expires_at)`
const EXPIRED = 'SELECT account, id FROM requests WHERE registry = :registry AND expires_at <= :now ORDER BY expires_at LIMIT :limit'

/** What is known of the request before anything else is judged: its answer, or the intent that it still has. @throws SecretError `not_found` */
export function knownRequest(transaction: Transaction, { account, request }: Beginning): Answered | Busy | undefined {
  const { connection, registry, now, operation } = transaction
  for (const id of request?.ids ?? []) {
    const row = connection.get<RequestRow>(FIND, { registry, account, id, now })
    if (request === undefined || row === undefined) continue
    const answered = answeredBy(operation, row, request)
    const intent = intentOfToken(transaction, account, row.token)
    return answered ?? (intent === undefined ? lateAnswer(transaction, row) : busy(intent, now))
  }
  return undefined
}

/** Of an operation that was committed all the same, by a process of a release that keeps no answers: the record as it is found, from now on. */
function lateAnswer(transaction: Transaction, { account, id, token }: RequestRow): Answered | undefined {
  const secret = findDone(transaction, account, token)?.secret ?? undefined
  if (secret === undefined) return undefined
  const record = withoutPointer(requireRecord(transaction, account, secret, undefined))
  keepAnswer(transaction, { account, request: id, token }, record)
  return { state: 'answered', record }
}

/** Writes the request's row anew, with what has begun or, given a record, has been done. */
export function rememberRequest({ connection, registry, now, operation }: Transaction, beginning: Beginning, record?: SecretRecord): void {
  const { account, request } = beginning
  if (request === undefined) return
  const row = requestRow(operation, request, beginning, now)
  for (const id of request.ids) connection.run(DELETE, { registry, account, id })
  connection.run(INSERT, { registry, ...row, answer: record === undefined ? null : answerText(record) })
}

/** For the commit of an intent. */
export function keepAnswer({ connection, registry }: Transaction, { account, request, token }: Operation, record: SecretRecord): void {
  if (request === undefined) return
  const sql = 'UPDATE requests SET answer = :answer WHERE registry = :registry AND account = :account AND id = :id AND token = :token'
  connection.run(sql, { registry, account, id: request, token, answer: answerText(record) })
}

/** The answer that is kept of an operation. */
export function keptAnswer({ connection, registry }: Transaction, account: AccountId, token: string): SecretRecord | undefined {
  const sql = 'SELECT answer FROM requests WHERE registry = :registry AND account = :account AND token = :token AND answer IS NOT NULL'
  const row = connection.get<{ readonly answer: string }>(sql, { registry, account, token })
  return row === undefined ? undefined : recordOfAnswer(row.answer)
}

export function forgetRequests({ connection, registry, now, operation }: Transaction, { limit }: RequestOf<'forgetRequests'>): number {
  requireWhole(operation, 'limit', limit, 1)
  const expired = connection.all<Pick<RequestRow, 'account' | 'id'>>(EXPIRED, { registry, now, limit })
  for (const { account, id } of expired) connection.run(DELETE, { registry, account, id })
  return expired.length
}
