import { classifier, networkFailure, noAnswer, refused, retryAfterMs, type Failure } from '@strongroom/core/driver-support'

const THROTTLED: Failure = refused('throttled', { retryable: true })
const UNAUTHENTICATED: Failure = refused('unauthenticated')
const INVALID: Failure = refused('invalid_argument')
const KMS: Failure = refused('permission_denied', { hint: 'the KMS key of the secret cannot be used: no permission, or it is disabled' })
/** The same answer comes for some seconds after a purge, and where a deleted secret holds the name for its window: the driver looks which. */
const NAME_HELD: Failure = refused('name_held', { retryable: true, hint: 'a secret of that name was purged; the name is free within seconds' })

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
  ['InternalServiceError', noAnswer],
  ['InternalServiceErrorException', noAnswer],
  ['InternalServerError', noAnswer],
  ['InternalFailure', noAnswer],
  ['ServiceUnavailable', noAnswer],
  ['ServiceUnavailableException', noAnswer],
  ['RequestTimeout', noAnswer],
  ['RequestTimeoutException', noAnswer],
  ['TimeoutError', noAnswer],
  // The SDK could not read the answer: a proxy's HTML page, or JSON that was cut off.
  ['SyntaxError', noAnswer],
  ['AbortError', refused('aborted', { effect: 'unknown' })],
])

export function nameOf(error: unknown): string {
  const name = typeof error === 'object' && error !== null ? (error as { readonly name?: unknown }).name : undefined
  return typeof name === 'string' ? name : ''
}

/** What an error of this driver means; the entries of a batch answer carry a name and a message, and are no errors. Never throws. */
export const classify: (error: unknown) => Failure = classifier((error, operation) => {
  const meaning = inOperation(error, operation) ?? networkFailure(error) ?? BY_NAME.get(nameOf(error)) ?? byStatus(error)
  const { $metadata, $response } = error as Answered
  // The SDK has set its clock by the answer's date, so the next signature will be right.
  const retryable = meaning?.retryable === true || $metadata?.clockSkewCorrected === true
  return meaning && { ...meaning, retryable, retryAfterMs: retryAfterMs($response?.headers?.['retry-after']) }
})

/** What the SDK keeps of an answer beside the error. */
interface Answered {
  readonly $metadata?: { readonly clockSkewCorrected?: unknown; readonly httpStatusCode?: unknown }
  readonly $response?: { readonly headers?: Readonly<Record<string, unknown>> }
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

/** Only for answers without a name of AWS's: a load balancer's, which may have passed the request on. */
function byStatus(error: object): Failure | undefined {
  const status = (error as Answered).$metadata?.httpStatusCode
  if (status === 429) return THROTTLED
  return typeof status === 'number' && status >= 500 ? noAnswer : undefined
}
