import { isSecretError, SecretError, type Failure } from '@strongroom/core'
import { classifier, networkFailure, refused } from '@strongroom/core/driver-support'

const busy = (hint?: string): Failure => refused('unavailable', { retryable: true, hint })
const wrong = (hint: string): Failure => refused('misconfigured', { hint })

const NO_ACCESS = wrong('the database refuses the user, the password, or a connection without TLS')
const NO_RIGHT = wrong("the database's user lacks a privilege")
const NOT_OURS = wrong('the schema does not have the tables that this release made')
const READ_ONLY = wrong('the database is read-only')
const CROWDED = busy('the database takes no more connections')
const TOO_SLOW = busy('the database did not answer within the time of a statement')
const CONFLICTS = busy('other transactions were in the way each time')

/** By PostgreSQL's SQLSTATE (its documentation, appendix A). */
const STATES: Readonly<Record<string, Failure>> = {
  '22021': refused('invalid_argument', { hint: 'a text cannot be kept in the database' }),
  '23505': CONFLICTS,
  '25006': READ_ONLY,
  '28000': NO_ACCESS,
  '28P01': NO_ACCESS,
  '3D000': wrong('the database does not exist'),
  '3F000': NOT_OURS,
  '40001': CONFLICTS,
  '40P01': CONFLICTS,
  '42501': NO_RIGHT,
  '42703': NOT_OURS,
  '42P01': NOT_OURS,
  '42P07': wrong('the schema holds tables of another program'),
  '53100': refused('quota_exceeded', { hint: 'the disk of the database is full' }),
  '53300': CROWDED,
  '54000': refused('too_large', { hint: 'a text is longer than an index of the database takes' }),
  '55P03': busy('a lock of the database was not to be had'),
  '57014': TOO_SLOW,
  XX001: refused('corrupt', { hint: 'the database is damaged' }),
  XX002: refused('corrupt', { hint: 'the database is damaged' }),
}

/** Classes of SQLSTATE whose states mean the same to a caller: connection, transaction timeouts, resources, shutdown, failures of the system. */
const CLASSES = /^(08|25P0[34]|53|57P|58)/

/** What `pg` says without any code. */
const SENTENCES: readonly (readonly [RegExp, Failure])[] = [
  [/^The server does not support SSL connections$|^There was an error establishing an SSL connection$/, wrong('the server does not speak TLS')],
  [/^SASL|password must be a string/i, NO_ACCESS],
  [/^timeout exceeded when trying to connect$/, busy('no connection of the pool became free in time')],
  [/^Connection terminated|^timeout expired$|not queryable$|^Client was closed/, busy()],
  [/^Cannot use a pool after calling end/, wrong("the caller's pool has been ended")],
]

const classify = classifier(error => {
  const state = stateOf(error)
  if (state !== undefined) return STATES[state] ?? (CLASSES.test(state) ? busy() : undefined)
  const network = networkFailure(error)
  if (network !== undefined) return network
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown }
  if (code === 'ERR_INVALID_URL' || code === 'ENOENT') return wrong('the connection string cannot be read, or names a file that is not there')
  return SENTENCES.find(([sentence]) => typeof message === 'string' && sentence.test(message))?.[1]
})

/** The one way out for an error: what PostgreSQL or `pg` said stays behind, since it may quote a parameter or a password. */
export function secretErrorOf(error: unknown, operation: string, effect: Failure['effect']): SecretError {
  if (isSecretError(error)) return error
  return new SecretError({ ...classify(error), effect, operation })
}

/**
 * Whether another transaction was in the way, and the same work can succeed once it is done anew. A key that is there already is so too:
 * the check before it did not see it yet.
 */
export function isConflict(error: unknown): boolean {
  return ['40001', '40P01', '23505'].includes(stateOf(error) ?? '')
}

/** Whether the server has said that the statement failed and the connection goes on. After anything else its state is not known. */
export function isAnswered(error: unknown): boolean {
  const { severity } = (error ?? {}) as { readonly severity?: unknown }
  return !/^(57P|25P0[34])/.test(stateOf(error) ?? '57P') && severity !== 'FATAL' && severity !== 'PANIC'
}

/** Whether a COMMIT that failed with it has certainly not been made: it was rolled back (class 40), or a constraint was against it (23). */
export function isRolledBack(error: unknown): boolean {
  const state = stateOf(error)
  return isAnswered(error) && state !== undefined && /^(40|23)/.test(state) && state !== '40003'
}

/** The SQLSTATE of an error that the server has sent. */
function stateOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { readonly code?: unknown; readonly severity?: unknown }
  return typeof code === 'string' && typeof severity === 'string' ? code : undefined
}
