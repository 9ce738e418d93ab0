import type { Writable } from 'node:stream'

/** JSON lines; those of one turn of the event loop are written at once. */
export class LineLog {
  readonly #to: Writable
  #waiting: string[] = []

  constructor(to: Writable) {
    this.#to = to
    // Who reads the log may go away; the service goes on.
    to.on('error', () => {})
  }

  write(line: object): void {
    if (this.#waiting.push(JSON.stringify(line)) === 1) setImmediate(() => this.flush())
  }

  flush(): void {
    if (this.#waiting.length === 0) return
    const lines = this.#waiting
    this.#waiting = []
    this.#to.write(`${lines.join('\n')}\n`)
  }
}
