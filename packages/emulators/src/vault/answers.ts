import { randomUUID } from 'node:crypto'
import type { WireAnswer } from '../shared/http-server.ts'
import { multiError } from './limits.ts'

/** Whose answers to give where the two differ. */
export type Flavour = 'vault' | 'openbao'

const HEADERS = { 'content-type': 'application/json', 'cache-control': 'no-store' }

export interface Body {
  readonly data?: unknown
  readonly warnings?: readonly string[] | undefined
  readonly auth?: unknown
  /** Vault names the engine that answered; OpenBao does not. */
  readonly mountType?: string
}

/** The frame that every answer with a body has. */
export function answer(flavour: Flavour, status: number, { data = null, warnings = [], auth = null, mountType = 'kv' }: Body): WireAnswer {
  const body = {
    request_id: randomUUID(),
    lease_id: '',
    renewable: false,
    lease_duration: 0,
    data,
    wrap_info: null,
    warnings: warnings.length === 0 ? null : warnings,
    auth,
    ...(flavour === 'vault' ? { mount_type: mountType } : {}),
  }
  return json(status, body)
}

export function json(status: number, body: unknown): WireAnswer {
  return { status, headers: HEADERS, body: JSON.stringify(body) }
}

/** An answer without a body: 204, and 404 for a PATCH of what is not there. */
export function empty(status: number): WireAnswer {
  return { status, headers: HEADERS, body: '' }
}

export function failure(status: number, ...errors: readonly string[]): WireAnswer {
  return json(status, { errors })
}

export const NONE: WireAnswer = empty(204)
export const NOT_FOUND: WireAnswer = failure(404)
export const UNSUPPORTED: WireAnswer = failure(405, multiError(['unsupported operation']))
export const SEALED: WireAnswer = failure(503, 'Vault is sealed')
/** A good token that may not do this. */
export const DENIED: WireAnswer = failure(403, multiError(['permission denied']))

/** No token, or one that is wrong, expired or revoked. */
export function unauthenticated(flavour: Flavour, token: string | undefined): WireAnswer {
  if (flavour === 'openbao' || token === undefined) return failure(403, 'permission denied')
  return failure(403, multiError(['permission denied', 'invalid token']))
}

export function throttled(retryAfterMs: number | undefined): WireAnswer {
  const { status, headers, body } = failure(429, 'request path "secret/": rate limit quota exceeded')
  const retry = retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1_000)) }
  return { status, headers: { ...headers, ...retry }, body }
}

const CODES: ReadonlyMap<string, WireAnswer> = new Map([
  ['bad_request', failure(400, 'invalid request')],
  ['cas_mismatch', failure(400, 'check-and-set parameter did not match the current version')],
  [
    'upgrading',
    failure(
      400,
      'Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief period and will resume service shortly.',
    ),
  ],
  ['permission_denied', DENIED],
  ['invalid_token', failure(403, 'permission denied')],
  ['not_found', NOT_FOUND],
  ['stale', failure(412, 'required index state not present')],
  ['too_large', failure(413, 'http: request body too large')],
  ['rate_limited', throttled(undefined)],
  ['lease_quota', failure(429, 'request path "secret/": lease count quota exceeded')],
  ['internal', failure(500, multiError(['internal error']))],
  ['standby', failure(500, 'local node not active but active cluster node not found')],
  ['sealed', SEALED],
])

/** What a code for `fail` stands for. @throws RangeError for a code that is not on the page */
export function failed(code: string): WireAnswer {
  const found = CODES.get(code)
  if (found === undefined) throw new RangeError(`the Vault emulator has no failure ${code}`)
  return found
}
