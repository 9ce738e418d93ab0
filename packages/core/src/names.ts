import { SecretError } from './errors.ts'

/** Longest name that is looked at, in UTF-16 units. Backends allow less; a longer one is refused unread. */
const MAX_NAME_LENGTH = 1024

const PLAIN = /^[a-z0-9]+(?:-[a-z0-9]+)*$/
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const HYPHEN = 0x2d

/**
 * The one name encoding, into `[a-z0-9-]`, which every cloud takes and which survives being compared without case. A name of
 * `[a-z0-9]+(-[a-z0-9]+)*` is itself; of any other, each byte of its UTF-8 that is not `a-z` or `0-9`, nor a single hyphen
 * between two of those, becomes `--` and two hex digits.
 * @throws SecretError `invalid_argument` for a lone surrogate, which UTF-8 cannot hold: two names would become one
 */
export function encodeName(name: string): string {
  if (isOwnEncoding(name)) return name
  if (!name.isWellFormed()) throw SecretError.invalid('encodeName', 'a name must not contain a lone surrogate')
  const bytes = encoder.encode(name)
  let encoded = ''
  for (const [index, byte] of bytes.entries()) {
    const kept = isPlain(byte) || (byte === HYPHEN && isPlain(bytes[index - 1]) && isPlain(bytes[index + 1]))
    encoded += kept ? String.fromCharCode(byte) : `--${byte.toString(16).padStart(2, '0')}`
  }
  return encoded
}

/** Whether it is a name in whose encoding nothing changes; then there is nothing else in it to be checked, and most names are so. */
export function isOwnEncoding(name: unknown): boolean {
  return typeof name === 'string' && name.length <= MAX_NAME_LENGTH && PLAIN.test(name)
}

/** The name that {@link encodeName} made this of, or undefined when it never makes this. */
export function decodeName(encoded: string): string | undefined {
  if (PLAIN.test(encoded)) return encoded
  if (!/^(?:[a-z0-9]|-(?!-)|--[0-9a-f]{2})+$/.test(encoded)) return undefined
  const bytes: number[] = []
  for (let index = 0; index < encoded.length; index += 1) {
    if (encoded.startsWith('--', index)) {
      bytes.push(Number.parseInt(encoded.slice(index + 2, index + 4), 16))
      index += 3
    } else bytes.push(encoded.charCodeAt(index))
  }
  let name: string
  try {
    name = decoder.decode(Uint8Array.from(bytes))
  } catch {
    return undefined // not UTF-8: encodeName never makes it
  }
  return encodeName(name) === encoded ? name : undefined
}

/**
 * Checks a name before it is encoded or passed through: 1 to 1,024 characters, no NUL, no lone surrogate.
 * @throws SecretError `invalid_argument`, without the name in it
 */
export function checkName(name: unknown, operation: string): asserts name is string {
  if (typeof name !== 'string') throw SecretError.invalid(operation, 'a name is a string')
  if (name.length === 0 || name.length > MAX_NAME_LENGTH) {
    throw SecretError.invalid(operation, `a name has 1 to ${MAX_NAME_LENGTH} characters; this one has ${name.length}`)
  }
  if (name.includes('\0')) throw SecretError.invalid(operation, 'a name must not contain NUL')
  if (!name.isWellFormed()) throw SecretError.invalid(operation, 'a name must not contain a lone surrogate')
}

function isPlain(byte: number | undefined): boolean {
  return byte !== undefined && ((byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39))
}
