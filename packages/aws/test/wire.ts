import type { WireFault } from '@strongroom/conformance'
import type { Fault } from '@strongroom/emulators'

/** The kit's faults in the emulators' words. */
export const WIRE_FAULTS: Readonly<Record<WireFault, Fault>> = {
  reset: { kind: 'reset' },
  stall: { kind: 'stall' },
  throttle: { kind: 'throttle', retryAfterMs: 0 },
  html: { kind: 'answer', status: 502, body: '<html><body><h1>502 Bad Gateway</h1></body></html>' },
  server_error: { kind: 'fail', code: 'InternalServiceError' },
  lose: { kind: 'lose' },
  cut: { kind: 'cut' },
  slow: { kind: 'slow', gapMs: 100 },
}
