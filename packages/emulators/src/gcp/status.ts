import { createHash } from 'node:crypto'

export type CodeName =
  | 'OK'
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED'

/** The gRPC codes, and the HTTP status that Google's REST answers have for each: google/rpc/code.proto. */
const CODES: Readonly<Record<CodeName, readonly [grpc: number, http: number]>> = {
  OK: [0, 200],
  CANCELLED: [1, 499],
  UNKNOWN: [2, 500],
  INVALID_ARGUMENT: [3, 400],
  DEADLINE_EXCEEDED: [4, 504],
  NOT_FOUND: [5, 404],
  ALREADY_EXISTS: [6, 409],
  PERMISSION_DENIED: [7, 403],
  RESOURCE_EXHAUSTED: [8, 429],
  FAILED_PRECONDITION: [9, 400],
  ABORTED: [10, 409],
  OUT_OF_RANGE: [11, 400],
  UNIMPLEMENTED: [12, 501],
  INTERNAL: [13, 500],
  UNAVAILABLE: [14, 503],
  DATA_LOSS: [15, 500],
  UNAUTHENTICATED: [16, 401],
}

/** One of the messages of google/rpc/error_details.proto. */
export type Detail =
  | { readonly type: 'ErrorInfo'; readonly value: { readonly reason: string; readonly domain: string; readonly metadata: Record<string, string> } }
  | { readonly type: 'RetryInfo'; readonly value: { readonly retryDelay: { readonly seconds: number; readonly nanos: number } } }

/** An answer that is an error, for either transport. */
export class GoogleStatus extends Error {
  readonly status: CodeName
  readonly details: readonly Detail[]

  constructor(status: CodeName, message: string, details: readonly Detail[] = []) {
    super(message)
    this.status = status
    this.details = details
  }

  get code(): number {
    return CODES[this.status][0]
  }

  get http(): number {
    return CODES[this.status][1]
  }
}

export function invalid(message: string): GoogleStatus {
  return new GoogleStatus('INVALID_ARGUMENT', message)
}

export function notFound(message: string): GoogleStatus {
  return new GoogleStatus('NOT_FOUND', message)
}

export function precondition(message: string): GoogleStatus {
  return new GoogleStatus('FAILED_PRECONDITION', message)
}

const CREDENTIAL =
  'Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.'

export function unauthenticated(missing: boolean): GoogleStatus {
  const metadata = { service: 'secretmanager.googleapis.com' }
  const [message, reason] = missing
    ? ([`Request is missing required authentication credential. ${CREDENTIAL}`, 'CREDENTIALS_MISSING'] as const)
    : ([`Request had invalid authentication credentials. ${CREDENTIAL}`, 'ACCESS_TOKEN_EXPIRED'] as const)
  return new GoogleStatus('UNAUTHENTICATED', message, [{ type: 'ErrorInfo', value: { reason, domain: 'googleapis.com', metadata } }])
}

export function denied(permission: string, resource: string): GoogleStatus {
  const value = { reason: 'IAM_PERMISSION_DENIED', domain: 'iam.googleapis.com', metadata: { permission, resource } }
  return new GoogleStatus('PERMISSION_DENIED', `Permission '${permission}' denied for resource '${resource}' (or it may not exist).`, [
    { type: 'ErrorInfo', value },
  ])
}

/** What Google answers when a quota of requests per minute is used up; the wait only where one is given. */
export function throttled(projectNumber: string, retryAfterMs: number | undefined): GoogleStatus {
  const metadata = { service: 'secretmanager.googleapis.com', consumer: `projects/${projectNumber}`, quota_location: 'global' }
  const details: Detail[] = [{ type: 'ErrorInfo', value: { reason: 'RATE_LIMIT_EXCEEDED', domain: 'googleapis.com', metadata } }]
  if (retryAfterMs !== undefined) {
    const retryDelay = { seconds: Math.floor(retryAfterMs / 1000), nanos: Math.round((retryAfterMs % 1000) * 1_000_000) }
    details.push({ type: 'RetryInfo', value: { retryDelay } })
  }
  const limit = "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute'"
  return new GoogleStatus(
    'RESOURCE_EXHAUSTED',
    `${limit} of service 'secretmanager.googleapis.com' for consumer 'project_number:${projectNumber}'.`,
    details,
  )
}

/** @throws RangeError for what is no gRPC code, or is no error */
export function statusOfName(code: string): GoogleStatus {
  if (code === 'OK' || !Object.hasOwn(CODES, code)) throw new RangeError('there is no such gRPC code')
  return new GoogleStatus(code as CodeName, MESSAGES[code as CodeName] ?? 'The request failed.')
}

const MESSAGES: Partial<Record<CodeName, string>> = {
  INTERNAL: 'Internal error encountered.',
  UNAVAILABLE: 'The service is currently unavailable.',
  DEADLINE_EXCEEDED: 'Deadline expired before operation could complete.',
  ABORTED: 'The operation was aborted.',
  UNKNOWN: 'Unknown error.',
}

/** Google answers with the project's number where it was asked by its id. The same number for the same id, always. */
export function projectNumberOf(projectId: string): string {
  return String(100_000_000_000 + (createHash('sha256').update(projectId).digest().readUIntBE(0, 6) % 900_000_000_000))
}
