import {
  accountId,
  createSecretMigrator,
  createSecretRegistry,
  memoryDriver,
  memoryMetadata,
  SecretError,
  unsafeAllowEveryone,
} from '@strongroom/core'
import type {
  AuditEntry,
  MetadataStore,
  NativePath,
  RegistryPolicy,
  SecretDriver,
  SecretId,
  SecretMigrator,
  SecretRegistry,
  VersionId,
} from '@strongroom/core'
import { newPathOf, recordsOf, storeAt, type Configuration, type Role } from '../../src/system.ts'

// The real write protocol, one call at a time: each call of the database or the backend waits at a gate until the walk lets it go on.

const ACCOUNT = accountId('acc-1')
const ACTOR = { id: 'u-1', type: 'user' } as const
const LEASE_MS = 9_990
/** What a migration waits before it looks again: a tenth of the lease. */
export const LOOK_AGAIN_MS = 999
/** Longer than anything else here, so that a watch is due only when nothing else is left to wait for. */
const HORIZON_MS = 500_000_000
const POLICY = { deadlineMs: 1_000, leaseMs: LEASE_MS, putHorizonMs: HORIZON_MS, attempts: 3 }
/** An old copy can be returned to for longer than a lease. */
const GRACE_MS = 50_000
/** No steps of the protocol: they change nothing that the model has. */
const FREE = new Set([
  'bindStores',
  'appendAudit',
  'accounts',
  'references',
  'forgetRequests',
  'readAudit',
  'find',
  'pending',
  'troubled',
  'classify',
  'close',
])
/** Of a migration: the rest of its search, of its begin, and of its look at what is there; in the model they are one step. */
const FREE_OF_MIGRATIONS = new Set(['oldCopies', 'claimExpiredIntents', 'list'])
/** A rollback looks before it is begun: the walk has it look at the start. */
const FREE_OF_ROLLBACKS = new Set(['versions'])
const PUTS = new Set(['create', 'append'])
const STORES = ['main', 'other'] as const

export interface Gate {
  readonly target: 'metadata' | 'driver'
  readonly method: string
  /** Of a driver's. */
  readonly store: 0 | 1
  readonly run: () => Promise<unknown>
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
}

/** One process: where it waits, or how it ended. A maintainer between two passes waits nowhere. */
export class Actor {
  readonly role: Role
  gate: Gate | undefined
  end: 'ok' | 'failed' | 'unknown' | 'busy' | 'dead' | undefined
  /** Of a migration: whether it looks for what it moves, has its own intent, or ends another's. */
  phase: 'looks' | 'fills' | 'recovers' = 'looks'
  /** Ends a migration when its first try is over. */
  stop: AbortController = new AbortController()
  scans = 0
  /** Of the last start; calls of an earlier one get no answer any more. */
  life = 0
  #arrived: (() => void) | undefined

  constructor(role: Role) {
    this.role = role
  }

  /** Resolves when it waits at its next gate, or has ended. */
  async arrival(go: () => void): Promise<void> {
    const arrived = new Promise<void>(resolve => (this.#arrived = resolve))
    this.gate = undefined
    go()
    await arrived
  }

  arrive(): void {
    this.#arrived?.()
    this.#arrived = undefined
  }

  /**
   * Whether no time may pass: a put that waits at its gate past the lease would be one that was sent inside it and is answered after
   * it; a claim that does is not worked on, since it would not last.
   */
  isInHaste(): boolean {
    const { method = '', target } = this.gate ?? {}
    if (method.startsWith('claim') || method === 'beginMigrate') return true
    return target === 'driver' && (PUTS.has(method) || (method === 'versions' && this.role.does !== 'maintain'))
  }
}

/** A rule taken out of the code, by what stands before its parts. */
export interface Change {
  readonly metadata?: (metadata: MetadataStore) => MetadataStore
  readonly driver?: (driver: SecretDriver) => SecretDriver
}

export class Real {
  now = 1_000_000
  readonly actors: readonly Actor[]
  readonly flying: { readonly says: string; readonly run: () => Promise<unknown> }[] = []
  /** By record; undefined until its create has begun. */
  readonly paths: (NativePath | undefined)[] = []
  readonly #configuration: Configuration
  readonly #metadata: MetadataStore
  readonly #drivers: readonly SecretDriver[]
  readonly #change: Required<Change>
  readonly #tokens = new Map<string, number>()
  #secret: SecretId | undefined

  constructor(configuration: Configuration, change: Change = {}) {
    const { flavour, target = flavour, roles, moved = false } = configuration
    this.#configuration = configuration
    this.#metadata = memoryMetadata({ clock: () => new Date(this.now) })
    const isAlone = !moved && !roles.some(({ does }) => does === 'migrate')
    this.#drivers = [flavour, ...(isAlone ? [] : [target])].map((one, index) => {
      const { create, appendAfter, current, versionProof, destroyVersion } = one
      return memoryDriver({ name: `walk-${index}`, capabilities: { create, appendAfter, current, versionProof, destroyVersion } })
    })
    this.#change = { metadata: metadata => metadata, driver: driver => driver, ...change }
    this.actors = roles.map(role => new Actor(role))
  }

