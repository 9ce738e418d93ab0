import { invalid } from './status.ts'
import { secretName, versionName, type Project, type Secret, type Version } from './resources.ts'

/** What a field of a resource holds. Times are compared, keys are whole, text may be searched for a part. */
interface Field {
  readonly kind: 'text' | 'time' | 'keys'
  readonly values: readonly string[]
}

const COMPARATORS: Readonly<Record<Field['kind'], readonly string[]>> = {
  text: [':', '=', '!='],
  time: [':', '=', '!=', '<', '>', '<=', '>='],
  keys: [':'],
}

export type FieldsOf<Item> = (item: Item, path: string) => Field | undefined
type Test<Item> = (item: Item) => boolean

const TOKEN = /\s*(?:(\()|(\))|(-)(?=[a-z(])|([a-zA-Z_][^\s()=:<>!"]*(?:"[^"]*")?)\s*(<=|>=|!=|=|:|<|>)?|(\S))/gy
const VALUE = /\s*(?:"((?:[^"\\]|\\.)*)"|([^\s()"]+))/y

/**
 * Google's filter language (AIP-160) for the fields that are named below: `field:part`, `=`, `!=`, `<`, `>`, `<=`, `>=`, `field:*`,
 * `field:(a OR b)`, NOT, AND, OR and parentheses. OR binds closer than AND.
 * The sample is any item: by it a field is known even where there is nothing to be filtered.
 * @throws GoogleStatus INVALID_ARGUMENT for anything else
 */
export function filterOf<Item>(text: string, fieldsOf: FieldsOf<Item>, sample: Item): Test<Item> {
  if (text.trim() === '') return () => true
  return new Parser(text, fieldsOf, sample).whole()
}

class Parser<Item> {
  readonly #text: string
  readonly #fieldsOf: FieldsOf<Item>
  readonly #sample: Item
  #at = 0

  constructor(text: string, fieldsOf: FieldsOf<Item>, sample: Item) {
    this.#text = text
    this.#fieldsOf = fieldsOf
    this.#sample = sample
  }

