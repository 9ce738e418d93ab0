import {
  cached,
  createSecretMigrator,
  createSecretReader,
  createSecretRegistry,
  createSecretStore,
  type Actor,
  type Authorize,
  type MetadataStore,
  type MigrationRate,
  type RegistryPolicy,
  type SecretDriver,
  type SecretMigrator,
  type SecretReader,
  type SecretRegistry,
  type SecretSource,
  type SecretStore,
  type StorePolicy,
} from '@strongroom/core'
import type { CheckedConfig } from './config/check.ts'
import { combinatorsOf } from './config/combinators.ts'
import type { Surroundings } from './config/credentials.ts'
import { loadConfig, type LoadedConfig } from './config/load.ts'
import { ConfigError } from './config/problems.ts'
import { authorizeBy } from './parts/authorization.ts'
import { driverOf, type Schemes } from './parts/drivers.ts'
import { lentDriver, lentMetadata } from './parts/lent.ts'
import { metadataOf } from './parts/metadata.ts'
import { ratesOf } from './parts/rates.ts'
import { requestKeysOf } from './parts/request-keys.ts'
import { readOnlyDriver } from './parts/read-only-driver.ts'
import { withFallback } from './parts/with-fallback.ts'

/** What an application adds to its configuration file. */
export interface OpenOptions {
  /** Who may do what; needed for registry and reader unless the configuration has an `authorization`, and used instead of it. */
  readonly authorize?: Authorize | undefined
  /** Types of stores beside those of Strongroom, each with what makes its driver. */
  readonly schemes?: Schemes | undefined
  /**
   * What `${NAME}`, `{ env: NAME }`, `STRONGROOM_…` and `VAULT_TOKEN` are taken from. The process's own by default. What an SDK or the
   * database's client looks up by itself (`AWS_PROFILE`, `PGHOST`) it takes from the process's.
   */
  readonly environment?: NodeJS.ProcessEnv | undefined
  /** Told of what is risky, such as a key that everyone may read. `process.emitWarning` by default. */
  readonly onWarning?: ((message: string) => void) | undefined
  readonly onOperation?: StorePolicy['onOperation'] | undefined
  readonly unsafeOnRawError?: StorePolicy['unsafeOnRawError'] | undefined
}

/**
 * What a configuration describes. Each part is opened when it is first asked for, and all are closed by `close`. A registry, reader or
 * migrator may be closed before, each by itself.
 */
export interface Strongroom extends AsyncDisposable {
  readonly config: { readonly id: string; readonly stores: readonly string[]; readonly writeTo: string }
  /** A store by its name; the one of `writeTo` without. @throws ConfigError for a name that the configuration has not */
  store(name?: string): SecretStore
  /** As `store`, with its `fallback` and through the configuration's `cache`; the store itself where there is neither. */
  source(name?: string): SecretSource
  /** @throws ConfigError without `metadata` or authorization; SecretError as `createSecretRegistry` */
  registry(): Promise<SecretRegistry>
  /** @throws as `registry` */
  reader(): Promise<SecretReader>
  /** For {@link SecretMigrator.migrate}: each store's `rate`, or a share of what its cloud publishes. */
  readonly rates: Readonly<Record<string, MigrationRate>>
  /** Reads and writes values, for an operator's tool. @throws ConfigError without `metadata`; SecretError as `createSecretMigrator` */
  migrator(actor: Actor): Promise<SecretMigrator>
  close(): Promise<void>
}

/**
 * Opens what a configuration describes: an object, or the path of a file in YAML, JSON, TypeScript or JavaScript; without an argument
 * what the environment names (`STRONGROOM_CONFIG`, `STRONGROOM_STORE`), or `strongroom.yaml` in the working folder.
 * @throws ConfigError, with every problem and its place
 */
export async function openStrongroom(config?: string | object, options: OpenOptions = {}): Promise<Strongroom> {
  return await openLoaded(await loadConfig(config, options.environment ?? process.env, options.schemes), options)
}

