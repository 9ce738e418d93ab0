import type { DriverCapabilities, Payload } from '../driver.ts'
import { SecretError } from '../errors.ts'
import { checkName, decodeName, encodeName, isOwnEncoding } from '../names.ts'
import type { StorePolicy } from '../policy.ts'
import { SecretValue, toPayload, type ValueInput } from '../value.ts'
import type { NativePath } from '../words.ts'

/** What every cloud takes: Azure's 25,000 bytes, and what is left of them for binary after base64. */
const PORTABLE_BYTES = { text: 25_000, binary: 18_750 } as const
const MAX_LABELS = 8
/** Google's annotations are the narrowest for names, AWS's tags for values. */
const LABEL_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/
const LABEL_VALUE = /^[A-Za-z0-9 _.:/=+@-]{1,256}$/
const CALL_OPTIONS = ['deadlineMs', 'attempts', 'onOperation', 'unsafeOnRawError'] as const

/** What a call without options has; there is nothing in it to be checked. */
export const NO_OPTIONS: Readonly<Record<string, never>> = Object.freeze({})

/** @throws SecretError `invalid_argument` for anything but an object with these keys; the unknown one is named. */
export function checkOptions(operation: string, options: unknown, allowed: readonly string[], what = 'option'): void {
  if (options === NO_OPTIONS) return
  checkKeys(operation, options, allowed, { whole: `${what}s are`, unknown: `unknown ${what}` })
  const { signal } = options as { readonly signal?: unknown }
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw SecretError.invalid(operation, 'signal is an AbortSignal')
}

/** For authors of drivers: an object that is no array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `whole` and `unknown`: how the sentences begin that say what is wrong. @throws SecretError `invalid_argument` */
export function checkKeys(
  operation: string,
  value: unknown,
  allowed: readonly string[],
  { whole, unknown }: { readonly whole: string; readonly unknown: string },
): void {
  if (!isObject(value)) throw SecretError.invalid(operation, `${whole} an object`)
  const other = Object.keys(value).find(key => !allowed.includes(key))
  if (other !== undefined) throw SecretError.invalid(operation, `${unknown} ${JSON.stringify(other.slice(0, 64))}; allowed: ${allowed.join(', ')}`)
}

/** Whether it is well-formed text of so many UTF-16 units without control characters. */
export function isLine(value: unknown, min: number, max: number): value is string {
  // eslint-disable-next-line no-control-regex -- control characters are what it is about
  return typeof value === 'string' && value.length >= min && value.length <= max && !/[\0-\x1f\x7f]/.test(value) && value.isWellFormed()
}

/** @throws SecretError `invalid_argument` */
export function checkVersion(operation: string, version: unknown): void {
  if (!isLine(version, 1, 256)) {
    throw SecretError.invalid(operation, 'a version is text of 1 to 256 characters without control characters')
  }
}

/** @throws SecretError `invalid_argument` unless it is undefined or a whole number in the range. */
export function checkInteger(operation: string, name: string, value: unknown, min: number, max: number): void {
  if (value === undefined) return
  if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
    throw SecretError.invalid(operation, `${name} is a whole number from ${min} to ${max}`)
  }
}

/** @throws SecretError `invalid_argument` unless it is undefined, a revision, or a list of them. */
export function checkIfRevision(operation: string, value: unknown): void {
  if (value === undefined) return
  const revisions: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (revisions.length > 0 && revisions.every(revision => Number.isSafeInteger(revision) && (revision as number) >= 1)) return
  throw SecretError.invalid(operation, 'ifRevision is a whole number from 1, or a list of them')
}

/** @throws SecretError `invalid_argument` unless it is undefined or one of the words. */
export function checkOneOf(operation: string, name: string, value: unknown, allowed: readonly unknown[]): void {
  if (value !== undefined && !allowed.includes(value)) throw SecretError.invalid(operation, `${name} is one of ${allowed.join(', ')}`)
}

/** @throws SecretError `invalid_argument` unless it is undefined or a function. */
export function checkFunction(operation: string, name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') throw SecretError.invalid(operation, `${name} is a function`)
}

