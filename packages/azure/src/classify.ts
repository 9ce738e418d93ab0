import { DriverFinding, refused, retryAfterMs, type Failure } from '@strongroom/core'

/** What the driver knows of an error that the SDK's error does not say. */
export interface Circumstances {
  readonly operation?: string | undefined
  /** The request that failed cannot write. */
  readonly reading?: boolean | undefined
  /** An earlier step of the same call has written. */
  readonly written?: boolean | undefined
  readonly failure?: Failure | undefined
}

const circumstances = new WeakMap<object, Circumstances>()

/** Remembers more of an error, which itself goes on unchanged: core gives the SDK's own to `unsafeOnRawError`. */
export function withCircumstances(error: unknown, more: Circumstances): unknown {
  if (typeof error !== 'object' || error === null) return error
  const known = circumstances.get(error)
  circumstances.set(error, { ...known, ...more, failure: known?.failure ?? more.failure, written: known?.written === true || more.written })
  return error
}

/** How often Azure's own clients ask whether a deletion or a recovery has come to its end. */
export const ASK_AGAIN_MS = 2_000

const UNKNOWN: Failure = refused('unknown', { effect: 'unknown' })
const THROTTLED: Failure = refused('throttled', { retryable: true })
const UNAUTHENTICATED: Failure = refused('unauthenticated')
const INVALID: Failure = refused('invalid_argument')
const NOT_FOUND: Failure = refused('not_found')
const NEVER_SENT: Failure = refused('unavailable', { retryable: true })
const NO_ANSWER: Failure = refused('unavailable', { retryable: true, effect: 'unknown' })
const NOT_A_VAULT: Failure = refused('misconfigured', { hint: 'what answers at vaultUrl is not a Key Vault' })
const NAME_HELD: Failure = refused('name_held')
const NAME_HELD_FOR_SECONDS: Failure = refused('name_held', {
  retryable: true,
  retryAfterMs: ASK_AGAIN_MS,
  hint: 'a secret of that name is just being deleted, purged or recovered; this takes some seconds',
})
const IN_MOTION: Failure = refused('conflict', { retryable: true, retryAfterMs: ASK_AGAIN_MS, hint: 'the secret is just being recovered' })

const BY_NAME: ReadonlyMap<string, Failure> = new Map([
  ['AbortError', refused('aborted', { effect: 'unknown' })],
  ['CredentialUnavailableError', UNAUTHENTICATED],
  ['AuthenticationError', UNAUTHENTICATED],
  ['AuthenticationRequiredError', UNAUTHENTICATED],
  ['AggregateAuthenticationError', UNAUTHENTICATED],
])

const BEFORE_SENDING = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN)$/
/** The last two are the SDK's own: the connection ended, or the answer was cut off or is not JSON. */
const WHILE_WAITING = /^(ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENETDOWN|EPROTO|HPE_.*|REQUEST_SEND_ERROR|PARSE_ERROR)$/
const CERTIFICATE = /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT_)/

/** What an error of this driver means. Never throws. */
export function classify(error: unknown): Failure {
  try {
    return meaningOf(error)
  } catch {
    return UNKNOWN
  }
}

/** Azure's own code beneath its `Conflict` and `Forbidden`. */
export function innerCodeOf(error: unknown): unknown {
  const { details } = (error ?? {}) as { readonly details?: { readonly error?: { readonly innerError?: { readonly code?: unknown } } } }
  return details?.error?.innerError?.code
}

function meaningOf(error: unknown): Failure {
  if (typeof error !== 'object' || error === null) return UNKNOWN
  const { operation, reading = false, written = false, failure } = circumstances.get(error) ?? {}
  const found = error instanceof DriverFinding ? error.failure : failure
  const meaning = found ?? BY_NAME.get((error as Error).name) ?? byStatus(error, operation) ?? byCode(error) ?? byMessage(error) ?? UNKNOWN
  const { retryAfterMs = waitOf(error), ...rest } = meaning
  return { ...rest, effect: written ? 'unknown' : reading ? 'none' : meaning.effect, retryAfterMs: meaning.retryable ? retryAfterMs : undefined }
}

/** The SDK's error for an answer; a load balancer's has a status, and no code of Azure's. */
function byStatus(error: object, operation: string | undefined): Failure | undefined {
  const { statusCode: status, code } = error as { readonly statusCode?: unknown; readonly code?: unknown }
  if (typeof status !== 'number') return undefined
  if (status === 408 || status >= 500) return NO_ANSWER
  if (status === 429) return THROTTLED
  if (status === 401) return UNAUTHENTICATED
  if (status === 413) return refused('too_large')
  // A page in place of JSON, or half an answer.
  if (status < 300) return NO_ANSWER
  if (status < 400) return refused('misconfigured', { hint: 'what answers at vaultUrl redirects to elsewhere, which is not followed' })
  if (typeof code !== 'string') return status === 403 ? refused('permission_denied') : NOT_A_VAULT
  if (status === 400) return INVALID
  if (status === 403) return forbidden(innerCodeOf(error))
  if (status === 404) return NOT_FOUND
  if (status === 409) return conflicting(innerCodeOf(error), operation)
  return status === 405 ? NOT_A_VAULT : UNKNOWN
}

function forbidden(inner: unknown): Failure {
  if (inner === 'SecretDisabled') return refused('version_unusable')
  return refused('permission_denied', inner === 'ForbiddenByFirewall' ? { hint: "the vault's firewall does not let this address in" } : {})
}

function conflicting(inner: unknown, operation: string | undefined): Failure {
  const deleted = inner === 'ObjectIsDeletedButRecoverable'
  if (!deleted && inner !== 'ObjectIsBeingDeleted' && inner !== 'ObjectIsBeingRecovered') return refused('conflict', { retryable: true })
  if (operation === 'create') return deleted ? NAME_HELD : NAME_HELD_FOR_SECONDS
  // To everybody but a creator, what is deleted is not there.
  return inner === 'ObjectIsBeingRecovered' ? IN_MOTION : NOT_FOUND
}

function byCode(error: object): Failure | undefined {
  const { code } = error as { readonly code?: unknown }
  if (typeof code !== 'string') return undefined
  if (BEFORE_SENDING.test(code)) return NEVER_SENT
  if (WHILE_WAITING.test(code)) return NO_ANSWER
  if (CERTIFICATE.test(code)) return refused('misconfigured', { hint: "the vault's certificate is not trusted" })
  return undefined
}

/** The SDK has neither a class nor a code for this, and finds it before it sends anything but an empty probe. */
function byMessage(error: object): Failure | undefined {
  const { message } = error as { readonly message?: unknown }
  if (typeof message !== 'string' || !/^The challenge (resource|origin|contains)/.test(message)) return undefined
  return refused('misconfigured', { hint: "the vault wants a token for another domain than its own: it is no vault of Azure's" })
}

function waitOf(error: object): number | undefined {
  const { response } = error as { readonly response?: { readonly headers?: { get?: (name: string) => unknown } } }
  return retryAfterMs(response?.headers?.get?.('retry-after'))
}
