import { Access } from './internal/access.ts'
import { Account, type RegistryParts } from './internal/account-secrets.ts'
import { Calls } from './internal/calls.ts'
import { checkWho } from './internal/check-records.ts'
import { checkInteger, checkOneOf, checkOptions } from './internal/checks.ts'
import { persist } from './internal/persist.ts'
import { WRITING } from './internal/powers.ts'
import { checkRegistryPolicy } from './internal/registry-policy.ts'
import { RequestFingerprints } from './internal/request-fingerprints.ts'
import { RegistryStores } from './internal/registry-stores.ts'
import { BoundStores } from './internal/stores.ts'
import { attentionFor, Upkeep } from './internal/upkeep.ts'
import { WriteProtocol } from './internal/write-protocol.ts'
import type { AccountSecrets, MaintainOptions, MaintenanceReport, PendingItem, RegistryOptions, SecretRegistry } from './registry.ts'
import type { AccountId, Actor, CallOptions } from './words.ts'

const DEFAULT_ITEMS = 100
const PENDING_PAGE = 500
/** Intents, and tasks, whose secrets a report names at most. */
const MOST_TROUBLED = 100

/**
 * Opens a registry: metadata and audit in a database, values only in the stores.
 * @throws SecretError `invalid_argument` for wrong options; `misconfigured` for a store whose name is bound to another location,
 * has none, or is missing although records use it; the database's own
 */
export async function createSecretRegistry(options: RegistryOptions): Promise<SecretRegistry> {
  const operation = 'createSecretRegistry'
  checkOptions(operation, options, ['id', 'metadata', 'stores', 'writeTo', 'authorize', 'keys', 'requestKeys', 'policy'])
  const { policy = {}, keys = 'portable' } = options
  checkOneOf(operation, 'keys', keys, ['portable', 'any'])
  const { times, keep, storePolicy } = checkRegistryPolicy(operation, policy)
  const fingerprints = new RequestFingerprints(operation, options.id, options.requestKeys)
  const access = new Access(operation, options.authorize, options.metadata, options.id, times.deadlineMs)
  const stores = await BoundStores.open(operation, options, WRITING, storePolicy)
  try {
    const placement = new RegistryStores(operation, stores, options.writeTo, policy)
    const upkeep = new Upkeep(stores, times, keep)
    const protocol = new WriteProtocol(stores, access, upkeep, times, keep)
    return new Registry({ calls: new Calls(), stores, placement, access, protocol, keys, fingerprints }, upkeep)
  } catch (error) {
    stores.disown()
    throw error
  }
}

class Registry implements SecretRegistry {
  readonly #parts: RegistryParts
  readonly #upkeep: Upkeep

  constructor(parts: RegistryParts, upkeep: Upkeep) {
    this.#parts = parts
    this.#upkeep = upkeep
  }

  account(account: AccountId, actor: Actor): AccountSecrets {
    const who = checkWho('registry.account', account, actor)
    return new Account(this.#parts, who.account, who.actor)
  }

  async maintain(options: MaintainOptions = {}): Promise<MaintenanceReport> {
    const operation = 'registry.maintain'
    const { calls, stores } = this.#parts
    calls.assertOpen(operation)
    checkOptions(operation, options, ['signal', 'maxItems'])
    const { maxItems = DEFAULT_ITEMS, signal } = options
    checkInteger(operation, 'maxItems', maxItems, 1, 10_000)
    return await calls.track(
      (async () => {
        const { unanswered, ...counts } = await this.#upkeep.pass(maxItems, signal)
        const { registry, metadata, names } = stores
        const { intents, tasks } = await persist(() => metadata.references({ registry }, { signal }))
        const [first] = (await persist(() => metadata.pending({ registry, of: 'tasks', after: undefined, limit: 1 }, { signal }))).items
        const troubled = await persist(() => metadata.troubled({ registry, stores: names, limit: MOST_TROUBLED }, { signal }))
        const needsAttention = [...new Set(troubled.map(({ secret }) => secret))]
        return { ...counts, unanswered: [...unanswered], backlog: intents + tasks, oldest: first?.since ?? null, needsAttention }
      })(),
    )
  }

  async *pending(options: CallOptions = {}): AsyncGenerator<PendingItem> {
    const operation = 'registry.pending'
    const { calls, stores } = this.#parts
    const { registry, metadata } = stores
    checkOptions(operation, options, ['signal'])
    for (const kind of ['intents', 'tasks'] as const) {
      let after: string | undefined
      do {
        calls.assertOpen(operation)
        const request = { registry, of: kind, after, limit: PENDING_PAGE }
        const page = await calls.track(persist(() => metadata.pending(request, options)))
        yield* page.items.map(work => ({ ...work, attention: attentionFor(work, store => stores.find(store) !== undefined) }))
        after = page.next
      } while (after !== undefined)
    }
  }

  async close(): Promise<void> {
    await this.#parts.calls.close(() => this.#parts.stores.close())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
