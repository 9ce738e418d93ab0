// Byte by byte as Latin-1, so that what is pasted stays what it is in any encoding; whoever takes the value decodes it.

const PASTE_BEGINS = '\u001b[200~'
const PASTE_ENDS = '\u001b[201~'
/** A key that writes nothing, such as an arrow. */
// oxlint-disable-next-line no-control-regex
const ESCAPE_SEQUENCE = /^\u001b(?:\[[0-?]*[ -/]*[@-~]|O.|[^[O])/
// oxlint-disable-next-line no-control-regex
const LAST_CHARACTER = /(?:[\u0000-\u007f]|[\u0080-\u00ff][\u0080-\u00bf]*)$/

/** Where typing stands: it goes on, Enter has ended it, or the person has had enough. */
export type Typing = 'more' | 'entered' | 'left'

/** Keys as a terminal sends them in raw mode, with bracketed paste, and the value that they make. */
export class TypedValue {
  readonly #limit: number
  #value = ''
  #pending = ''
  #isPasting = false
  #problem: 'strange' | 'long' | undefined

  /** @param limit bytes, beyond which nothing is kept */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** What came after Enter at once: more of what was pasted where the terminal does not say what is. */
  get rest(): string {
    return this.#pending
  }

  /** `strange`: with a key that writes nothing in the middle of text. `long`: longer than the limit. */
  get problem(): 'strange' | 'long' | undefined {
    return this.#problem
  }

  /** The bytes, without one line break at their end, as of what is piped in. */
  get bytes(): Uint8Array {
    return Buffer.from(this.#value.replace(/\n$/, ''), 'latin1')
  }

  /** Takes what the terminal sends. `onUnknown` is told of a key that writes nothing and was pressed by itself. */
  take(chunk: Uint8Array, onUnknown: () => void): Typing {
    const text = Buffer.from(chunk).toString('latin1')
    if (!this.#isPasting && this.#pending === '' && (text === '\u001b' || text === '\u0003')) return 'left'
    this.#pending += text
    while (this.#pending !== '') {
      const step = this.#isPasting ? this.#paste() : this.#key(text, onUnknown)
      if (step === 'wait') return 'more'
      if (step !== 'more') return step
    }
    return 'more'
  }

  #paste(): 'more' | 'wait' {
    const end = this.#pending.indexOf(PASTE_ENDS)
    const held = end === -1 ? heldBack(this.#pending, ['\r', ...prefixesOf(PASTE_ENDS)]) : 0
    const taken = this.#pending.slice(0, end === -1 ? this.#pending.length - held : end)
    // Terminals send line breaks as Enter.
    this.#add(taken.replaceAll(/\r\n?/g, '\n'))
    this.#pending = this.#pending.slice(end === -1 ? taken.length : end + PASTE_ENDS.length)
    this.#isPasting = end === -1
    return end === -1 ? 'wait' : 'more'
  }

  #key(chunk: string, onUnknown: () => void): Typing | 'wait' {
    const pending = this.#pending
    if (pending.startsWith(PASTE_BEGINS)) {
      this.#isPasting = true
      return this.#pass(PASTE_BEGINS.length)
    }
    const key = pending[0] ?? ''
    if (key === '\u001b') {
      const [sequence] = ESCAPE_SEQUENCE.exec(pending) ?? []
      if (sequence === undefined) return 'wait'
      return this.#unknown(sequence, chunk, onUnknown)
    }
    if (key === '\r' || key === '\n') {
      this.#pass(pending.startsWith('\r\n') ? 2 : 1)
      return 'entered'
    }
    if (key === '\u0003' || (key === '\u0004' && this.#value === '')) return 'left'
    if (key === '\u007f' || key === '\b') this.#value = this.#value.replace(LAST_CHARACTER, '')
    else if (key === '\u0015') this.#value = ''
    else if (key < ' ' && key !== '\t') return this.#unknown(key, chunk, onUnknown)
    else this.#add(key)
    return this.#pass(1)
  }

  /** By itself, a slip of the hand; with others, part of a paste that would be lost. */
  #unknown(sequence: string, chunk: string, onUnknown: () => void): 'more' {
    if (sequence === chunk) onUnknown()
    else this.#problem ??= 'strange'
    return this.#pass(sequence.length)
  }

  #add(text: string): void {
    if (this.#value.length + text.length > this.#limit) this.#problem ??= 'long'
    else this.#value += text
  }

  #pass(count: number): 'more' {
    this.#pending = this.#pending.slice(count)
    return 'more'
  }
}

/** How much at the end of a text could be the beginning of what is looked for. */
function heldBack(text: string, beginnings: readonly string[]): number {
  return Math.max(0, ...beginnings.filter(beginning => text.endsWith(beginning)).map(({ length }) => length))
}

function prefixesOf(text: string): readonly string[] {
  return Array.from({ length: text.length - 1 }, (_, index) => text.slice(0, index + 1))
}
