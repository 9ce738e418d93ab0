import { crypto } from './crypto.ts'
import type { SecretId } from '../words.ts'

/** A UUID of version 7 (RFC 9562): ids made later sort later, so that ties in a listing keep their order. */
export function newSecretId(): SecretId {
  const bytes = crypto().randomBytes(16)
  bytes.writeUIntBE(Date.now(), 0, 6)
  bytes[6] = (bytes[6]! & 0x0f) | 0x70
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-') as SecretId
}
