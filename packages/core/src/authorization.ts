import type { Action } from './audit.ts'
import type { AccountId, Actor, CallOptions, SecretId } from './words.ts'

/** What an {@link Authorize} is asked: whether this actor may do this in this account. */
export interface AuthorizationRequest {
  readonly actor: Actor
  readonly account: AccountId
  readonly action: Action
  /** Where the caller named a secret by id. It may not exist. */
  readonly secret?: SecretId | undefined
  /** Where the caller named a key: creating, and reading by key. */
  readonly key?: string | undefined
}

/**
 * Decides every call of a registry and a reader, before anything is looked up. Only `true` allows. What it throws denies
 * nothing and allows nothing: the call fails as `unavailable`.
 */
export type Authorize = (request: AuthorizationRequest, call: CallOptions) => Promise<boolean>

/** For tests and examples. The name is meant to be found by grep. */
export const unsafeAllowEveryone: Authorize = async () => true
