import type { ConfigProblem } from './problems.ts'
import { pathText, shownName } from './problems.ts'

const VARIABLE = /\$(?:\$|\{(?<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?<fallback>[^}]*))?\}|\{(?<bad>[^}]*)\}?)/g

/**
 * Replaces `${NAME}` and `${NAME:-default}` in every text, `$$` by a dollar. A variable that is empty counts as not set.
 * What is wrong is added to `problems`; the paths of texts that variables are in, to `varied`.
 */
export function interpolated(value: unknown, environment: NodeJS.ProcessEnv, problems: ConfigProblem[], varied: Set<string>): unknown {
  const walk = (one: unknown, path: readonly PropertyKey[]): unknown => {
    if (typeof one === 'string') {
      const text = replaced(one, environment, problems, path)
      if (text !== one) varied.add(pathText(path))
      return text
    }
    if (Array.isArray(one)) return one.map((item: unknown, index) => walk(item, [...path, index]))
    if (!isPlainObject(one)) return one
    return Object.fromEntries(Object.entries(one).map(([name, field]) => [name, walk(field, [...path, name])]))
  }
  return walk(value, [])
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
      problems.push({
        path: pathText(path),
        found: `\${${shownName(name)}}, which is not set`,
        allowed: `a variable that is set, or \${${shownName(name)}:-default}`,
      })
    }
    return fallback ?? ''
  })
}

export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value))
}
