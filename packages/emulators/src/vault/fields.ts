/** A request that the server refuses with 400 and this message. */
export class BadRequest extends Error {}

export type Fields = Readonly<Record<string, unknown>>

const SECONDS: ReadonlyMap<string, number> = new Map(Object.entries({ ns: 1e-9, us: 1e-6, µs: 1e-6, μs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 }))
const TRUE: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True'])
const FALSE: ReadonlySet<string> = new Set(['', '0', 'f', 'F', 'FALSE', 'false', 'False'])

/*
 * The server's own leniency: a number may come as a text or a boolean, null is the zero of its kind. Undefined: not given.
 * The messages are the server's, since some clients tell errors apart by them.
 */

export function intOf(fields: Fields, name: string): number | undefined {
  return converted(fields, name, 0, value => intFrom(value, ''))
}

export function boolOf(fields: Fields, name: string): boolean | undefined {
  return converted(fields, name, false, value => {
    if (typeof value === 'boolean') return value
    const text = textOf(value)
    if (text === undefined) throw new BadRequest(`'' expected type 'bool', got unconvertible type '${goTypeOf(value)}'`)
    if (TRUE.has(text)) return true
    if (FALSE.has(text)) return false
    throw new BadRequest(`'' cannot parse value as 'bool': strconv.ParseBool: invalid syntax`)
  })
}

export function mapOf(fields: Fields, name: string): Fields | undefined {
  return converted<Fields>(fields, name, {}, value => {
    if (Array.isArray(value)) return Object.assign({}, ...value.map((part: unknown, index) => objectOf(part, `[${index}]`))) as Fields
    return objectOf(value, '')
  })
}

/** Whole seconds of `90`, `"90"`, `"1h30m"` or `"1d"`. Here null is as if it was not given. */
export function secondsOf(fields: Fields, name: string, allowed: 'negative' | 'positive' = 'positive'): number | undefined {
  return converted<number | undefined>(fields, name, undefined, value => {
    const text = textOf(value)
    if (text === undefined) throw new BadRequest('could not parse duration from input')
    const parsed = Math.trunc(durationOf(text))
    if (parsed < 0 && allowed === 'positive') throw new BadRequest(`cannot provide negative value '${parsed}'`)
    return parsed
  })
}

/** Version numbers, as a list, one number, or a text with commas. */
export function versionsOf(fields: Fields, name: string): readonly number[] {
  const list = converted<readonly number[]>(fields, name, [], value => {
    try {
      return listFrom(value).map((part, index) => intFrom(part, `[${index}]`))
    } catch (error) {
      throw error instanceof BadRequest ? new BadRequest(`decoding failed due to the following error(s):\n\n${error.message}`) : error
    }
  })
  return list ?? []
}

function listFrom(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  if (typeof value === 'string') return value === '' ? [] : value.split(',')
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0 ? [] : [value]
}

/** Seconds, as Go writes them: `1h0m0s`. */
export function goDuration(seconds: number): string {
  const size = Math.abs(seconds)
  const [hours, minutes] = [Math.floor(size / 3600), Math.floor(size / 60) % 60]
  return `${seconds < 0 ? '-' : ''}${hours > 0 ? `${hours}h` : ''}${size >= 60 ? `${minutes}m` : ''}${size % 60}s`
}

/** The same without the zeros at its end: `1h`. */
export function shortDuration(seconds: number): string {
  const [, hours, minutes, rest] = /^(\d+h)?(\d+m)?(\d+s)$/.exec(goDuration(seconds)) ?? []
  const kept = rest === '0s' ? (minutes === '0m' || minutes === undefined ? [hours] : [hours, minutes]) : [hours, minutes, rest]
  return kept.join('') || '0s'
}

function converted<Value>(fields: Fields, name: string, zero: Value, convert: (value: unknown) => Value): Value | undefined {
  if (!Object.hasOwn(fields, name)) return undefined
  const value = fields[name]
  try {
    return value === null ? zero : convert(value)
  } catch (error) {
    throw error instanceof BadRequest ? new BadRequest(`error converting input for field "${name}": ${error.message}`) : error
  }
}

function intFrom(value: unknown, where: string): number {
  if (value === null) return 0
  if (typeof value === 'boolean') return value ? 1 : 0
  const text = textOf(value)?.trim()
  if (text === undefined) throw new BadRequest(`'${where}' expected type 'int', got unconvertible type '${goTypeOf(value)}'`)
  if (text !== '' && !/^[-+]?\d+$/.test(text)) throw new BadRequest(`'${where}' cannot parse value as 'int': strconv.ParseInt: invalid syntax`)
  return Number(text)
}

function objectOf(value: unknown, where: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw new BadRequest(`'${where}' expected type 'map[string]interface {}', got unconvertible type '${goTypeOf(value)}'`)
}

/** A text, or a number as a text; undefined for anything else. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined
}

export function goTypeOf(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}'
  if (typeof value === 'object') return 'map[string]interface {}'
  return typeof value === 'number' ? 'json.Number' : typeof value === 'boolean' ? 'bool' : 'string'
}

function durationOf(text: string): number {
  if (text === '') return 0
  if (/^-?\d+$/.test(text)) return Number(text)
  const days = /^(-?\d+)d$/.exec(text)
  if (days !== null) return Number(days[1]) * 86_400
  return text.startsWith('-') ? -goDurationOf(text.slice(1), text) : goDurationOf(text.replace(/^\+/, ''), text)
}

function goDurationOf(parts: string, text: string): number {
  const [, amount, unit, rest = ''] = /^(\d+\.?\d*|\.\d+)([^\d.]*)(.*)$/s.exec(parts) ?? []
  const quoted = JSON.stringify(text)
  if (amount === undefined || unit === undefined) throw new BadRequest(`time: invalid duration ${quoted}`)
  if (unit === '') throw new BadRequest(`time: missing unit in duration ${quoted}`)
  const size = SECONDS.get(unit)
  if (size === undefined) throw new BadRequest(`time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`)
  return Number(amount) * size + (rest === '' ? 0 : goDurationOf(rest, text))
}
