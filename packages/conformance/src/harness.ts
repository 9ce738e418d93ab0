import type { NativePath, SecretDriver } from '@strongroom/core'

/** What a run gives to `start`: everything that the kit makes has a native path that begins with `prefix`, of `[a-z0-9-]`. */
export interface StartContext {
  readonly runId: string
  readonly prefix: string
}

/** Around the adapter, with the vendor's SDK or plain HTTP: proves that reads and writes reach the backend. */
export interface OutOfBand {
  /** The current value at a native path, decoded from the backend's own form; undefined when there is none. */
  read(path: NativePath): Promise<Uint8Array | undefined>
  /** Makes these bytes (UTF-8) the current value of a secret that exists, as someone outside the library would. */
  write(path: NativePath, bytes: Uint8Array): Promise<void>
}

/**
 * What happens to a request on its way. Not applied: `reset` (the connection ends), `stall` (never answered), `throttle` (refused,
 * with the shortest Retry-After that there is, a second at most), `html` (a load balancer's page with status 502), `html_ok` (a portal's page with status 200), `server_error` (the backend's own).
 * Applied: `lose` (the connection ends without an answer), `cut` (in the middle of the answer), `slow` (the answer comes in pieces, within a second).
 */
export type WireFault = 'reset' | 'stall' | 'throttle' | 'html' | 'html_ok' | 'server_error' | 'lose' | 'cut' | 'slow'

/** What the backend, or a proxy before it, can be made to do. */
export interface Faults {
  /** Drops the answer of the next request, whatever it asks for, after the backend has applied it. Where `wire` is given, cases that write aim with that. */
  loseNextResponse(): Promise<void>
  /** Refuses the next `count` requests as throttled, with a Retry-After of so many milliseconds (or the next whole unit). */
  throttleNext(count: number, retryAfterMs: number): Promise<void>
  /** Requests that the backend has seen so far: shows that retries are core's only. */
  requests(): Promise<number>
  /** Takes the next request and never answers it. */
  stallNext?(): Promise<void>
  /** Once `after` requests (0 by default) have passed, the next `count` meet this fault; `count` 0: those that still wait are forgotten. */
  wire?(fault: WireFault, count: number, after?: number): Promise<void>
}

/** One backend, ready to be tested. Only `driver` and `dispose` are required; each hook lets the kit find more. */
export interface DriverHarness {
  readonly driver: SecretDriver
  /** Another driver on the same place: finds caches, and locations that are not stable. */
  readonly second?: SecretDriver | undefined
  /** The same place through someone who may do nothing. */
  readonly denied?: SecretDriver | undefined
  /** The same place through someone who may do all but read values, as a registry: create, append, promote, list, see versions, destroy, remove. */
  readonly manageOnly?: SecretDriver | undefined
  readonly outOfBand?: OutOfBand | undefined
  readonly faults?: Faults | undefined
  /** The same kind of driver, for a host name that does not exist or a port where nobody listens. */
  readonly unreachable?: SecretDriver | undefined
  dispose(): Promise<void>
}

/** Makes what the kit needs of one backend; called for each run, and for each case that wants one of its own. */
export type StartHarness = (context: StartContext) => Promise<DriverHarness>

/** The parts of a harness that an adapter may leave out. */
export type Hook = 'second' | 'denied' | 'manageOnly' | 'outOfBand' | 'faults' | 'unreachable'
/** All of them: for a `require` of everything that the kit can use. */
export const hookNames: readonly Hook[] = ['second', 'denied', 'manageOnly', 'outOfBand', 'faults', 'unreachable']

/** The hooks of a harness, for a case whose `needs` name the ones it uses. */
export type Hooks = { readonly [Name in Hook]-?: NonNullable<DriverHarness[Name]> }
