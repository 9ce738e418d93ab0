import type { DriverCall, DriverEntry, DriverVersion, SecretDriver } from '../driver.ts'
import { isSecretError } from '../errors.ts'
import type { PathOwner } from '../metadata-requests.ts'
import { samePointer } from '../metadata-support/records.ts'
import type { StoredRecord } from '../records.ts'
import type { AccountId, NativePath, SecretId, VersionId } from '../words.ts'
import { persist } from './persist.ts'
import type { BoundStores, GuardedStore } from './stores.ts'
import { listVersions } from './writes.ts'

export type Store = GuardedStore<SecretDriver>

/** What a store and the database answer to somebody who looks. No value is kept. */
export class Evidence {
  readonly #stores: BoundStores<SecretDriver>
  readonly #operation: string
  readonly #signal: AbortSignal | undefined

  constructor(stores: BoundStores<SecretDriver>, operation: string, signal: AbortSignal | undefined) {
    this.#stores = stores
    this.#operation = operation
    this.#signal = signal
  }

  /** A page of what is under a prefix. */
  list(store: Store, prefix: string, page: string | undefined): ReturnType<SecretDriver['list']> {
    return this.#ask(store, undefined, call => store.driver.list({ prefix, withLabels: true, page }, call))
  }

  /** Undefined: there is no secret. */
  async versions(store: Store, path: NativePath, key: string | undefined): Promise<readonly DriverVersion[] | undefined> {
    try {
      return await listVersions(store, path, { operation: this.#operation, secretName: key, signal: this.#signal })
    } catch (error) {
      if (isSecretError(error, 'not_found')) return undefined
      throw error
    }
  }

  /** Whether exactly this version is given out. The value is overwritten at once. */
  async reads(store: Store, path: NativePath, version: VersionId, key: string | undefined): Promise<'there' | 'not_found' | 'version_unusable'> {
    try {
      const { payload } = await this.#ask(store, key, call => store.driver.read({ path, version }, call))
      payload.bytes.fill(0)
      return 'there'
    } catch (error) {
      if (isSecretError(error, 'not_found')) return 'not_found'
      if (isSecretError(error, 'version_unusable')) return 'version_unusable'
      throw error
    }
  }

  /** The list of versions may be old too: to read one says that the secret is there. */
  async isThere(store: Store, path: NativePath, versions: readonly DriverVersion[]): Promise<boolean> {
    const one = versions.find(({ state }) => state === 'usable') ?? versions[0]
    return one !== undefined && (await this.reads(store, path, one.version, undefined)) !== 'not_found'
  }

  /** What is read without naming a version; undefined when nothing is. */
  async current(store: Store, path: NativePath, key: string): Promise<VersionId | undefined> {
    try {
      const { payload, version } = await this.#ask(store, key, call => store.driver.read({ path, version: undefined }, call))
      payload.bytes.fill(0)
      return version
    } catch (error) {
      if (isSecretError(error, 'not_found', 'version_unusable')) return undefined
      throw error
    }
  }

  /** The entry of one path. */
  async listed(store: Store, path: NativePath): Promise<DriverEntry | undefined> {
    for (let page: string | undefined; ;) {
      const { items, next } = await this.list(store, path, page)
      const found = items.find(item => item.path === path)
      if (found !== undefined || next === undefined) return found
      page = next
    }
  }

  /** What the database knows of paths; it leaves out those that it knows nothing of. */
  owners(store: Store, paths: readonly NativePath[]): Promise<readonly PathOwner[]> {
    const { registry, metadata } = this.#stores
    return persist(() => metadata.owners({ registry, store: store.name, paths }, { signal: this.#signal }))
  }

  async owner(store: Store, path: NativePath): Promise<PathOwner | undefined> {
    return (await this.owners(store, [path]))[0]
  }

  async find(account: AccountId, id: SecretId): Promise<StoredRecord | undefined> {
    const { registry, metadata } = this.#stores
    return await persist(() => metadata.find({ registry, account, id }, { signal: this.#signal }))
  }

  /** Every change of a value is a change of the revision; a migration moves the pointer alone. */
  async isUnchanged({ accountId: account, id, revision, pointer }: StoredRecord): Promise<boolean> {
    const now = await this.find(account, id)
    return now?.revision === revision && samePointer(now.pointer, pointer)
  }

  #ask<T>({ guard }: Store, key: string | undefined, attempt: (call: DriverCall) => Promise<T>): Promise<T> {
    return guard.run({ operation: this.#operation, secretName: key, signal: this.#signal, afterUnknown: 'read', attempt })
  }
}
