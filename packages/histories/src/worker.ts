import {
  accountId,
  createSecretReader,
  createSecretRegistry,
  isSecretError,
  secretId,
  unsafeAllowEveryone,
  type SecretReader,
  type SecretRecord,
  type SecretRegistry,
  type SecretVersion,
  type VersionId,
} from '@strongroom/core'
import { backendOf } from '@strongroom/crash/backends'
import { databaseOf } from '@strongroom/crash/databases'
import { faultOf } from './faults.ts'
import { LostAnswers } from './lost-answers.ts'
import type { Answer, Version, Wish, Work } from './messages.ts'
import { KEEP_VERSIONS, type Seen } from './secret-model.ts'

const STORE = 'main'
/** Of idempotency keys; the same in every process. */
const REQUEST_KEYS = [new Uint8Array(32).fill(7)]

/** One process's registry and reader, with a database connection and a driver of their own. */
export class Worker {
  readonly registry: SecretRegistry
  /** Of its database. None are, until they are asked to be. */
  readonly lostAnswers: LostAnswers
  readonly #reader: SecretReader

  private constructor(registry: SecretRegistry, reader: SecretReader, lostAnswers: LostAnswers) {
    this.registry = registry
    this.#reader = reader
    this.lostAnswers = lostAnswers
  }

  static async open({ backend, config, database, place, registry: id, leaseMs, fault }: Work): Promise<Worker> {
    const lostAnswers = new LostAnswers()
    const metadata = faultOf(fault)(lostAnswers.metadata(databaseOf(database).open(place)))
    const shared = { id, metadata, stores: { [STORE]: backendOf(backend).driver(config) }, authorize: unsafeAllowEveryone }
    const deadlineMs = Math.floor(leaseMs / 3)
    const registry = await createSecretRegistry({
      ...shared,
      writeTo: STORE,
      requestKeys: REQUEST_KEYS,
      policy: { deadlineMs, leaseMs, keepVersions: KEEP_VERSIONS },
    })
    return new Worker(registry, await createSecretReader({ ...shared, policy: { deadlineMs } }), lostAnswers)
  }

  /** One operation through the public interface. @throws what is no SecretError */
  async perform(account: string, key: string, by: string, wish: Wish): Promise<Answer> {
    const idempotencyKey = 'request' in wish ? wish.request : undefined
    const actor = { id: idempotencyKey ?? by, type: 'service_account' } as const
    const secrets = this.registry.account(accountId(account), actor)
    const read = async (reference: { readonly id: ReturnType<typeof secretId> } | { readonly key: string }): Promise<Answer> => {
      const { record, value } = await this.#reader.account(accountId(account), actor).read(reference)
      return answerOf(record, value.revealText())
    }
    try {
      switch (wish.kind) {
        case 'create':
          return answerOf(await secrets.create({ key, value: wish.value, description: wish.description }, { idempotencyKey }))
        case 'update': {
          const { id, ifRevision, value, description } = wish
          return answerOf(await secrets.update(secretId(id), { value, description }, { ifRevision, idempotencyKey }))
        }
        case 'rollback': {
          const { id, version, ifRevision } = wish
          return answerOf((await secrets.rollback(secretId(id), version as VersionId, { ifRevision })).record)
        }
        case 'delete':
          await secrets.delete(secretId(wish.id), { ifRevision: wish.ifRevision })
          return { state: 'done' }
        case 'read':
          return await read({ id: secretId(wish.id) })
        case 'read key':
          return await read({ key })
        case 'describe':
          return answerOf(await secrets.describe(secretId(wish.id)))
        case 'versions':
          return { state: 'kept', versions: (await secrets.versions(secretId(wish.id))).map(versionOf) }
        case 'list': {
          const { items } = await secrets.list({ limit: 1_000 })
          return { state: 'listed', seen: Object.fromEntries(items.map(record => [record.key, seenOf(record)])) }
        }
      }
    } catch (error) {
      if (!isSecretError(error)) throw error
      const { code, effect, retryable, store } = error
      return { state: 'failed', code, effect, retryable, by: store === undefined ? 'database' : 'store' }
    }
  }

  async close(): Promise<void> {
    await this.registry.close()
    await this.#reader.close()
  }
}

function answerOf(record: SecretRecord, value?: string): Answer {
  return { state: 'done', id: record.id, seen: { ...seenOf(record), value } }
}

function versionOf({ version, revision, committedBy, committed }: SecretVersion): Version {
  return { version, by: committedBy.id, revision, committed }
}

function seenOf({ createdBy, updatedBy, revision, description }: SecretRecord): Seen {
  return { by: createdBy.id, last: updatedBy, revision, description }
}
