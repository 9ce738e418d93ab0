import { randomInt, randomUUID } from 'node:crypto'
import {
  accountId,
  createSecretReader,
  createSecretRegistry,
  isSecretError,
  memoryDriver,
  unsafeAllowEveryone,
  verifyAudit,
  type AccountSecrets,
  type MetadataStore,
  type SecretDriver,
  type SecretError,
  type SecretId,
  type SecretRegistry,
} from '@strongroom/core'

const REGISTRY = 'scene'
const ACCOUNT = accountId('acme')
const HOUR_MS = 3_600_000
/** Long, because the machine may be slow; a lease ends by the scene's clock. */
const POLICY = { deadlineMs: 60_000, leaseMs: 150_000, putHorizonMs: 300_000 }

type Action = 'create' | 'update' | 'delete'

interface Attempt {
  readonly actor: string
  readonly action: Action
  readonly key: string
  readonly value: string | undefined
  /** Undefined: it is done. */
  readonly refusal: SecretError | undefined
}

/** What a write came to: `done`, or the error. */
export type Told = 'done' | SecretError

/**
 * A registry on a database that a test makes trouble for, with its values in a memory store, and a clock that goes on by itself and that the
 * test may move. It remembers what callers were told, and `expectWhole` holds that against the database, the store and the audit trail.
 */
export class RegistryScene {
  /** What a put's answer waits for: the value is in the store, and its commit is still to come. Once. */
  duringPut: (() => Promise<void>) | undefined
  readonly #metadata: (clock: () => Date) => MetadataStore
  readonly #driver: SecretDriver
  readonly #attempts: Attempt[] = []
  readonly #ids = new Map<string, SecretId>()
  #skippedMs = 0
  #opened: { readonly registry: SecretRegistry; readonly metadata: MetadataStore } | undefined

