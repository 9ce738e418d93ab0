import { SecretError } from '../errors.ts'
import { checkKeys, isObject } from '../internal/checks.ts'

/** For authors of drivers: whether an option is what it should be. */
export type Fits = (value: unknown) => boolean

type Rule = readonly [is: string, fits: Fits, required?: 'required']

/** By option: what it is, as a sentence that begins with its name; what fits; and whether it must be there. `undefined`: looked at elsewhere. */
export type Rules<Options> = Readonly<Record<keyof Options, Rule | undefined>>

/** For authors of drivers: how a driver's options are looked at and refused, alike in all of them. `operation` names the driver's function. */
export interface OptionChecks {
  /** @throws SecretError `invalid_argument` */
  fail(hint: string): never
  /** For options that exclude each other. @throws SecretError `misconfigured` */
  clash(hint: string): never
  /** @throws SecretError `invalid_argument` unless `value` is an object with no other keys than these */
  keys(value: unknown, what: string, allowed: readonly string[]): void
  /** @throws SecretError `invalid_argument` unless `value` is an object with no other keys than these, each as its rule says */
  fields(value: unknown, what: string, rules: Readonly<Record<string, Rule | undefined>>): void
  /**
   * The name is the option's; `origin` refuses a path too. @throws SecretError `invalid_argument` unless it is an http or https URL
   * without user name, password, query and fragment
   */
  url(value: unknown, name: string, form?: 'origin'): URL
  /**
   * What goes to this URL is encrypted, stays on this machine, or goes in the clear by the option `unsafePlainHttp`.
   * @throws SecretError `invalid_argument`
   */
  plainHttp(url: URL, name: string, unsafePlainHttp: unknown): void
  /**
   * A ready client, and no option beside it that says how one is made: `others`, by name.
   * @throws SecretError `invalid_argument` for one without these methods, `misconfigured` for one of the others
   */
  client(client: unknown, methods: readonly string[], others: object): void
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

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/** For authors of drivers: the checks of a function’s options, whose errors name it as their `operation`. */
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
    fields(value, what, rules) {
      checks.keys(value, what, Object.keys(rules))
      const prefix = what === 'options' ? '' : `${what}.`
      for (const [name, rule] of Object.entries(rules)) {
        const given = (value as Readonly<Record<string, unknown>>)[name]
        if (rule === undefined || (given === undefined && rule[2] === undefined)) continue
        if (!rule[1](given)) checks.fail(`${prefix}${name} ${rule[0]}`)
      }
    },
    url(value, name, form) {
      const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined
      if (url === undefined || !['http:', 'https:'].includes(url.protocol)) return checks.fail(`${name} is an http or https URL`)
      if (url.username + url.password + url.search + url.hash !== '') checks.fail(`${name} has no user name, no password, no query and no fragment`)
      if (form === 'origin' && url.pathname !== '/') checks.fail(`${name} is a host and a port, without a path`)
      return url
    },
    plainHttp({ protocol, hostname }, name, unsafePlainHttp) {
      if (protocol !== 'http:' || unsafePlainHttp === true || LOOPBACK.test(hostname)) return
      checks.fail(`${name} is https, or on the loopback: http sends credentials and values in the clear, which unsafePlainHttp: true would allow`)
    },
    client(client, methods, others) {
      if (!hasMethods(...methods)(client)) checks.fail(`client is an object with the methods ${methods.join(', ')}`)
      const other = Object.entries(others).find(([, given]) => given !== undefined)
      if (other !== undefined) checks.clash(`a ready client is as it is: give ${Object.keys(others).join(', ')}, or the client`)
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

/**
 * For authors of drivers: text that a header takes as it is, such as a token: visible ASCII alone. A line break, which is easily read from a
 * file with it, would fail in the client, where nobody knows what it means.
 */
export function isToken(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value)
}

/** For authors of drivers: text of this form, of at most `max` characters. */
export function isLike(form: RegExp, max?: number): Fits {
  return value => isText(value, max) && form.test(value)
}

/** For authors of drivers: a whole number in the range, both ends included. */
export function isFrom(min: number, max: number): Fits {
  return value => Number.isInteger(value) && (value as number) >= min && (value as number) <= max
}

/** For authors of drivers: one of these. */
export function isOneOf(...allowed: readonly unknown[]): Fits {
  return value => allowed.includes(value)
}

/** For authors of drivers: true or false. */
export function isFlag(value: unknown): value is boolean {
  return typeof value === 'boolean'
}

/** For authors of drivers: an object with these methods, whatever class it is of. */
export function hasMethods(...methods: readonly string[]): Fits {
  return value => methods.every(method => typeof (value as Readonly<Record<string, unknown>> | null | undefined)?.[method] === 'function')
}
