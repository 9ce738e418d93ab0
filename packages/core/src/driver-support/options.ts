import { SecretError } from '../errors.ts'
import { checkKeys, isObject } from '../internal/checks.ts'

/** For authors of drivers: how a driver's options are looked at and refused, alike in all of them. `operation` names the driver's function. */
export interface OptionChecks {
  /** @throws SecretError `invalid_argument` */
  fail(hint: string): never
  /** For options that exclude each other. @throws SecretError `misconfigured` */
  clash(hint: string): never
  /** @throws SecretError `invalid_argument` unless `value` is an object with no other keys than these */
  keys(value: unknown, what: string, allowed: readonly string[]): void
  /**
   * The name is the option's; `origin` refuses a path too. @throws SecretError `invalid_argument` unless it is an http or https URL
   * without user name, password, query and fragment
   */
  url(value: unknown, name: string, form?: 'origin'): URL
  /**
   * Labels of the caller's own, with the greatest lengths in characters. @throws SecretError `invalid_argument` for too many, one that
   * is too long or not text, or a name that begins with one that is `reserved`
   */
  labels(
    value: unknown,
    name: string,
    limits: { readonly count: number; readonly key: number; readonly value: number; readonly reserved: string },
  ): void
}

export function optionChecks(operation: string): OptionChecks {
  const checks: OptionChecks = {
    fail(hint) {
      throw SecretError.invalid(operation, hint)
    },
    clash(hint) {
      throw SecretError.refused('misconfigured', operation, { hint })
    },
    keys(value, what, allowed) {
      checkKeys(operation, value, allowed, { whole: `${what} is`, unknown: `unknown in ${what}:` })
    },
    url(value, name, form) {
      const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined
      if (url === undefined || !['http:', 'https:'].includes(url.protocol)) return checks.fail(`${name} is an http or https URL`)
      if (url.username + url.password + url.search + url.hash !== '') checks.fail(`${name} has no user name, no password, no query and no fragment`)
      if (form === 'origin' && url.pathname !== '/') checks.fail(`${name} is a host and a port, without a path`)
      return url
    },
    labels(value, name, limits) {
      if (!isObject(value)) return checks.fail(`${name} are an object of strings`)
      const entries = Object.entries(value)
      if (entries.length > limits.count) checks.fail(`${entries.length} ${name}, ${limits.count} allowed`)
      for (const [key, label] of entries) {
        if (!isText(key, limits.key) || key.toLowerCase().startsWith(limits.reserved)) {
          checks.fail(`the name of one of the ${name} is 1 to ${limits.key} characters and does not begin with ${limits.reserved}`)
        }
        if (label !== '' && !isText(label, limits.value)) checks.fail(`${name}: ${JSON.stringify(key)} is text of at most ${limits.value} characters`)
      }
    },
  }
  return checks
}

/** For authors of drivers: well-formed text of 1 to `max` characters. */
export function isText(value: unknown, max = 4096): value is string {
  return typeof value === 'string' && value.length >= 1 && value.length <= max && value.isWellFormed()
}
