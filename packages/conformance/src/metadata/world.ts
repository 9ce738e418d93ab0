import { randomUUID } from 'node:crypto'
import {
  accountId,
  secretId,
  type AccountId,
  type Actor,
  type AuditEntry,
  type BeginCreate,
  type BeginUpdate,
  type CommitOutcome,
  type IdempotentRequest,
  type IfRevision,
  type Intent,
  type MetadataStore,
  type NativePath,
  type PageRequest,
  type QueueDraft,
  type QueueEntry,
  type SecretId,
  type SecretRecord,
  type VersionId,
} from '@strongroom/core'
import type { MetadataHarness, StartMetadata } from './harness.ts'

export const ALICE: Actor = { id: 'alice', type: 'user' }
export const ROBOT: Actor = { id: 'robot', type: 'service_account' }
/** The account of the cases. */
export const ACCOUNT: AccountId = accountId('account-1')
export const OTHER_ACCOUNT: AccountId = accountId('account-2')
/** The registry of the cases. */
export const REGISTRY = 'registry-1'
export const OTHER_REGISTRY = 'registry-2'
export const LEASE = 60_000
const STORES = ['main', 'second', 'third', 'other'] as const
/** More versions than a case that is not about them commits. */
const KEEP = 9
/** When a case begins, by its clock: milliseconds since 1970. */
export const START: number = Date.UTC(2026, 0, 1)

export const path = (value: string): NativePath => value as NativePath
export const version = (value: string): VersionId => value as VersionId
/** A task to queue that is about nothing else. */
export const watch: QueueDraft = { task: 'watch_path', store: 'main', path: path('watched'), token: 'token-1' }
export const newId = (): SecretId => secretId(randomUUID())

interface Clock {
  now: number
}

/** The newest hundred, unless `more` says otherwise. */
export function pageRequest(more: Partial<PageRequest> = {}): PageRequest {
  const usual = { registry: REGISTRY, account: ACCOUNT, limit: 100, sortBy: 'created_at', sortOrder: 'desc' } as const
  return { ...usual, startingAfter: undefined, endingBefore: undefined, ...more }
}

/** A store with a clock that only the case moves, and the calls that most cases begin with. */
export class World {
  readonly store: MetadataStore
  readonly #harness: MetadataHarness
  readonly #clock: Clock
  #twin: Promise<World> | undefined

  static async make(start: StartMetadata): Promise<World> {
    const clock = { now: START }
    const harness = await start(() => new Date(clock.now))
    return new World(harness.store, harness, clock)
  }

  constructor(store: MetadataStore, harness: MetadataHarness, clock: Clock) {
    this.store = store
    this.#harness = harness
    this.#clock = clock
  }

  /** The same database and clock as another process has them; the very same store where there is no other. */
  twin(): Promise<World> {
    this.#twin ??= (async () => new World((await this.#harness.second?.()) ?? this.store, this.#harness, this.#clock))()
    return this.#twin
  }

  get now(): number {
    return this.#clock.now
  }

  wait(milliseconds: number): void {
    this.#clock.now += milliseconds
  }

