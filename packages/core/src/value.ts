import { crypto } from './internal/crypto.ts'
import { SecretError } from './errors.ts'
import type { Payload } from './driver.ts'

/** A string is text, bytes are binary: nobody sniffs. */
export type ValueInput = string | Uint8Array | SecretValue

const HIDDEN = '[SecretValue]'
const encoder = new TextEncoder()

// Set inside the class, which alone can see the bytes.
let payloadOf: (value: SecretValue) => Payload
let isValue: (input: unknown) => input is SecretValue

/**
 * A secret's value. String conversion, JSON, inspection and structured clone give nothing away; the `reveal…` methods are
 * named to be found. It owns its copy of the bytes, and disposal overwrites them.
 */
export class SecretValue implements Disposable {
  #bytes: Uint8Array | undefined
  readonly #text: boolean

  private constructor(bytes: Uint8Array, text: boolean) {
    this.#bytes = bytes
    this.#text = text
  }

  /**
   * A value from text or bytes, copied. @throws SecretError `invalid_argument` for anything else, and for text with a lone
   * surrogate, which UTF-8 cannot hold.
   */
  static from(input: ValueInput, operation = 'SecretValue.from'): SecretValue {
    if (typeof input === 'string') {
      if (!input.isWellFormed()) throw SecretError.invalid(operation, 'the text has a lone surrogate, which UTF-8 cannot hold; give bytes instead')
      return new SecretValue(encoder.encode(input), true)
    }
    if (isSecretValue(input)) return new SecretValue(input.#open(operation).slice(), input.#text)
    if (input instanceof Uint8Array) return new SecretValue(Uint8Array.from(input), false)
    throw SecretError.invalid(operation, 'a value is a string, a Uint8Array or a SecretValue')
  }

  /** Takes over the bytes of a driver's answer without a copy. */
  static fromPayload(payload: Payload): SecretValue {
    return new SecretValue(payload.bytes, payload.text)
  }

  static {
    payloadOf = value => ({ bytes: value.#open('SecretValue').slice(), text: value.#text })
    isValue = (input): input is SecretValue => typeof input === 'object' && input !== null && #bytes in input
  }

  get byteLength(): number {
    return this.#open('byteLength').byteLength
  }

  /** Whether it was given as text (or a backend keeps it as text). */
  get isText(): boolean {
    return this.#text
  }

  /**
   * The text. The string that comes back cannot be wiped. @throws SecretError `invalid_argument` when the bytes are not
   * UTF-8, `closed` after disposal.
   */
  revealText(): string {
    const bytes = this.#open('revealText')
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    } catch {
      throw SecretError.invalid('revealText', 'the value is not UTF-8 text; use revealBytes()')
    }
  }

  /** A copy of the bytes; the caller owns it. @throws SecretError `closed` after disposal. */
  revealBytes(): Uint8Array {
    return this.#open('revealBytes').slice()
  }

  /** The text parsed as JSON. @throws SecretError `invalid_argument` when it is not JSON, without the parser's message, which quotes the text. */
  revealJson(): unknown {
    const text = this.revealText()
    try {
      return JSON.parse(text) as unknown
    } catch {
      throw SecretError.invalid('revealJson', 'the value is not JSON')
    }
  }

  /** Compares bytes in constant time for equal lengths; the length itself is not hidden. Text and binary of the same bytes are equal. @throws SecretError `invalid_argument` for anything else */
  equals(other: ValueInput): boolean {
    const mine = this.#open('equals')
    if (isSecretValue(other)) return sameBytes(mine, other.#open('equals'))
    if (other instanceof Uint8Array) return sameBytes(mine, other)
    if (typeof other !== 'string') throw SecretError.invalid('equals', 'a value is a string, a Uint8Array or a SecretValue')
    if (!other.isWellFormed()) return false
    const theirs = encoder.encode(other)
    const same = sameBytes(mine, theirs)
    theirs.fill(0)
    return same
  }

  toString(): '[SecretValue]' {
    return HIDDEN
  }

  toJSON(): '[SecretValue]' {
    return HIDDEN
  }

  [Symbol.toPrimitive](): '[SecretValue]' {
    return HIDDEN
  }

  /** Overwrites the bytes; afterwards every method but the string forms throws `closed`. */
  [Symbol.dispose](): void {
    this.#bytes?.fill(0)
    this.#bytes = undefined
  }

  #open(operation: string): Uint8Array {
    if (this.#bytes === undefined) throw SecretError.refused('closed', operation, { hint: 'the value has been disposed of' })
    return this.#bytes
  }
}

// What `util.inspect` and so `console.log` print.
Object.defineProperty(SecretValue.prototype, Symbol.for('nodejs.util.inspect.custom'), { value: () => HIDDEN })

/** A copy of the value for a driver. Internal: it is not exported from the package. */
export function toPayload(value: SecretValue): Payload {
  return payloadOf(value)
}

function isSecretValue(input: unknown): input is SecretValue {
  return isValue(input)
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && crypto().timingSafeEqual(a, b)
}