  constructor(metadata: (clock: () => Date) => MetadataStore) {
    this.#metadata = metadata
    const driver = memoryDriver()
    const afterPut = async <T>(put: Promise<T>): Promise<T> => {
      const answer = await put
      const waits = this.duringPut
      this.duringPut = undefined
      await waits?.()
      return answer
    }
    this.#driver = {
      ...driver,
      create: (request, call) => afterPut(driver.create(request, call)),
      append: (request, call) => afterPut(driver.append(request, call)),
      close: async () => {},
    }
  }

  /** Moves the database's clock, backwards too. */
  skip(milliseconds: number): void {
    this.#skippedMs += milliseconds
  }

  /** As a process that starts does. @throws SecretError */
  async open(): Promise<SecretRegistry> {
    if (this.#opened !== undefined) return this.#opened.registry
    const metadata = this.#metadata(() => new Date(Date.now() + this.#skippedMs))
    try {
      const registry = await createSecretRegistry({ ...this.#parts(metadata), writeTo: 'main', policy: POLICY })
      this.#opened = { registry, metadata }
      return registry
    } catch (error) {
      await metadata.close()
      throw error
    }
  }

  async close(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    await opened?.registry.close()
  }

  async secrets(actor = 'inspector'): Promise<AccountSecrets> {
    return (await this.open()).account(ACCOUNT, { id: actor, type: 'service_account' })
  }

  create(key: string, value: string): Promise<Told> {
    return this.#attempt('create', key, value, async secrets => {
      const { id } = await secrets.create({ key, value, description: longText() })
      this.#ids.set(key, id)
    })
  }

  update(key: string, value: string): Promise<Told> {
    return this.#attempt('update', key, value, async secrets => void (await secrets.update(this.#id(key), { value })))
  }

  delete(key: string): Promise<Told> {
    return this.#attempt('delete', key, undefined, secrets => secrets.delete(this.#id(key)))
  }

  /** Upkeep, with time between its passes, until nothing is left. */
  async settle(): Promise<void> {
    const registry = await this.open()
    for (let pass = 0; pass < 20; pass += 1) {
      this.skip(2 * HOUR_MS)
      if ((await registry.maintain({ maxItems: 1_000 })).backlog === 0) return
    }
    throw new Error('the backlog does not end')
  }

  /**
   * After `settle`: what was acknowledged is there, what was refused without effect is not, each other write is wholly done or wholly
   * undone; the trail, the records and the store agree; nothing is left that nobody names. Answers the values by key.
   */
  async expectWhole(): Promise<Readonly<Record<string, string>>> {
    const secrets = await this.secrets()
    const trail = await Array.fromAsync(secrets.audit())
    const chain = await verifyAudit(trail)
    if (!chain.ok) throw new Error('the audit chain is broken')
    const expected = new Map<string, string>()
    for (const { action, outcome, actor } of trail) {
      const attempt = this.#attempts.find(one => one.actor === actor.id && action === `secret.${one.action}`)
      if (outcome !== 'ok' || attempt === undefined) continue
      if (attempt.value === undefined) expected.delete(attempt.key)
      else expected.set(attempt.key, attempt.value)
    }
    for (const { actor, action, key, refusal } of this.#attempts) {
      const commits = trail.filter(entry => entry.actor.id === actor && entry.action === `secret.${action}` && entry.outcome === 'ok').length
      const possible = refusal === undefined ? [1] : refusal.effect === 'none' ? [0] : [0, 1]
      if (!possible.includes(commits)) throw new Error(`${action} of ${key}: told ${refusal?.message ?? 'done'}, and committed ${commits} times`)
    }
    const found = await this.#found(secrets)
    const wanted = Object.fromEntries([...expected].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    if (JSON.stringify(found) !== JSON.stringify(wanted))
      throw new Error(`found ${JSON.stringify(found)}, and the trail has ${JSON.stringify(wanted)}`)
    return found
  }

  /** The values by key, as a reader gets them, of records and store that agree. */
  async #found(secrets: AccountSecrets): Promise<Readonly<Record<string, string>>> {
    const metadata = this.#opened?.metadata
    if (metadata === undefined) throw new Error('the registry is closed')
    await using reader = await createSecretReader(this.#parts(metadata))
    const call = { signal: new AbortController().signal, attempt: 1 }
    const { items, total } = await secrets.list({ sortBy: 'key', sortOrder: 'asc', limit: 10_000 })
    if (total !== items.length) throw new Error(`${items.length} records, and a total of ${total}`)
    const values: Record<string, string> = {}
    const named: string[] = []
    for (const { id, key } of items) {
      const record = await metadata.find({ registry: REGISTRY, account: ACCOUNT, id }, {})
      if (record === undefined) throw new Error(`${key} is listed and not found`)
      const { path, version } = record.pointer
      named.push(path)
      using value = (await reader.account(ACCOUNT, { id: 'reader', type: 'service_account' }).read({ id })).value
      values[key] = value.revealText()
      const versions = (await this.#driver.versions({ path, after: undefined, page: undefined }, call)).items
      const strays = versions.filter(one => one.state === 'usable' && !record.versions.some(named => named.version === one.version))
      if (strays.length > 0) throw new Error(`${key} has ${strays.length} versions that nobody names`)
      if (versions.find(one => one.current)?.version !== version) throw new Error(`outsiders read another version of ${key}`)
    }
    const stored: string[] = []
    for (let page: string | undefined, more = true; more; more = page !== undefined) {
      const { items: some, next } = await this.#driver.list({ prefix: '', withLabels: false, page }, call)
      stored.push(...some.map(({ path }) => path))
      page = next
    }
    if (stored.toSorted().join() !== named.toSorted().join()) throw new Error(`${stored.length} secrets in the store, and ${named.length} records`)
    const { intents, tasks } = await metadata.references({ registry: REGISTRY }, {})
    if (intents + tasks > 0) throw new Error(`${intents} intents and ${tasks} tasks are left`)
    return values
  }

  async #attempt(action: Action, key: string, value: string | undefined, write: (secrets: AccountSecrets) => Promise<void>): Promise<Told> {
    // By its own actor, so that the trail tells each attempt from all others.
    const actor = `${action}-${randomUUID()}`
    const secrets = await this.secrets(actor)
    let refusal: SecretError | undefined
    try {
      await write(secrets)
    } catch (error) {
      if (!isSecretError(error)) throw error
      refusal = error
    }
    this.#attempts.push({ actor, action, key, value, refusal })
    return refusal ?? 'done'
  }

  #id(key: string): SecretId {
    const id = this.#ids.get(key)
    if (id === undefined) throw new Error(`${key} has not been created`)
    return id
  }

  #parts(metadata: MetadataStore) {
    return { id: REGISTRY, metadata, stores: { main: this.#driver }, authorize: unsafeAllowEveryone }
  }
}

/** So long that a database needs new pages for it, and nothing that it could compress. */
function longText(): string {
  return Array.from({ length: 2_000 }, () => String.fromCodePoint(randomInt(0x4e00, 0x9fff))).join('')
}
