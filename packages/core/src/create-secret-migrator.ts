import { unsafeAllowEveryone } from './authorization.ts'
import { checkTimes } from './create-secret-registry.ts'
import { SecretError } from './errors.ts'
import { Access } from './internal/access.ts'
import { Calls } from './internal/calls.ts'
import { checkWho } from './internal/check-records.ts'
import { checkInteger, checkOptions } from './internal/checks.ts'
import { persist } from './internal/persist.ts'
import { READING_AND_WRITING } from './internal/powers.ts'
import { Reconciliation, type ReconcileParts } from './internal/reconcile.ts'
import { BoundStores } from './internal/stores.ts'
import { Upkeep } from './internal/upkeep.ts'
import { WriteProtocol } from './internal/write-protocol.ts'
import type { References } from './metadata.ts'
import type { MigratorOptions, SecretMigrator } from './migrator.ts'
import type { Finding, ReconcileOptions, ReconcileReport } from './reconciliation.ts'
import { accountId, type CallOptions } from './words.ts'

const REPAIRS: readonly unknown[] = ['orphan', 'drift']
const DEFAULT_GRACE_MS = 3_600_000
const MAX_GRACE_MS = 30 * 24 * 3_600_000

/**
 * Opens a migrator, which holds both powers.
 * @throws SecretError as `createSecretRegistry`
 */
export async function createSecretMigrator(options: MigratorOptions): Promise<SecretMigrator> {
  const operation = 'createSecretMigrator'
  checkOptions(operation, options, ['id', 'metadata', 'stores', 'actor', 'policy'])
  const { policy = {}, id, metadata } = options
  const times = checkTimes(operation, policy)
  const { actor } = checkWho(operation, accountId('migrator'), options.actor)
  const { prefix = '', leaseMs: _lease, putHorizonMs: _horizon, ...storePolicy } = policy
  const stores = await BoundStores.open(operation, options, READING_AND_WRITING, storePolicy)
  // Whoever made it may do everything; what is asked of it here is only to record.
  const access = new Access(operation, unsafeAllowEveryone, metadata, id, times.deadlineMs)
  const protocol = new WriteProtocol(stores, access, new Upkeep(stores, times), times)
  return new Migrator({ stores, protocol, access, actor, prefix: store => (typeof prefix === 'string' ? prefix : (prefix[store] ?? '')) })
}

class Migrator implements SecretMigrator {
  readonly #parts: ReconcileParts
  readonly #calls = new Calls()

  constructor(parts: ReconcileParts) {
    this.#parts = parts
  }

  async references(store: string, options: CallOptions = {}): Promise<References> {
    const operation = 'migrator.references'
    this.#calls.assertOpen(operation)
    checkOptions(operation, options, ['signal'])
    if (typeof store !== 'string') throw SecretError.invalid(operation, 'a store’s name is a string')
    const { registry, metadata } = this.#parts.stores
    return await this.#calls.track(persist(() => metadata.references({ registry, store }, options)))
  }

  async *reconcile(options: ReconcileOptions = {}): AsyncGenerator<Finding, ReconcileReport> {
    const operation = 'migrator.reconcile'
    this.#calls.assertOpen(operation)
    checkOptions(operation, options, ['store', 'repair', 'graceMs', 'signal'])
    const { store, repair = [], graceMs = DEFAULT_GRACE_MS, signal } = options
    if (store !== undefined && typeof store !== 'string') throw SecretError.invalid(operation, 'store is the name of one')
    if (!Array.isArray(repair) || !repair.every(kind => REPAIRS.includes(kind))) {
      throw SecretError.invalid(operation, `repair is a list of ${REPAIRS.join(', ')}; the other findings are a person’s to mend`)
    }
    checkInteger(operation, 'graceMs', graceMs, 0, MAX_GRACE_MS)
    const names = store === undefined ? this.#parts.stores.names : [store]
    const walk = new Reconciliation(this.#parts, { operation, names, repair: [...repair], graceMs, signal }).walk()
    for (;;) {
      // Between two steps nothing is under way, so that whoever stops asking keeps nobody from closing.
      this.#calls.assertOpen(operation)
      const step = await this.#calls.track(walk.next()).catch((error: unknown) => {
        throw error instanceof SecretError ? error.in({ operation }) : error
      })
      if (step.done === true) return step.value
      yield step.value
    }
  }

  async close(): Promise<void> {
    await this.#calls.close(() => this.#parts.stores.close())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
