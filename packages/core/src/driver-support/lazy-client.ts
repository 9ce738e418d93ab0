import { explained } from './classify.ts'
import { DriverFinding, refused } from './failure.ts'
import type { Failure } from '../errors.ts'

/** For authors of drivers: an SDK and a client of it, made by the first call. A start that failed is forgotten, so that the next call starts again. */
export class LazyClient<Client> {
  readonly #start: () => Promise<Client>
  readonly #stop: (client: Client) => unknown
  #starting: Promise<Client> | undefined
  #ready: Client | undefined
  #closed = false

  constructor(start: () => Promise<Client>, stop: (client: Client) => unknown) {
    this.#start = start
    this.#stop = stop
  }

  /** The client, once it is made, for callers that would not wait. */
  get ready(): Client | undefined {
    return this.#ready
  }

  /** @throws DriverFinding `closed`, or whatever the start throws */
  async get(): Promise<Client> {
    if (this.#closed) throw new DriverFinding(refused('closed'))
    const starting = (this.#starting ??= this.#start())
    try {
      const client = await starting
      if (this.#starting === starting) this.#ready = client
      return client
    } catch (error) {
      if (this.#starting === starting) this.#starting = undefined
      throw error
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    const starting = this.#starting
    this.#starting = undefined
    this.#ready = undefined
    const [started] = await Promise.allSettled([starting])
    if (started.status === 'fulfilled' && started.value !== undefined) await this.#stop(started.value)
  }
}

/** For authors of drivers: `load` with an error that says which packages are to be installed. @throws the import's own, as `misconfigured` */
export async function loadSdk<Sdk>(packages: string, load: () => Promise<Sdk>): Promise<Sdk> {
  try {
    return await load()
  } catch (error) {
    throw explained(error, refused('misconfigured', { hint: `cannot be loaded, install it: ${packages}` }))
  }
}

/** For authors of drivers: ends as `aborted` as soon as the signal says so, with this effect; the work goes on unheard. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal, effect: Failure['effect']): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new DriverFinding(refused('aborted', { effect })))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    work.finally(() => signal.removeEventListener('abort', abort)).then(resolve, reject)
  })
}
