import { Refusal } from './errors.ts'

const API_VERSIONS: readonly string[] = ['7.4', '7.5', '7.6', '2025-07-01']
export const MAX_PAGE = 25
/** Of the documented readings of 25 KB the tightest; the vault itself spoke of 25,600 characters. */
const MAX_VALUE_BYTES = 25_000
const MAX_CONTENT_TYPE = 255
const MAX_TAGS = 15
/** Older pages; one of 2024 says 512. */
const MAX_TAG = 256
const NAME = /^[0-9a-zA-Z-]{1,127}$/
const VERSION = /^[0-9a-f]{32}$/i

/** What a set and an update have in common. Undefined: the request does not name it. */
export interface Settings {
  readonly contentType: string | undefined
  readonly enabled: boolean | undefined
  /** Seconds since 1970, as `exp` is. */
  readonly nbf: number | undefined
  readonly exp: number | undefined
  readonly tags: Readonly<Record<string, string>> | undefined
}

type Fields = Readonly<Record<string, unknown>>

const bad = (message: string): Refusal => new Refusal('BadParameter', message)

export function checkName(name: string): void {
  if (!NAME.test(name)) throw bad(`The request URI contains an invalid name: ${name.slice(0, 200)}`)
}

/** The vault takes what is no version for the name of an operation. */
export function checkVersion(version: string, method: string): void {
  if (!VERSION.test(version)) throw bad(`Method ${method} does not allow operation '${version.slice(0, 200)}'`)
}

export function checkApiVersion(version: string | null): void {
  if (version === null || version === '') throw bad('The request needs an api-version.')
  if (API_VERSIONS.includes(version)) return
  throw bad(
    `The specified version (${version.slice(0, 50)}) is not recognized. Consider using the latest supported version (${API_VERSIONS.at(-1)}).`,
  )
}

/** How many items a page may have. */
export function pageSizeOf(maxresults: string | null): number {
  if (maxresults === null) return MAX_PAGE
  const size = /^\d{1,9}$/.test(maxresults) ? Number(maxresults) : 0
  if (size < 1 || size > MAX_PAGE) throw bad(`The parameter maxresults is from 1 to ${MAX_PAGE}.`)
  return size
}

export function bodyOf(body: Buffer): Fields {
  let parsed: unknown
  try {
    parsed = JSON.parse(body.toString('utf8'))
  } catch {
    throw bad('The request body is not JSON.')
  }
  return fieldsOf(parsed, 'The request body')
}

export function valueOf({ value }: Fields): string {
  if (typeof value !== 'string') throw bad('The property value is needed, and is text.')
  if (Buffer.byteLength(value) > MAX_VALUE_BYTES) {
    throw new Refusal('SecretTooLarge', `Secret is beyond the maximum permitted length of ${MAX_VALUE_BYTES} bytes.`)
  }
  return value
}

export function settingsOf({ contentType, attributes, tags }: Fields): Settings {
  const { enabled, nbf, exp } = isGiven(attributes) ? fieldsOf(attributes, 'The property attributes') : {}
  if (isGiven(contentType) && (typeof contentType !== 'string' || contentType.length > MAX_CONTENT_TYPE)) {
    throw bad(`The property contentType is text of at most ${MAX_CONTENT_TYPE} characters.`)
  }
  if (isGiven(enabled) && typeof enabled !== 'boolean') throw bad('The attribute enabled is true or false.')
  return {
    contentType: typeof contentType === 'string' ? contentType : undefined,
    enabled: typeof enabled === 'boolean' ? enabled : undefined,
    nbf: secondsOf('nbf', nbf),
    exp: secondsOf('exp', exp),
    tags: isGiven(tags) ? tagsOf(fieldsOf(tags, 'The property tags')) : undefined,
  }
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null

function secondsOf(attribute: string, seconds: unknown): number | undefined {
  if (!isGiven(seconds)) return undefined
  if (typeof seconds !== 'number' || !Number.isSafeInteger(seconds) || seconds < 0) throw bad(`The attribute ${attribute} is a number of seconds.`)
  return seconds
}

function tagsOf(tags: Fields): Readonly<Record<string, string>> {
  const entries = Object.entries(tags)
  if (entries.length > MAX_TAGS) throw bad(`There are more than ${MAX_TAGS} tags.`)
  return Object.fromEntries(
    entries.map(([name, value]) => {
      if (typeof value !== 'string') throw bad('A tag has a value that is not text.')
      if (name.length > MAX_TAG || value.length > MAX_TAG) throw bad(`A tag has a name or a value of more than ${MAX_TAG} characters.`)
      return [name, value]
    }),
  )
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(`${what} is not an object.`)
  return value as Fields
}
