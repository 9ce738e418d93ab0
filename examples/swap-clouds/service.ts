import { accountId, unsafeAllowEveryone, type AccountReader, type AccountSecrets } from '@strongroom/core'
import { openStrongroom, type OpenOptions, type Strongroom } from 'strongroom'

const ACCOUNT = accountId('acme')
const SERVICE = { id: 'checkout', type: 'service_account' } as const

interface Opened {
  readonly room: Strongroom
  readonly secrets: AccountSecrets
  readonly reader: AccountReader
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
    await this.#opened.secrets.create({ key, value })
  }

  async read(key: string): Promise<Uint8Array> {
    return (await this.#opened.reader.read({ key })).value.revealBytes()
  }

  async update(key: string, value: string | Uint8Array): Promise<void> {
    const { secrets } = this.#opened
    await secrets.update((await secrets.describe({ key })).id, { value })
  }

  async delete(key: string): Promise<void> {
    const { secrets } = this.#opened
    await secrets.delete((await secrets.describe({ key })).id)
  }

  /** Takes the configuration as it is now, such as on a SIGHUP: nothing is refused meanwhile, and what was begun with the old one ends first. */
  async reload(): Promise<void> {
    const before = this.#opened
    this.#opened = await open(this.#config, this.#options)
    await before.room.close()
  }

  async stop(): Promise<void> {
    await this.#opened.room.close()
  }
}

async function open(config: string, options: OpenOptions): Promise<Opened> {
  const room = await openStrongroom(config, { ...options, authorize: unsafeAllowEveryone })
  const [registry, reader] = [await room.registry(), await room.reader()]
  return { room, secrets: registry.account(ACCOUNT, SERVICE), reader: reader.account(ACCOUNT, SERVICE) }
}
