import { invalid } from './status.ts'
import type { Message, Timestamp } from './resources.ts'

/** Fields whose keys are the caller's. */
const MAPS: ReadonlySet<string> = new Set(['labels', 'annotations', 'versionAliases', 'tags', 'metadata'])
const DURATIONS: ReadonlySet<string> = new Set(['ttl', 'versionDestroyTtl', 'rotationPeriod', 'retryDelay'])
const STATES: Readonly<Record<string, number>> = { ENABLED: 1, DISABLED: 2, DESTROYED: 3 }
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.(\d{1,9}))?(?:Z|[+-]\d{2}:\d{2})$/
const DURATION = /^(\d{1,12})(?:\.(\d{1,9}))?s$/

type Json = Readonly<Record<string, unknown>>

/** A request as JSON, in the form that protobufjs makes messages of. @throws GoogleStatus INVALID_ARGUMENT */
export function fromJson(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map(item => fromJson(item, key))
  if (key.endsWith('Time')) return timestampOf(value)
  if (DURATIONS.has(key)) return durationOf(value)
  if (key === 'data' && typeof value === 'string') return value.replaceAll('-', '+').replaceAll('_', '/')
  if (typeof value !== 'object' || value === null || MAPS.has(key)) return value
  const entries = Object.entries(value).filter(([, inner]) => inner !== null)
  return Object.fromEntries(entries.map(([name, inner]) => [camel(name), fromJson(inner, camel(name))]))
}

/** @throws GoogleStatus INVALID_ARGUMENT for a field that the message has not, as Google does */
export function refuseUnknown(given: unknown, known: unknown, key = ''): void {
  if (MAPS.has(key) || typeof given !== 'object' || given === null) return
  if (typeof known !== 'object' || known === null) return
  for (const [name, inner] of Object.entries(given)) {
    if (!Array.isArray(given) && !Object.hasOwn(known, name))
      throw invalid(`Invalid JSON payload received. Unknown name "${name}": Cannot find field.`)
    refuseUnknown(inner, (known as Json)[name], Array.isArray(given) ? key : name)
  }
}

/** An answer as JSON: what is empty is left out, as Google does. */
export function toJson(value: unknown, enumsAsNumbers: boolean, key = ''): unknown {
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (key.endsWith('Time')) return timeText(value as Timestamp)
  if (DURATIONS.has(key)) return durationText(value as Timestamp)
  if (key === 'state' && enumsAsNumbers) return STATES[String(value)]
  if (Array.isArray(value)) return value.map(item => toJson(item, enumsAsNumbers, key))
  if (typeof value !== 'object' || value === null) return value
  if (MAPS.has(key)) return value
  const kept = Object.entries(value as Message).filter(([name, inner]) => !isEmpty(inner, name))
  return Object.fromEntries(kept.map(([name, inner]) => [name, toJson(inner, enumsAsNumbers, name)]))
}

function isEmpty(value: unknown, key: string): boolean {
  if (Array.isArray(value)) return value.length === 0
  if (typeof value === 'object' && value !== null) return MAPS.has(key) && Object.keys(value).length === 0
  return value === undefined || value === null || value === '' || value === false || value === 0
}

export function camel(name: string): string {
  return name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

export function snake(name: string): string {
  return name.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}

function timestampOf(value: unknown): Timestamp {
  const [text, fraction = ''] = (typeof value === 'string' ? TIME.exec(value) : null) ?? []
  const ms = Date.parse(text ?? '')
  if (Number.isNaN(ms)) throw invalid('Invalid JSON payload received. Illegal timestamp format.')
  return { seconds: String(Math.floor(ms / 1000)), nanos: Number(fraction.padEnd(9, '0')) }
}

function durationOf(value: unknown): Timestamp {
  const [, seconds, fraction = ''] = (typeof value === 'string' ? DURATION.exec(value) : null) ?? []
  if (seconds === undefined) throw invalid('Invalid JSON payload received. Illegal duration format.')
  return { seconds, nanos: Number(fraction.padEnd(9, '0')) }
}

function timeText({ seconds, nanos }: Timestamp): string {
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}${fractionText(nanos)}Z`
}

function durationText({ seconds, nanos }: Timestamp): string {
  return `${seconds}${fractionText(nanos)}s`
}

/** Three, six or nine digits, or none. */
function fractionText(nanos: number): string {
  if (nanos === 0) return ''
  return `.${String(nanos)
    .padStart(9, '0')
    .replace(/(?:000){1,2}$/, '')}`
}
