import { Stop } from '../internal/stop.ts'
import { traceparentIn } from '../internal/traceparent.ts'
import type { Abortable } from './abort.ts'

/**
 * For authors of drivers: the `traceparent` that the call's requests are to have, where the caller named one with `tracedSignal`. It has
 * been checked: it goes into the header as it is. To ask costs next to nothing.
 */
export function traceparentOf(call: Abortable): string | undefined {
  return call instanceof Stop ? call.traceparent : traceparentIn(call.signal)
}
