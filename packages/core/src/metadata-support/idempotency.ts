import { SecretError } from '../errors.ts'
import type { Answered, IdempotentRequest } from '../metadata-requests.ts'
import type { SecretRecord } from '../records.ts'
import type { AccountId } from '../words.ts'
import { requireWhole } from './requests.ts'

/** For authors of metadata stores in SQL: an idempotent request as a row. Times are milliseconds since 1970. */
export interface RequestRow {
  readonly account: AccountId
  readonly id: string
  readonly fingerprint: string
  /** The operation that it was begun with, last. */
  readonly token: string
  /** {@link answerText} of the record that the operation committed; null until then. */
  readonly answer: string | null
  readonly expires_at: number
}

/** For authors of metadata stores: the row that a begin writes. @throws SecretError `invalid_argument` */
export function requestRow(
  operation: string,
  request: IdempotentRequest,
  { account, token }: { readonly account: AccountId; readonly token: string },
  now: number,
): RequestRow {
  const [id] = request.ids
  const [fingerprint] = request.fingerprints
  if (id === undefined || fingerprint === undefined) throw SecretError.invalid(operation, 'a request has an id and a fingerprint')
  requireWhole(operation, 'keepMs', request.keepMs, 0)
  return { account, id, fingerprint, token, answer: null, expires_at: now + request.keepMs }
}

/** For authors of metadata stores: what a row that has not expired answers; undefined when it has no answer. @throws SecretError `idempotency_mismatch` */
export function answeredBy(operation: string, { fingerprint, answer }: RequestRow, { fingerprints }: IdempotentRequest): Answered | undefined {
  if (!fingerprints.includes(fingerprint)) throw SecretError.refused('idempotency_mismatch', operation)
  return answer === null ? undefined : { state: 'answered', record: recordOfAnswer(answer) }
}

/** For authors of metadata stores: a record as the answer of a request, in JSON. */
export function answerText({ id, accountId, cloudSecretPath, createdAt, createdBy, key, description, ...update }: SecretRecord): string {
  const { updatedAt, updatedBy, revision } = update
  return JSON.stringify({ id, accountId, cloudSecretPath, createdAt, createdBy, key, description, updatedAt, updatedBy, revision })
}

/** For authors of metadata stores: the record of an {@link answerText}. */
export function recordOfAnswer(text: string): SecretRecord {
  const { createdAt, updatedAt, ...rest } = JSON.parse(text) as Omit<SecretRecord, 'createdAt' | 'updatedAt'> & {
    readonly createdAt: string
    readonly updatedAt: string | null
  }
  return { ...rest, createdAt: new Date(createdAt), updatedAt: updatedAt === null ? null : new Date(updatedAt) }
}
