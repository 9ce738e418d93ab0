import type { DriverCall, DriverVersion } from '../driver.ts'
import { isSecretError, SecretError, type SecretErrorCode } from '../errors.ts'
import { FAILING_AFTER } from '../metadata-support/tasks.ts'
import type { Intent, IntentId, PendingWork, QueueDraft, QueueEntry } from '../work.ts'
import type { PendingItem, WriteOnlyDriver } from '../registry.ts'
import type { VersionId } from '../words.ts'
import { persist } from './persist.ts'
import type { BoundStores, GuardedStore } from './stores.ts'
import type { ProtocolTimes } from './write-protocol.ts'
import { takeTurns, type Lane, type Turn } from './turns.ts'
import { findToken, listVersionsIfAny } from './writes.ts'

const BACKOFF_CAP_MS = 3_600_000
/** Nothing is begun in a pass after that. */
const PASS_MS = 60_000

/** A claim that the caller holds. What is sent in it has its answer, or is waited for no longer, before it ends. */
export interface Held {
  /** By `performance.now()`, measured from before the claim, so that it is over before the database's own. */
  readonly endsAt: number
  readonly signal?: AbortSignal | undefined
}

type Store = GuardedStore<WriteOnlyDriver>

/** What became of a task. `postponed` with a code has failed, and without one has to wait. */
type Ended =
  | {
      readonly state: 'promoted' | 'destroyed' | 'purged' | 'watched'
      readonly enqueue?: readonly QueueDraft[]
      readonly ifPointer?: VersionId | undefined
    }
  | { readonly state: 'retained'; readonly delayMs: number; readonly until: Date | undefined }
  | { readonly state: 'postponed'; readonly delayMs?: number; readonly code?: SecretErrorCode }

interface Counts {
  recovered: number
  promoted: number
  destroyed: number
  purged: number
  watched: number
  forgotten: number
  retained: number
  postponed: number
}

interface Worked {
  readonly count: keyof Counts
  /** Not only postponed. */
  readonly failed: boolean
}

/** Of one pass; the names are those of the report. */
export interface Tally extends Counts {
  more: boolean
  readonly unanswered: Set<string>
}

/** The other side of the write protocol: recovery of expired intents, and the queue, which alone destroys. */
export class Upkeep {
  readonly #stores: BoundStores<WriteOnlyDriver>
  readonly #times: ProtocolTimes
  readonly #keep: number

  /** `keep`: versions that a record keeps, the committed one included. */
  constructor(stores: BoundStores<WriteOnlyDriver>, times: ProtocolTimes, keep: number) {
    this.#stores = stores
    this.#times = times
    this.#keep = keep
  }

