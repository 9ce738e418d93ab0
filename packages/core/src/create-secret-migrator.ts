import { unsafeAllowEveryone } from './authorization.ts'
import { isSecretError, SecretError } from './errors.ts'
import { Access } from './internal/access.ts'
import { Calls } from './internal/calls.ts'
import { checkId, checkWho } from './internal/check-records.ts'
import { checkInteger, checkOptions, checkVersion } from './internal/checks.ts'
import { persist } from './internal/persist.ts'
import { READING_AND_WRITING } from './internal/powers.ts'
import { putAgain } from './internal/put-again.ts'
import { Reconciliation, type ReconcileParts } from './internal/reconcile.ts'
import { checkRegistryPolicy } from './internal/registry-policy.ts'
import { BoundStores } from './internal/stores.ts'
import { Upkeep } from './internal/upkeep.ts'
import { WriteProtocol } from './internal/write-protocol.ts'
import { listVersions } from './internal/writes.ts'
import { keptBy, notKept, withoutPointer } from './metadata-support/records.ts'
import { requireRevision } from './metadata-support/requests.ts'
import type { References, StoredRecord } from './metadata.ts'
import type { MigratorOptions, SecretMigrator } from './migrator.ts'
import type { Finding, ReconcileOptions, ReconcileReport } from './reconciliation.ts'
import type { RollbackResult, WriteOptions } from './registry.ts'
import { accountId, type AccountId, type CallOptions, type SecretId, type VersionId } from './words.ts'

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
  const { times, keep, storePolicy } = checkRegistryPolicy(operation, policy)
  const { actor } = checkWho(operation, accountId('migrator'), options.actor)
  const { prefix = '' } = policy
  const stores = await BoundStores.open(operation, options, READING_AND_WRITING, storePolicy)
  // Whoever made it may do everything; what is asked of it here is only to record.
  const access = new Access(operation, unsafeAllowEveryone, metadata, id, times.deadlineMs)
  const protocol = new WriteProtocol(stores, access, new Upkeep(stores, times, keep), times, keep)
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
    checkOptions(operation, options, ['store', 'repair', 'graceMs', 'onProgress', 'signal'])
    const { store, repair = [], graceMs = DEFAULT_GRACE_MS, onProgress, signal } = options
    if (store !== undefined && typeof store !== 'string') throw SecretError.invalid(operation, 'store is the name of one')
    if (!Array.isArray(repair) || !repair.every(kind => REPAIRS.includes(kind))) {
      throw SecretError.invalid(operation, `repair is a list of ${REPAIRS.join(', ')}; the other findings are a person’s to mend`)
    }
    checkInteger(operation, 'graceMs', graceMs, 0, MAX_GRACE_MS)
    if (onProgress !== undefined && typeof onProgress !== 'function') throw SecretError.invalid(operation, 'onProgress is a function')
    const names = store === undefined ? this.#parts.stores.names : [store]
    const walk = new Reconciliation(this.#parts, { operation, names, repair: [...repair], graceMs, onProgress, signal }).walk()
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

  async rollback(account: AccountId, id: SecretId, version: VersionId, options: WriteOptions = {}): Promise<RollbackResult> {
    const operation = 'migrator.rollback'
    const { stores, protocol, access, actor } = this.#parts
    this.#calls.assertOpen(operation)
    checkOptions(operation, options, ['signal', 'ifRevision'])
    checkWho(operation, account, actor)
    checkId(operation, id)
    checkVersion(operation, version)
    const { signal, ifRevision } = options
    checkInteger(operation, 'ifRevision', ifRevision, 1, Number.MAX_SAFE_INTEGER)
    const act = async (): Promise<RollbackResult> => {
      const { registry, metadata } = stores
      const found = await persist(() => metadata.find({ registry, account, id }, { signal }))
      const record = requireRevision(operation, found, ifRevision)
      if (!keptBy(record).includes(version)) throw notKept(operation)
      const isDone = version === record.pointer.version && (await this.#isCurrent(operation, record, signal))
      const now = isDone ? withoutPointer(record) : await putAgain(stores, protocol, record, version, { operation, actor, signal })
      return { record: now, outsiders: 'follow' }
    }
    const entry = { account, actor, action: 'secret.rollback', secret: id } as const
    return await this.#calls.track(access.recorded(operation, entry, act, ({ record }) => ({ key: record.key })))
  }

  async close(): Promise<void> {
    await this.#calls.close(() => this.#parts.stores.close())
  }

  /** Whether the committed version is what is read without naming one. */
  async #isCurrent(operation: string, { key, pointer }: StoredRecord, signal: AbortSignal | undefined): Promise<boolean> {
    const listing = listVersions(this.#parts.stores.get(pointer.store, operation), pointer.path, { operation, secretName: key, signal })
    const versions = await listing.catch((error: unknown) => {
      if (isSecretError(error, 'not_found')) return [] // the value is put again, and that says what is wrong
      throw error
    })
    return versions.some(({ version, current, state }) => version === pointer.version && current && state === 'usable')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