/** `more`: what this face takes beside the options of its calls. @throws SecretError `invalid_argument` */
export function checkPolicy(operation: string, policy: StorePolicy, more: readonly string[]): void {
  checkOptions(operation, policy, [...CALL_OPTIONS, ...more])
  const { prefix } = policy
  if (prefix !== undefined && !isLine(prefix, 0, 256)) {
    throw SecretError.invalid(operation, 'prefix is text of at most 256 characters without control characters')
  }
  checkOneOf(operation, 'naming', policy.naming, ['portable', 'native'])
  checkOneOf(operation, 'limits', policy.limits, ['portable', 'native'])
  checkInteger(operation, 'deadlineMs', policy.deadlineMs, 1, 3_600_000)
  checkInteger(operation, 'attempts', policy.attempts, 1, 100)
  checkFunction(operation, 'onOperation', policy.onOperation)
  checkFunction(operation, 'unsafeOnRawError', policy.unsafeOnRawError)
}

/** Names, sizes and labels against the policy and the driver's capabilities: what must be refused before the network. */
export class Checks {
  readonly #capabilities: DriverCapabilities
  readonly #policy: StorePolicy
  readonly #store: string
  readonly prefix: string

  constructor(capabilities: DriverCapabilities, policy: StorePolicy, store: string) {
    this.#capabilities = capabilities
    this.#policy = policy
    this.#store = store
    this.prefix = policy.prefix ?? ''
  }

  /** @throws SecretError `invalid_argument` */
  path(operation: string, name: unknown): NativePath {
    if (isOwnEncoding(name)) return this.fits(operation, this.prefix + (name as string))
    checkName(name, operation)
    return this.fits(operation, this.prefix + (this.#policy.naming === 'native' ? name : encodeName(name)))
  }

  /** The path itself. @throws SecretError `invalid_argument` */
  fits(operation: string, path: string): NativePath {
    const { maxPathLength } = this.#capabilities
    if (path.length > maxPathLength) {
      const hint = `the name is too long: ${path.length} characters with its prefix and encoding, ${maxPathLength} allowed`
      throw SecretError.invalid(operation, hint, { store: this.#store })
    }
    return path as NativePath
  }

  /** The name of a native path, or undefined for a path that is not this store's. */
  nameOf(path: NativePath): string | undefined {
    if (!path.startsWith(this.prefix)) return undefined
    const rest = path.slice(this.prefix.length)
    if (rest === '') return undefined
    const name = this.#policy.naming === 'native' ? rest : decodeName(rest)
    return name?.includes('\0') === true ? undefined : name // no call takes a name with NUL
  }

  /** A driver's own copy of the value. @throws SecretError `invalid_argument` for an empty one, `too_large` */
  payload(operation: string, input: ValueInput): Payload {
    const value = SecretValue.from(input, operation)
    const payload = toPayload(value)
    value[Symbol.dispose]()
    const size = payload.bytes.byteLength
    if (size === 0) throw SecretError.invalid(operation, 'the value is empty; not every cloud can keep that')
    const form = payload.text ? 'text' : 'binary'
    const native = this.#capabilities.maxValueBytes[form]
    const allowed = this.#policy.limits === 'native' ? native : Math.min(native, PORTABLE_BYTES[form])
    if (size > allowed) {
      // For whoever reads it: a caller of an API cannot set the policy's `limits`, of which errors.md tells those who can.
      const wider = allowed < native ? `, as every cloud takes; this store alone takes ${native}` : ''
      const hint = `the value has ${size} bytes of ${form}, ${allowed} allowed${wider}`
      throw SecretError.refused('too_large', operation, { store: this.#store, hint })
    }
    return payload
  }

  /** @throws SecretError `invalid_argument` */
  labels(operation: string, labels: unknown): Readonly<Record<string, string>> {
    if (labels === undefined) return {}
    if (!isObject(labels)) throw SecretError.invalid(operation, 'labels are an object of strings')
    const entries = Object.entries(labels)
    if (entries.length > MAX_LABELS) throw SecretError.invalid(operation, `${entries.length} labels, ${MAX_LABELS} allowed`)
    for (const [name, value] of entries) {
      if (!LABEL_NAME.test(name))
        throw SecretError.invalid(operation, "a label's name is 1 to 63 of A-Z a-z 0-9 _ . -, a letter or digit at both ends")
      if (typeof value !== 'string' || !LABEL_VALUE.test(value)) {
        throw SecretError.invalid(operation, `the label ${JSON.stringify(name)} is 1 to 256 of A-Z a-z 0-9 _ . : / = + @ - and space`)
      }
    }
    return Object.fromEntries(entries) as Record<string, string>
  }
}
