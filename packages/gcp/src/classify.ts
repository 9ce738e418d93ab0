import { DriverFinding, refused, type Failure } from '@strongroom/core'

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

/** The numbers of google/rpc/code.proto that the driver itself looks at. */
export const CODE = { notFound: 5, alreadyExists: 6, failedPrecondition: 9 } as const

const UNKNOWN: Failure = refused('unknown', { effect: 'unknown' })
const THROTTLED: Failure = refused('throttled', { retryable: true })
const NEVER_SENT: Failure = refused('unavailable', { retryable: true })
const NO_ANSWER: Failure = refused('unavailable', { retryable: true, effect: 'unknown' })
const UNTRUSTED: Failure = refused('misconfigured', { hint: "the endpoint's certificate is not trusted" })
const NOT_GOOGLE: Failure = refused('misconfigured', { hint: 'the endpoint is not a Secret Manager, or a proxy answers for it' })
const KMS: Failure = refused('permission_denied', { hint: 'the KMS key of the secret cannot be used: no permission, or it is disabled' })

/** One meaning a number, whichever transport; REST's HTTP statuses have become these numbers in the SDK. */
const BY_CODE: ReadonlyMap<number, Failure> = new Map([
  [1, NO_ANSWER], // cancelled, by someone else than the caller: that is found before
  [2, NO_ANSWER],
  [3, refused('invalid_argument')],
  [4, NO_ANSWER],
  [5, refused('not_found')],
  [6, refused('already_exists')],
  [7, refused('permission_denied')],
  [8, THROTTLED],
  [9, refused('misconfigured', { hint: 'the project or the secret is not in a state that allows this' })],
  [10, refused('conflict', { retryable: true })],
  [11, refused('invalid_argument')],
  [12, NOT_GOOGLE],
  [13, NO_ANSWER],
  [14, NO_ANSWER],
  [15, refused('corrupt', { effect: 'unknown' })],
  [16, refused('unauthenticated')],
])

/** Google's own reasons, where they say more than the number. */
const BY_REASON: ReadonlyMap<unknown, Failure> = new Map([
  ['SERVICE_DISABLED', refused('misconfigured', { hint: 'the Secret Manager API is not enabled in the project' })],
  ['BILLING_DISABLED', refused('misconfigured', { hint: 'the project has no billing account' })],
  ['RESOURCE_QUOTA_EXCEEDED', refused('quota_exceeded')],
])

const BEFORE_SENDING: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'])
const NETWORK = /^(?:ECONN|EPIPE|EPROTO|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_AGAIN|HPE_)/
const CERTIFICATE = /^(?:CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT_)/
// gRPC has one code for what never left and for what may have arrived; the beginning of its text tells, and only that is looked at.
const GRPC_NEVER_SENT = /^(?:14 UNAVAILABLE: )?(?:No connection established|Name resolution failed)/
const GRPC_CERTIFICATE = /Last error: (?:Error: )?(?:self-signed|unable to (?:get|verify)|certificate|Hostname\/IP does not match)/i
const UNDECODABLE = /^Error response from RPC \w+ .*could not be decoded/s
const MAX_CAUSES = 5

/** What an error of this driver means. Never throws. */
export function classify(error: unknown): Failure {
  try {
    return meaningOf(error)
  } catch {
    return UNKNOWN
  }
}

/** The number of Google's answer; undefined where it is not Google's: a proxy's 404 is not a secret that is missing. */
export function codeOf(error: unknown): number | undefined {
  const code = error instanceof Error && !UNDECODABLE.test(error.message) ? (error as { readonly code?: unknown }).code : undefined
  return typeof code === 'number' ? code : undefined
}

/** What it means that no token could be had, which is before anything is sent. */
export function tokenFailure(error: unknown): Failure {
  const { response, status = response?.status } = (error ?? {}) as { readonly status?: unknown; readonly response?: { readonly status?: unknown } }
  if (typeof status === 'number' && (status >= 500 || status === 429)) return NEVER_SENT
  if (typeof status !== 'number' && causes(error).some(({ code }) => typeof code === 'string' && NETWORK.test(code))) return NEVER_SENT
  return refused('unauthenticated', { hint: 'the Google credentials gave no access token: they are wrong, or have expired' })
}

function meaningOf(error: unknown): Failure {
  if (error instanceof DriverFinding) return withEffect(error, error.failure)
  if (!(error instanceof Error)) return UNKNOWN
  const meaning = circumstances.get(error)?.failure ?? inOperation(error) ?? byTransport(error) ?? byReason(error) ?? BY_CODE.get(codeOf(error) ?? 0)
  if (meaning === undefined) return UNKNOWN
  return { ...withEffect(error, meaning), retryAfterMs: meaning.retryable ? retryAfterMs(error) : undefined }
}

function withEffect(error: object, meaning: Failure): Failure {
  return circumstances.get(error)?.written === true ? { ...meaning, effect: 'unknown' } : meaning
}

/** Where one number means several things. */
function inOperation(error: Error): Failure | undefined {
  if (codeOf(error) !== CODE.failedPrecondition) return undefined
  if (/kms|cryptokey/i.test(error.message)) return KMS
  const operation = circumstances.get(error)?.operation
  if (operation === 'accessSecretVersion') return refused('version_unusable')
  // Only an etag that is not the stored one.
  return operation === 'updateSecret' ? refused('conflict', { retryable: true }) : undefined
}

function byTransport(error: Error): Failure | undefined {
  const { httpStatusCode: status } = error as { readonly httpStatusCode?: unknown }
  if (typeof status === 'number' && UNDECODABLE.test(error.message)) return status === 429 ? THROTTLED : status >= 500 ? NO_ANSWER : NOT_GOOGLE
  const code = codeOf(error)
  if (code !== undefined && code !== 14) return undefined
  if (GRPC_NEVER_SENT.test(error.message)) return GRPC_CERTIFICATE.test(error.message) ? UNTRUSTED : NEVER_SENT
  const chain = causes(error)
  if (chain.some(one => typeof one.code === 'string' && CERTIFICATE.test(one.code))) return UNTRUSTED
  const isUnsent = chain.some(one => BEFORE_SENDING.has(one.code) || one.syscall === 'connect' || one.syscall === 'getaddrinfo')
  if (isUnsent) return NEVER_SENT
  return code === undefined && chain.some(one => typeof one.code === 'string' && NETWORK.test(one.code)) ? NO_ANSWER : undefined
}

function byReason(error: Error): Failure | undefined {
  return BY_REASON.get((error as { readonly reason?: unknown }).reason)
}

/** The error and what caused it; the SDK hides the network's own error below two of its own. */
function causes(error: unknown): readonly { readonly code?: unknown; readonly syscall?: unknown }[] {
  const found: object[] = []
  for (let next = error; typeof next === 'object' && next !== null && found.length < MAX_CAUSES; next = (next as { cause?: unknown }).cause) {
    found.push(next)
  }
  return found
}

/** From RetryInfo; the SDK drops the header of a REST answer. */
function retryAfterMs(error: Error): number | undefined {
  const { statusDetails } = error as { readonly statusDetails?: unknown }
  for (const detail of Array.isArray(statusDetails) ? statusDetails : []) {
    const { seconds = 0, nanos = 0 } = (detail as { readonly retryDelay?: { seconds?: unknown; nanos?: unknown } } | null)?.retryDelay ?? {}
    const wait = Number(seconds) * 1000 + Number(nanos) / 1_000_000
    if (wait > 0 && Number.isFinite(wait)) return Math.ceil(wait)
  }
  return undefined
}