  async dispose(): Promise<void> {
    await this.store.close()
    await (await this.#twin)?.store.close()
    await this.#harness.dispose()
  }

  createRequest(more: Partial<BeginCreate> = {}): BeginCreate {
    const secret = more.secret ?? newId()
    return {
      registry: REGISTRY,
      account: ACCOUNT,
      secret,
      key: `key-${secret}`,
      description: null,
      actor: ALICE,
      store: 'main',
      path: path(`path-${secret}`),
      token: randomUUID(),
      leaseMs: LEASE,
      ...more,
    }
  }

  async begin(more: Partial<BeginCreate> = {}): Promise<Intent> {
    const answer = await this.store.beginCreate(this.createRequest(more), {})
    if (answer.state !== 'begun') throw new Error('busy')
    return answer.intent
  }

  commitCreate(intent: Intent, enqueue: readonly QueueDraft[] = [], registry: string = REGISTRY): Promise<CommitOutcome> {
    const { id, account, token } = intent
    return this.store.commitCreate({ registry, intent: id, account, token, version: version('v1'), fullPath: `full/${intent.path}`, enqueue }, {})
  }

  async create(more: Partial<BeginCreate> = {}): Promise<SecretRecord> {
    return committed(await this.commitCreate(await this.begin(more), [], more.registry))
  }

  updateRequest(
    { accountId: account, id: secret }: SecretRecord,
    { description, ifRevision, replaces, request }: Partial<Pick<BeginUpdate, 'description' | 'ifRevision' | 'replaces' | 'request'>> = {},
  ): BeginUpdate {
    return { registry: REGISTRY, account, secret, description, ifRevision, actor: ROBOT, token: randomUUID(), leaseMs: LEASE, replaces, request }
  }

  async beginUpdate(record: SecretRecord, description?: string | null, replaces?: VersionId): Promise<Intent> {
    const answer = await this.store.beginUpdate(this.updateRequest(record, { description, replaces }), {})
    if (answer.state !== 'begun') throw new Error('busy')
    return answer.intent
  }

  commitUpdate(intent: Intent, to = 'v2', enqueue: readonly QueueDraft[] = [], keep: number = KEEP): Promise<CommitOutcome> {
    const { id, account, token } = intent
    return this.store.commitUpdate({ registry: REGISTRY, intent: id, account, token, version: version(to), keep, enqueue }, {})
  }

  async update(record: SecretRecord, to: string, keep: number = KEEP): Promise<SecretRecord> {
    return committed(await this.commitUpdate(await this.beginUpdate(record), to, [], keep))
  }

  rollback(
    record: SecretRecord,
    to: string,
    more: { ifRevision?: IfRevision; token?: string; claimMs?: number; account?: AccountId; registry?: string } = {},
  ): ReturnType<MetadataStore['commitRollback']> {
    const { ifRevision, token = randomUUID(), claimMs, account = record.accountId, registry = REGISTRY } = more
    return this.store.commitRollback({ registry, account, secret: record.id, version: version(to), ifRevision, actor: ROBOT, token, claimMs }, {})
  }

  abandon(intent: Intent, enqueue: readonly QueueDraft[] = []): ReturnType<MetadataStore['abandon']> {
    const { id, account, token } = intent
    return this.store.abandon({ registry: REGISTRY, intent: id, account, token, code: 'deadline_exceeded', enqueue }, {})
  }

  describe(
    record: SecretRecord,
    description: string | null,
    more: { ifRevision?: IfRevision; token?: string; account?: AccountId; request?: IdempotentRequest } = {},
  ): ReturnType<MetadataStore['updateDescription']> {
    const { ifRevision, token = randomUUID(), account = record.accountId, request } = more
    return this.store.updateDescription({ registry: REGISTRY, account, secret: record.id, description, ifRevision, actor: ROBOT, token, request }, {})
  }

  delete(
    record: SecretRecord,
    more: { ifRevision?: IfRevision; token?: string; claimMs?: number; account?: AccountId; registry?: string } = {},
  ): ReturnType<MetadataStore['commitDelete']> {
    const { ifRevision, token = randomUUID(), claimMs = LEASE, account = record.accountId, registry = REGISTRY } = more
    return this.store.commitDelete({ registry, account, secret: record.id, ifRevision, actor: ROBOT, token, claimMs }, {})
  }

  find(id: SecretId, account: AccountId = ACCOUNT, registry: string = REGISTRY): ReturnType<MetadataStore['find']> {
    return this.store.find({ registry, account, id }, {})
  }

  claim(limit: number = 100, leaseMs: number = LEASE, registry: string = REGISTRY): Promise<readonly QueueEntry[]> {
    return ofEachStore(limit, (store, left) => this.store.claimQueue({ registry, store, limit: left, leaseMs }, {}))
  }

  /** Claims expired intents. */
  recover({ registry = REGISTRY, limit = 99, leaseMs = LEASE }: { registry?: string; limit?: number; leaseMs?: number } = {}): Promise<
    readonly Intent[]
  > {
    return ofEachStore(limit, (store, left) => this.store.claimExpiredIntents({ registry, store, limit: left, leaseMs }, {}))
  }

  settle(entry: QueueEntry, outcome: Parameters<MetadataStore['settleQueue']>[0]['outcome'], enqueue: readonly QueueDraft[] = []): Promise<boolean> {
    return this.store.settleQueue({ registry: REGISTRY, id: entry.id, claim: entry.claim, outcome, enqueue }, {})
  }

  audit(account: AccountId = ACCOUNT, registry: string = REGISTRY): Promise<readonly AuditEntry[]> {
    return this.store.readAudit({ registry, account, after: 0, limit: 10_000 }, {})
  }

  accounts(after?: AccountId, limit: number = 100, registry: string = REGISTRY): ReturnType<MetadataStore['accounts']> {
    return this.store.accounts({ registry, after, limit }, {})
  }

  references(store?: string): ReturnType<MetadataStore['references']> {
    return this.store.references({ registry: REGISTRY, store }, {})
  }

  /** Queues drafts in the commit of a create that is about something else. */
  async enqueue(...drafts: readonly QueueDraft[]): Promise<readonly QueueEntry[]> {
    const outcome = await this.commitCreate(await this.begin(), drafts)
    if (outcome.state !== 'committed') throw new Error(outcome.state)
    return outcome.claimed
  }
}

/** One store after the other. */
async function ofEachStore<T>(limit: number, claim: (store: string, limit: number) => Promise<readonly T[]>): Promise<readonly T[]> {
  const claimed: T[] = []
  for (const store of STORES) if (claimed.length < limit) claimed.push(...(await claim(store, limit - claimed.length)))
  return claimed
}

export function committed(outcome: CommitOutcome): SecretRecord {
  if (outcome.state !== 'committed' || outcome.record === undefined) throw new Error(`the commit must answer a record, not ${outcome.state}`)
  return outcome.record
}
