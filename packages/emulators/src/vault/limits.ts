/** The largest body of a request, as the server's `max_request_size`. */
export const MAX_REQUEST_BYTES = 33_554_432
/** The largest entry of a Raft store, as the server's `max_entry_size`. */
export const MAX_ENTRY_BYTES = 1_048_576
/** What a Raft store adds to the JSON of a version: measured with OpenBao 2.7.2, where 1,048,357 bytes fit. */
const ENTRY_OVERHEAD = 219

const MAX_KEYS = 64
const MAX_KEY_BYTES = 128
const MAX_VALUE_BYTES = 512
const PREFIX = 'custom_metadata validation failed'

/** Why the server does not take this custom metadata; undefined when it does. */
export function customMetadataError(custom: Readonly<Record<string, string>>): string | undefined {
  const keys = Object.keys(custom)
  if (keys.length > MAX_KEYS) return multiError([`${PREFIX}: payload must contain at most ${MAX_KEYS} keys, provided ${keys.length}`])
  const found = Object.entries(custom).flatMap(([key, value]) => {
    const [keyBytes, valueBytes] = [Buffer.byteLength(key), Buffer.byteLength(value)]
    const quoted = goQuoted(key)
    return [
      ...(keyBytes === 0 || keyBytes > MAX_KEY_BYTES ? [`length of key ${quoted} is ${keyBytes} but must be 0 < len(key) <= ${MAX_KEY_BYTES}`] : []),
      ...(valueBytes === 0 || valueBytes > MAX_VALUE_BYTES
        ? [`length of value for key ${quoted} is ${valueBytes} but must be 0 < len(value) <= ${MAX_VALUE_BYTES}`]
        : []),
      ...(isPrintable(key) ? [] : [`key ${quoted} (${key}) contains unprintable characters`]),
      ...(isPrintable(value) ? [] : [`value for key ${quoted} contains unprintable characters`]),
    ]
  })
  return found.length === 0 ? undefined : multiError(found.map(text => `${PREFIX}: ${text}`))
}

/** Why the store does not take a version of this JSON; undefined when it does. */
export function entryError(json: string, maxEntryBytes: number): string | undefined {
  const size = Buffer.byteLength(json) + ENTRY_OVERHEAD
  return size > maxEntryBytes ? `put failed due to value being too large; got ${size} bytes, max ${maxEntryBytes} bytes` : undefined
}

/** Letters, marks, numbers, punctuation, symbols and the plain space: what Go calls printable. */
export function isPrintable(text: string): boolean {
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u.test(text)
}

/** Errors as the server lists them. */
export function multiError(errors: readonly string[]): string {
  const head = errors.length === 1 ? '1 error occurred:' : `${errors.length} errors occurred:`
  return `${head}\n${errors.map(error => `\t* ${error}\n`).join('')}\n`
}

function goQuoted(text: string): string {
  return JSON.stringify(text).replaceAll(/\\u00([0-7][0-9a-f])/g, String.raw`\x$1`)
}
