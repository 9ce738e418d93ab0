import type { Process, State } from './state.ts'

/** Parts of states are shared and never changed, so each is written out once and is a number from then on. */
export class Keys {
  readonly #known = new WeakMap<object, number>()
  readonly #numbers = new Map<string, number>()

  /** The same for two states that differ only in the order of what has none, or in what can make no difference any more. */
  of(state: State): string {
    const { intents, tasks, flying, processes, rows, paths, requests, committed, undone, budget } = state
    return String.fromCharCode(
      committed,
      undone,
      this.#part(budget),
      ...processes.map(process => this.#process(process)),
      ...rows.map(row => this.#part(row)),
      ...paths.map(path => this.#part(path)),
      ...requests.map(request => this.#part(request)),
      intents.length,
      ...this.#sorted(intents),
      tasks.length,
      ...this.#sorted(tasks),
      ...this.#sorted(flying),
    )
  }

  /** What an ended process knew has been looked at when it ended; only that a failure stays one is looked at later. */
  #process(process: Process): number {
    if (process.step !== 'end' || process.job !== undefined) return this.#part(process)
    return process.end === 'failed' ? 0xfffe : 0xfffd
  }

  #sorted(parts: readonly object[]): readonly number[] {
    const numbers = parts.map(part => this.#part(part))
    return numbers.length > 1 ? numbers.sort((a, b) => a - b) : numbers
  }

  #part(part: object | null): number {
    if (part === null) return 0xffff
    const known = this.#known.get(part)
    if (known !== undefined) return known
    const text = JSON.stringify(part)
    const number = this.#numbers.get(text) ?? this.#numbers.size
    if (number >= 0xfff0) throw new RangeError('a configuration has more different parts than a key has room for')
    this.#numbers.set(text, number)
    this.#known.set(part, number)
    return number
  }
}
