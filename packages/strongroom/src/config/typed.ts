import { isPlainObject } from './interpolate.ts'
import { pathText } from './problems.ts'
import { configSchema } from './schema.ts'

/**
 * A variable and a URL's query have text alone: where a field is a number or true or false, and `isText` says of its path that its text
 * is from there, that text is read as such. What cannot be is left, for the check to tell.
 */
export function typed(config: Readonly<Record<string, unknown>>, isText: (path: string) => boolean): Readonly<Record<string, unknown>> {
  const { error } = configSchema.safeParse(config)
  return (error?.issues ?? []).reduce((whole, issue) => {
    if (issue.code !== 'invalid_type' || !isText(pathText(issue.path))) return whole
    return changed(whole, issue.path, value => (issue.expected === 'boolean' ? flagOf(value) : numberOf(value))) as typeof whole
  }, config)
}

export function flagOf(value: unknown): unknown {
  return value === 'true' ? true : value === 'false' ? false : value
}

function numberOf(value: unknown): unknown {
  return typeof value === 'string' && /^-?\d+(?:\.\d+)?$/.test(value) ? Number(value) : value
}

function changed(value: unknown, [first, ...rest]: readonly PropertyKey[], change: (value: unknown) => unknown): unknown {
  if (first === undefined) return change(value)
  if (Array.isArray(value)) return value.map((one: unknown, index) => (index === first ? changed(one, rest, change) : one))
  if (!isPlainObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, name === first ? changed(one, rest, change) : one]))
}
