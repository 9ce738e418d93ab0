import { realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { SecretError } from '@strongroom/core'

/** Where the keys are: an environment variable, or a file that must exist (`addLocalKey` makes one). */
export type LocalKeySource = { readonly env: string } | { readonly file: string }

/** Which directory a driver keeps secrets in, and what they are encrypted with. */
export interface LocalDriverOptions {
  /** A directory for this store alone, made with mode 0700 on first use. On a local disk: SQLite's log does not work on network file systems. */
  readonly path: string
  /** By default the environment variable `STRONGROOM_LOCAL_KEY` when it is set, otherwise the file `key` in the directory, made on first use. */
  readonly key?: LocalKeySource | undefined
  /** What `{ env }` and `STRONGROOM_LOCAL_KEY` are taken from, when the store is opened. The process's own by default. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
}

/** The options, checked and resolved. */
export interface Place {
  readonly directory: string
  readonly location: string
  /** Undefined: the default, decided when the keys are loaded. */
  readonly key: LocalKeySource | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** @throws SecretError `invalid_argument` */
export function placeOf(options: LocalDriverOptions, operation: string): Place {
  checkKeys(operation, options, ['path', 'key', 'environment'], 'options are an object with a path and, if need be, a key')
  const { path, key, environment = process.env } = options
  if (typeof environment !== 'object' || environment === null) throw SecretError.invalid(operation, 'environment is an object of variables')
  checkText(operation, 'path', path)
  const directory = realPath(resolve(path))
  if (key !== undefined) checkSource(operation, key)
  const source = key !== undefined && 'file' in key ? { file: resolve(key.file) } : key
  return { directory, location: `local:${directory}`, key: source, environment }
}

/** @throws SecretError `invalid_argument` unless it is non-empty text without NUL. */
export function checkText(operation: string, name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string' || value === '' || value.includes('\0'))
    throw SecretError.invalid(operation, `${name} is text without NUL, not empty`)
}

/** @throws SecretError `invalid_argument` unless it is an object with no other keys than these. */
export function checkKeys(operation: string, value: unknown, allowed: readonly string[], hint: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw SecretError.invalid(operation, hint)
  for (const key of Object.keys(value)) {
    if (!allowed.includes(key))
      throw SecretError.invalid(operation, `unknown option ${JSON.stringify(key.slice(0, 64))}; allowed: ${allowed.join(', ')}`)
  }
}

function checkSource(operation: string, key: LocalKeySource): void {
  const hint = 'key is { env } or { file }, not both'
  checkKeys(operation, key, ['env', 'file'], hint)
  if ('env' in key === 'file' in key) throw SecretError.invalid(operation, hint)
  if ('env' in key) checkText(operation, 'key.env', key.env)
  else checkText(operation, 'key.file', key.file)
}

/** The real path even of what is not there yet, so that the location is the same before and after the first use. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(realPath(parent), basename(path)) // missing or closed to us: the first use says which
  }
}
