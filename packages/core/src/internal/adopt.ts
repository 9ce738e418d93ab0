import type { DriverEntry, SecretDriver } from '../driver.ts'
import { isSecretError, SecretError } from '../errors.ts'
import type { AdoptOptions, Adoption, AdoptionReport } from '../migration.ts'
import { decodeName } from '../names.ts'
import { accountId, type Actor, type VersionId } from '../words.ts'
import { checkKey } from './check-records.ts'
import { checkFunction, checkOneOf, checkOptions, isLine } from './checks.ts'
import { crypto } from './crypto.ts'
import { newSecretId } from './ids.ts'
import { REGISTRY_LABEL } from './labels.ts'
import { persist } from './persist.ts'
import type { BoundStores, GuardedStore } from './stores.ts'
import { listVersionsIfAny } from './writes.ts'

const OPTIONS = ['account', 'store', 'prefix', 'filter', 'key', 'keys', 'dryRun', 'signal']

export interface AdoptParts {
  readonly stores: BoundStores<SecretDriver>
  readonly actor: Actor
  readonly keys: 'portable' | 'any'
}

/** Gives records to secrets that are in a store already. Their values are neither read nor changed. */
export class AdoptionRun {
  readonly #stores: BoundStores<SecretDriver>
  readonly #actor: Actor
  readonly #operation: string
  readonly #options: AdoptOptions
  readonly #store: GuardedStore<SecretDriver>
  readonly #keys: 'portable' | 'any'
  /** Keys that a dry run has promised. */
  readonly #promised = new Set<string>()

  /** @throws SecretError `invalid_argument`, and `misconfigured` for a store that the migrator was not given */
  constructor({ stores, actor, keys: ownKeys }: AdoptParts, operation: string, options: AdoptOptions) {
    checkOptions(operation, options, OPTIONS)
    const { account, store, prefix, filter, key, keys = ownKeys } = options
    accountId(account)
    if (typeof store !== 'string') throw SecretError.invalid(operation, 'store is the name of one')
    if (prefix !== undefined && !isLine(prefix, 0, 256)) {
      throw SecretError.invalid(operation, 'prefix is text of at most 256 characters without control characters')
    }
    checkFunction(operation, 'filter', filter)
    checkFunction(operation, 'key', key)
    checkOneOf(operation, 'keys', keys, ['portable', 'any'])
    this.#stores = stores
    this.#actor = actor
    this.#operation = operation
    this.#options = options
    this.#keys = keys
    this.#store = stores.get(store, operation)
  }

  async *walk(): AsyncGenerator<Adoption, AdoptionReport> {
    const counts = { adopted: 0, adoptable: 0, known: 0, managed: 0, key_taken: 0, key_invalid: 0, unreadable: 0 }
    const { prefix = '', signal, filter = () => true } = this.#options
    const { guard, driver } = this.#store
    for (let page: string | undefined; ;) {
      const request = { prefix, withLabels: true, page }
      const { items, next } = await guard.run({
        operation: this.#operation,
        signal,
        afterUnknown: 'read',
        attempt: call => driver.list(request, call),
      })
      for (const entry of items) {
        if (signal?.aborted === true) throw SecretError.refused('aborted', this.#operation)
        const { path, labels } = entry
        const key = filter({ path, labels }) ? this.#keyOf(entry) : undefined
        if (key === undefined) continue
        const adoption = { path, key, secret: undefined, ...(await this.#adopt(entry, key)) }
        counts[adoption.outcome] += 1
        yield adoption
      }
      page = next
      if (page === undefined) return counts
    }
  }

  async #adopt(entry: DriverEntry, key: string): Promise<Pick<Adoption, 'outcome'> & Partial<Pick<Adoption, 'secret'>>> {
    const { registry, metadata } = this.#stores
    const { account, dryRun = false } = this.#options
    const { path, fullPath, labels = {} } = entry
    const { name: store } = this.#store
    const [owner] = await persist(() => metadata.owners({ registry, store, paths: [path] }, {}))
    if (owner !== undefined) return { outcome: 'known', secret: owner.row?.secret }
    if (labels[REGISTRY_LABEL] !== undefined) return { outcome: 'managed' }
    if (!this.#isAllowed(key)) return { outcome: 'key_invalid' }
    if ((await persist(() => metadata.find({ registry, account, key }, {}))) !== undefined) return { outcome: 'key_taken' }
    const version = await this.#current(entry)
    if (version === undefined) return { outcome: 'unreadable' }
    if (dryRun) {
      if (this.#promised.has(key)) return { outcome: 'key_taken' }
      this.#promised.add(key)
      return { outcome: 'adoptable' }
    }
    const secret = newSecretId()
    const pointer = { store, path, version }
    const token = crypto().randomUUID()
    const request = { registry, account, secret, key, description: null, actor: this.#actor, pointer, fullPath, token }
    try {
      const answer = await persist(() => metadata.adopt(request, {}))
      if (answer.state === 'done') return { outcome: 'adopted', secret }
      return { outcome: answer.state === 'owned' ? 'known' : 'key_taken' }
    } catch (error) {
      if (isSecretError(error, 'already_exists')) return { outcome: 'key_taken' }
      throw error
    }
  }

  #keyOf({ path }: DriverEntry): string | undefined {
    const { key, prefix = '' } = this.#options
    if (key !== undefined) return key(path)
    const rest = path.slice(prefix.length)
    return decodeName(rest) ?? rest
  }

  #isAllowed(key: string): boolean {
    try {
      checkKey(this.#operation, key, this.#keys)
      return true
    } catch {
      return false
    }
  }

  async #current({ path }: DriverEntry): Promise<VersionId | undefined> {
    const { signal } = this.#options
    const found = await listVersionsIfAny(this.#store, path, { operation: this.#operation, signal })
    return found.find(({ current, state }) => current && state === 'usable')?.version
  }
}
