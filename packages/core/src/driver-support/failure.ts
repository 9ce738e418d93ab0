import type { Failure, SecretErrorCode } from '../errors.ts'

/** For authors of drivers: their own finding where the backend refused nothing, such as an answer that lacks a field. `classify` answers its `failure`. */
export class DriverFinding extends Error {
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.code)
    this.failure = failure
  }
}

/** For authors of drivers: a failure that is final and wrote nothing, unless `more` says otherwise. */
export function refused(code: SecretErrorCode, more: Partial<Failure> = {}): Failure {
  return { code, retryable: false, effect: 'none', ...more }
}

/** For authors of drivers: a `refused`, to be thrown. */
export function finding(code: SecretErrorCode, more?: Partial<Failure>): DriverFinding {
  return new DriverFinding(refused(code, more))
}

/** For authors of drivers: a call that core never makes, by the capabilities. */
export async function unsupported(): Promise<never> {
  throw finding('unsupported')
}

/** For authors of drivers: the backend did not get the request. */
export const neverSent: Failure = refused('unavailable', { retryable: true })

/** For authors of drivers: the backend may have got the request, and done what it asks for. */
export const noAnswer: Failure = refused('unavailable', { retryable: true, effect: 'unknown' })

/** For authors of drivers: TLS does not know who answers, and nothing was sent. */
export const untrusted: Failure = refused('misconfigured', { hint: "the server's certificate is not trusted" })

/** For authors of drivers: the wait in milliseconds that a `Retry-After` header asks for, in seconds or by a date (RFC 9110, 10.2.3); undefined for anything else. */
export function retryAfterMs(header: unknown): number | undefined {
  if (typeof header !== 'string' || header.trim() === '') return undefined
  const seconds = Number(header)
  const wait = Number.isNaN(seconds) ? Date.parse(header) - Date.now() : seconds * 1000
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined
}