  /** The record that is there at the beginning, and every writer at its first gate. */
  async begin(versions: number): Promise<void> {
    if (versions > 0) {
      const registry = await this.#open(this.#metadata, this.#drivers)
      const secrets = registry.account(ACCOUNT, ACTOR)
      const { id } = await secrets.create({ key: 'key', value: 'first' })
      for (let version = 2; version <= versions; version += 1) await secrets.update(id, { value: 'later' })
      const found = await this.#metadata.find({ registry: 'main', account: ACCOUNT, id }, {})
      this.#secret = id
      this.paths[0] = found?.pointer.path
      if (this.#configuration.moved === true) {
        const migrator = await this.#openMigrator(this.#metadata, this.#drivers)
        for await (const _ of migrator.migrate({ from: 'main', to: 'other', measure: false, graceMs: GRACE_MS }));
        const moved = await this.#metadata.find({ registry: 'main', account: ACCOUNT, id }, {})
        this.paths[recordsOf(this.#configuration)] = moved?.pointer.path
      }
    }
    for (const [index, { role }] of this.actors.entries()) if (role.does !== 'maintain') await this.start(index)
  }

  /** Starts the operation, or a pass of upkeep. */
  async start(index: number): Promise<void> {
    const actor = this.#actor(index)
    actor.life += 1
    const { life } = actor
    actor.phase = 'looks'
    actor.stop = new AbortController()
    actor.scans = 0
    const { metadata, driver } = this.#change
    const parts = [
      metadata(this.#gated('metadata', this.#metadata, index, life)),
      this.#drivers.map((one, store) => driver(this.#gated('driver', one, index, life, store === 0 ? 0 : 1))),
    ] as const
    const { role } = actor
    if (role.does === 'migrate') {
      const migrator = await this.#openMigrator(...parts)
      return await actor.arrival(() => void this.#migrate(migrator, role.to, actor).then(end => this.#ended(actor, life, end)))
    }
    const registry = await this.#open(...parts)
    await actor.arrival(() => {
      void this.#work(registry, actor.role).then(
        () => this.#ended(actor, life, actor.role.does === 'maintain' ? undefined : 'ok'),
        (error: unknown) => this.#ended(actor, life, error instanceof SecretError && error.effect === 'none' ? 'failed' : 'unknown'),
      )
    })
  }

  /** The call is made and answered. */
  async answer(index: number): Promise<void> {
    const { gate, run } = this.#take(index)
    const answer = await run().then(
      value => ({ value }),
      (error: unknown) => ({ error }),
    )
    const actor = this.#actor(index)
    if (gate.method === 'beginMigrate' && 'value' in answer && (answer.value as { readonly state: string }).state === 'begun') actor.phase = 'fills'
    await actor.arrival(() => ('error' in answer ? gate.reject(answer.error) : gate.resolve(answer.value)))
  }

  /** A call of the database is made, and its answer lost, unless nothing was done; one of the backend is on its way, and its sender waits no longer. */
  async loseAnswer(index: number): Promise<void> {
    const { gate, run } = this.#take(index)
    if (gate.target === 'driver') {
      this.flying.push({ says: gate.method, run })
      return await this.#actor(index).arrival(() => gate.reject(Object.assign(new Error('no answer'), { isLost: true })))
    }
    const answer = await run().catch((error: unknown) => ({ state: 'busy', error }))
    const isDone = (answer as { readonly state?: unknown }).state !== 'busy'
    await this.#actor(index).arrival(() => {
      if (isDone) gate.reject(lostInDatabase())
      else if (typeof answer === 'object' && answer !== null && 'error' in answer) gate.reject(answer.error)
      else gate.resolve(answer)
    })
  }

  /** Never gets another answer; what it has just sent may be on its way. */
  die(index: number, isSent: boolean): void {
    const actor = this.#actor(index)
    const { gate, run } = this.#take(index)
    if (isSent) this.flying.push({ says: gate.method, run })
    actor.life += 1
    actor.gate = undefined
    actor.end = actor.role.does === 'maintain' ? undefined : 'dead'
  }

  async lands(index: number): Promise<void> {
    const [message] = this.flying.splice(index, 1)
    await message?.run().catch(() => {}) // refused: then nothing has landed
  }

  async work(): Promise<{ readonly intents: readonly Pending[]; readonly tasks: readonly Pending[] }> {
    const page = async (of: 'intents' | 'tasks'): Promise<readonly Pending[]> => {
      const { items } = await this.#metadata.pending({ registry: 'main', of, after: undefined, limit: 100 }, {})
      return items.map(({ task, path, version, dueAt, attempts }) => ({
        task,
        path,
        version: Number(version ?? 0),
        dueAt: dueAt.getTime(),
        attempts,
      }))
    }
    return { intents: await page('intents'), tasks: await page('tasks') }
  }

  async rows(): Promise<ReadonlyMap<NativePath, { readonly kept: readonly number[]; readonly revision: number }>> {
    const paths = this.paths.filter(path => path !== undefined)
    const stores = STORES.slice(0, this.#drivers.length)
    const owners = await Promise.all(stores.map(store => this.#metadata.owners({ registry: 'main', store, paths }, {})))
    const found = await Promise.all(
      owners.flat().map(async ({ path, row }) => {
        if (row === undefined) return []
        const record = await this.#metadata.find({ registry: 'main', account: ACCOUNT, id: row.secret }, {})
        return [[path, { kept: record?.versions.map(({ version }) => Number(version)) ?? [], revision: record?.revision ?? 0 }] as const]
      }),
    )
    return new Map(found.flat())
  }

  /** Old copies that can be returned to. */
  async copies(): Promise<readonly NativePath[]> {
    const secrets = this.#secret === undefined ? [] : [this.#secret]
    const stores = STORES.slice(0, this.#drivers.length)
    const copies = await Promise.all(stores.map(store => this.#metadata.oldCopies({ registry: 'main', store, secrets }, {})))
    return copies.flat().map(({ pointer }) => pointer.path)
  }

  /** Which operations are done by the audit trail, and which undone by recovery or by their writer, as bits. */
  async trail(): Promise<{ readonly committed: number; readonly undone: number }> {
    const entries = await this.#metadata.readAudit({ registry: 'main', account: ACCOUNT, after: 0, limit: 1_000 }, {})
    const bits = (outcome: AuditEntry['outcome']): number => {
      const ops = entries.filter(entry => entry.outcome === outcome).map(({ operationId }) => this.#tokens.get(operationId ?? ''))
      return ops.reduce<number>((all, op) => (op === undefined ? all : all | (1 << op)), 0)
    }
    return { committed: bits('ok'), undone: bits('failed') }
  }

  async cloud(): Promise<readonly (readonly string[] | null)[]> {
    const call = { signal: new AbortController().signal, attempt: 1 }
    return await Promise.all(
      Array.from(this.paths, async (path, index) => {
        if (path === undefined) return null
        const driver = this.#drivers[storeAt(this.#configuration, index)]
        const listed = await driver?.versions({ path, after: undefined, page: undefined }, call).catch(() => undefined)
        return (
          listed?.items.map(({ version, state, current }) => `${version}${state === 'usable' ? '' : ' gone'}${current ? ' current' : ''}`) ?? null
        )
      }),
    )
  }

  get #policy(): RegistryPolicy {
    return { ...POLICY, keepVersions: this.#configuration.keep }
  }

  #actor(index: number): Actor {
    const actor = this.actors[index]
    if (actor === undefined) throw new RangeError('no such process')
    return actor
  }

  #take(index: number): { readonly gate: Gate; readonly run: () => Promise<unknown> } {
    const { gate } = this.#actor(index)
    if (gate === undefined) throw new Error('it waits nowhere')
    const { run } = gate
    return {
      gate,
      run: () => {
        this.now += 1
        return run()
      },
    }
  }

  /** A migration resumes one into its own store, and ends every other write as recovery does. */
  async #claimed(actor: Actor, answer: ReturnType<MetadataStore['claimExpiredIntents']>): ReturnType<MetadataStore['claimExpiredIntents']> {
    const intents = await answer
    const [left] = intents
    const isMine = left?.operation === 'migrate' && actor.role.does === 'migrate' && left.store === STORES[actor.role.to]
    if (left !== undefined) actor.phase = isMine ? 'fills' : 'recovers'
    return intents
  }

  #ended(actor: Actor, life: number, end: Actor['end']): void {
    if (actor.life !== life) return
    actor.end = end
    actor.arrive()
  }

  async #work(registry: SecretRegistry, role: Role): Promise<unknown> {
    const secrets = registry.account(ACCOUNT, ACTOR)
    const id = this.#secret ?? ('' as SecretId)
    switch (role.does) {
      case 'create':
        return await secrets.create({ key: 'key', value: 'made' })
      case 'update':
        return await secrets.update(id, { value: 'next' })
      case 'describe':
        return await secrets.update(id, { description: 'changed' })
      case 'delete':
        return await secrets.delete(id)
      case 'maintain':
        return await registry.maintain({ maxItems: 1 })
      case 'rollback':
        return await secrets.rollback(id, String(role.to) as VersionId)
      case 'migrate':
      case 'repair':
      case 'sweep':
      case 'read':
      case 'outsider':
        throw new Error(`no walk has a ${role.does}`)
    }
  }

  /** One try: what is busy then would be tried again. */
  async #migrate(migrator: SecretMigrator, to: 0 | 1, { stop }: Actor): Promise<'ok' | 'busy'> {
    const [from, into] = to === 1 ? STORES : STORES.toReversed()
    const run = migrator.migrate({ from: from ?? '', to: into ?? '', concurrency: 1, measure: false, graceMs: GRACE_MS, signal: stop.signal })
    let end: 'ok' | 'busy' = 'busy'
    try {
      for await (const { outcome } of run) if (outcome === 'moved' || outcome === 'returned') end = 'ok'
    } catch (error) {
      if (!(error instanceof SecretError)) throw error
    }
    return end
  }

  /** What is under way ends first, but only once it is put: before that it is given up. What looks again has nothing under way. */
  #endsTry(actor: Actor, name: string): boolean {
    if (name === 'scan') actor.scans += 1
    const isAgain = name === 'scan' && actor.scans > 1
    if (isAgain || PUTS.has(name) || name.startsWith('commit')) actor.stop.abort()
    return isAgain
  }

  #open(metadata: MetadataStore, drivers: readonly SecretDriver[]): Promise<SecretRegistry> {
    const parts = { metadata, stores: storesOf(drivers) }
    return createSecretRegistry({ id: 'main', ...parts, writeTo: 'main', authorize: unsafeAllowEveryone, policy: this.#policy })
  }

  #openMigrator(metadata: MetadataStore, drivers: readonly SecretDriver[]): Promise<SecretMigrator> {
    return createSecretMigrator({ id: 'main', metadata, stores: storesOf(drivers), actor: ACTOR, policy: this.#policy })
  }

  #gated<T extends MetadataStore | SecretDriver>(target: Gate['target'], part: T, index: number, life: number, store: 0 | 1 = 0): T {
    const actor = this.#actor(index)
    return new Proxy(part, {
      get: (source, name) => {
        const value: unknown = Reflect.get(source, name)
        if (name === 'classify') {
          return (error: unknown) =>
            error instanceof Error && 'isLost' in error
              ? { code: 'unavailable', retryable: true, effect: 'unknown' }
              : (Reflect.apply(value as (error: unknown) => unknown, source, [error]) as unknown)
        }
        if (typeof value !== 'function' || typeof name !== 'string' || FREE.has(name)) return value
        const { does } = actor.role
        return (request: Asked, call: { readonly signal?: AbortSignal }) => {
          if (actor.life !== life) return new Promise(() => {})
          if (request.token !== undefined && does !== 'maintain' && /^(begin|update|commitDelete|commitReturn|commitRollback)/.test(name)) {
            this.#tokens.set(request.token, index)
            if (name === 'beginCreate' && 'record' in actor.role) this.paths[actor.role.record] = request.path
            if (name === 'beginMigrate') this.paths[newPathOf(this.#configuration, index)] = request.path
          }
          // Once: the promote of a rollback does not look, and recovery is the walk's again.
          if (does === 'rollback' && actor.phase === 'looks' && FREE_OF_ROLLBACKS.has(name)) {
            actor.phase = 'fills'
            return Reflect.apply(value, source, [request, call])
          }
          if (does === 'migrate' && FREE_OF_MIGRATIONS.has(name)) {
            const answer = Reflect.apply(value, source, [request, call]) as Promise<unknown>
            return name === 'claimExpiredIntents' ? this.#claimed(actor, answer as ReturnType<MetadataStore['claimExpiredIntents']>) : answer
          }
          // What lands late does so although nobody waits for it any more.
          const kept = target === 'driver' ? { signal: new AbortController().signal, attempt: 1 } : call
          const run = (): Promise<unknown> => Reflect.apply(value, source, [request, kept]) as Promise<unknown>
          return new Promise((resolve, reject) => {
            if (does === 'migrate' && this.#endsTry(actor, name)) return resolve([])
            actor.gate = { target, method: name, store, run, resolve, reject }
            actor.arrive()
          })
        }
      },
    })
  }
}

interface Asked {
  readonly token?: string
  readonly path?: NativePath
}

function storesOf(drivers: readonly SecretDriver[]): Readonly<Record<string, SecretDriver>> {
  return Object.fromEntries(drivers.map((driver, index) => [STORES[index] ?? '', driver]))
}

export interface Pending {
  readonly task: string
  readonly path: NativePath
  readonly version: number
  readonly dueAt: number
  readonly attempts: number
}

function lostInDatabase(): SecretError {
  return new SecretError({ code: 'unavailable', retryable: true, effect: 'unknown', operation: 'metadata.test' })
}