/** As {@link openStrongroom}, for who has looked into the configuration before. @throws ConfigError */
export async function openLoaded({ source, folder, checked, schemes }: LoadedConfig, options: Omit<OpenOptions, 'schemes'>): Promise<Strongroom> {
  const { environment = process.env, onWarning = message => process.emitWarning(message, 'StrongroomWarning') } = options
  const surroundings: Surroundings = { source, folder, environment, warn: once(onWarning) }
  const names = Object.entries(checked.stores)
  const drivers = Object.fromEntries(
    await Promise.all(
      names.map(async ([name, store]) => {
        const driver = await driverOf(name, store, surroundings, schemes)
        return [name, combinatorsOf(store).readOnly ? readOnlyDriver(driver) : driver] as const
      }),
    ),
  )
  const metadata = checked.metadata === undefined ? undefined : await metadataOf(checked.metadata, surroundings)
  return new OpenedStrongroom(checked, options, surroundings, drivers, metadata)
}

interface Shared {
  readonly metadata: MetadataStore
  readonly stores: Readonly<Record<string, SecretDriver>>
}

class OpenedStrongroom implements Strongroom {
  readonly #config: CheckedConfig
  readonly #options: OpenOptions
  readonly #surroundings: Surroundings
  readonly #drivers: Readonly<Record<string, SecretDriver>>
  readonly #lent: Readonly<Record<string, SecretDriver>>
  readonly #metadata: MetadataStore | undefined
  readonly #stores = new Map<string, SecretStore>()
  readonly #sources = new Map<string, SecretSource>()
  /** What is open and not yet closed by whoever asked for it. */
  readonly #opened = new Set<Promise<AsyncDisposable>>()
  #registry: Promise<SecretRegistry> | undefined
  #reader: Promise<SecretReader> | undefined

  constructor(
    config: CheckedConfig,
    options: OpenOptions,
    surroundings: Surroundings,
    drivers: Readonly<Record<string, SecretDriver>>,
    metadata: MetadataStore | undefined,
  ) {
    this.#config = config
    this.#options = options
    this.#surroundings = surroundings
    this.#drivers = drivers
    this.#lent = Object.fromEntries(Object.entries(drivers).map(([name, driver]) => [name, lentDriver(driver)]))
    this.#metadata = metadata
  }

