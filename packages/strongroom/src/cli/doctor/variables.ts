import { isPlainObject } from '../../config/interpolate.ts'

/** Variables that a configuration names, as `${NAME}` or `{ env: NAME }`, in the order in which they stand there. */
export function variablesOf(config: unknown): readonly string[] {
  return [...new Set(named(config))]
}

function named(value: unknown): readonly string[] {
  if (typeof value === 'string') return [...value.matchAll(/\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)(?::-[^}]*)?\})/g)].flatMap(([, name]) => name ?? [])
  if (Array.isArray(value)) return value.flatMap(named)
  if (!isPlainObject(value)) return []
  const { env } = value
  const reference = typeof env === 'string' && Object.keys(value).length === 1 && /^[A-Za-z_]\w*$/.test(env) ? [env] : []
  return [...reference, ...Object.values(value).flatMap(named)]
}
