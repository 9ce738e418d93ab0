import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { forkBound } from '@strongroom/testbed'
import { nanosecondsSince } from './clock.ts'
import type { Asked, Part, ToParent, ToProcess, Work } from './messages.ts'

/** A busy machine takes long to load an SDK, and to do many operations. */
const PATIENCE_MS = 240_000

/** A process with clients. */
export class ClientProcess {
  readonly name: string
  readonly #child: ChildProcess
  readonly #dead: Promise<string>
  #output = ''
  #listen: (message: ToParent) => void = () => {}

  private constructor(name: string, cache: string) {
    this.name = name
    this.#child = forkBound(join(import.meta.dirname, 'child.ts'), cache)
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.on('data', (part: Buffer) => (this.#output += part.toString()))
    this.#child.on('message', (message: ToParent) => this.#listen(message))
    const closed = once(this.#child, 'close')
    const silent = once(this.#child, 'disconnect') // what it told before its end has been heard then
    this.#dead = Promise.all([closed, silent]).then(async ([[code, signal]]) => {
      await turn()
      return String(signal ?? code)
    })
  }

  /** @throws when its clock is not this process's, by which the times of a history would mean nothing */
  static async open(name: string, cache: string, work: Work, workers: number, origin: string): Promise<ClientProcess> {
    const opening = new ClientProcess(name, cache)
    const before = nanosecondsSince(origin)
    const opened = opening.#until('opened', () => {})
    opening.#tell({ type: 'open', work, workers, origin })
    const answer = await opened
    const now = answer?.type === 'opened' ? answer.now : Number.NaN
    if (!(before < now && now < nanosecondsSince(origin))) throw new Error('the clocks of two processes of this machine differ')
    return opening
  }

  /** Resolves when its clients are done, or it is dead. */
  async play(part: Part, hear: (message: ToParent) => void): Promise<'played' | 'killed'> {
    const played = this.#until('played', hear)
    this.#tell({ type: 'play', part })
    return (await played) === undefined ? 'killed' : 'played'
  }

  /** Lets its clients know what others have asked for with an idempotency key. Nothing comes of it when it is dead. */
  hear(asked: Asked): void {
    const message: ToProcess = { type: 'asked', asked }
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  /** Resolves when it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#dead
  }

  /** Hears everything until a message of that type, which it answers; undefined when the process is killed first. */
  async #until(type: ToParent['type'], hear: (message: ToParent) => void): Promise<ToParent | undefined> {
    let timer: NodeJS.Timeout | undefined
    try {
      return await Promise.race([
        new Promise<ToParent>(resolve => {
          this.#listen = message => {
            hear(message)
            if (message.type === type) resolve(message)
          }
        }),
        this.#dead.then(how => (how === 'SIGKILL' ? undefined : Promise.reject(new Error(`a process ended with ${how}: ${this.#output}`)))),
        new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(new Error(`a process has not ${type} in time`)), PATIENCE_MS)
        }),
      ])
    } finally {
      clearTimeout(timer)
      this.#listen = () => {}
    }
  }

  #tell(message: ToProcess): void {
    this.#child.send(message)
  }
}
