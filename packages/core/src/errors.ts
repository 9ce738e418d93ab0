/** What went wrong. Stable: part of the public interface. */
export type SecretErrorCode =
  // the caller's
  | 'invalid_argument'
  | 'unsupported'
  | 'too_large'
  | 'misconfigured'
  // the state's
  | 'not_found'
  | 'already_exists'
  | 'conflict'
  | 'idempotency_mismatch'
  | 'name_held'
  | 'version_unusable'
  // permission
  | 'unauthenticated'
  | 'permission_denied'
  // the backend's
  | 'throttled'
  | 'quota_exceeded'
  | 'unavailable'
  | 'corrupt'
  | 'unknown'
  // the call's
  | 'deadline_exceeded'
  | 'aborted'
  | 'closed'

const SENTENCES: Readonly<Record<SecretErrorCode, string>> = {
  invalid_argument: 'an argument is not allowed',
  unsupported: 'the backend cannot do this',
  too_large: 'the value is larger than allowed',
  misconfigured: 'the configuration is wrong',
  not_found: 'it does not exist',
  already_exists: 'it exists already',
  conflict: 'it was changed, or is being changed, by someone else',
  idempotency_mismatch: 'the idempotency key has been used for another request',
  name_held: 'the name is held by a deleted secret until that one is purged or restored',
  version_unusable: 'the version is disabled, expired or destroyed',
  unauthenticated: 'the credentials were missing, wrong or expired',
  permission_denied: 'permission denied',
  throttled: 'too many requests',
  quota_exceeded: 'a quota is used up',
  unavailable: 'the backend could not be reached or is not able to answer',
  corrupt: 'what is stored is damaged or not what it should be',
  unknown: 'the backend gave an answer that is not understood',
  deadline_exceeded: 'the deadline passed',
  aborted: 'the caller aborted the call',
  closed: 'it has been closed',
}

/** All codes, in the order of the documentation. */
export const secretErrorCodes: readonly SecretErrorCode[] = Object.keys(SENTENCES) as SecretErrorCode[]

/** What a driver's `classify` answers: three axes, each on its own. */
export interface Failure {
  readonly code: SecretErrorCode
  /** Whether the same call can succeed later without anything being changed. */
  readonly retryable: boolean
  /** `none`: nothing was written. `unknown`: it may have been; the answer for anything that is not recognised. */
  readonly effect: 'none' | 'unknown'
  /** Milliseconds that the backend asked to wait. */
  readonly retryAfterMs?: number | undefined
  /** A fixed sentence of the adapter's own, never made from an SDK's error, a request or a value. */
  readonly hint?: string | undefined
}

/** What a {@link SecretError} is made from: what went wrong, in which public call (`get`, `registry.create`), and of which store and secret. */
export interface SecretErrorInit extends Failure {
  readonly operation: string
  readonly store?: string | undefined
  readonly secretName?: string | undefined
}

/**
 * The one error class. Its message is made here, from these fields alone, so that no SDK text and no value can get in;
 * there is never a `cause`. Recognise it with {@link isSecretError}, which also works across two copies of the package.
 */
export class SecretError extends Error implements Failure {
  readonly kind = 'strongroom.secret-error' as const
  readonly code: SecretErrorCode
  readonly retryable: boolean
  readonly effect: 'none' | 'unknown'
  readonly retryAfterMs: number | undefined
  readonly hint: string | undefined
  /** The location of the store, or the name it has in a registry; undefined where no store was involved. */
  readonly store: string | undefined
  /** The public call that failed, such as `get` or `registry.create`. */
  readonly operation: string
  readonly secretName: string | undefined
  declare readonly cause?: never

  constructor(init: SecretErrorInit) {
    super(messageOf(init))
    this.code = init.code
    this.retryable = init.retryable
    this.effect = init.effect
    this.retryAfterMs = init.retryAfterMs
    this.hint = init.hint
    this.store = init.store
    this.operation = init.operation
    this.secretName = init.secretName
  }

  /** The caller gave something that is not allowed: `hint` says what is. Nothing was sent. */
  static invalid(operation: string, hint: string, more: Partial<SecretErrorInit> = {}): SecretError {
    return SecretError.refused('invalid_argument', operation, { hint, ...more })
  }

  /** A final refusal before anything was sent. */
  static refused(code: SecretErrorCode, operation: string, more: Partial<SecretErrorInit> = {}): SecretError {
    return new SecretError({ code, retryable: false, effect: 'none', operation, ...more })
  }

  /** The same error seen from another call, for instance the registry's instead of the driver's. */
  in(more: Partial<SecretErrorInit>): SecretError {
    const { code, retryable, effect, retryAfterMs, hint, store, operation, secretName } = this
    return new SecretError({ code, retryable, effect, retryAfterMs, hint, store, operation, secretName, ...more })
  }
}
Object.defineProperty(SecretError.prototype, 'name', { value: 'SecretError', configurable: true })

function messageOf({ code, effect, store, operation, secretName, hint }: SecretErrorInit): string {
  const subject = secretName === undefined ? operation : `${operation} ${JSON.stringify(secretName)}`
  const where = store === undefined ? '' : ` in ${store}`
  const what = hint === undefined ? SENTENCES[code] : hint
  const done = effect === 'unknown' ? '; it may have been applied' : ''
  return `${subject}${where}: ${what} (${code}${done})`
}

/** Whether it is a {@link SecretError}, with one of the codes if any are given. Looks at a field, not at the class. */
export function isSecretError(error: unknown, ...codes: readonly SecretErrorCode[]): error is SecretError {
  if (typeof error !== 'object' || error === null) return false
  const candidate = error as { readonly kind?: unknown; readonly code?: unknown }
  if (candidate.kind !== 'strongroom.secret-error') return false
  return codes.length === 0 || codes.includes(candidate.code as SecretErrorCode)
}
