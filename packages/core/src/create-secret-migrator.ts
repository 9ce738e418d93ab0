import { unsafeAllowEveryone } from './authorization.ts'
import { SecretError } from './errors.ts'
import { Access } from './internal/access.ts'
import { Calls } from './internal/calls.ts'
import { checkId, checkWho } from './internal/check-records.ts'
import { checkIfRevision, checkInteger, checkOneOf, checkOptions, checkVersion } from './internal/checks.ts'
import { persist } from './internal/persist.ts'
import { READING_AND_WRITING } from './internal/powers.ts'
import { putAgain } from './internal/put-again.ts'
import { AdoptionRun, type AdoptParts } from './internal/adopt.ts'
import { MigrationRun, type MigrateParts } from './internal/migration/migrate.ts'
import { Reconciliation, type ReconcileParts } from './internal/reconcile.ts'
import { checkRegistryPolicy } from './internal/registry-policy.ts'
import { BoundStores } from './internal/stores.ts'
import { Upkeep } from './internal/upkeep.ts'
import { WriteProtocol } from './internal/write-protocol.ts'
import { listVersionsIfAny } from './internal/writes.ts'
import { keptBy, notKept, withoutPointer } from './metadata-support/records.ts'
import { requireRevision } from './metadata-support/requests.ts'
import type { References } from './metadata-requests.ts'
import type { StoredRecord } from './records.ts'
import type { AdoptOptions, Adoption, AdoptionReport, MigrateOptions, Migration, MigrationPlan, MigrationReport, PlanOptions } from './migration.ts'
import type { MigratorOptions, SecretMigrator } from './migrator.ts'
import type { Finding, ReconcileOptions, ReconcileReport } from './reconciliation.ts'
import type { RollbackResult, WriteOptions } from './registry.ts'
import { accountId, type AccountId, type CallOptions, type NativePath, type SecretId, type VersionId } from './words.ts'

const DROPPED_AT_ONCE = 1000
const RECORDS_PAGE = 500
const ACCOUNTS_PAGE = 1000
const REPAIRS: readonly unknown[] = ['orphan', 'drift']
const DEFAULT_GRACE_MS = 3_600_000
const MAX_GRACE_MS = 30 * 24 * 3_600_000

/**
 * Opens a migrator, which holds both powers.
 * @throws SecretError as `createSecretRegistry`
 */
export async function createSecretMigrator(options: MigratorOptions): Promise<SecretMigrator> {
  const operation = 'createSecretMigrator'
  checkOptions(operation, options, ['id', 'metadata', 'stores', 'actor', 'keys', 'policy'])
  const { policy = {}, id, metadata, keys = 'portable' } = options
  checkOneOf(operation, 'keys', keys, ['portable', 'any'])
  const { times, keep, storePolicy } = checkRegistryPolicy(operation, policy)
  const { actor } = checkWho(operation, accountId('migrator'), options.actor)
  const { prefix = '' } = policy
  const stores = await BoundStores.open(operation, options, READING_AND_WRITING, storePolicy)
  // Whoever made it may do everything; what is asked of it here is only to record.
  const access = new Access(operation, unsafeAllowEveryone, metadata, id, times.deadlineMs)
  const upkeep = new Upkeep(stores, times, keep)
  const protocol = new WriteProtocol(stores, access, upkeep, times, keep)
  const prefixOf = (store: string): string => (typeof prefix === 'string' ? prefix : (prefix[store] ?? ''))
  return new Migrator({ stores, protocol, access, actor, keys, upkeep, times, calls: new Calls(), prefix: prefixOf })
}

type MigratorParts = ReconcileParts & MigrateParts & AdoptParts

class Migrator implements SecretMigrator {
  readonly #parts: MigratorParts
  readonly #calls: Calls

  constructor(parts: MigratorParts) {
    this.#parts = parts
    this.#calls = parts.calls
  }

