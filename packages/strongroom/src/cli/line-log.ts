import type { Writable } from 'node:stream'

const MOST_UNREAD_BYTES = 16_777_216

/** JSON lines; those of one turn of the event loop are written at once. */
export class LineLog {
  readonly #to: Writable
  readonly #mostUnreadBytes: number
  #waiting: string[] = []
  #lost = 0

  /** Lines beyond `mostUnreadBytes` that nobody has read are left out, and counted. */
  constructor(to: Writable, { mostUnreadBytes = MOST_UNREAD_BYTES }: { readonly mostUnreadBytes?: number } = {}) {
    this.#to = to
    this.#mostUnreadBytes = mostUnreadBytes
    // Who reads the log may go away; the service goes on.
    to.on('error', () => {})
  }

  write(line: object): void {
    // Who has stopped to read it may stay: the service does not keep its log for ever.
    if (this.#to.writableLength > this.#mostUnreadBytes) {
      this.#lost += 1
      return
    }
    const lost = this.#lost
    this.#lost = 0
    if (lost > 0) this.#add({ time: new Date(), event: 'lines_lost', lines: lost })
    this.#add(line)
  }

  flush(): void {
    if (this.#waiting.length === 0) return
    const lines = this.#waiting
    this.#waiting = []
    this.#to.write(`${lines.join('\n')}\n`)
  }

  #add(line: object): void {
    if (this.#waiting.push(JSON.stringify(line)) === 1) setImmediate(() => this.flush())
  }
}
