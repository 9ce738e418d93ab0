import type { Failure } from './errors.ts'
import type { NativePath, VersionId } from './words.ts'

/** Each field has a branch in core and a case in the conformance kit that fails when the field lies. */
export interface DriverCapabilities {
  /** Characters of a native path, prefix included. */
  readonly maxPathLength: number
  /** Bytes of one value. Azure, say, holds 25,000 bytes, so 18,750 of binary after base64. */
  readonly maxValueBytes: { readonly text: number; readonly binary: number }
  /** Secrets that one `readMany` may name; 1 = the backend has no batch and core never calls it. */
  readonly maxBatch: number
  /** `atomic`: one of N creators wins. `checked`: looks, then writes; a race can overwrite. */
  readonly create: 'atomic' | 'checked'
  /** `compared`: the backend refuses an `append` whose `after` is not the newest version. `ignored`: it cannot tell. */
  readonly appendAfter: 'compared' | 'ignored'
  /** `on_promote`: `append` can be staged. `on_append`: the newest version is current, always. */
  readonly current: 'on_promote' | 'on_append'
  /** How a version whose answer was lost is recognised: by its `token`, or only by its `position` in the list. */
  readonly versionProof: 'token' | 'position'
  /** What `destroyVersion` leaves. `blocked`: disabled. `detached`: unlabelled, readable by id until the backend prunes it. */
  readonly destroyVersion: 'erased' | 'blocked' | 'detached'
  /** `recoverable`: `remove` without `purge` can be undone by `restore`. `immediate`: there is only `purge`. */
  readonly remove: 'recoverable' | 'immediate'
  /** What tells text from binary in a value that is read. `kept`: it was written so. `inferred`: the backend keeps bytes alone, and good UTF-8 is taken for text. */
  readonly textForm: 'kept' | 'inferred'
}

/**
 * Given to every call. `attempt` counts from 1. When `signal` aborts, the call must end promptly. The signal is made when it is first
 * asked for: hand the call on as it is, since a copy by `{ ...call }` has none. Where `traceparentOf(call)` answers something, each request
 * that the call makes has it as its `traceparent`, if the SDK has a way.
 */
export interface DriverCall {
  readonly signal: AbortSignal
  readonly attempt: number
}

/** One page and the token of the next; the token goes back to the same driver unchanged. */
export interface DriverPage<T> {
  readonly items: readonly T[]
  readonly next: string | undefined
}

/** A value on its way to or from a backend. `text`: the bytes are UTF-8 and go into the backend's text form. */
export interface Payload {
  readonly bytes: Uint8Array
  readonly text: boolean
}

/** A version of a secret, as `versions` tells it. */
export interface DriverVersion {
  readonly version: VersionId
  /** Undefined where the backend does not tell; it may forget it with what was destroyed. */
  readonly createdAt: Date | undefined
  /**
   * `destroyed` covers what `destroyVersion` leaves, `detached` included: there it may also be said of a version that was
   * replaced, never of the current one or of one that is staged.
   */
  readonly state: 'usable' | 'disabled' | 'destroyed'
  /** What a reader who names no version gets. At most one. */
  readonly current: boolean
  /** The token given to `create` or `append`, where `versionProof` is `token`; of a destroyed version it may be gone. */
  readonly token: string | undefined
}

/** A secret, as `list` tells it. The dates are the backend’s, undefined where it does not tell. */
export interface DriverEntry {
  readonly path: NativePath
  /** As `create` answers it. */
  readonly fullPath: string
  readonly createdAt: Date | undefined
  readonly updatedAt: Date | undefined
  /** Undefined when the request had `withLabels: false`, or the backend keeps none. */
  readonly labels: Readonly<Record<string, string>> | undefined
}

/** `pending`: not gone yet, ask again. `retained`: held by the backend until a date (undefined: not told). */
export type Removal =
  | { readonly state: 'gone' }
  | { readonly state: 'pending'; readonly retryAfterMs: number }
  | { readonly state: 'retained'; readonly until: Date | undefined }

/** Of one path of `readMany`: its current version, or what `classify` says of why there is none. */
export type ReadOutcome =
  | { readonly path: NativePath; readonly payload: Payload; readonly version: VersionId }
  | { readonly path: NativePath; readonly failure: Failure }

/** The first version of a secret, at a path where none may be. `token`: of the operation, for `versionProof`. */
export interface CreateRequest {
  readonly path: NativePath
  readonly payload: Payload
  readonly labels: Readonly<Record<string, string>>
  readonly token: string
  /**
   * Nothing can be at the path: it was made for this token, and this is the first call with it. Where `create` is `checked` the look before
   * the write may be left out; elsewhere it says nothing. What is there all the same (another's secret, a name that is held) may get a version
   * or an error.
   */
  readonly isNew?: boolean
}

