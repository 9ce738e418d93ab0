import { isTraceparent, tracedSignal } from '@strongroom/core'

const REQUEST_ID = /^[A-Za-z0-9._:/+=@-]{1,128}$/

/** What a request is known by in logs, here and elsewhere. */
export interface Trace {
  /** The client's `X-Request-Id` where it is plain text of at most 128 characters, else a new one. */
  readonly requestId: string
  /** The client's `traceparent` (W3C Trace Context), where it is one. */
  readonly traceparent: string | undefined
}

export function traceOf(headers: Headers): Trace {
  const given = headers.get('x-request-id')
  const traceparent = headers.get('traceparent')
  return {
    requestId: given !== null && REQUEST_ID.test(given) ? given : crypto.randomUUID(),
    traceparent: isTraceparent(traceparent) ? traceparent : undefined,
  }
}

/** For calls that may reach a cloud: their requests are part of the client's trace. */
export function signalOf({ traceparent }: Trace): AbortSignal | undefined {
  return traceparent === undefined ? undefined : tracedSignal(traceparent)
}
