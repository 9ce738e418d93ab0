import type { ConfigProblem } from './problems.ts'
import { pathText } from './problems.ts'

const VARIABLE = /\$(?:\$|\{(?<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?<fallback>[^}]*))?\}|\{(?<bad>[^}]*)\}?)/g

/**
 * Replaces `${NAME}` and `${NAME:-default}` in every text, `$$` by a dollar. A variable that is empty counts as not set.
 * What is wrong is added to `problems`.
 */
export function interpolated(value: unknown, environment: NodeJS.ProcessEnv, problems: ConfigProblem[], path: readonly PropertyKey[] = []): unknown {
  if (typeof value === 'string') return replaced(value, environment, problems, path)
  if (Array.isArray(value)) return value.map((one, index) => interpolated(one, environment, problems, [...path, index]))
  if (!isPlainObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, interpolated(one, environment, problems, [...path, name])]))
}

function replaced(text: string, environment: NodeJS.ProcessEnv, problems: ConfigProblem[], path: readonly PropertyKey[]): string {
  return text.replaceAll(VARIABLE, (whole, ...rest) => {
    if (whole === '$$') return '$'
    const { name, fallback } = rest.at(-1) as { readonly name?: string; readonly fallback?: string; readonly bad?: string }
    if (name === undefined) {
      problems.push({ path: pathText(path), found: 'a ${…} that is no variable', allowed: '${NAME}, ${NAME:-default}, and $$ for a dollar' })
      return ''
    }
    const set = environment[name]
    if (set !== undefined && set !== '') return set
    if (fallback === undefined) {
      problems.push({ path: pathText(path), found: `\${${name}}, which is not set`, allowed: `a variable that is set, or \${${name}:-default}` })
    }
    return fallback ?? ''
  })
}

export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value))
}
