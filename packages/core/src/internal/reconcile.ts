import type { SecretDriver } from '../driver.ts'
import { isSecretError, SecretError } from '../errors.ts'
import type { PathOwner } from '../metadata-requests.ts'
import type { StoredRecord } from '../records.ts'
import type { Finding, FindingKind, ReconcileOptions, ReconcileReport, RepairKind } from '../reconciliation.ts'
import type { Actor, NativePath } from '../words.ts'
import type { Access } from './access.ts'
import { crypto } from './crypto.ts'
import { Evidence, type Store } from './evidence.ts'
import { Looks, type Candidate, type Suspect, type Verdict } from './looks.ts'
import { spaceOf } from './paths.ts'
import { persist } from './persist.ts'
import { putAgain } from './put-again.ts'
import type { BoundStores } from './stores.ts'
import type { WriteProtocol } from './write-protocol.ts'

const PAGE = 100
const PARALLEL = 8
/** So many looks and repairs in a row whose errors say that they may be repeated: the store is away. */
const AWAY_AFTER = 8

export interface ReconcileParts {
  readonly stores: BoundStores<SecretDriver>
  readonly protocol: WriteProtocol
  readonly access: Access
  readonly actor: Actor
  /** What is before the paths of a store's new secrets. */
  readonly prefix: (store: string) => string
}

export interface ReconcileRun {
  readonly operation: string
  readonly names: readonly string[]
  readonly repair: readonly RepairKind[]
  readonly graceMs: number
  readonly signal: AbortSignal | undefined
  readonly onProgress: ReconcileOptions['onProgress']
}

type Counts = { -readonly [Field in keyof Omit<ReconcileReport, 'findings'>]: number }

/** Compares database and cloud, from both sides, a page at a time, and mends what it was asked to. */
export class Reconciliation {
  readonly #parts: ReconcileParts
  readonly #run: ReconcileRun
  readonly #evidence: Evidence
  readonly #looks: Looks
  readonly #counts: Counts = { records: 0, secrets: 0, skipped: 0, queued: 0, done: 0, failed: 0 }
  readonly #findings: Record<FindingKind, number> = { orphan: 0, dangling: 0, missing: 0, drift: 0, stray: 0, labels: 0, foreign: 0, unjudged: 0 }
  readonly #troubles = { looks: new Troubles(), repairs: new Troubles() }

  constructor(parts: ReconcileParts, run: ReconcileRun) {
    this.#parts = parts
    this.#run = run
    this.#evidence = new Evidence(parts.stores, run.operation, run.signal)
    this.#looks = new Looks(parts.stores.registry, this.#evidence, run.graceMs)
  }

  async *walk(): AsyncGenerator<Finding, ReconcileReport> {
    for (const name of this.#run.names) {
      const store = this.#parts.stores.get(name, this.#run.operation)
      // Where records are, others of their kind may be: also under a prefix that is no longer the policy's.
      const spaces = new Set([`${this.#parts.prefix(name)}${this.#parts.stores.registry}-`])
      yield* this.#records(store, spaces)
      for (const space of outermost(spaces)) yield* this.#secrets(store, space)
    }
    return { ...this.#counts, findings: this.#findings }
  }

  /** From the database to the cloud. */
  async *#records(store: Store, spaces: Set<string>): AsyncGenerator<Finding> {
    const { registry, metadata } = this.#parts.stores
    for (let after: NativePath | undefined; ;) {
      const request = { registry, store: store.name, after, limit: PAGE }
      const records = await persist(() => metadata.scan(request, { signal: this.#run.signal }))
      const owners = await this.#owners(store, records.map(pathOf))
      for (const { id, pointer } of records) {
        const space = spaceOf(pointer.path, registry, id)
        if (space !== undefined) spaces.add(space)
      }
      const candidates = records.map(record => ({ path: record.pointer.path, record }))
      yield* this.#judge(store, candidates, 'records', ({ record, path }) => this.#looks.record(store, record, owners.get(path)))
      after = records.at(-1)?.pointer.path
      if (records.length < PAGE) return
    }
  }

  /** From the cloud to the database, which is asked after the list. */
  async *#secrets(store: Store, space: string): AsyncGenerator<Finding> {
    for (let page: string | undefined; ;) {
      const { items, next } = await this.#evidence.list(store, space, page)
      const paths = items.map(({ path }) => path)
      const owners = await this.#owners(store, paths)
      yield* this.#judge(store, items, 'secrets', entry => this.#looks.entry(store, space, entry, owners.get(entry.path)))
      page = next
      if (page === undefined) return
    }
  }

  async #owners(store: Store, paths: readonly NativePath[]): Promise<ReadonlyMap<NativePath, PathOwner>> {
    const owners = paths.length === 0 ? [] : await this.#evidence.owners(store, paths)
    return new Map(owners.map(owner => [owner.path, owner]))
  }

  /** Some at a time; repairs are made one after the other. */
  async *#judge<T extends Candidate>(
    store: Store,
    items: readonly T[],
    counted: 'records' | 'secrets',
    look: (item: T) => Promise<Verdict>,
  ): AsyncGenerator<Finding> {
    for (let from = 0; from < items.length; from += PARALLEL) {
      if (this.#run.signal?.aborted === true) throw SecretError.refused('aborted', this.#run.operation)
      const judged = await together(items.slice(from, from + PARALLEL), item => this.#judged(store, item, look))
      for (const { verdict, error } of judged) {
        this.#counts[counted] += 1
        this.#tell()
        if (verdict !== 'skipped') {
          for (const suspect of verdict) yield* this.#found(store, suspect)
          this.#troubles.looks.ended(error)
        } else this.#counts.skipped += 1
      }
    }
  }

  /** What its store does not answer about is a finding too: nothing else depends on it. */
  async #judged<T extends Candidate>(store: Store, item: T, look: (item: T) => Promise<Verdict>): Promise<Judged> {
    try {
      return { verdict: await look(item), error: undefined }
    } catch (error) {
      if (!isOfStore(error, store)) throw error
      return { verdict: [this.#looks.unjudged(store, error, item)], error }
    }
  }

  async *#found(store: Store, suspect: Suspect): AsyncGenerator<Finding> {
    const { finding, error } = await this.#mended(store, suspect)
    if (finding === undefined) {
      this.#counts.skipped += 1
      return
    }
    this.#findings[finding.kind] += 1
    const { repair } = finding
    if (repair === 'queued' || repair === 'done' || repair === 'failed') this.#counts[repair] += 1
    yield finding
    if (repair !== 'none' && repair !== 'not_possible') this.#troubles.repairs.ended(error)
  }

  #tell(): void {
    const { records, secrets } = this.#counts
    try {
      this.#run.onProgress?.({ records, secrets })
    } catch {
      // An observer does not change an outcome.
    }
  }

  /** Mends it, if that was asked for and can be. What has changed since the look is left to another run. */
  async #mended(store: Store, suspect: Suspect): Promise<{ readonly finding: Finding | undefined; readonly error?: SecretError }> {
    const { finding, problem: reason, mendable } = suspect
    const asked: readonly FindingKind[] = this.#run.repair
    if (!mendable) return { finding: { ...finding, repair: 'not_possible', reason } }
    if (!asked.includes(finding.kind)) return { finding: { ...finding, repair: 'none', reason } }
    try {
      const repair = await this.#mend(suspect)
      return { finding: repair === undefined ? undefined : { ...finding, repair, reason } }
    } catch (error) {
      if (!isOfStore(error, store)) throw error
      const why = error.effect === 'unknown' ? UNCLEAR : FAILED
      return { finding: { ...finding, repair: 'failed', reason: `${reason}; ${why} (${error.code})` }, error }
    }
  }

