import type { FlattenedJWE } from 'jose'
import type { Payload } from '@strongroom/core'
import { LocalFailure, refusal } from './classify.ts'
import type { LocalKey } from './keys.ts'

// In the protected header, so that it is authenticated: whether a value was given as text.
const TEXT = 'text/plain; charset=utf-8'
const BINARY = 'application/octet-stream'
const DAMAGED = 'a stored value is damaged, or was not written at this place'
const MEMBERS = ['protected', 'aad', 'iv', 'ciphertext', 'tag'] as const
const encoder = new TextEncoder()

/** What an envelope is bound to: it opens nowhere else. */
export type Binding = readonly ['value', path: string, version: string] | readonly ['key-check', kid: string]

/** A JWE (RFC 7516, flattened JSON, `dir` with `A256GCM`), with the binding as its additional authenticated data. */
export async function seal({ kid, key }: LocalKey, binding: Binding, payload: Payload): Promise<string> {
  const { FlattenedEncrypt } = await import('jose')
  const envelope = await new FlattenedEncrypt(payload.bytes)
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid, cty: payload.text ? TEXT : BINARY })
    .setAdditionalAuthenticatedData(additionalData(binding))
    .encrypt(key)
  return JSON.stringify(envelope)
}

/** Fails as `corrupt` for anything but what {@link seal} made with this key for this binding. */
export async function unseal({ kid, key }: LocalKey, binding: Binding, text: string): Promise<Payload> {
  const { errors, flattenedDecrypt } = await import('jose')
  const envelope = parse(text)
  if (envelope.aad !== Buffer.from(additionalData(binding)).toString('base64url')) throw refusal('corrupt', DAMAGED)
  try {
    const { plaintext, protectedHeader } = await flattenedDecrypt(envelope, key, {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
    })
    const { kid: usedKid, cty, zip } = protectedHeader ?? {}
    if (usedKid !== kid || zip !== undefined || (cty !== TEXT && cty !== BINARY)) throw refusal('corrupt', DAMAGED)
    return { bytes: plaintext, text: cty === TEXT }
  } catch (error) {
    if (error instanceof errors.JOSEError) throw refusal('corrupt', DAMAGED)
    throw error
  }
}

/** An envelope by which the right key is told from another one with the same id. */
export function sealCheck(key: LocalKey): Promise<string> {
  return seal(key, ['key-check', key.kid], { bytes: encoder.encode('strongroom'), text: true })
}

/** @throws LocalFailure `misconfigured` when the key is not the one that this database was written with. */
export async function verifyCheck(key: LocalKey, check: string): Promise<void> {
  parse(check)
  try {
    await unseal(key, ['key-check', key.kid], check)
  } catch (error) {
    if (!(error instanceof LocalFailure)) throw error
    throw refusal('misconfigured', `the key ${key.kid} is not the key of that id with which this store was written; give the right one`)
  }
}

function additionalData(binding: Binding): Uint8Array {
  return encoder.encode(JSON.stringify(['strongroom-local-1', ...binding]))
}

/** Exactly the members of our own envelopes: an unprotected header is not looked at. */
function parse(text: string): FlattenedJWE {
  let found: Readonly<Record<string, unknown>>
  try {
    found = JSON.parse(text) as Readonly<Record<string, unknown>>
  } catch {
    throw refusal('corrupt', DAMAGED)
  }
  const complete = typeof found === 'object' && found !== null && MEMBERS.every(member => typeof found[member] === 'string')
  if (!complete) throw refusal('corrupt', DAMAGED)
  return Object.fromEntries(MEMBERS.map(member => [member, found[member]])) as unknown as FlattenedJWE
}