  /**
   * One bounded pass: from each store an intent and a task by turns, so that neither a store nor a kind of work holds up another. What is
   * claimed is done at once: a claim is a try. What has kept the pass waiting, of a kind and a store, is left for the next one.
   */
  async pass(maxItems: number, signal: AbortSignal | undefined): Promise<Tally> {
    const tally: Tally = {
      recovered: 0,
      promoted: 0,
      destroyed: 0,
      purged: 0,
      watched: 0,
      forgotten: 0,
      retained: 0,
      postponed: 0,
      more: false,
      unanswered: new Set(),
    }
    const { registry, metadata } = this.#stores
    const { leaseMs, deadlineMs } = this.#times
    const endsAt = performance.now() + PASS_MS
    let left = maxItems
    const isOver = (): boolean => left === 0 || signal?.aborted === true || performance.now() >= endsAt
    const turn = async <T>(store: string, claim: () => Promise<readonly T[]>, work: (item: T, held: Held) => Promise<Worked>): Promise<Turn> => {
      const claimedAt = performance.now()
      const [item] = await claim()
      if (item === undefined) return 'nothing'
      left -= 1
      const startedAt = performance.now()
      const { count, failed } = await work(item, { endsAt: claimedAt + leaseMs, signal })
      tally[count] += 1
      if (!failed || performance.now() - startedAt < deadlineMs / 2) return 'worked'
      tally.unanswered.add(store)
      return 'unanswered'
    }
    const intent = (store: string): Promise<Turn> =>
      turn(
        store,
        () => metadata.claimExpiredIntents({ registry, store, limit: 1, leaseMs }, { signal }),
        async (one, held) => ((await this.recoverClaimed(one, held)) ? { count: 'recovered', failed: false } : { count: 'postponed', failed: true }),
      )
    const task = (store: string): Promise<Turn> =>
      turn(
        store,
        () => metadata.claimQueue({ registry, store, limit: 1, leaseMs }, { signal }),
        async (entry, held) => {
          const ended = await this.#run(entry, held)
          return { count: await this.#settle(entry, ended), failed: ended.state === 'postponed' && ended.code !== undefined }
        },
      )
    const lanes = this.#stores.names.flatMap((store): readonly Lane[] => [
      { store, isFed: false, take: () => intent(store) },
      { store, isFed: true, take: () => task(store) },
    ])
    await takeTurns(lanes, isOver)
    if (signal?.aborted === true) throw SecretError.refused('aborted', 'registry.maintain')
    tally.more = isOver()
    if (left > 0) {
      tally.forgotten = await metadata.forgetRequests({ registry, limit: left }, { signal })
      tally.more ||= tally.forgotten === left
    }
    return tally
  }

  /** For a writer that found this intent in its way. What fails here is left to the next pass. */
  async recoverOne(intent: IntentId): Promise<void> {
    const { registry, metadata } = this.#stores
    const { leaseMs } = this.#times
    const endsAt = performance.now() + leaseMs
    const claimed = await persist(() => metadata.claimExpiredIntents({ registry, limit: 1, leaseMs, intent }, {}))
    for (const one of claimed) await this.recoverClaimed(one, { endsAt })
  }

  /** For the writer that queued the task and holds its claim. What fails here is put off; the write itself stands. */
  async tryNow(entry: QueueEntry, held: Held, holder?: VersionId): Promise<void> {
    await this.#settle(entry, await this.#run(entry, held, holder)).catch(() => {}) // its claim runs out, and a pass takes it
  }

  /** Ends an expired intent that the caller has claimed: an update that can be proved is finished, everything else is undone and watched. */
  async recoverClaimed(intent: Intent, held: Held): Promise<boolean> {
    const { registry, metadata } = this.#stores
    const { id, account, token, path } = intent
    const place = { store: intent.store, path }
    const watch: QueueDraft = { task: 'watch_path', ...place, token, delayMs: this.#times.putHorizonMs }
    const undo = async (enqueue: readonly QueueDraft[]): Promise<true> => {
      await persist(() => metadata.abandon({ registry, intent: id, account, token, code: 'deadline_exceeded', enqueue }, {}))
      return true
    }
    try {
      if (intent.operation !== 'update') return await undo([{ task: 'purge_path', ...place }, watch])
      const store = this.#stores.find(intent.store)
      if (store === undefined) return false
      const { versionProof, current } = store.driver.capabilities
      if (versionProof === 'position') return await undo([watch])
      const found = await this.#find(store, intent, held)
      if (found === undefined) return await undo([watch])
      const enqueue = [watch]
      if (current === 'on_promote') enqueue.unshift({ task: 'promote', ...place, version: found })
      const outcome = await persist(() =>
        metadata.commitUpdate({ registry, intent: id, account, token, version: found, keep: this.#keep, enqueue }, {}),
      )
      return outcome.state === 'refused' ? await undo([watch]) : true
    } catch {
      return false // the lease that the claim gave runs out, and a later pass takes it
    }
  }

  async #find({ driver, guard }: Store, { path, token, base, key }: Intent, held: Held): Promise<VersionId | undefined> {
    const { found } = await guard.run({
      ...within(held),
      operation: 'registry.maintain',
      secretName: key,
      afterUnknown: 'read',
      attempt: async call => ({ found: await findToken(driver, path, token, call, base?.version) }),
    })
    return found?.version
  }

  async #run(entry: QueueEntry, held: Held, holder?: VersionId): Promise<Ended> {
    const store = this.#stores.find(entry.store)
    if (store === undefined) return { state: 'postponed', code: 'misconfigured' }
    try {
      switch (entry.task) {
        case 'promote':
          return await this.#promote(store, entry, held, holder)
        case 'destroy_version':
          return await this.#destroy(store, entry, held)
        case 'purge_path':
          return await this.#purge(store, entry, held)
        case 'watch_path':
          return await this.#watch(store, entry, held)
      }
    } catch (error) {
      if (!isSecretError(error)) return { state: 'postponed', code: 'unknown' }
      const { code, retryAfterMs: delayMs } = error
      return { state: 'postponed', code, ...(delayMs === undefined ? {} : { delayMs }) }
    }
  }

  /** Reads the holder, then the pointer, then moves with the holder as the condition; ends only if the pointer did not move. */
  async #promote(store: Store, entry: QueueEntry, held: Held, expected?: VersionId): Promise<Ended> {
    const { driver, guard } = store
    const { path } = entry
    const versions = expected === undefined ? await this.#versions(store, entry, held) : []
    const holder = expected ?? versions.find(version => version.current)?.version
    const pointer = expected === undefined ? await this.#pointer(entry) : entry.version
    if (pointer === undefined) return { state: 'promoted' } // the record is gone
    if (holder === undefined) return { state: 'postponed', code: 'conflict' } // there is no label to move
    if (holder !== pointer) {
      const attempt = (call: DriverCall): Promise<void> => driver.promote({ path, version: pointer, from: holder }, call)
      await guard.run({ ...within(held), operation: 'registry.promote', afterUnknown: 'never', attempt })
    }
    return { state: 'promoted', ifPointer: pointer }
  }

  async #destroy(store: Store, entry: QueueEntry, held: Held): Promise<Ended> {
    const { driver, guard } = store
    const { path, version } = entry
    if (version === undefined) return { state: 'destroyed' }
    const { current, destroyVersion } = driver.capabilities
    // Outsiders read a version until the label is where the pointer is. Where destruction only detaches, the backend refuses by itself.
    if (current === 'on_promote' && destroyVersion !== 'detached') {
      const holder = (await this.#versions(store, entry, held)).find(listed => listed.current)?.version
      const pointer = await this.#pointer(entry)
      if (holder !== undefined && pointer !== undefined && holder !== pointer) return { state: 'postponed', code: 'conflict' }
    }
    try {
      const attempt = (call: DriverCall): Promise<void> => driver.destroyVersion({ path, version }, call)
      await guard.run({ ...within(held), operation: 'registry.destroy', afterUnknown: 'repeat', attempt })
    } catch (error) {
      if (!isSecretError(error, 'not_found')) throw error
    }
    return { state: 'destroyed' }
  }

  async #purge({ driver, guard }: Store, { path }: QueueEntry, held: Held): Promise<Ended> {
    const removal = await guard.run({
      ...within(held),
      operation: 'registry.purge',
      afterUnknown: 'repeat',
      attempt: call => driver.remove({ path, purge: true }, call),
    })
    if (removal.state === 'gone') return { state: 'purged' }
    if (removal.state === 'pending') return { state: 'postponed', delayMs: removal.retryAfterMs }
    const untilMs = removal.until === undefined ? BACKOFF_CAP_MS : removal.until.getTime() - Date.now()
    return { state: 'retained', delayMs: Math.max(BACKOFF_CAP_MS, untilMs), until: removal.until }
  }

  /**
   * Lists, then asks the database, then queues for removal: of a record's path only what it listed, since a write that began since is not
   * in the list.
   */
  async #watch(store: Store, entry: QueueEntry, held: Held): Promise<Ended> {
    const listed = await this.#versions(store, entry, held)
    const [owner] = await this.#owners(entry)
    if (owner !== undefined && owner.intents > 0) return { state: 'postponed', delayMs: this.#times.leaseMs }
    const place = { store: entry.store, path: entry.path }
    // Also where nothing is listed: a part of a create may have landed that is no version yet, and the path is nobody's any more.
    // An old copy stays until its own purge, which takes all of it.
    if (owner?.row === undefined)
      return { state: 'watched', enqueue: owner !== undefined && owner.purges > 0 ? [] : [{ task: 'purge_path', ...place }] }
    const { kept, adopted } = owner.row
    const byToken = store.driver.capabilities.versionProof === 'token'
    // Nothing tells the stray from what was there before the secret was adopted.
    if (!byToken && adopted !== undefined) return { state: 'watched' }
    const strays = listed.filter(({ version, state, token }) => !kept.includes(version) && state === 'usable' && (!byToken || token === entry.token))
    return { state: 'watched', enqueue: strays.map(({ version }) => ({ task: 'destroy_version', ...place, version })) }
  }

  async #settle(entry: QueueEntry, ended: Ended): Promise<Ended['state']> {
    const { registry, metadata } = this.#stores
    const { id, claim } = entry
    if (ended.state === 'postponed' || ended.state === 'retained') {
      const delayMs = Math.ceil(ended.delayMs ?? Math.min(BACKOFF_CAP_MS, 1000 * 2 ** entry.attempts) * (0.5 + Math.random() / 2))
      const why = ended.state === 'retained' ? { retainedUntil: ended.until } : { code: ended.code }
      await persist(() => metadata.settleQueue({ registry, id, claim, outcome: { state: 'retry', delayMs, ...why }, enqueue: [] }, {}))
      return ended.state
    }
    const { enqueue = [], ifPointer } = ended
    const done = await persist(() => metadata.settleQueue({ registry, id, claim, outcome: { state: 'done', ifPointer }, enqueue }, {}))
    return done ? ended.state : 'postponed'
  }

  /** All versions of the entry's path; none when the secret is gone. */
  #versions(store: Store, { path }: QueueEntry, held: Held): Promise<readonly DriverVersion[]> {
    return listVersionsIfAny(store, path, { ...within(held), operation: 'registry.versions' })
  }

  async #pointer(entry: QueueEntry): Promise<VersionId | undefined> {
    const [owner] = await this.#owners(entry)
    return owner?.row?.version
  }

  #owners({ store, path }: QueueEntry): ReturnType<BoundStores<WriteOnlyDriver>['metadata']['owners']> {
    const { registry, metadata } = this.#stores
    return persist(() => metadata.owners({ registry, store, paths: [path] }, {}))
  }
}

/** What a guarded call needs to end inside the claim, and with the pass. */
function within({ endsAt, signal }: Held): { readonly withinMs: number; readonly signal: AbortSignal | undefined } {
  return { withinMs: endsAt - performance.now(), signal }
}

/**
 * Why a person should look at a piece of work, if one should: its store is not given, or it has failed again and again.
 * `isGiven`: whether there is a store of that name.
 */
export function attentionFor(
  { store, attempts, retainedUntil }: Pick<PendingWork, 'store' | 'attempts' | 'retainedUntil'>,
  isGiven: (store: string) => boolean,
): PendingItem['attention'] {
  if (!isGiven(store)) return 'store_missing'
  return attempts >= FAILING_AFTER && retainedUntil === undefined ? 'failing' : undefined
}
