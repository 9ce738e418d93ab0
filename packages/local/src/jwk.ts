import { createHash } from 'node:crypto'
import { refusal } from './classify.ts'

const KID = /^[\x21-\x7e]{1,128}$/
const KEY_BYTES = 32

/** A symmetric key as a JSON Web Key (RFC 7517). */
export interface SymmetricKey {
  readonly kty: 'oct'
  readonly kid: string
  readonly k: string
}

/** A key whose id is its thumbprint (RFC 7638). */
export function symmetricKey(bytes: Uint8Array): SymmetricKey {
  const k = Buffer.from(bytes).toString('base64url')
  const kid = createHash('sha256')
    .update(JSON.stringify({ k, kty: 'oct' }))
    .digest('base64url')
  return { kty: 'oct', kid, k }
}

/** @throws LocalFailure `misconfigured` unless it is a JWK Set of one or more keys of 256 bits with different ids. */
export function parseKeySet(text: string): readonly SymmetricKey[] {
  const keys = membersOf(text).map(toKey)
  if (new Set(keys.map(({ kid }) => kid)).size !== keys.length) throw refusal('misconfigured', 'two keys have the same id')
  return keys
}

/** A key given as base64 of its bytes, or undefined for anything else. */
export function parseBareKey(text: string): SymmetricKey | undefined {
  return isKey(text) ? symmetricKey(Buffer.from(text, 'base64')) : undefined
}

/** The `keys` of a JWK Set as they were found, so that a file can be written again without losing what we do not know. */
export function membersOf(text: string): readonly unknown[] {
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    throw notAKeySet() // not the parser's message, which quotes the text
  }
  const keys = (found as { readonly keys?: unknown } | null)?.keys
  if (!Array.isArray(keys) || keys.length === 0) throw notAKeySet()
  return keys as readonly unknown[]
}

function toKey(member: unknown): SymmetricKey {
  const { kty, k, kid, alg } = (member ?? {}) as Readonly<Record<string, unknown>>
  if (kty !== 'oct' || typeof k !== 'string' || !isKey(k)) throw notAKeySet()
  if (alg !== undefined && alg !== 'A256GCM' && alg !== 'dir') throw refusal('misconfigured', 'a key is for another algorithm than A256GCM')
  if (kid === undefined) return symmetricKey(Buffer.from(k, 'base64'))
  if (typeof kid !== 'string' || !KID.test(kid)) throw refusal('misconfigured', 'a key id is 1 to 128 printable ASCII characters without spaces')
  return { kty, kid, k }
}

function notAKeySet(): Error {
  return refusal('misconfigured', 'the keys are not a JWK Set of one or more "oct" keys of 256 bits')
}

/** Either alphabet of base64, with or without the padding. */
function isKey(text: string): boolean {
  return /^[A-Za-z0-9+/_-]{43}=?$/.test(text) && Buffer.from(text, 'base64').byteLength === KEY_BYTES
}
