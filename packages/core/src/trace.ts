import { SecretError } from './errors.ts'
import { TRACEPARENT } from './internal/traceparent.ts'

/** W3C Trace Context, version 00: https://www.w3.org/TR/trace-context/#traceparent-header */
const FORM = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** Whether it is a `traceparent` of W3C Trace Context, version 00, as `tracedSignal` takes it. */
export function isTraceparent(value: unknown): value is string {
  return typeof value === 'string' && FORM.test(value)
}

/**
 * A signal for one call, or for all calls of one request, that names the trace they are part of: the requests that they make to a cloud
 * have it as their `traceparent`, as it is. It aborts when `signal` does. What many callers share, such as a login or the filling of a
 * cache, is part of nobody's trace.
 * @throws SecretError `invalid_argument` for what is no `traceparent` of version 00
 */
export function tracedSignal(traceparent: string, signal?: AbortSignal): AbortSignal {
  const operation = 'tracedSignal'
  if (!isTraceparent(traceparent))
    throw SecretError.invalid(operation, 'a traceparent is 00-<32 hexadecimal digits>-<16>-<2>, in lower case, and not all zeros')
  const traced = signal === undefined ? new AbortController().signal : AbortSignal.any([signal])
  return Object.defineProperty(traced, TRACEPARENT, { value: traceparent })
}
