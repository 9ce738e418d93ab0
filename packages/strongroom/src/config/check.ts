import type { z } from 'zod'
import { combinatorProblems, writableOf } from './combinators.ts'
import { REFERENCE } from './fields.ts'
import { interpolated, isPlainObject } from './interpolate.ts'
import { ConfigError, foundText, nearest, pathText, shownName, type ConfigProblem } from './problems.ts'
import { configSchema, storeTypes, type Config } from './schema.ts'
import { BadShorthand, metadataOfUrl, storeOfUrl } from './shorthand.ts'
import { flagOf, typed } from './typed.ts'

/** A store of a type that the program brings itself: its fields are as they stand in the configuration. */
export interface CustomStore {
  readonly type: string
  readonly [field: string]: unknown
}

export interface CheckedConfig extends Omit<Config, 'stores'> {
  readonly id: string
  readonly stores: Readonly<Record<string, Config['stores'][string] | CustomStore>>
  readonly writeTo: string
}

/**
 * Replaces variables and shorthands, and checks everything. `schemes` are the names of the types that the program brings.
 * @throws ConfigError with every problem
 */
export function checkConfig(source: string, given: unknown, environment: NodeJS.ProcessEnv, schemes: readonly string[]): CheckedConfig {
  const problems: ConfigProblem[] = []
  const varied = new Set<string>()
  const raw = interpolated(given, environment, problems, varied)
  if (problems.length > 0) throw new ConfigError(source, problems)
  if (!isPlainObject(raw)) throw new ConfigError(source, [{ path: '', found: foundText(raw, ''), allowed: 'an object with stores' }])
  const whole = expanded(raw, problems)
  const urls = Object.entries(isPlainObject(raw['stores']) ? raw['stores'] : {}).flatMap(([name, store]) =>
    typeof store === 'string' ? [`${pathText(['stores', name])}.`] : [],
  )
  const isText = (path: string): boolean => varied.has(path) || urls.some(url => path.startsWith(url))
  const { stores: all, ...others } = whole
  const custom: Record<string, CustomStore> = {}
  const own: Record<string, unknown> = {}
  for (const [name, store] of Object.entries(isPlainObject(all) ? all : {})) {
    const isCustom = isPlainObject(store) && typeof store['type'] === 'string' && schemes.includes(store['type'])
    if (isCustom) custom[name] = customOf(store as CustomStore, pathText(['stores', name]), varied)
    else own[name] = store
  }
  const { stores: read, ...rest } = typed({ ...others, stores: all === undefined || isPlainObject(all) ? own : all }, isText)
  const result = configSchema.safeParse({ ...rest, stores: read })
  if (!result.success) {
    const known = new Set(problems.map(({ path }) => path))
    problems.push(
      ...result.error.issues
        .flatMap(issue => problemsOf(issue, { ...rest, stores: isPlainObject(read) ? { ...read, ...custom } : all }, schemes))
        .filter(({ path }) => !known.has(path)),
    )
  }
  if (problems.length > 0 || !result.success) throw new ConfigError(source, problems)
  const stores = { ...result.data.stores, ...custom }
  if (Object.keys(stores).length === 0) throw new ConfigError(source, [{ path: 'stores', found: 'no store', allowed: 'at least one, by its name' }])
  const unfit = combinatorProblems(stores)
  if (unfit.length > 0) throw new ConfigError(source, unfit)
  const names = writableOf(stores)
  if (names.length === 0)
    throw new ConfigError(source, [{ path: 'stores', found: 'readOnly in each', allowed: 'at least one that may be written to' }])
  const writeTo = result.data.writeTo ?? (names.length === 1 ? names[0] : undefined)
  if (writeTo === undefined || !names.includes(writeTo)) {
    const allowed = `one of ${names.join(', ')}`
    const isReadOnly = writeTo !== undefined && Object.hasOwn(stores, writeTo)
    const found = isReadOnly ? `${JSON.stringify(writeTo)}, which is readOnly` : foundText(writeTo, 'writeTo', allowed)
    throw new ConfigError(source, [{ path: 'writeTo', found, allowed }])
  }
  return { ...result.data, id: result.data.id ?? 'main', stores, writeTo }
}

/** What its fields may be only the program knows, but for those that all stores have. */
function customOf(store: CustomStore, path: string, varied: ReadonlySet<string>): CustomStore {
  return varied.has(`${path}.readOnly`) ? { ...store, readOnly: flagOf(store['readOnly']) } : store
}

/** Shorthands as their object forms. */
function expanded(raw: Readonly<Record<string, unknown>>, problems: ConfigProblem[]): Readonly<Record<string, unknown>> {
  const expand = (value: unknown, path: string, form: (url: string) => Readonly<Record<string, unknown>>): unknown => {
    if (typeof value !== 'string') return value
    try {
      return form(value)
    } catch (error) {
      if (!(error instanceof BadShorthand)) throw error
      // The text may have a password in it.
      problems.push({ path, found: value.includes('@') ? 'a URL (not shown)' : foundText(value, '', error.allowed), allowed: error.allowed })
      return undefined
    }
  }
  const { stores, metadata } = raw
  return {
    ...raw,
    ...(metadata === undefined ? {} : { metadata: expand(metadata, 'metadata', metadataOfUrl) }),
    ...(isPlainObject(stores)
      ? { stores: Object.fromEntries(Object.entries(stores).map(([name, store]) => [name, expand(store, pathText(['stores', name]), storeOfUrl)])) }
      : {}),
  }
}

function problemsOf(issue: z.core.$ZodIssue, whole: unknown, schemes: readonly string[]): readonly ConfigProblem[] {
  const { path, message } = issue
  if (issue.code === 'unrecognized_keys') {
    const names = message.split(', ')
    return issue.keys.map(key => {
      const near = nearest(key, names)
      return {
        path: pathText([...path, near === undefined ? shownName(key) : key]),
        found: 'an unknown name',
        allowed: near === undefined ? names.join(', ') : `did you mean ${near}? ${names.join(', ')}`,
      }
    })
  }
  const isStoreType = path[0] === 'stores' && path.length === 3 && path[2] === 'type'
  const allowed = isStoreType && schemes.length > 0 ? `${message}, ${schemes.join(', ')}` : message
  const found = path.reduce<unknown>((value, part) => (isPlainObject(value) || Array.isArray(value) ? (value as never)[part] : undefined), whole)
  const type = isStoreType && typeof found === 'string' ? nearest(found, [...Object.keys(storeTypes), ...schemes]) : undefined
  return [
    {
      path: pathText(path),
      found:
        issue.code === 'invalid_key'
          ? 'a name that is not allowed'
          : foundText(found, message.startsWith(REFERENCE) ? 'credential' : String(path.at(-1) ?? ''), allowed),
      allowed: type === undefined ? allowed : `did you mean ${type}? ${allowed}`,
    },
  ]
}
