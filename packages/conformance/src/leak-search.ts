import { createHash } from 'node:crypto'
import { inspect } from 'node:util'

const MAX_OBJECTS = 20_000

/** The forms in which a value could be told: as it is, encoded, as bytes, or as a digest that can be guessed offline. */
function formsOf(marker: string): readonly string[] {
  const bytes = Buffer.from(marker)
  const hex = bytes.toString('hex')
  // Base64 of text inside other text starts at one of three places; the middle is the same for the same place.
  const base64 = [0, 1, 2].map(offset => {
    const encoded = Buffer.concat([Buffer.alloc(offset, 0x20), bytes]).toString('base64')
    return encoded.slice(offset === 0 ? 0 : 4, -4)
  })
  const digests = ['sha256', 'sha1', 'md5'].flatMap(name => {
    const digest = createHash(name).update(bytes).digest()
    return [digest.toString('hex'), digest.toString('base64').replaceAll('=', '')]
  })
  return [
    marker,
    marker.toUpperCase(),
    Array.from(marker).toReversed().join(''),
    hex,
    hex.match(/../g)?.join(' ') ?? hex,
    [...bytes].join(','),
    [...bytes].join(', '),
    ...base64,
    ...base64.map(encoded => encoded.replaceAll('+', '-').replaceAll('/', '_')),
    ...digests,
  ].filter(form => form.length >= 8)
}

/** A search for one marker in everything that an error, an event or an output could tell it by. */
export class LeakSearch {
  readonly #forms: readonly string[]

  constructor(marker: string) {
    this.#forms = formsOf(marker)
  }

  isIn(text: string): boolean {
    return this.#forms.some(form => text.includes(form))
  }

  /** Where the marker is in a thing, or undefined. Looks at every property, inherited and hidden, at any depth. */
  find(subject: unknown, name: string): string | undefined {
    const shown = attempt(() => inspect(subject, { depth: Infinity, showHidden: true, getters: true, maxArrayLength: null, maxStringLength: null }))
    if (shown !== undefined && this.isIn(shown)) return this.#walk(subject, name) ?? `util.inspect(${name})`
    const json = attempt<string | undefined>(() => JSON.stringify(subject))
    if (json !== undefined && this.isIn(json)) return this.#walk(subject, name) ?? `JSON.stringify(${name})`
    const text = attempt(() => String(subject))
    if (text !== undefined && this.isIn(text)) return `String(${name})`
    return this.#walk(subject, name)
  }

  #walk(subject: unknown, name: string): string | undefined {
    const seen = new Set<unknown>()
    const waiting: (readonly [thing: unknown, where: string])[] = [[subject, name]]
    for (const [thing, where] of waiting) {
      if (typeof thing === 'string') {
        if (this.isIn(thing)) return where
        continue
      }
      if ((typeof thing !== 'object' && typeof thing !== 'function') || thing === null || seen.has(thing) || seen.size > MAX_OBJECTS) continue
      if (isOfTheLanguage(thing)) continue
      seen.add(thing)
      if (ArrayBuffer.isView(thing)) {
        if (this.isIn(Buffer.from(thing.buffer, thing.byteOffset, thing.byteLength).toString('latin1'))) return where
        continue
      }
      if (thing instanceof Map || thing instanceof Set) for (const [index, entry] of [...thing].entries()) waiting.push([entry, `${where}[${index}]`])
      for (const key of keysOf(thing)) {
        if (typeof key === 'string' && this.isIn(key)) return `a key of ${where}`
        const value = attempt(() => (thing as Readonly<Record<PropertyKey, unknown>>)[key])
        waiting.push([value, `${where}.${String(key)}`])
      }
      waiting.push([attempt(() => Object.getPrototypeOf(thing) as unknown), `${where}.prototype`])
    }
    return undefined
  }
}

const BUILT_IN = new Set<unknown>([
  ...[Object, Function, Array, Error, Map, Set, Promise, Uint8Array, Date, RegExp, Symbol].flatMap(kind => [kind, kind.prototype as unknown]),
  globalThis,
  process,
])

function isOfTheLanguage(thing: object): boolean {
  return BUILT_IN.has(thing)
}

function keysOf(thing: object): readonly PropertyKey[] {
  return attempt(() => Reflect.ownKeys(thing)) ?? []
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined // what cannot be looked at tells nothing
  }
}
