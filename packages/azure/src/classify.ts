import { classifier, networkFailure, noAnswer, refused, retryAfterMs, type Failure } from '@strongroom/core/driver-support'

/** How often Azure's own clients ask whether a deletion or a recovery has come to its end. */
export const ASK_AGAIN_MS = 2_000

const THROTTLED: Failure = refused('throttled', { retryable: true })
const UNAUTHENTICATED: Failure = refused('unauthenticated')
const INVALID: Failure = refused('invalid_argument')
const NOT_FOUND: Failure = refused('not_found')
const NOT_A_VAULT: Failure = refused('misconfigured', { hint: 'what answers at vaultUrl is not a Key Vault' })
const NAME_HELD: Failure = refused('name_held')
const NAME_HELD_FOR_SECONDS: Failure = refused('name_held', {
  retryable: true,
  hint: 'a secret of that name is just being deleted, purged or recovered; this takes some seconds',
})

const BY_NAME: ReadonlyMap<unknown, Failure> = new Map([
  ['AbortError', refused('aborted', { effect: 'unknown' })],
  ['CredentialUnavailableError', UNAUTHENTICATED],
  ['AuthenticationError', UNAUTHENTICATED],
  ['AuthenticationRequiredError', UNAUTHENTICATED],
  ['AggregateAuthenticationError', UNAUTHENTICATED],
])

/** The SDK's own codes: the connection ended, or the answer was cut off or is not JSON. */
const SDK_CODES: ReadonlySet<unknown> = new Set(['REQUEST_SEND_ERROR', 'PARSE_ERROR'])

/** What an error of this driver means. Never throws. */
export const classify: (error: unknown) => Failure = classifier((error, operation) => {
  const { name, code, response } = error as Partial<Error> & {
    readonly code?: unknown
    readonly response?: { readonly headers?: { get?: (name: string) => unknown } }
  }
  const bySdk = SDK_CODES.has(code) ? noAnswer : networkFailure(error)
  const meaning = BY_NAME.get(name) ?? byStatus(error, operation) ?? bySdk ?? byMessage(error)
  return meaning && { retryAfterMs: retryAfterMs(response?.headers?.get?.('retry-after')), ...meaning }
})

/** Azure's own code beneath its `Conflict` and `Forbidden`. */
export function innerCodeOf(error: unknown): unknown {
  const { details } = (error ?? {}) as { readonly details?: { readonly error?: { readonly innerError?: { readonly code?: unknown } } } }
  return details?.error?.innerError?.code
}

/** The SDK's error for an answer; a load balancer's has a status, and no code of Azure's. */
function byStatus(error: object, operation: string | undefined): Failure | undefined {
  const { statusCode: status, code } = error as { readonly statusCode?: unknown; readonly code?: unknown }
  if (typeof status !== 'number') return undefined
  if (status === 408 || status >= 500) return noAnswer
  if (status === 429) return THROTTLED
  if (status === 401) return UNAUTHENTICATED
  if (status === 413) return refused('too_large')
  // A page in place of JSON, or half an answer.
  if (status < 300) return noAnswer
  if (status < 400) return refused('misconfigured', { hint: 'what answers at vaultUrl redirects to elsewhere, which is not followed' })
  if (typeof code !== 'string') return status === 403 ? refused('permission_denied') : NOT_A_VAULT
  if (status === 400) return INVALID
  if (status === 403) return forbidden(innerCodeOf(error))
  if (status === 404) return NOT_FOUND
  if (status === 409) return conflicting(innerCodeOf(error), operation)
  return status === 405 ? NOT_A_VAULT : undefined
}

function forbidden(inner: unknown): Failure {
  if (inner === 'SecretDisabled') return refused('version_unusable')
  return refused('permission_denied', inner === 'ForbiddenByFirewall' ? { hint: "the vault's firewall does not let this address in" } : {})
}

function conflicting(inner: unknown, operation: string | undefined): Failure {
  const deleted = inner === 'ObjectIsDeletedButRecoverable'
  if (!deleted && inner !== 'ObjectIsBeingDeleted' && inner !== 'ObjectIsBeingRecovered') return refused('conflict', { retryable: true })
  // To everybody but a creator, what is deleted is not there; what is being recovered soon is.
  if (operation !== 'create' && inner !== 'ObjectIsBeingRecovered') return NOT_FOUND
  return deleted ? NAME_HELD : NAME_HELD_FOR_SECONDS
}

/** The SDK has neither a class nor a code for this, and finds it before it sends anything but an empty probe. */
function byMessage(error: object): Failure | undefined {
  const { message } = error as { readonly message?: unknown }
  if (typeof message !== 'string' || !/^The challenge (resource|origin|contains)/.test(message)) return undefined
  return refused('misconfigured', { hint: "the vault wants a token for another domain than its own: it is no vault of Azure's" })
}
