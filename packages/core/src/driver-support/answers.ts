import type { Payload } from '../driver.ts'
import type { Failure } from '../errors.ts'
import { isObject } from '../internal/checks.ts'
import { finding, type DriverFinding } from './failure.ts'

/** For authors of drivers: whether the call that is answered may have written. */
export type Effect = Failure['effect']

/** For authors of drivers: what came as an object; nothing in it is sure to be there. */
export type Fields = Readonly<Record<string, unknown>>

/** For authors of drivers: how what a backend answers is looked at, alike for all. Without an effect it is `none`. */
export interface AnswerChecks {
  /** The answer lacks what it must have: `corrupt`. */
  readonly damaged: (effect?: Effect) => DriverFinding
  /** @throws DriverFinding `corrupt` unless it is an object */
  object(value: unknown, effect?: Effect): Fields
  /** An absent list is an empty one. @throws DriverFinding `corrupt` unless it is a list of objects */
  list<Item extends object>(value: readonly Item[] | null | undefined): readonly Item[]
  list(value: unknown): readonly Fields[]
  /** @throws DriverFinding `corrupt` unless it is text that is not empty */
  readonly text: (value: unknown, effect?: Effect) => string
}

/** For authors of drivers: the checks of what `backend` answers, which their errors name. */
export function answerChecks(backend: string): AnswerChecks {
  const damaged = (effect: Effect = 'none'): DriverFinding => finding('corrupt', { effect, hint: `the answer of ${backend} is incomplete` })
  return {
    damaged,
    object(value, effect) {
      if (!isObject(value)) throw damaged(effect)
      return value
    },
    list(value: unknown): readonly never[] {
      if (value === undefined || value === null) return []
      if (!Array.isArray(value) || value.some(item => !isObject(item))) throw damaged()
      return value as never[]
    },
    text(value, effect) {
      if (typeof value !== 'string' || value === '') throw damaged(effect)
      return value
    },
  }
}

/** For authors of drivers: text, or undefined for what is empty or none: an empty page token ends a list, as an absent one does. */
export function tokenOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** For authors of drivers: a date that came as one, as text, or in milliseconds since 1970; undefined for anything else. */
export function dateOf(value: unknown): Date | undefined {
  const date = value instanceof Date ? value : new Date(tokenOf(value) ?? (typeof value === 'number' ? value : Number.NaN))
  return Number.isNaN(date.getTime()) ? undefined : date
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** For authors of drivers: the text of a value that is text, for a backend that takes text. */
export function textOf({ bytes }: Payload): string {
  return decoder.decode(bytes)
}

/** For authors of drivers: the bytes of a value for a backend that takes only text. */
export function base64Of({ bytes }: Payload): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/** For authors of drivers: a value that is text. */
export function payloadOfText(text: string): Payload {
  return { bytes: encoder.encode(text), text: true }
}

/** For authors of drivers: the bytes that `base64Of` wrote; undefined for what is no base64. */
export function payloadOfBase64(text: string): Payload | undefined {
  // A copy, since a small Buffer lies in one that Node shares between many.
  return BASE64.test(text) ? { bytes: new Uint8Array(Buffer.from(text, 'base64')), text: false } : undefined
}