/** One more version of a secret that is there. `token`: of the operation, for `versionProof`. */
export interface AppendRequest {
  readonly path: NativePath
  readonly payload: Payload
  readonly token: string
  /** The version that must be the newest; given only where `appendAfter` is `compared`. */
  readonly after: VersionId | undefined
  /** The new version must not become current; true only where `current` is `on_promote`. */
  readonly staged: boolean
}

/** `version` is to become current, and `from` is what must be current until then. */
export interface PromoteRequest {
  readonly path: NativePath
  readonly version: VersionId
  readonly from: VersionId
}

/**
 * What an adapter writes: one backend's calls, one step at a time. It never polls, never retries (an SDK's own retries are
 * switched off), never encodes names, and imports its SDK on first use; a start that failed is forgotten, not kept. What is
 * missing is thrown. A path is that path and no other: one that the backend cannot hold is `invalid_argument` to every call, before the
 * network. It throws the SDK's own errors: `classify` says what they mean, and core makes the public error.
 */
export interface SecretDriver {
  readonly specification: 'v1'
  /** The adapter's short name: `aws`, `vault`, … */
  readonly kind: string
  /**
   * Public and stable identity of the place, such as `aws:123456789012:eu-west-1`: the same for every driver made for the
   * same place, without credentials. Undefined when the options do not tell; then a registry refuses the driver.
   */
  readonly location: string | undefined
  readonly capabilities: DriverCapabilities

  /**
   * Makes a secret with its first version, which is current. Fails as `already_exists` when there is one at the path, or as
   * `name_held` when a deleted one holds the name: retryable only where the name comes free by itself within seconds, since core waits
   * for it until the deadline. `fullPath` is what a client outside this library uses to read it. Where
   * `versionProof` is `token`, the same token and payload again answers the first call's version instead.
   */
  create(request: CreateRequest, call: DriverCall): Promise<{ readonly version: VersionId; readonly fullPath: string }>
  /**
   * Adds a version to a secret that exists (`not_found` otherwise). Resolves when it is durable and readable by its id. Without `after`
   * nobody asked for a comparison: a backend that compares is asked again as long as other writers are faster.
   */
  append(request: AppendRequest, call: DriverCall): Promise<{ readonly version: VersionId }>
  /** Makes `version` current if `from` is current now, atomically; otherwise fails as `conflict`. Called only where `current` is `on_promote`. */
  promote(request: PromoteRequest, call: DriverCall): Promise<void>
  /** Exactly that version, or the current one when `version` is undefined. Fails as `not_found` when the secret or the version is missing, as `version_unusable` when it is disabled or destroyed. */
  read(
    request: { readonly path: NativePath; readonly version: VersionId | undefined },
    call: DriverCall,
  ): Promise<{ readonly payload: Payload; readonly version: VersionId }>
  /** Current versions of up to `maxBatch` paths, in any order; a missing or refused one is an outcome, not a throw. */
  readMany(request: { readonly paths: readonly NativePath[] }, call: DriverCall): Promise<readonly ReadOutcome[]>
  /**
   * A page of versions, without values (`not_found` for a secret that is missing); oldest first where `appendAfter` is `compared`, in the backend's order elsewhere.
   * `after` is a hint: versions up to and including it may be left out.
   */
  versions(
    request: { readonly path: NativePath; readonly after: VersionId | undefined; readonly page: string | undefined },
    call: DriverCall,
  ): Promise<DriverPage<DriverVersion>>
  /** A page of the secrets whose native path starts with `prefix`, deleted ones left out. A page may be empty and still have a `next`. */
  list(
    request: { readonly prefix: string; readonly withLabels: boolean; readonly page: string | undefined },
    call: DriverCall,
  ): Promise<DriverPage<DriverEntry>>
  /** Makes one version unreadable, as far as the backend can. One that is gone already is a success; the current one may be refused as `conflict`. */
  destroyVersion(request: { readonly path: NativePath; readonly version: VersionId }, call: DriverCall): Promise<void>
  /**
   * Removes the secret; with `purge`, for good. One that is missing: `not_found` without `purge`, `gone` with it. One that was cut off
   * leaves the current value or none, never an older one, and can be repeated.
   */
  remove(request: { readonly path: NativePath; readonly purge: boolean }, call: DriverCall): Promise<Removal>
  /** Takes back a `remove` without `purge`. Called only where `remove` is `recoverable`. */
  restore(request: { readonly path: NativePath }, call: DriverCall): Promise<void>

  /**
   * What an error of this driver means. Never throws; for anything it does not know: `unknown`, effect `unknown`. The effect is the
   * whole call's: it is `unknown` once any of the call's requests has written, or may have, and `none` as long as it has only looked.
   */
  classify(error: unknown): Failure
  /** Lets go of connections. May be called twice. */
  close(): Promise<void>
}
