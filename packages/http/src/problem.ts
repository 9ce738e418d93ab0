import { isSecretError, type SecretError, type SecretErrorCode } from '@strongroom/core'
import type { ProblemCode } from './problem-codes.ts'
import type { ProblemDocument } from './schemas.ts'
import type { Trouble } from './trouble.ts'

/** A field of a request that is not allowed. The message says what is, and has nothing of what was sent. */
export interface FieldProblem {
  readonly path: string
  readonly message: string
}

export interface ProblemInit {
  readonly status: keyof typeof TITLES
  readonly code: ProblemCode
  readonly detail: string
  readonly effect?: 'none' | 'unknown' | undefined
  readonly errors?: readonly FieldProblem[] | undefined
  readonly retryAfterMs?: number | undefined
  /** Whether the same request can succeed later; what clients of the published API go by. */
  readonly retry?: boolean | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** The titles of the statuses that this API answers. */
const TITLES = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  417: 'Expectation Failed',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
} as const

/** Thrown on the way to an answer. */
export class Problem extends Error {
  readonly init: ProblemInit
  /** What it comes from, where that is not the request. */
  readonly trouble: Trouble | undefined
  constructor(init: ProblemInit, trouble?: Trouble) {
    super(init.code)
    this.init = init
    this.trouble = trouble
  }
}

/** Of one problem document. */
export const MAX_FIELD_PROBLEMS = 20

/** However many fields are wrong, the first {@link MAX_FIELD_PROBLEMS} are named: an answer is not as large as its request may be. */
export function invalid(fields: readonly FieldProblem[], code: 'invalid_argument' | 'too_large' | 'unsupported' = 'invalid_argument'): Problem {
  const [first] = fields
  const errors = fields.slice(0, MAX_FIELD_PROBLEMS)
  const named = errors.length < fields.length ? `; the first ${errors.length} are named` : ''
  const detail = fields.length === 1 && first !== undefined ? sentence(first) : `${fields.length} fields are not allowed as they are${named}`
  return new Problem({ status: 422, code, detail, errors })
}

/** The document, and the headers that go with it. */
export function problemDocument(
  init: ProblemInit,
  requestId: string,
): { readonly document: ProblemDocument; readonly headers: Record<string, string> } {
  const { status, code, detail, effect, errors, retryAfterMs, retry } = init
  return {
    document: {
      type: 'about:blank',
      title: TITLES[status],
      status,
      code,
      detail,
      request_id: requestId,
      ...(effect !== undefined && { effect }),
      ...(errors !== undefined && { errors: [...errors] }),
    },
    headers: {
      ...(retryAfterMs !== undefined && { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) }),
      ...(retry !== undefined && { 'x-should-retry': String(retry) }),
      ...init.headers,
    },
  }
}

/** What was asked for with the request, as far as an error of the library depends on it. */
export interface Asked {
  readonly ifMatch: boolean
  readonly idempotencyKey: boolean
  /** The field that a refused argument may be about. */
  readonly cursor?: string | undefined
  /** The field with the value. */
  readonly value?: 'value' | 'value_base64' | undefined
}

const NOTHING: Asked = { ifMatch: false, idempotencyKey: false }
const RETRY_SOON_MS = 1000

/** Any error as a problem. Nothing of an error that is not the library's own is passed on. */
export function problemOf(error: unknown, asked: Asked = NOTHING): ProblemInit {
  if (error instanceof Problem) return error.init
  if (!isSecretError(error)) return { status: 500, code: 'internal', detail: 'an unexpected error; the log has its kind', retry: false }
  return (error.effect === 'unknown' ? unanswered : PROBLEMS[error.code])(error, asked)
}

type ToProblem = (error: SecretError, asked: Asked) => ProblemInit

/** What the caller cannot mend: with what may have happened, and when to come again. */
function notTheCallers(status: ProblemInit['status'], code: ProblemCode, detail: string): ToProblem {
  return ({ effect, retryable: retry, retryAfterMs = retry ? RETRY_SOON_MS : undefined }) => ({ status, code, detail, effect, retry, retryAfterMs })
}

const unanswered = notTheCallers(503, 'unavailable', 'no answer came: it may have happened')
const refused = notTheCallers(502, 'store_refused', 'the secret store refuses this service')
const away = notTheCallers(503, 'unavailable', 'the secret store or the database cannot be reached now')
const misconfigured = notTheCallers(500, 'misconfigured', 'this server is not configured for it')
const HELD = { status: 409, detail: 'the store’s secret cannot be used as it is' } as const

const PROBLEMS: Readonly<Record<SecretErrorCode, ToProblem>> = {
  invalid_argument: (error, { cursor }) =>
    invalid([{ path: cursor ?? '', message: cursor === undefined ? hintOf(error) : 'the id of a secret of this account' }]).init,
  too_large: (error, { value = '' }) => invalid([{ path: value, message: hintOf(error) }], 'too_large').init,
  unsupported: error => invalid([{ path: '', message: hintOf(error) }], 'unsupported').init,
  misconfigured: (error, asked) =>
    asked.idempotencyKey && error.store === undefined
      ? invalid([{ path: 'idempotency-key', message: 'nothing: this server was not given the keys for it' }], 'unsupported').init
      : misconfigured(error, asked),
  idempotency_mismatch: () => ({
    status: 422,
    code: 'idempotency_mismatch',
    detail: 'the idempotency key has been used for another request',
    errors: [{ path: 'idempotency-key', message: 'a new key for a new request' }],
  }),
  not_found: () => ({ status: 404, code: 'not_found', detail: 'there is no such secret' }),
  already_exists: () => ({ status: 409, code: 'already_exists', detail: 'the account has a secret with that key', retry: false }),
  conflict: ({ retryable: retry }, { ifMatch }) => {
    if (ifMatch && !retry) return { status: 412, code: 'precondition_failed', detail: 'the secret has been changed since', retry }
    const detail = 'another write to the secret is under way, or has changed it meanwhile'
    return { status: 409, code: 'conflict', detail, retry, ...(retry && { retryAfterMs: RETRY_SOON_MS }) }
  },
  name_held: ({ retryable: retry }) => ({ ...HELD, code: 'conflict', retry }),
  version_unusable: ({ retryable: retry }) => ({ ...HELD, code: 'version_unusable', retry }),
  permission_denied: (error, asked) =>
    error.store === undefined ? { status: 403, code: 'permission_denied', detail: 'not allowed to this identity' } : refused(error, asked),
  unauthenticated: refused,
  throttled: notTheCallers(503, 'throttled', 'the secret store asks to wait'),
  quota_exceeded: notTheCallers(503, 'quota_exceeded', 'a quota of the secret store, or the database’s disk, is used up'),
  unavailable: away,
  aborted: away,
  closed: notTheCallers(503, 'unavailable', 'this server is stopping'),
  deadline_exceeded: notTheCallers(504, 'deadline_exceeded', 'the secret store did not answer in time; nothing was done'),
  corrupt: notTheCallers(502, 'corrupt', 'what is stored is damaged or gone'),
  unknown: notTheCallers(502, 'unknown', 'the secret store gave an answer that is not understood'),
}

/** The library's fixed sentence; never a part of the request. */
function hintOf({ hint }: SecretError): string {
  return hint ?? 'something else'
}

function sentence({ path, message }: FieldProblem): string {
  return path === '' ? message : `${path}: ${message}`
}