  async references(store: string, options: CallOptions = {}): Promise<References> {
    const operation = 'migrator.references'
    this.#check(operation, store, options)
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
    return yield* this.#stepped(
      operation,
      new Reconciliation(this.#parts, { operation, names, repair: [...repair], graceMs, onProgress, signal }).walk(),
    )
  }

  async plan(options: PlanOptions): Promise<MigrationPlan> {
    const operation = 'migrator.plan'
    this.#calls.assertOpen(operation)
    const run = new MigrationRun(this.#parts, operation, options)
    return await this.#calls.track(run.plan()).catch((error: unknown) => {
      throw error instanceof SecretError ? error.in({ operation }) : error
    })
  }

  async *migrate(options: MigrateOptions): AsyncGenerator<Migration, MigrationReport> {
    const operation = 'migrator.migrate'
    this.#calls.assertOpen(operation)
    return yield* this.#stepped(operation, new MigrationRun(this.#parts, operation, options).migrate())
  }

  async dropOldCopies(store: string, options: CallOptions = {}): Promise<number> {
    const operation = 'migrator.dropOldCopies'
    this.#check(operation, store, options)
    const { registry, metadata } = this.#parts.stores
    const drop = async (): Promise<number> => {
      for (let count = 0; ;) {
        const some = await persist(() => metadata.dropOldCopies({ registry, store, limit: DROPPED_AT_ONCE }, options))
        count += some
        if (some < DROPPED_AT_ONCE) return count
      }
    }
    return await this.#calls.track(drop())
  }

  async *adopt(options: AdoptOptions): AsyncGenerator<Adoption, AdoptionReport> {
    const operation = 'migrator.adopt'
    this.#calls.assertOpen(operation)
    return yield* this.#stepped(operation, new AdoptionRun(this.#parts, operation, options).walk())
  }

  async *accounts(options: CallOptions = {}): AsyncGenerator<AccountId> {
    const operation = 'migrator.accounts'
    checkOptions(operation, options, ['signal'])
    const { registry, metadata } = this.#parts.stores
    for (let after: AccountId | undefined; ;) {
      this.#calls.assertOpen(operation)
      const found = await this.#calls.track(persist(() => metadata.accounts({ registry, after, limit: ACCOUNTS_PAGE }, options)))
      yield* found
      after = found.at(-1)
      if (found.length < ACCOUNTS_PAGE) break
    }
  }

  async *records(options: CallOptions = {}): AsyncGenerator<StoredRecord> {
    const operation = 'migrator.records'
    checkOptions(operation, options, ['signal'])
    const { registry, metadata, names } = this.#parts.stores
    for (const store of names) {
      for (let after: NativePath | undefined; ;) {
        this.#calls.assertOpen(operation)
        const found = await this.#calls.track(persist(() => metadata.scan({ registry, store, after, limit: RECORDS_PAGE }, options)))
        yield* found
        after = found.at(-1)?.pointer.path
        if (found.length < RECORDS_PAGE) break
      }
    }
  }

  /** Step by step, so that whoever stops asking keeps nobody from closing. */
  async *#stepped<T, R>(operation: string, walk: AsyncGenerator<T, R>): AsyncGenerator<T, R> {
    try {
      for (;;) {
        this.#calls.assertOpen(operation)
        const step = await this.#calls.track(walk.next())
        if (step.done === true) return step.value
        yield step.value
      }
    } catch (error) {
      throw error instanceof SecretError ? error.in({ operation }) : error
    } finally {
      await walk.return(undefined as R)
    }
  }

  #check(operation: string, store: string, options: CallOptions): void {
    this.#calls.assertOpen(operation)
    checkOptions(operation, options, ['signal'])
    if (typeof store !== 'string') throw SecretError.invalid(operation, 'a store’s name is a string')
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
    checkIfRevision(operation, ifRevision)
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
    const store = this.#parts.stores.get(pointer.store, operation)
    // Where there is none, the value is put again, and that says what is wrong.
    const versions = await listVersionsIfAny(store, pointer.path, { operation, secretName: key, signal })
    return versions.some(({ version, current, state }) => version === pointer.version && current && state === 'usable')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
