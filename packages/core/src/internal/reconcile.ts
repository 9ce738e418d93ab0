import type { SecretDriver } from '../driver.ts'
import { isSecretError, SecretError } from '../errors.ts'
import type { PathOwner, StoredRecord } from '../metadata.ts'
import type { Finding, FindingKind, ReconcileOptions, ReconcileReport, RepairKind } from '../reconciliation.ts'
import type { Actor, NativePath } from '../words.ts'
import type { Access } from './access.ts'
import { crypto } from './crypto.ts'
import { Looks, type Store, type Suspect, type Verdict } from './looks.ts'
import { spaceOf } from './paths.ts'
import { persist } from './persist.ts'
import { putAgain } from './put-again.ts'
import type { BoundStores } from './stores.ts'
import type { WriteProtocol } from './write-protocol.ts'

const PAGE = 100
const PARALLEL = 8

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
  readonly #looks: Looks
  readonly #counts: Counts = { records: 0, secrets: 0, skipped: 0, queued: 0, done: 0 }
  readonly #findings: Record<FindingKind, number> = { orphan: 0, dangling: 0, missing: 0, drift: 0, labels: 0, foreign: 0 }

  constructor(parts: ReconcileParts, run: ReconcileRun) {
    this.#parts = parts
    this.#run = run
    this.#looks = new Looks(parts.stores, run.operation, run.graceMs, run.signal)
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
      yield* this.#judge(records, 'records', record => this.#looks.record(store, record, owners.get(record.pointer.path)))
      after = records.at(-1)?.pointer.path
      if (records.length < PAGE) return
    }
  }

  /** From the cloud to the database, which is asked after the list. */
  async *#secrets(store: Store, space: string): AsyncGenerator<Finding> {
    for (let page: string | undefined; ;) {
      const { items, next } = await this.#looks.list(store, space, page)
      const paths = items.map(({ path }) => path)
      const owners = await this.#owners(store, paths)
      yield* this.#judge(items, 'secrets', entry => this.#looks.entry(store, space, entry, owners.get(entry.path)))
      page = next
      if (page === undefined) return
    }
  }

  async #owners(store: Store, paths: readonly NativePath[]): Promise<ReadonlyMap<NativePath, PathOwner>> {
    const owners = paths.length === 0 ? [] : await this.#looks.owners(store, paths)
    return new Map(owners.map(owner => [owner.path, owner]))
  }

  /** Some at a time; repairs are made one after the other. */
  async *#judge<T>(items: readonly T[], counted: 'records' | 'secrets', look: (item: T) => Promise<Verdict>): AsyncGenerator<Finding> {
    for (let from = 0; from < items.length; from += PARALLEL) {
      if (this.#run.signal?.aborted === true) throw SecretError.refused('aborted', this.#run.operation)
      for (const verdict of await together(items.slice(from, from + PARALLEL), look)) {
        this.#counts[counted] += 1
        this.#tell()
        const finding = verdict === undefined || verdict === 'skipped' ? verdict : await this.#mended(verdict)
        if (finding === 'skipped') this.#counts.skipped += 1
        if (finding === undefined || finding === 'skipped') continue
        this.#findings[finding.kind] += 1
        if (finding.repair === 'queued' || finding.repair === 'done') this.#counts[finding.repair] += 1
        yield finding
      }
    }
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
  async #mended(suspect: Suspect): Promise<Finding | 'skipped'> {
    const { finding, problem: reason, mendable } = suspect
    const asked: readonly FindingKind[] = this.#run.repair
    if (!mendable) return { ...finding, repair: 'not_possible', reason }
    if (!asked.includes(finding.kind)) return { ...finding, repair: 'none', reason }
    const repair = await this.#mend(suspect)
    return repair === undefined ? 'skipped' : { ...finding, repair, reason }
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
