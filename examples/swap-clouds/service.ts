import { accountId, unsafeAllowEveryone, type AccountReader, type AccountSecrets } from '@strongroom/core'
import { openStrongroom, type OpenOptions, type Strongroom } from 'strongroom'

const ACCOUNT = accountId('acme')
const SERVICE = { id: 'checkout', type: 'service_account' } as const

/** What was opened by one reading of the configuration, and the requests that work with it. */
interface Opened {
  readonly room: Strongroom
  readonly secrets: AccountSecrets
  readonly reader: AccountReader
  readonly requests: Set<Promise<unknown>>
}

/** A service that keeps secrets. It knows the path of its configuration, and nothing of any cloud. */
export class Service {
  readonly #config: string
  readonly #options: OpenOptions
  #opened: Opened

  private constructor(config: string, options: OpenOptions, opened: Opened) {
    this.#config = config
    this.#options = options
    this.#opened = opened
  }

  static async start(config: string, options: OpenOptions = {}): Promise<Service> {
    return new Service(config, options, await open(config, options))
  }

  async create(key: string, value: string | Uint8Array): Promise<void> {
    await this.#request(({ secrets }) => secrets.create({ key, value }))
  }

  async read(key: string): Promise<Uint8Array> {
    return await this.#request(async ({ reader }) => (await reader.read({ key })).value.revealBytes())
  }

  async update(key: string, value: string | Uint8Array): Promise<void> {
    await this.#request(async ({ secrets }) => await secrets.update((await secrets.describe({ key })).id, { value }))
  }

  async delete(key: string): Promise<void> {
    await this.#request(async ({ secrets }) => await secrets.delete((await secrets.describe({ key })).id))
  }

  /** Takes the configuration as it is now, such as on a SIGHUP: nothing is refused meanwhile, and what was begun with the old one ends first. */
  async reload(): Promise<void> {
    const before = this.#opened
    this.#opened = await open(this.#config, this.#options)
    await close(before)
  }

  async stop(): Promise<void> {
    await close(this.#opened)
  }

  /** One request works with one configuration, from its first call to its last. */
  async #request<Answer>(work: (opened: Opened) => Promise<Answer>): Promise<Answer> {
    const opened = this.#opened
    const request = work(opened)
    opened.requests.add(request)
    try {
      return await request
    } finally {
      opened.requests.delete(request)
    }
  }
}

async function open(config: string, options: OpenOptions): Promise<Opened> {
  const room = await openStrongroom(config, { ...options, authorize: unsafeAllowEveryone })
  const [registry, reader] = [await room.registry(), await room.reader()]
  return { room, secrets: registry.account(ACCOUNT, SERVICE), reader: reader.account(ACCOUNT, SERVICE), requests: new Set() }
}

async function close({ room, requests }: Opened): Promise<void> {
  await Promise.allSettled(requests)
  await room.close()
}
