import { DriverFinding, refused, retryAfterMs, type Failure } from '@strongroom/core'

/** What the driver knows of an error that the SDK's error does not say. */
export interface Circumstances {
  readonly operation?: string | undefined
  /** An earlier step of the same call has written. */
  readonly written?: boolean | undefined
  readonly failure?: Failure | undefined
}

const circumstances = new WeakMap<object, Circumstances>()

/** Remembers more of an error, which itself goes on unchanged: core gives the SDK's own to `unsafeOnRawError`. */
export function withCircumstances(error: unknown, more: Circumstances): unknown {
  if (typeof error === 'object' && error !== null) circumstances.set(error, { ...circumstances.get(error), ...more })
  return error
}

const UNKNOWN: Failure = refused('unknown', { effect: 'unknown' })
const THROTTLED: Failure = refused('throttled', { retryable: true })
const UNAUTHENTICATED: Failure = refused('unauthenticated')
const INVALID: Failure = refused('invalid_argument')
const KMS: Failure = refused('permission_denied', { hint: 'the KMS key of the secret cannot be used: no permission, or it is disabled' })
const NEVER_SENT: Failure = refused('unavailable', { retryable: true })
const NO_ANSWER: Failure = refused('unavailable', { retryable: true, effect: 'unknown' })
const NAME_HELD: Failure = refused('name_held', {
  // The same answer comes for some seconds after a purge, so a retry can succeed.
  retryable: true,
  hint: 'a deleted secret holds the name until it is restored or purged; after a purge the name is free within seconds',
})

/** AWS's own names, from the service's model and the SDK's lists. The HTTP status is 400 for almost all of them. */
const BY_NAME: ReadonlyMap<string, Failure> = new Map([
  ['ResourceNotFoundException', refused('not_found')],
  ['ResourceExistsException', refused('already_exists')],
  ['PreconditionNotMetException', refused('conflict')],
  ['InvalidParameterException', INVALID],
  ['InvalidRequestException', INVALID],
  ['InvalidNextTokenException', INVALID],
  ['ValidationException', INVALID],
  ['SerializationException', INVALID],
  ['AccessDeniedException', refused('permission_denied')],
  ['AccessDenied', refused('permission_denied')],
  ['EncryptionFailure', KMS],
  ['DecryptionFailure', KMS],
  ['UnrecognizedClientException', UNAUTHENTICATED],
  ['InvalidClientTokenId', UNAUTHENTICATED],
  ['InvalidSignatureException', UNAUTHENTICATED],
  ['SignatureDoesNotMatch', UNAUTHENTICATED],
  ['IncompleteSignature', UNAUTHENTICATED],
  ['IncompleteSignatureException', UNAUTHENTICATED],
  ['MissingAuthenticationToken', UNAUTHENTICATED],
  ['MissingAuthenticationTokenException', UNAUTHENTICATED],
  ['ExpiredToken', UNAUTHENTICATED],
  ['ExpiredTokenException', UNAUTHENTICATED],
  ['RequestExpired', UNAUTHENTICATED],
  ['RequestTimeTooSkewed', UNAUTHENTICATED],
  ['OptInRequired', UNAUTHENTICATED],
  ['CredentialsProviderError', UNAUTHENTICATED],
  ['TokenProviderError', UNAUTHENTICATED],
  ['ProviderError', UNAUTHENTICATED],
  ['UnknownOperationException', refused('misconfigured', { hint: 'the endpoint is not a Secrets Manager' })],
  // The SDK counts it as throttling and would retry it; it is a full quota, and waiting does not empty it.
  ['LimitExceededException', refused('quota_exceeded')],
  ['Throttling', THROTTLED],
  ['ThrottlingException', THROTTLED],
  ['ThrottledException', THROTTLED],
  ['TooManyRequestsException', THROTTLED],
  ['RequestLimitExceeded', THROTTLED],
  ['RequestThrottled', THROTTLED],
  ['RequestThrottledException', THROTTLED],
  ['ProvisionedThroughputExceededException', THROTTLED],
  ['BandwidthLimitExceeded', THROTTLED],
  ['SlowDown', THROTTLED],
  ['InternalServiceError', NO_ANSWER],
  ['InternalServiceErrorException', NO_ANSWER],
  ['InternalServerError', NO_ANSWER],
  ['InternalFailure', NO_ANSWER],
  ['ServiceUnavailable', NO_ANSWER],
  ['ServiceUnavailableException', NO_ANSWER],
  ['RequestTimeout', NO_ANSWER],
  ['RequestTimeoutException', NO_ANSWER],
  ['TimeoutError', NO_ANSWER],
  // The SDK could not read the answer: a proxy's HTML page, or JSON that was cut off.
  ['SyntaxError', NO_ANSWER],
  ['AbortError', refused('aborted', { effect: 'unknown' })],
])

