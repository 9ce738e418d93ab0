import { SecretError } from './errors.ts'

/** A name in the backend's own alphabet, prefix included. Core makes it; a driver never encodes. */
export type NativePath = string & { readonly __brand: 'NativePath' }
/** A backend's id of one immutable version. Opaque: compare it, do not order by it. */
export type VersionId = string & { readonly __brand: 'VersionId' }
/** The owner of a registry's secrets. Made by {@link accountId}. */
export type AccountId = string & { readonly __brand: 'AccountId' }
/** The id of one secret record. Made by the registry; one that comes from outside goes through {@link secretId}. */
export type SecretId = string & { readonly __brand: 'SecretId' }

/** The revision that a record must have, or several of which it must have one. */
export type IfRevision = number | readonly number[]

/** Every call takes one: when it aborts, the call ends with `aborted`. One of `tracedSignal` names the trace that the call is part of, too. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

/** Who acts. Ids are free text of 1 to 256 characters without control characters. */
export interface Actor {
  readonly id: string
  readonly type: 'user' | 'service_account'
}

const ACCOUNT = /^[A-Za-z0-9_.:/=+@-]{1,128}$/
const SECRET = /^[a-z0-9-]{1,64}$/

/**
 * Checks an account's id: 1 to 128 of `A-Z a-z 0-9 _ . : / = + @ -`, the characters every cloud takes in a tag.
 * @throws SecretError `invalid_argument`
 */
export function accountId(value: string): AccountId {
  if (typeof value !== 'string' || !ACCOUNT.test(value)) {
    throw SecretError.invalid('accountId', 'an account id is 1 to 128 characters of A-Z a-z 0-9 _ . : / = + @ -')
  }
  return value as AccountId
}

/**
 * Checks the form of a secret's id: 1 to 64 of `a-z 0-9 -`. It says nothing of whether the secret exists.
 * @throws SecretError `invalid_argument`
 */
export function secretId(value: string): SecretId {
  if (typeof value !== 'string' || !SECRET.test(value)) {
    throw SecretError.invalid('secretId', 'a secret id is 1 to 64 characters of a-z 0-9 -')
  }
  return value as SecretId
}
