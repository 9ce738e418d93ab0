import type { Budget, Intent, Message, State, Task } from './state.ts'

const TASKS = ['promote', 'destroy', 'purge', 'watch'] as const
const KINDS = ['update', 'create', 'migrate'] as const
const SENDS = ['create', 'append', 'promote', 'destroy', 'purge'] as const
const HALF = 14

/** A text for each state: what is small and comes often is packed into numbers, the rest is written out once and is a number from then on. */
export class Keys {
  readonly #known = new WeakMap<object, number>()
  readonly #numbers = new Map<string, number>()

  /** The same for two states that differ only in the order of what has none. */
  of(state: State): string {
    const { intents, tasks, flying, processes, rows, paths, requests, committed, undone, budget } = state
    const codes: number[] = [committed, undone, packBudget(budget)]
    for (const process of processes) codes.push(this.#part(process))
    for (const row of rows) codes.push(this.#part(row))
    for (const path of paths) codes.push(this.#part(path))
    for (const request of requests) codes.push(this.#part(request))
    codes.push(intents.length, tasks.length)
    for (const packed of sorted(intents.map(packIntent))) codes.push(packed)
    for (const packed of sorted(tasks.map(packTask))) codes.push(packed >>> HALF, packed & ((1 << HALF) - 1))
    for (const packed of sorted(flying.map(packMessage))) codes.push(packed >>> HALF, packed & ((1 << HALF) - 1))
    return String.fromCharCode(...codes)
  }

  #part(part: object | null): number {
    if (part === null) return 0xffff
    const known = this.#known.get(part)
    if (known !== undefined) return known
    const text = JSON.stringify(part)
    const number = this.#numbers.get(text) ?? this.#numbers.size
    if (number >= 0xffff) throw new RangeError('a configuration has more different parts than a key has room for')
    this.#numbers.set(text, number)
    this.#known.set(part, number)
    return number
  }
}

function sorted(numbers: number[]): readonly number[] {
  return numbers.length > 1 ? numbers.sort((a, b) => a - b) : numbers
}

function packBudget({ faults, crashes, timeouts, ambiguous, stalls, garbles }: Budget): number {
  return faults | (crashes << 3) | (timeouts << 5) | (ambiguous << 7) | (stalls << 9) | (garbles << 11)
}

function packIntent({ op, kind, record, path, base, held, recovered }: Intent): number {
  return op | (KINDS.indexOf(kind) << 3) | (record << 5) | (base << 7) | (Number(held) << 11) | (Number(recovered) << 12) | (path << 13)
}

function packTask({ task, path, version, token, claim, late, copy }: Task): number {
  const what = TASKS.indexOf(task) | (path << 2) | (version << 5) | ((token + 1) << 9)
  return what | ((claim + 2) << 13) | (Number(late) << 17) | (Number(copy) << 18)
}

function packMessage(message: Message): number {
  const head = SENDS.indexOf(message.sends) | (message.path << 3)
  switch (message.sends) {
    case 'create':
      return head | (message.token << 6) | (message.value << 13) | (message.part << 20)
    case 'append':
      return head | (message.token << 6) | (message.value << 13) | (message.after << 20)
    case 'promote':
      return head | (message.version << 6) | (message.from << 10)
    case 'destroy':
      return head | (message.version << 6)
    case 'purge':
      return head
  }
}
