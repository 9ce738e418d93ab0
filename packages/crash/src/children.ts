import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { forkBound } from '@strongroom/testbed'
import type { Job, Move, Opened, ToChild, ToParent, Wish, Work } from './messages.ts'

/** A busy machine takes long to load an SDK. */
const PATIENCE_MS = 240_000

type Message<Type extends ToParent['type']> = Extract<ToParent, { readonly type: Type }>

/** One process that writes, until it is killed. */
export class Child {
  readonly #process: ChildProcess
  readonly #waiting = new Map<string, (message: ToParent) => void>()
  readonly #dead: Promise<string>
  /** All that it wrote. */
  output = ''

  /** `cache`: a folder where one child leaves what it compiled for the next. */
  constructor(cache: string) {
    this.#process = forkBound(join(import.meta.dirname, 'child.ts'), cache)
    for (const stream of [this.#process.stdout, this.#process.stderr]) stream?.on('data', (part: Buffer) => (this.output += part.toString()))
    this.#process.on('message', (message: ToParent) => this.#waiting.get(message.type)?.(message))
    this.#dead = once(this.#process, 'close').then(([code, signal]) => String(signal ?? code))
  }

  get alive(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  /** By what it ended: a signal's name, or a code. */
  get dead(): Promise<string> {
    return this.#dead
  }

  async warm(opened: Opened, other?: Opened): Promise<this> {
    const warm = this.next('warm')
    this.#tell({ type: 'warm', ...opened, other })
    await warm
    return this
  }

  async prepare(job: Job): Promise<void> {
    const ready = this.next('ready')
    this.#tell({ type: 'prepare', job })
    await ready
  }

  go(): void {
    this.#tell({ type: 'go' })
  }

  async open(work: Work): Promise<void> {
    const opened = this.next('opened')
    this.#tell({ type: 'open', work })
    await opened
  }

  /** What came of it; it never comes when the child is killed meanwhile, or kills itself at its so-and-so-manieth call. */
  async attempt(attempt: Wish, diesAt?: number, onRestores: (actor: string) => void = () => {}): Promise<Message<'did'>['told']> {
    this.#waiting.set('restores', message => onRestores((message as Message<'restores'>).actor))
    const did = this.next('did')
    this.#tell({ type: 'do', attempt, diesAt })
    return (await did).told
  }

  /** Likewise. */
  async move(move: Move, diesAt?: number): Promise<string | undefined> {
    const moved = this.next('moved')
    this.#tell({ type: 'move', move, diesAt })
    return (await moved).wrong
  }

  /** Likewise, of one pass of upkeep. */
  async maintain(diesAt?: number): Promise<Message<'maintained'>> {
    const maintained = this.next('maintained')
    this.#tell({ type: 'maintain', diesAt })
    return await maintained
  }

  /** The next message of a type. @throws when the child ends first, or is silent for too long */
  async next<Type extends ToParent['type']>(type: Type): Promise<Message<Type>> {
    let timer: NodeJS.Timeout | undefined
    try {
      return await Promise.race([
        new Promise<Message<Type>>(resolve => this.#waiting.set(type, message => resolve(message as Message<Type>))),
        this.#dead.then(how => Promise.reject(new Error(`the child ended with ${how} before it was ${type}: ${this.output}`))),
        new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(new Error(`the child was not ${type} in time`)), PATIENCE_MS)
        }),
      ])
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(type)
    }
  }

  /** Resolves when it is gone. */
  async kill(): Promise<string> {
    this.#process.kill('SIGKILL')
    return await this.#dead
  }

  /** Wakes it from its sleep. It may be about to fall asleep still, so it is woken until it stirs. */
  async wake<T>(stirs: Promise<T>): Promise<T> {
    const timer = setInterval(() => this.#process.kill('SIGCONT'), 10)
    try {
      return await stirs
    } finally {
      clearInterval(timer)
    }
  }

  #tell(message: ToChild): void {
    this.#process.send(message)
  }
}

/** Children of one backend, ready to begin: while one works, the next one starts. */
export class Children {
  readonly #start: () => Promise<Child>
  readonly #all = new Set<Child>()
  readonly #ready: Promise<Child>[] = []

  constructor(opened: Opened, cache: string, other?: Opened) {
    this.#start = async () => {
      const child = new Child(cache)
      this.#all.add(child)
      void child.dead.then(() => this.#all.delete(child))
      return await child.warm(opened, other)
    }
  }

  async take(): Promise<Child> {
    const taken = this.#ready.shift() ?? this.#start()
    if (this.#ready.length === 0) {
      const next = this.#start()
      next.catch(() => {}) // whoever takes it hears of it
      this.#ready.push(next)
    }
    return await taken
  }

  /** One that has survived is used again. */
  giveBack(child: Child): void {
    this.#ready.unshift(Promise.resolve(child))
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#ready)
    await Promise.all([...this.#all].map(child => child.kill()))
  }
}