  get config(): Strongroom['config'] {
    return { id: this.#config.id, stores: Object.keys(this.#drivers), writeTo: this.#config.writeTo }
  }

  get rates(): Strongroom['rates'] {
    return ratesOf(this.#config.stores)
  }

  store(name: string = this.#config.writeTo): SecretStore {
    const driver = Object.hasOwn(this.#lent, name) ? this.#lent[name] : undefined
    const store = this.#config.stores[name]
    if (driver === undefined || store === undefined) throw this.#problem('stores', 'no store of that name', Object.keys(this.#drivers).join(', '))
    const known = this.#stores.get(name)
    if (known !== undefined) return known
    const { prefix, naming, limits } = store as { readonly prefix?: string; readonly naming?: 'native'; readonly limits?: 'native' }
    const made = createSecretStore(driver, defined({ ...this.#calls, prefix, naming, limits }))
    this.#stores.set(name, made)
    return made
  }

  source(name: string = this.#config.writeTo): SecretSource {
    const { cache } = this.#config
    const store = this.store(name)
    const { fallback } = combinatorsOf(this.#config.stores[name] ?? { type: '' })
    if (cache === undefined && fallback.length === 0) return store
    const known = this.#sources.get(name)
    if (known !== undefined) return known
    const others = fallback.map(one => this.store(one))
    const chain = others.length === 0 ? store : withFallback(store, others)
    const { pointerTtlMs = 0, ...rest } = cache ?? {}
    const made = cache === undefined ? chain : cached(chain, { pointerTtlMs, ...defined(rest) })
    this.#sources.set(name, made)
    return made
  }

  registry(): Promise<SecretRegistry> {
    return (this.#registry ??= this.#opening(
      async shared => {
        const { id, writeTo, keys, requestKeys } = this.#config
        const given = defined({ keys, requestKeys: requestKeys && (await requestKeysOf(requestKeys, this.#surroundings)) })
        return await createSecretRegistry({ ...shared, ...given, id, writeTo, authorize: this.#authorize, policy: this.#registryPolicy })
      },
      () => (this.#registry = undefined),
    ))
  }

  reader(): Promise<SecretReader> {
    return (this.#reader ??= this.#opening(
      async shared => await createSecretReader({ ...shared, id: this.#config.id, authorize: this.#authorize, policy: this.#calls }),
      () => (this.#reader = undefined),
    ))
  }

  migrator(actor: Actor): Promise<SecretMigrator> {
    return this.#opening(async shared => {
      const { id, keys } = this.#config
      return await createSecretMigrator({ ...shared, ...defined({ keys }), id, actor, policy: this.#registryPolicy })
    })
  }

  async close(): Promise<void> {
    const opened = (await Promise.allSettled(this.#opened)).flatMap(one => (one.status === 'fulfilled' ? [one.value] : []))
    const ended = await Promise.allSettled([...opened, ...this.#sources.values(), ...this.#stores.values()].map(one => one[Symbol.asyncDispose]()))
    // What nothing was made of has nobody else to close it; a second close is allowed.
    await Promise.allSettled([...Object.values(this.#drivers).map(driver => driver.close()), this.#metadata?.close()])
    const failed = ended.find(one => one.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #lend(onReturn: () => void): Shared {
    if (this.#metadata === undefined)
      throw this.#problem('metadata', 'nothing', 'the database of the registry, such as { type: sqlite, path: ./meta.db }')
    return { metadata: lentMetadata(this.#metadata, onReturn), stores: this.#lent }
  }

  get #authorize(): Authorize {
    const { authorize } = this.#options
    if (authorize !== undefined) return authorize
    if (this.#config.authorization !== undefined) return authorizeBy(this.#config.authorization)
    throw this.#problem('authorization', 'nothing', 'rules in the configuration, or a function given to openStrongroom as authorize')
  }

  /** How every driver is called. */
  get #calls(): Pick<StorePolicy, 'deadlineMs' | 'attempts' | 'onOperation' | 'unsafeOnRawError'> {
    const { deadlineMs, attempts } = this.#config.policy ?? {}
    const { onOperation, unsafeOnRawError } = this.#options
    return defined({ deadlineMs, attempts, onOperation, unsafeOnRawError })
  }

  get #registryPolicy(): RegistryPolicy {
    const { limits } = this.#config.stores[this.#config.writeTo] as { readonly limits?: 'native' }
    const { leaseMs, putHorizonMs, keepVersions } = this.#config.policy ?? {}
    return defined({ ...this.#calls, limits, leaseMs, putHorizonMs, keepVersions, prefix: this.#prefixes })
  }

  get #prefixes(): Readonly<Record<string, string>> {
    const entries = Object.entries(this.#config.stores).map(([name, { prefix }]) => [name, prefix] as const)
    return Object.fromEntries(entries.filter((entry): entry is readonly [string, string] => typeof entry[1] === 'string'))
  }

  /** One that failed, or that its user has closed, is forgotten, so that the next call opens another one. */
  #opening<Opened extends AsyncDisposable>(open: (shared: Shared) => Promise<Opened>, forget: () => void = () => {}): Promise<Opened> {
    const over = (): void => {
      this.#opened.delete(opening)
      forget()
    }
    const begin = async (): Promise<Opened> => await open(this.#lend(over))
    const opening = begin()
    this.#opened.add(opening)
    opening.catch(over)
    return opening
  }

  #problem(path: string, found: string, allowed: string): ConfigError {
    return new ConfigError(this.#surroundings.source, [{ path, found, allowed }])
  }
}

/** The same warning is given once, however often the credential is read. */
function once(warn: (message: string) => void): (message: string) => void {
  const given = new Set<string>()
  return message => {
    if (!given.has(message)) warn(message)
    given.add(message)
  }
}

/** Without the fields that are undefined: an option that is there is checked. */
function defined<Fields extends object>(fields: Fields): { [Name in keyof Fields]: NonNullable<Fields[Name]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Fields]: NonNullable<Fields[Name]>
  }
}
