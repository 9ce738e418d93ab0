/** One thing that is wrong: where in the configuration, what was found there, and what is allowed. Never a value that could be secret. */
export interface ConfigProblem {
  /** Such as `stores.main.region`; empty for the whole. */
  readonly path: string
  readonly found: string
  readonly allowed: string
}

/** A configuration that cannot be used. The message has every problem, one a line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'misconfigured'
  /** The file, or how else the configuration was given. */
  readonly source: string
  readonly problems: readonly ConfigProblem[]

  constructor(source: string, problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ path, found, allowed }) => `${path === '' ? 'the whole' : path}: found ${found}; allowed: ${allowed}`)
    super(`${source}: ${lines.length === 1 ? lines[0] : `${lines.length} problems\n${lines.map(line => `  ${line}`).join('\n')}`}`)
    this.source = source
    this.problems = problems
  }
}

/** `stores.main.tags["a b"]`, as a person would write it. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    const name = String(part)
    if (!/^[A-Za-z_][\w-]*$/.test(name)) return `${text}[${JSON.stringify(shortened(name))}]`
    return text === '' ? name : `${text}.${name}`
  }, '')
}

/**
 * What stands there, in words. Text is shown only where its field's name does not speak of secrets, and it is plain and either short or
 * nearly a word of what is `allowed` there, or a URL of words.
 */
export function foundText(value: unknown, field: string, allowed: string = ''): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object') return 'an object'
  if (isSecretName(field)) return `${typeof value === 'string' ? 'text' : `a ${typeof value}`} (not shown)`
  if (typeof value === 'string') return isPlain(value, allowed) ? JSON.stringify(value) : `text of ${value.length} characters`
  if (typeof value === 'number') return String(value).length < LEAST_OF_A_KEY ? String(value) : 'a number (not shown)'
  return typeof value === 'boolean' ? String(value) : `a ${typeof value}`
}

/** A name of the person's own, such as a file's or a variable's. What could be a key that stands there by mistake is left out. */
export function shownName(name: string): string {
  return name.replaceAll(/[A-Za-z0-9+=~]{16,}/g, run => (WORDS.test(run) ? run : '…'))
}

/** The name that was probably meant, if one is near. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const [best] = names.map(one => ({ one, distance: distance(name.toLowerCase(), one.toLowerCase()) })).toSorted((a, b) => a.distance - b.distance)
  return best !== undefined && best.distance <= (name.length < 3 ? 1 : Math.max(2, Math.floor(name.length / 3))) ? best.one : undefined
}

/** What is shorter is hardly a key that a machine has made. */
const LEAST_OF_A_KEY = 16
const URL_OF_WORDS = /^[a-z+]+:\/\/(?:[a-z]{1,15}|\d{1,5})(?:[./:-](?:[a-z]{1,15}|\d{1,5}))*\/?$/
/** As people write names, in one piece: `serviceAccountName`, `KEY`. */
const WORDS = /^(?:[A-Z]?[a-z]{1,15}(?:[A-Z][a-z]{1,15})*|[A-Z]{1,20})\d{0,3}$/

/** A name of a field that may hold a credential. */
function isSecretName(name: string): boolean {
  return /secret|token|password|passwd|credential|private|jwt|^key$|keys$|accesskey|sha256/i.test(name)
}

function isPlain(text: string, allowed: string): boolean {
  if (!/^[\w ./:-]*$/.test(text)) return false
  if (text.length < LEAST_OF_A_KEY) return true
  return text.length <= 64 && (nearest(text, allowed.split(/[^\w./:-]+/)) !== undefined || URL_OF_WORDS.test(text))
}

function shortened(name: string): string {
  return name.length <= 40 ? name : `${name.slice(0, 40)}…`
}

/** Levenshtein's distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
