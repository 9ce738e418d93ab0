import { classifier, networkFailure, neverSent, noAnswer, refused, type Failure } from '@strongroom/core/driver-support'

const ABORTED: Failure = refused('aborted', { effect: 'unknown' })
const CERTIFICATE: Failure = refused('misconfigured', { hint: "the server's certificate is not trusted, or it does not take the client's" })
const NO_MOUNT: Failure = refused('misconfigured', { hint: 'there is no such mount in this namespace, or no such namespace' })
const NO_VAULT: Failure = refused('misconfigured', { hint: 'what answers at the address is not a Vault' })
const REDIRECTED: Failure = refused('misconfigured', {
  hint: 'the server redirects, which is not followed with a token: give the address of the active node',
})
export const NOT_V2: Failure = refused('misconfigured', { hint: 'the mount is not the KV secrets engine, version 2' })

const BY_STATUS: ReadonlyMap<number, Failure> = new Map([
  [400, refused('invalid_argument')],
  [401, refused('unauthenticated')],
  [403, refused('permission_denied')],
  [405, NOT_V2],
  // A read of Vault Enterprise on a node that has not caught up.
  [412, neverSent],
  [413, refused('too_large')],
  [429, refused('throttled', { retryable: true })],
  // Standby nodes of Vault Enterprise.
  [472, neverSent],
  [473, neverSent],
])

const NO_SESSION = /^(ERR_TLS_|ERR_SSL_|EPROTO$)/

/** What an error of this driver means. Never throws. */
export const classify: (error: unknown) => Failure = classifier((error, operation) => {
  const { code, name } = error as Partial<Error> & { readonly code?: unknown }
  if (name === 'AbortError') return ABORTED
  return byStatus(error, operation) ?? (NO_SESSION.test(String(code)) ? CERTIFICATE : networkFailure(error))
})

/** The HTTP status of an answer that node-vault took for a failure; its class is not exported. */
export function statusOf(error: unknown): number | undefined {
  const status = responseOf(error)?.statusCode
  return typeof status === 'number' ? status : undefined
}

/** Another version is the newest than the one that the write named. */
export function isMismatch(error: unknown): boolean {
  return statusOf(error) === 400 && errorsOf(error).includes('check-and-set parameter did not match')
}

function byStatus(error: object, operation: string | undefined): Failure | undefined {
  const status = statusOf(error)
  if (status === undefined) return undefined
  const said = errorsOf(error)
  if (status >= 300 && status < 400) return REDIRECTED
  if (isMismatch(error)) return refused(operation === 'create' ? 'already_exists' : 'conflict')
  // A mount that was made or upgraded a moment ago; nothing is written until it is done.
  if (status === 400 && /upgrad\w+ from non-versioned/i.test(said)) return neverSent
  if (status === 404) return missing(error)
  if (status === 429 && said.includes('lease count quota')) return refused('quota_exceeded')
  if (status === 503 && said.includes('sealed')) return neverSent
  // The storage's own limit, which Vault does not know before it writes.
  if (status === 500 && /too large|max(imum)? (value )?size/i.test(said)) return refused('too_large', { effect: 'unknown' })
  return BY_STATUS.get(status) ?? (status >= 500 ? noAnswer : undefined)
}

/** 404 has four meanings: a version that is deleted, a secret or version that is not there, a wrong mount, something else than Vault. */
function missing(error: unknown): Failure {
  const { errors, data } = (responseOf(error)?.body ?? {}) as { readonly errors?: unknown; readonly data?: unknown }
  if (typeof data === 'object' && data !== null) return refused('version_unusable')
  if (!Array.isArray(errors)) return NO_VAULT
  return errors.length === 0 ? refused('not_found') : NO_MOUNT
}

function responseOf(error: unknown): { readonly statusCode?: unknown; readonly body?: unknown } | undefined {
  const response: unknown = error instanceof Error ? (error as { readonly response?: unknown }).response : undefined
  return typeof response === 'object' && response !== null ? response : undefined
}

/** What Vault says of a failure, in one piece; only for looking into. */
function errorsOf(error: unknown): string {
  const body = responseOf(error)?.body as { readonly errors?: unknown } | null | undefined
  return Array.isArray(body?.errors) ? body.errors.join('\n') : ''
}
