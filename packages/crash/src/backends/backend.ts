import type { SecretDriver } from '@strongroom/core'
import type { Fault, InjectOptions } from '@strongroom/emulators'

/** A request of a driver's call, as the backend's journal names it. */
export interface Request {
  readonly name: string
  /** False for one that only looks. */
  readonly writes: boolean
}

export type DrivenCall = 'create' | 'append' | 'promote' | 'versions' | 'remove' | 'destroyVersion'

/** One kind of place for values. The child uses `driver` alone, so nothing else is loaded before `start`. */
export interface Backend {
  readonly name: string
  /** What the driver sends for a call of the write protocol, in order; undefined where nothing goes over a wire. */
  readonly requests: Readonly<Partial<Record<DrivenCall, readonly Request[]>>> | undefined
  /** What it sends to read one version. */
  readonly reads: readonly Request[]
  /** Whether the driver's `current` is `on_promote`; the undisturbed runs prove it. */
  readonly promotes: boolean
  /** Whether its `versionProof` is `token`, and whether its `destroyVersion` is `detached`; likewise. */
  readonly proves: boolean
  readonly detaches: boolean
  /** Why it cannot run on this machine; undefined when it can. */
  readonly missing?: (() => string | undefined) | undefined
  /** The adapter, from what `start` answered as `config`. */
  readonly driver: (config: unknown) => SecretDriver
  readonly start: () => Promise<Running>
}

/** A server, or a folder, with everything that is done to it without the adapter. */
export interface Running {
  /** Plain JSON: what a child makes its driver from. */
  readonly config: unknown
  readonly wire: Wire | undefined
  /** Everything that the backend keeps at paths that begin so, asked for without the adapter. */
  readonly look: (prefix: string) => Promise<readonly Found[]>
  /** Puts a secret there that is not the registry's: no labels, no token. */
  readonly plant: (path: string, value: string) => Promise<void>
  /** What somebody does to a secret of the registry's, past this library, where `promotes`. */
  readonly meddle?: Meddling | undefined
  /** Moves the backend's own clock, where it has one. */
  readonly advance: (ms: number) => void
  readonly stop: () => Promise<void>
}

export interface Meddling {
  /** Another value, which is current at once. */
  readonly put: (path: string, value: string) => Promise<void>
  /** Makes a version that is there the current one. */
  readonly label: (path: string, version: string) => Promise<void>
}

export interface Wire {
  readonly inject: (fault: Fault, options?: InjectOptions) => void
  readonly clearFaults: () => void
  /** The names of the requests since the last call of it. */
  readonly requests: () => readonly string[]
  /** Resolves when a request that was just let go has had its effect. */
  readonly landed: () => Promise<void>
}

/** A secret as the backend has it. */
export interface Found {
  readonly path: string
  /** Deleted, but still there: it can be brought back. */
  readonly deleted: boolean
  readonly versions: readonly FoundVersion[]
}

export interface FoundVersion {
  readonly version: string
  /** Whether somebody who does not know its id can still be given it: enabled, labelled, not destroyed. */
  readonly served: boolean
  /** Whether it is what the backend gives to a reader who names no version. */
  readonly current: boolean
  /** Undefined where the backend no longer gives it out. What is binary is bytes, where the backend tells it from text. */
  readonly value: string | Uint8Array | undefined
}

export const writes = (...names: readonly string[]): readonly Request[] => names.map(name => ({ name, writes: true }))
export const looks = (...names: readonly string[]): readonly Request[] => names.map(name => ({ name, writes: false }))

/** The journal of an emulator as a wire. */
export function wireOf(controls: {
  readonly journal: { readonly operation: string; readonly answered: unknown }[]
  readonly inject: Wire['inject']
  readonly clearFaults: () => void
}): Wire {
  return {
    inject: (fault, options) => controls.inject(fault, options),
    clearFaults: () => controls.clearFaults(),
    requests: () => controls.journal.splice(0).map(({ operation }) => operation),
    // An emulator applies a request in the turn in which it is let go.
    landed: () => new Promise(resolve => setImmediate(() => setImmediate(resolve))),
  }
}
