import { classifier, networkFailure, neverSent, noAnswer, refused, untrusted, type Failure } from '@strongroom/core/driver-support'

/** The numbers of google/rpc/code.proto that the driver itself looks at. */
export const CODE = { notFound: 5, alreadyExists: 6, failedPrecondition: 9 } as const

const THROTTLED: Failure = refused('throttled', { retryable: true })
const NOT_GOOGLE: Failure = refused('misconfigured', { hint: 'the endpoint is not a Secret Manager, or a proxy answers for it' })
const KMS: Failure = refused('permission_denied', { hint: 'the KMS key of the secret cannot be used: no permission, or it is disabled' })

/** One meaning a number, whichever transport; REST's HTTP statuses have become these numbers in the SDK. */
const BY_CODE: ReadonlyMap<number, Failure> = new Map([
  [1, noAnswer], // cancelled, by someone else than the caller: that is found before
  [2, noAnswer],
  [3, refused('invalid_argument')],
  [4, noAnswer],
  [5, refused('not_found')],
  [6, refused('already_exists')],
  [7, refused('permission_denied')],
  [8, THROTTLED],
  [9, refused('misconfigured', { hint: 'the project or the secret is not in a state that allows this' })],
  [10, refused('conflict', { retryable: true })],
  [11, refused('invalid_argument')],
  [12, NOT_GOOGLE],
  [13, noAnswer],
  [14, noAnswer],
  [15, refused('corrupt', { effect: 'unknown' })],
  [16, refused('unauthenticated')],
])

/** Google's own reasons, where they say more than the number. */
const BY_REASON: ReadonlyMap<unknown, Failure> = new Map([
  ['SERVICE_DISABLED', refused('misconfigured', { hint: 'the Secret Manager API is not enabled in the project' })],
  ['BILLING_DISABLED', refused('misconfigured', { hint: 'the project has no billing account' })],
  ['RESOURCE_QUOTA_EXCEEDED', refused('quota_exceeded')],
])

// gRPC has one code for what never left and for what may have arrived; the beginning of its text tells, and only that is looked at.
const GRPC_NEVER_SENT = /^(?:14 UNAVAILABLE: )?(?:No connection established|Name resolution failed)/
const GRPC_CERTIFICATE = /Last error: (?:Error: )?(?:self-signed|unable to (?:get|verify)|certificate|Hostname\/IP does not match)/i
const UNDECODABLE = /^Error response from RPC \w+ .*could not be decoded/s

/** What Google says beside the number. */
type Detailed = Error & { readonly reason?: unknown; readonly statusDetails?: unknown }

/** What an error of this driver means. Never throws. */
export const classify: (error: unknown) => Failure = classifier((error, operation) => {
  if (!(error instanceof Error)) return undefined
  const meaning = inOperation(error, operation) ?? byTransport(error) ?? BY_REASON.get((error as Detailed).reason) ?? BY_CODE.get(codeOf(error) ?? 0)
  return meaning && { ...meaning, retryAfterMs: retryAfterMs(error) }
})

/** The number of Google's answer; undefined where it is not Google's: a proxy's 404 is not a secret that is missing. */
export function codeOf(error: unknown): number | undefined {
  const code = error instanceof Error && !UNDECODABLE.test(error.message) ? (error as { readonly code?: unknown }).code : undefined
  return typeof code === 'number' ? code : undefined
}

/** What it means that no token could be had, which is before anything is sent. */
export function tokenFailure(error: unknown): Failure {
  const { response, status = response?.status } = (error ?? {}) as { readonly status?: unknown; readonly response?: { readonly status?: unknown } }
  const isTheirs = typeof status === 'number' && (status >= 500 || status === 429)
  const network = isTheirs ? neverSent : typeof status === 'number' ? undefined : networkFailure(error)
  if (network !== undefined) return { ...network, effect: 'none' }
  return refused('unauthenticated', { hint: 'the Google credentials gave no access token: they are wrong, or have expired' })
}

/** Where one number means several things. */
function inOperation(error: Error, operation: string | undefined): Failure | undefined {
  if (codeOf(error) !== CODE.failedPrecondition) return undefined
  if (/kms|cryptokey/i.test(error.message)) return KMS
  if (operation === 'accessSecretVersion') return refused('version_unusable')
  // Only an etag that is not the stored one.
  return operation === 'updateSecret' ? refused('conflict', { retryable: true }) : undefined
}

function byTransport(error: Error): Failure | undefined {
  const { httpStatusCode: status } = error as { readonly httpStatusCode?: unknown }
  if (typeof status === 'number' && UNDECODABLE.test(error.message)) return status === 429 ? THROTTLED : status >= 500 ? noAnswer : NOT_GOOGLE
  const code = codeOf(error)
  if (code !== undefined && code !== 14) return undefined
  if (GRPC_NEVER_SENT.test(error.message)) return GRPC_CERTIFICATE.test(error.message) ? untrusted : neverSent
  // The SDK hides the network's own error below two of its own.
  return networkFailure(error)
}

/** From RetryInfo; the SDK drops the header of a REST answer. */
function retryAfterMs(error: Error): number | undefined {
  const { statusDetails } = error as Detailed
  for (const detail of Array.isArray(statusDetails) ? statusDetails : []) {
    const { seconds = 0, nanos = 0 } = (detail as { readonly retryDelay?: { seconds?: unknown; nanos?: unknown } } | null)?.retryDelay ?? {}
    const wait = Number(seconds) * 1000 + Number(nanos) / 1_000_000
    if (wait > 0 && Number.isFinite(wait)) return Math.ceil(wait)
  }
  return undefined
}
