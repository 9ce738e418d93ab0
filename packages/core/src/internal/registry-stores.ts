import { SecretError } from '../errors.ts'
import type { RegistryPolicy, WriteOnlyDriver } from '../registry.ts'
import type { ValueInput } from '../value.ts'
import type { NativePath, SecretId } from '../words.ts'
import { Checks } from './checks.ts'
import { createdPath, ID_LENGTH } from './paths.ts'
import type { BoundStores, GuardedStore } from './stores.ts'

export interface CheckedStore extends GuardedStore<WriteOnlyDriver> {
  readonly checks: Checks
}

/** Where new secrets go, and what each store takes. */
export class RegistryStores {
  readonly #registry: string
  readonly #stores: ReadonlyMap<string, CheckedStore>
  readonly writeTo: CheckedStore

  /** @throws SecretError `misconfigured` when `writeTo` names no store, `invalid_argument` when a prefix leaves no room for a path */
  constructor(operation: string, bound: BoundStores<WriteOnlyDriver>, writeTo: string, policy: RegistryPolicy) {
    this.#registry = bound.registry
    const { prefix, limits } = policy
    this.#stores = new Map(
      bound.all.map(store => {
        const own = typeof prefix === 'string' ? prefix : (prefix?.[store.name] ?? '')
        return [store.name, { ...store, checks: new Checks(store.driver.capabilities, { prefix: own, limits: limits ?? 'portable' }, store.name) }]
      }),
    )
    const target = this.#stores.get(writeTo)
    if (target === undefined) {
      throw SecretError.refused('misconfigured', operation, { hint: `writeTo names no store; the stores are ${bound.names.join(', ')}` })
    }
    this.writeTo = target
    this.writeTo.checks.fits(operation, this.writeTo.checks.prefix + this.#registry + '-'.repeat(1 + ID_LENGTH))
  }

  /** The path of a new record. */
  path(id: SecretId): NativePath {
    return createdPath(this.writeTo.checks.prefix, this.#registry, id)
  }

  /** @throws SecretError `misconfigured` */
  get(name: string, operation: string): CheckedStore {
    const store = this.#stores.get(name)
    if (store === undefined) throw SecretError.refused('misconfigured', operation, { store: name, hint: 'this process was not given that store' })
    return store
  }

  /**
   * Refuses, before any call, a value that no store of this registry takes; which one a record is in is not known yet.
   * @throws SecretError `invalid_argument`, `too_large`
   */
  checkValue(operation: string, value: ValueInput): void {
    const problems = [...this.#stores.values()].map(({ checks }) => {
      try {
        checks.payload(operation, value).bytes.fill(0)
        return undefined
      } catch (error) {
        return error
      }
    })
    if (problems.every(problem => problem !== undefined)) throw problems[0]
  }
}
