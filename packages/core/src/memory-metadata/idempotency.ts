import { answeredBy, answerText, recordOfAnswer, requestRow } from '../metadata-support/idempotency.ts'
import { busy } from '../metadata-support/intents.ts'
import { requireWhole, type RequestOf } from '../metadata-support/requests.ts'
import type { Answered, Busy, IdempotentRequest } from '../metadata-requests.ts'
import type { SecretRecord } from '../records.ts'
import type { Intent } from '../work.ts'
import type { AccountId } from '../words.ts'
import { intentOfToken, type Transaction } from './state.ts'

interface Beginning {
  readonly account: AccountId
  readonly token: string
  readonly request?: IdempotentRequest | undefined
}

/** What is known of the request before anything else is judged: its answer, or the intent that it still has. */
export function knownRequest(transaction: Transaction, { account, request }: Beginning): Answered | Busy | undefined {
  const { operation, state, now } = transaction
  for (const id of request?.ids ?? []) {
    const row = state.requests.get(nameOf(account, id))
    if (request === undefined || row === undefined || row.expires_at <= now) continue
    const answered = answeredBy(operation, row, request)
    const intent = intentOfToken(transaction, account, row.token)
    return answered ?? (intent && busy(intent, now))
  }
  return undefined
}

/** Writes the request's row anew, with what has begun or, given a record, has been done. */
export function rememberRequest({ operation, state, now }: Transaction, beginning: Beginning, record?: SecretRecord): void {
  const { account, request } = beginning
  if (request === undefined) return
  const row = requestRow(operation, request, beginning, now)
  for (const id of request.ids) state.requests.delete(nameOf(account, id))
  state.requests.set(nameOf(account, row.id), record === undefined ? row : { ...row, answer: answerText(record) })
}

/** For the commit of an intent. */
export function keepAnswer({ state }: Transaction, { account, request, token }: Intent, record: SecretRecord): void {
  const name = nameOf(account, request ?? '')
  const row = state.requests.get(name)
  if (row?.token === token) state.requests.set(name, { ...row, answer: answerText(record) })
}

/** The answer that is kept of an operation. */
export function keptAnswer({ state }: Transaction, account: AccountId, token: string): SecretRecord | undefined {
  const row = [...state.requests.values()].find(one => one.account === account && one.token === token)
  return row === undefined || row.answer === null ? undefined : recordOfAnswer(row.answer)
}

export function forgetRequests({ operation, state, now }: Transaction, { limit }: RequestOf<'forgetRequests'>): number {
  requireWhole(operation, 'limit', limit, 1)
  const expired = [...state.requests].filter(([, row]) => row.expires_at <= now).slice(0, limit)
  for (const [name] of expired) state.requests.delete(name)
  return expired.length
}

function nameOf(account: AccountId, id: string): string {
  return JSON.stringify([account, id])
}
