import { isPlainObject } from './interpolate.ts'

interface Named {
  readonly name: string
  /** As `{ env: NAME }`, not as `${NAME}` in a text. */
  readonly isCredential: boolean
}

/** Variables that a configuration names, as `${NAME}` or `{ env: NAME }`, in the order in which they stand there. */
export function variablesOf(config: unknown): readonly string[] {
  return [...new Set(namedIn(config).map(({ name }) => name))]
}

/** Those that hold a credential of a store, of the database or of what else the configuration describes: `{ env: NAME }`. */
export function credentialVariablesOf(config: unknown): readonly string[] {
  return [...new Set(namedIn(config).flatMap(({ name, isCredential }) => (isCredential ? [name] : [])))]
}

function namedIn(value: unknown): readonly Named[] {
  if (typeof value === 'string') {
    const found = [...value.matchAll(/\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)(?::-[^}]*)?\})/g)]
    return found.flatMap(([, name]) => (name === undefined ? [] : [{ name, isCredential: false }]))
  }
  if (Array.isArray(value)) return value.flatMap(namedIn)
  if (!isPlainObject(value)) return []
  const { env } = value
  const isReference = typeof env === 'string' && Object.keys(value).length === 1 && /^[A-Za-z_]\w*$/.test(env)
  return [...(isReference ? [{ name: env, isCredential: true }] : []), ...Object.values(value).flatMap(namedIn)]
}
