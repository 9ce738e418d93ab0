import type { IncomingHttpHeaders } from 'node:http'
import { MovableClock } from './clock.ts'
import { Faults, type Fault, type InjectOptions } from './fault.ts'

/** One request as the emulator saw it. No value, no credential. */
export interface JournalEntry {
  /** By the emulator's clock, in milliseconds since 1970. */
  readonly at: number
  /** The backend's own name: `GetSecretValue`, `AccessSecretVersion`, `SetSecret`, `ReadData`. */
  readonly operation: string
  /** The secret, where the request names one. */
  readonly name: string | undefined
  /** What was answered: an HTTP status, or a gRPC code; `none` where a fault took the answer. */
  readonly answered: number | 'none'
  readonly fault: Fault['kind'] | undefined
  /** The request's header of that name. */
  readonly traceparent?: string | undefined
}

/** What a credential may do, and how long. */
export interface Permission {
  /** Operations as the journal names them; default: all. */
  readonly operations?: readonly string[] | undefined
  /** For how long from now the credential is good, by the emulator's clock; default: always. */
  readonly expiresInMs?: number | undefined
}

/** How long after a write eventually consistent reads still show the state before it, in milliseconds. */
export interface Lag {
  /** Reads of the current version, where the backend is only eventually consistent there. */
  latest: number
  lists: number
}

/** What a request’s credential is good for. `denied`: it is known, and may not do this; `unauthenticated`: it is not known, or not good any more. */
export type Access = 'allowed' | 'denied' | 'unauthenticated'

/** What every emulator lets a test do with it. */
export class Controls {
  readonly clock: MovableClock = new MovableClock()
  readonly lag: Lag = { latest: 0, lists: 0 }
  readonly journal: JournalEntry[] = []
  readonly #checkCode: (code: string) => unknown
  readonly #faults = new Faults()
  readonly #permits = new Map<string, { readonly operations: readonly string[] | undefined; readonly until: number }>()

  /** @param checkCode throws for what is no code of this backend's */
  constructor(checkCode: (code: string) => unknown = () => undefined) {
    this.#checkCode = checkCode
  }

  /** The next requests meet this fault. Several calls queue up. @throws RangeError for a `fail` with a code that the backend has not */
  inject(fault: Fault, options?: InjectOptions): void {
    if (fault.kind === 'fail') this.#checkCode(fault.code)
    this.#faults.inject(fault, options)
  }

  /** Forgets the faults that wait. */
  clearFaults(): void {
    this.#faults.clear()
  }

  /** Says what a credential (an access key id, a bearer token) may do. As long as nobody called it, every credential may do everything. */
  permit(credential: string, { operations, expiresInMs = Number.POSITIVE_INFINITY }: Permission = {}): void {
    this.#permits.set(credential, { operations, until: this.clock.now() + expiresInMs })
  }

  /** Requests seen so far. */
  get requests(): number {
    return this.journal.length
  }

  /** For the emulators: the fault that waits for a request of this operation. */
  takeFault(operation: string): Fault | undefined {
    return this.#faults.take(operation)
  }

  /** For the emulators: what a credential may do. One that nobody knows may do everything only if `permit` was never called. */
  accessOf(credential: string | undefined, operation: string): Access {
    if (credential === undefined || credential === '') return 'unauthenticated'
    const permit = this.#permits.get(credential)
    if (permit === undefined) return this.#permits.size === 0 ? 'allowed' : 'unauthenticated'
    if (this.clock.now() >= permit.until) return 'unauthenticated'
    return permit.operations === undefined || permit.operations.includes(operation) ? 'allowed' : 'denied'
  }
}

/** For the journal: there only where the request has one. */
export function traceOf({ traceparent }: IncomingHttpHeaders): Pick<JournalEntry, 'traceparent'> {
  return typeof traceparent === 'string' ? { traceparent } : {}
}
