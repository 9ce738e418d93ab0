import type { SecretErrorCode } from './errors.ts'

/** What {@link StorePolicy.onOperation} is told of each call: never a name, never a value. */
export interface OperationEvent {
  readonly store: string
  readonly operation: string
  readonly durationMs: number
  /** Requests that the driver was asked to make; 0 when the call was refused before the first. */
  readonly attempts: number
  readonly code: SecretErrorCode | 'ok'
}

/** How a store calls its driver. */
export interface StorePolicy {
  /** Native text before every name, such as `prod/`, passed to the backend as it is. */
  readonly prefix?: string
  /** `portable` (default): names are encoded, so that every cloud takes them. `native`: passed through untouched. */
  readonly naming?: 'portable' | 'native'
  /** `portable` (default): what every cloud takes (25,000 bytes of text, 18,750 of binary, 8 labels). `native`: what this one takes. */
  readonly limits?: 'portable' | 'native'
  /** Milliseconds for one call with all its attempts. Default 15,000. */
  readonly deadlineMs?: number
  /**
   * Tries in all, the first included; only what is retryable is repeated. Default 4. Those that find a name which comes free by itself
   * (`name_held`, retryable) do not count: it is waited for until the deadline, unless this is 1.
   */
  readonly attempts?: number
  /** Called after each call. What it throws is ignored: an observer does not change an outcome. */
  readonly onOperation?: (event: OperationEvent) => void
  /** Gets an SDK's raw errors. Unsafe: they carry request bodies, values included. */
  readonly unsafeOnRawError?: (error: unknown, operation: string) => void
}
