import { networkFailure, neverSent, noAnswer, refused, retryAfterMs, type Failure } from '@strongroom/core/driver-support'

/** Every way in which a call fails here. The cause is `fetch`'s own error, which has nothing of the body in it. */
export class StoreFailure extends Error {
  readonly failure: Failure

  constructor(failure: Failure, cause?: unknown) {
    super(failure.code, { cause })
    this.failure = failure
  }
}

const THROTTLED = refused('throttled', { retryable: true })
const DENIED = refused('permission_denied')
const UNAUTHENTICATED = refused('unauthenticated')
const ELSEWHERE = refused('misconfigured', { hint: 'the bucket is at another endpoint, or what answers is no object store; redirects are refused' })

const CODES: readonly (readonly [failure: Failure, codes: string])[] = [
  [refused('not_found'), 'NoSuchKey'],
  [refused('misconfigured', { hint: 'there is no such bucket' }), 'NoSuchBucket'],
  [refused('misconfigured', { hint: 'the store lacks conditional writes or object tags' }), 'NotImplemented'],
  [refused('conflict'), 'PreconditionFailed'],
  [refused('conflict', { retryable: true }), 'ConditionalRequestConflict OperationAborted'],
  [refused('version_unusable', { hint: 'the object is archived' }), 'InvalidObjectState'],
  [DENIED, 'AccessDenied AllAccessDisabled AccountProblem'],
  [UNAUTHENTICATED, 'AuthorizationHeaderMalformed ExpiredToken InvalidAccessKeyId InvalidToken RequestTimeTooSkewed SignatureDoesNotMatch'],
  [THROTTLED, 'SlowDown Throttling TooManyRequests'],
  [refused('quota_exceeded'), 'QuotaExceeded'],
  [refused('too_large'), 'EntityTooLarge'],
  [refused('invalid_argument'), 'InvalidArgument InvalidTag KeyTooLongError'],
  [neverSent, 'IncompleteBody'],
  [noAnswer, 'RequestTimeout'],
]
/** By S3's error codes; what is not here is told by the status. */
const BY_CODE: ReadonlyMap<string, Failure> = new Map(CODES.flatMap(([failure, codes]) => codes.split(' ').map(code => [code, failure] as const)))

/** What an answer that is no success means. A status without a code of S3's is a proxy's, which may have passed the request on. */
export function failureOfAnswer({ status, headers }: Response, body: string): Failure {
  const code = /<Error\b[^]*?<Code>([\w.]+)<\/Code>/.exec(body)?.[1] ?? ''
  const failure = BY_CODE.get(code) ?? byStatus(status)
  return failure.retryable ? { ...failure, retryAfterMs: retryAfterMs(headers.get('retry-after')) } : failure
}

function byStatus(status: number): Failure {
  if (status === 429) return THROTTLED
  if (status >= 500) return noAnswer
  if (status === 401) return UNAUTHENTICATED
  if (status === 403) return DENIED
  return status < 400 || status === 404 ? ELSEWHERE : refused('unknown', { effect: 'unknown' })
}

/** What it means that `fetch` rejected: it says `fetch failed`, and the reason is the code of its cause. */
export function failureOfFetch(error: unknown): Failure {
  return networkFailure((error as { readonly cause?: unknown } | undefined)?.cause) ?? noAnswer
}

export function classify(error: unknown): Failure {
  try {
    if (error instanceof StoreFailure) return error.failure
  } catch {
    // An error that does not want to be looked at is one that is not known.
  }
  return refused('unknown', { effect: 'unknown' })
}
