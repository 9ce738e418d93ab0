import type { Fault } from './fault.ts'

type WireFault = 'reset' | 'stall' | 'throttle' | 'html' | 'html_ok' | 'server_error' | 'lose' | 'cut' | 'slow'

/**
 * The faults that the conformance kit asks for (`faults.wire`), by its names. `serverError` is the backend's own code for one that it
 * does not explain; `retryAfterMs` is what its throttling asks to wait.
 */
export function wireFaults(serverError: string, retryAfterMs: number): Readonly<Record<WireFault, Fault>> {
  return {
    reset: { kind: 'reset' },
    stall: { kind: 'stall' },
    throttle: { kind: 'throttle', retryAfterMs },
    html_ok: { kind: 'answer', status: 200, body: '<html><body><h1>Please log in</h1></body></html>' },
    html: { kind: 'answer', status: 502, body: '<html><body><h1>502 Bad Gateway</h1></body></html>' },
    server_error: { kind: 'fail', code: serverError },
    lose: { kind: 'lose' },
    cut: { kind: 'cut' },
    slow: { kind: 'slow', gapMs: 100 },
  }
}