  async #mend({ finding, record }: Suspect): Promise<'queued' | 'done' | undefined> {
    const { account, secret, store, path } = finding
    if (account === undefined || secret === undefined) return undefined
    const { stores, access, protocol, actor } = this.#parts
    const { registry, metadata } = stores
    const { operation, signal } = this.#run
    if (record !== undefined && stores.get(store, operation).driver.capabilities.current === 'on_append') {
      const entry = { account, actor, action: 'secret.repair', secret, key: record.key } as const
      try {
        await access.recorded(operation, entry, () => putAgain(stores, protocol, record, record.pointer.version, { operation, actor, signal }))
        return 'done'
      } catch (error) {
        // Somebody else has changed the record, is changing it, or has deleted it or its version.
        if (isSecretError(error, 'conflict', 'not_found', 'version_unusable') && error.effect === 'none') return undefined
        throw error
      }
    }
    const task = record === undefined ? ({ task: 'purge_path' } as const) : ({ task: 'promote', version: record.pointer.version } as const)
    const token = crypto().randomUUID()
    return (await persist(() => metadata.queueRepair({ registry, account, secret, actor, token, store, path, ...task }, { signal })))
      ? 'queued'
      : undefined
  }
}

interface Judged {
  readonly verdict: Verdict
  /** What its store answered instead of what was asked. */
  readonly error: SecretError | undefined
}

const FAILED = 'the repair failed, and nothing was changed'
const UNCLEAR = 'the repair had no answer, and maintain ends it'

/** One secret's trouble is a finding. A store that is away is the run's end: nothing that follows would be told apart from it. */
class Troubles {
  #inRow = 0

  /** @throws SecretError the last of so many in a row that may be repeated */
  ended(error: SecretError | undefined): void {
    this.#inRow = error?.retryable === true ? this.#inRow + 1 : 0
    if (error !== undefined && this.#inRow >= AWAY_AFTER) throw error
  }
}

/** The database's errors name no store, and what its caller ended is no store's. */
function isOfStore(error: unknown, { name }: Store): error is SecretError {
  return isSecretError(error) && error.store === name && error.code !== 'aborted' && error.code !== 'closed'
}

function pathOf({ pointer }: StoredRecord): NativePath {
  return pointer.path
}

/** Those of which none begins with another, so that nothing is walked twice. */
function outermost(spaces: ReadonlySet<string>): readonly string[] {
  return [...spaces].filter(space => ![...spaces].some(other => other !== space && space.startsWith(other)))
}

/** All of them, or the error of the first that failed, once none is under way any more. */
async function together<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const settled = await Promise.allSettled(items.map(work))
  return settled.map(one => {
    if (one.status === 'rejected') throw one.reason
    return one.value
  })
}