const BEFORE_SENDING: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'])
const WHILE_WAITING: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EPROTO',
])
const CERTIFICATE = /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT_)/

/** What an error of this driver means. Never throws. */
export function classify(error: unknown): Failure {
  try {
    return meaningOf(error)
  } catch {
    return UNKNOWN
  }
}

/** The entries of a batch answer carry a name and a message, and are no errors. */
export function classifyEntry(name: unknown, message: unknown): Failure {
  return meaningOf({ name, message })
}

export function nameOf(error: unknown): string {
  const name = typeof error === 'object' && error !== null ? (error as { readonly name?: unknown }).name : undefined
  return typeof name === 'string' ? name : ''
}

function meaningOf(error: unknown): Failure {
  if (error instanceof DriverFinding) return error.failure
  if (typeof error !== 'object' || error === null) return UNKNOWN
  const { operation, written = false, failure } = circumstances.get(error) ?? {}
  const meaning = failure ?? inOperation(error, operation) ?? byCode(error) ?? BY_NAME.get(nameOf(error)) ?? byStatus(error) ?? UNKNOWN
  const { $metadata } = error as { readonly $metadata?: { readonly clockSkewCorrected?: unknown } }
  return {
    ...meaning,
    // The SDK has set its clock by the answer's date, so the next signature will be right.
    retryable: meaning.retryable || $metadata?.clockSkewCorrected === true,
    effect: written ? 'unknown' : meaning.effect,
    retryAfterMs: meaning.retryable ? waitOf(error) : undefined,
  }
}

/** Where one name means two things. */
function inOperation(error: object, operation: string | undefined): Failure | undefined {
  const name = nameOf(error)
  const { message } = error as { readonly message?: unknown }
  if (name === 'InvalidRequestException' && /delet/i.test(String(message))) return operation === 'create' ? NAME_HELD : refused('not_found')
  // The token is in use for a version with another value.
  if (name === 'ResourceExistsException' && operation === 'append') return refused('conflict')
  // The label was moved between the look and the call: another look tells.
  if (name === 'InvalidParameterException' && operation === 'unlabel') return refused('conflict', { retryable: true })
  return undefined
}

function byCode(error: object): Failure | undefined {
  const { code, syscall } = error as { readonly code?: unknown; readonly syscall?: unknown }
  if (typeof code !== 'string') return undefined
  if (BEFORE_SENDING.has(code) || syscall === 'connect' || syscall === 'getaddrinfo') return NEVER_SENT
  if (WHILE_WAITING.has(code) || code.startsWith('HPE_')) return NO_ANSWER
  if (CERTIFICATE.test(code)) return refused('misconfigured', { hint: "the endpoint's certificate is not trusted" })
  return undefined
}

/** Only for answers without a name of AWS's: a load balancer's, which may have passed the request on. */
function byStatus(error: object): Failure | undefined {
  const { $metadata } = error as { readonly $metadata?: { readonly httpStatusCode?: unknown } }
  const status = $metadata?.httpStatusCode
  if (status === 429) return THROTTLED
  return typeof status === 'number' && status >= 500 ? NO_ANSWER : undefined
}

function waitOf(error: object): number | undefined {
  const { $response } = error as { readonly $response?: { readonly headers?: Readonly<Record<string, unknown>> } }
  return retryAfterMs($response?.headers?.['retry-after'])
}
