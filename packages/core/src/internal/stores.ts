import { SecretError } from '../errors.ts'
import type { MetadataStore } from '../metadata.ts'
import type { StorePolicy } from '../policy.ts'
import { checkDriver } from './check-driver.ts'
import type { Power } from './powers.ts'
import { Guard, type Guarded } from './guard.ts'
import { stillUsed } from './still-used.ts'
import { disown, release, retain } from './shared.ts'

const NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/

export interface GuardedStore<D extends Guarded> {
  readonly name: string
  readonly driver: D
  readonly guard: Guard
}

/** What registry, reader and migrator are made of: the database and the named stores, bound to each other. */
export class BoundStores<D extends Guarded> {
  readonly registry: string
  readonly metadata: MetadataStore
  readonly #stores: ReadonlyMap<string, GuardedStore<D>>

  private constructor(registry: string, metadata: MetadataStore, stores: ReadonlyMap<string, GuardedStore<D>>) {
    this.registry = registry
    this.metadata = metadata
    this.#stores = stores
    retain(metadata)
  }

  /**
   * Checks names and drivers, and binds each name to its location in the database.
   * @throws SecretError `misconfigured` for a store without a location, a name bound elsewhere, or a store that records still use and that is not given
   */
  static async open<D extends Guarded>(
    operation: string,
    options: { readonly id: string; readonly metadata: MetadataStore; readonly stores: Readonly<Record<string, D>> },
    power: Power<D>,
    policy: StorePolicy,
  ): Promise<BoundStores<D>> {
    const { id, metadata, stores } = options
    if (typeof id !== 'string' || id.length > 32 || !NAME.test(id)) {
      throw SecretError.invalid(operation, 'id is the registry’s name: [a-z0-9]+(-[a-z0-9]+)*, at most 32 characters')
    }
    if (metadata?.specification !== 'v1')
      throw SecretError.refused('misconfigured', operation, { hint: 'metadata is not a MetadataStore of specification v1' })
    if (typeof stores !== 'object' || stores === null) throw SecretError.invalid(operation, 'stores are an object of drivers by name')
    const locations: Record<string, string> = {}
    for (const [name, driver] of Object.entries(stores)) {
      if (name.length > 64 || !NAME.test(name))
        throw SecretError.invalid(operation, 'a store’s name is [a-z0-9]+(-[a-z0-9]+)*, at most 64 characters')
      checkDriver(operation, driver, power.methods, name)
      if (driver.location === undefined) {
        const hint = 'this driver was made without all that identifies its place (see `location` in its package’s README); a registry needs it'
        throw SecretError.refused('misconfigured', operation, { store: name, hint })
      }
      locations[name] = driver.location
    }
    const { missing } = await metadata.bindStores({ registry: id, stores: locations }, {})
    if (missing.length > 0) {
      const used = await Promise.all(missing.map(store => stillUsed(metadata, id, store)))
      const hint = `in use and not among the stores given: ${used.join(', ')}; add ${used.length === 1 ? 'it' : 'them'}`
      throw SecretError.refused('misconfigured', operation, { hint })
    }
    const guarded = new Map(
      Object.entries(stores).map(([name, given]) => {
        const driver = power.view(given)
        return [name, { name, driver, guard: new Guard(driver, policy, name, given) }]
      }),
    )
    return new BoundStores(id, metadata, guarded)
  }

  get names(): readonly string[] {
    return [...this.#stores.keys()]
  }

  get all(): readonly GuardedStore<D>[] {
    return [...this.#stores.values()]
  }

  find(name: string): GuardedStore<D> | undefined {
    return this.#stores.get(name)
  }

  /** @throws SecretError `misconfigured`: another process has added a store that this one was not given. */
  get(name: string, operation: string): GuardedStore<D> {
    const store = this.#stores.get(name)
    if (store === undefined) {
      throw SecretError.refused('misconfigured', operation, { store: name, hint: 'the record is in a store that this process was not given' })
    }
    return store
  }

  async close(): Promise<void> {
    const ended = await Promise.allSettled([...this.#stores.values()].map(({ guard }) => guard.close()))
    await release(this.metadata)
    const failed = ended.find(one => one.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  /** For a face that failed to open: drivers and database stay the caller's, open. */
  disown(): void {
    for (const { guard } of this.#stores.values()) guard.disown()
    disown(this.metadata)
  }
}