  whole(): Test<Item> {
    const test = this.#conjunction()
    if (this.#peek() !== undefined) throw refused()
    return test
  }

  #conjunction(): Test<Item> {
    const tests = [this.#disjunction()]
    for (let next = this.#peek(); next !== undefined && next[2] === undefined; next = this.#peek()) {
      if (next[4] === 'AND') this.#take()
      tests.push(this.#disjunction())
    }
    return item => tests.every(test => test(item))
  }

  #disjunction(): Test<Item> {
    const tests = [this.#negation()]
    while (this.#peek()?.[4] === 'OR') {
      this.#take()
      tests.push(this.#negation())
    }
    return item => tests.some(test => test(item))
  }

  #negation(): Test<Item> {
    const next = this.#peek()
    if (next?.[4] !== 'NOT' && next?.[3] === undefined) return this.#simple()
    this.#take()
    const test = this.#simple()
    return item => !test(item)
  }

  #simple(): Test<Item> {
    const [, open, , , path, comparator] = this.#take() ?? []
    if (open !== undefined) {
      const test = this.#conjunction()
      if (this.#take()?.[2] === undefined) throw refused()
      return test
    }
    if (path === undefined || comparator === undefined) throw refused()
    const name = path.replaceAll('"', '')
    const kind = this.#fieldsOf(this.#sample, name)?.kind
    if (kind === undefined || !COMPARATORS[kind].includes(comparator)) throw refused()
    const { all, values } = this.#values()
    const tests = values.map(value => testOf(kind, comparator, value))
    return item => {
      const held = this.#fieldsOf(item, name)?.values ?? []
      return all ? tests.every(test => test(held)) : tests.some(test => test(held))
    }
  }

  /** One value, or several in parentheses. */
  #values(): { readonly all: boolean; readonly values: readonly string[] } {
    const open = this.#peek()?.[1] !== undefined
    if (!open) return { all: true, values: [this.#value()] }
    this.#take()
    const values = [this.#value()]
    let word: string | undefined
    for (let next = this.#take(); next?.[2] === undefined; next = this.#take()) {
      if ((next?.[4] !== 'OR' && next?.[4] !== 'AND') || (word !== undefined && word !== next[4])) throw refused()
      word = next[4]
      values.push(this.#value())
    }
    return { all: word === 'AND', values }
  }

  #value(): string {
    VALUE.lastIndex = this.#at
    const match = VALUE.exec(this.#text)
    if (match === null) throw refused()
    this.#at = VALUE.lastIndex
    return match[1]?.replaceAll(/\\(.)/g, '$1') ?? match[2] ?? ''
  }

  #peek(): RegExpExecArray | undefined {
    const at = this.#at
    const match = this.#take()
    this.#at = at
    return match
  }

  #take(): RegExpExecArray | undefined {
    TOKEN.lastIndex = this.#at
    const match = TOKEN.exec(this.#text)
    if (match === null) return undefined
    this.#at = TOKEN.lastIndex
    return match
  }
}

function testOf(kind: Field['kind'], comparator: string, value: string): (held: readonly string[]) => boolean {
  if (value === '*' && comparator === ':') return held => held.length > 0
  if (kind === 'time') {
    const time = Date.parse(value)
    if (Number.isNaN(time)) throw refused()
    return held => held.some(text => compared(comparator, Date.parse(text), time))
  }
  if (kind === 'keys') return held => held.includes(value)
  const pattern = value
    .split('*')
    .map(part => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('.*')
  const exact = new RegExp(`^${pattern}$`, 's')
  const part = new RegExp(pattern, 'is')
  if (comparator === '!=') return held => !held.some(text => exact.test(text))
  return held => held.some(text => (comparator === '=' ? exact : part).test(text))
}

function compared(comparator: string, left: number, right: number): boolean {
  if (comparator === '<') return left < right
  if (comparator === '>') return left > right
  if (comparator === '<=') return left <= right
  if (comparator === '>=') return left >= right
  return comparator === '!=' ? left !== right : left === right
}

function refused(): Error {
  return invalid('The filter is not valid.')
}

function text(...values: readonly (string | undefined)[]): Field {
  return { kind: 'text', values: values.filter(value => value !== undefined) }
}

function time(micros: number | undefined): Field {
  return { kind: 'time', values: micros === undefined ? [] : [new Date(micros / 1000).toISOString()] }
}

function entryOf(map: Readonly<Record<string, string>>, name: string, path: string): Field | undefined {
  if (path === name) return { kind: 'keys', values: Object.keys(map) }
  return path.startsWith(`${name}.`)
    ? text(Object.hasOwn(map, path.slice(name.length + 1)) ? map[path.slice(name.length + 1)] : undefined)
    : undefined
}

export function secretFields(project: Project): FieldsOf<Secret> {
  return (secret, path) => {
    const { replication } = secret
    if (path === 'name') return text(secretName(project, secret))
    if (path === 'create_time') return time(secret.createTime)
    if (path === 'expire_time') return time(secret.expireTime)
    if (path === 'replication.automatic') return text(replication?.automatic && 'automatic')
    if (path === 'replication.user_managed') return text(replication?.userManaged && 'user_managed')
    if (path === 'replication.user_managed.replicas.location')
      return text(...(replication?.userManaged?.replicas.map(({ location }) => location) ?? []))
    if (path === 'topics.name') return text(...secret.topics.map(({ name }) => String(name)))
    return (
      entryOf(secret.labels, 'labels', path) ?? entryOf(secret.annotations, 'annotations', path) ?? entryOf(secret.aliases, 'version_aliases', path)
    )
  }
}

export function versionFields(project: Project, secret: Secret): FieldsOf<Version> {
  return (version, path) => {
    if (path === 'name') return text(versionName(project, secret, version.number))
    if (path === 'state') return text(version.state)
    if (path === 'create_time') return time(version.createTime)
    if (path === 'destroy_time') return time(version.destroyTime)
    return undefined
  }
}
