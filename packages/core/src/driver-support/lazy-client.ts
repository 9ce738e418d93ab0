import { unlessAborted, type Abortable } from './abort.ts'
import { explained } from './classify.ts'
import { DriverFinding, refused } from './failure.ts'

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

  /** The client, once it is made: a fast call asks here first, and saves a wait. */
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

  /** As `get`, for one call. @throws DriverFinding `aborted` when the call is over by then */
  async startFor(call: Abortable): Promise<Client> {
    return await unlessAborted(this.get(), call, 'none')
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
