import { crypto } from './crypto.ts'
import type { AuditDraft } from '../audit.ts'
import type { Payload } from '../driver.ts'
import { isSecretError, SecretError } from '../errors.ts'
import { keptBy, notKept, withoutPointer } from '../metadata-support/records.ts'
import type { Answered, Busy, IdempotentRequest } from '../metadata-requests.ts'
import type { SecretRecord, StoredRecord } from '../records.ts'
import type { Intent, QueueDraft } from '../work.ts'
import type { RollbackResult, WriteOnlyDriver } from '../registry.ts'
import type { AccountId, Actor, IfRevision, NativePath, SecretId, VersionId } from '../words.ts'
import type { Access } from './access.ts'
import { sleep } from './backoff.ts'
import { findRecord } from './find-record.ts'
import { newSecretId } from './ids.ts'
import { labelsOf } from './labels.ts'
import { persist } from './persist.ts'
import type { BoundStores, GuardedStore } from './stores.ts'
import type { Upkeep } from './upkeep.ts'
import { appendVersion, createSecret, listVersions } from './writes.ts'

export interface ProtocolTimes {
  readonly deadlineMs: number
  readonly leaseMs: number
  readonly putHorizonMs: number
}

interface Writer {
  readonly operation: string
  readonly account: AccountId
  readonly actor: Actor
  readonly signal: AbortSignal | undefined
  /** Of an idempotency key. */
  readonly request?: IdempotentRequest | undefined
}

/** A put that has its answer. `uncertain`: another put of the same operation may still land. */
interface Landed {
  readonly version: VersionId
  readonly uncertain: boolean
}

const APPEND_ROUNDS = 3
const GONE = 'the record is there, but its secret is gone from the store'
/** Of a version that is kept. */
export const VERSION_GONE = 'the store no longer has that version, or not in a state to be read; nothing was changed'

/**
 * The writers' side of the write protocol: intent, put, commit. The commit is the moment of change. A writer never deletes
 * from the cloud: what it leaves behind is the queue's, and what it did not finish is recovery's (`upkeep.ts`).
 */
export class WriteProtocol {
  readonly #stores: BoundStores<WriteOnlyDriver>
  readonly #access: Access
  readonly #upkeep: Upkeep
  readonly #times: ProtocolTimes
  readonly #keep: number

  /** `keep`: versions that a record keeps, the committed one included. */
  constructor(stores: BoundStores<WriteOnlyDriver>, access: Access, upkeep: Upkeep, times: ProtocolTimes, keep: number) {
    this.#stores = stores
    this.#access = access
    this.#upkeep = upkeep
    this.#times = times
    this.#keep = keep
  }

  async create(
    writer: Writer,
    input: {
      readonly key: string
      readonly description: string | null
      readonly store: GuardedStore<WriteOnlyDriver>
      readonly payload: Payload
      readonly path: (id: SecretId) => NativePath
    },
  ): Promise<SecretRecord> {
    const { registry, metadata } = this.#stores
    const { store, payload, key, description } = input
    const { account, actor } = writer
    const secret = newSecretId()
    const path = input.path(secret)
    const token = crypto().randomUUID()
    const audit = { account, actor, action: 'secret.create', secret, key, operationId: token } as const
    const { leaseMs } = this.#times
    const request = { registry, account, secret, key, description, actor, store: store.name, path, token, leaseMs, request: writer.request }
    const { answer, leaseEndsAt } = await this.#begin(writer, audit, 'none', () => metadata.beginCreate(request, {}))
    if (answer.state === 'answered') return await this.#answered(writer, answer)
    const labels = labelsOf(registry, account, secret)
    let fullPath = ''
    const { version, uncertain } = await this.#put(audit, answer.intent, async () => {
      const withinMs = leaseEndsAt - performance.now()
      const { signal, operation } = writer
      const put = { operation, secretName: key, signal, withinMs, path, payload, labels, token, isNew: true }
      const made = await createSecret(store.guard, store.driver, put)
      fullPath = made.answer.fullPath
      return { version: made.answer.version, uncertain: made.uncertain }
    })
    const enqueue = uncertain ? [this.#watch(answer.intent)] : []
    const outcome = await this.#commit(writer, audit, () =>
      metadata.commitCreate({ registry, intent: answer.intent.id, account, token, version, fullPath, enqueue }, {}),
    )
    if (outcome.state !== 'committed') throw await this.#notCommitted(writer, answer.intent, outcome.state)
    const now = new Date()
    const made = { id: secret, accountId: account, cloudSecretPath: fullPath, key, description, createdAt: now, createdBy: actor }
    return outcome.record ?? { ...made, updatedAt: null, updatedBy: null, revision: 1 }
  }

  async updateValue(
    writer: Writer,
    secret: SecretId,
    change: {
      readonly description: string | null | undefined
      readonly ifRevision: IfRevision | undefined
      readonly payload: (store: GuardedStore<WriteOnlyDriver>) => Payload | Promise<Payload>
      /** The version that has this value already: it is not kept beside the new one. */
      readonly replaces?: VersionId
    },
  ): Promise<SecretRecord> {
    const { registry, metadata } = this.#stores
    const { account, actor, operation } = writer
    const { description, ifRevision, replaces } = change
    const token = crypto().randomUUID()
    const audit = { account, actor, action: 'secret.update', secret, operationId: token } as const
    const { leaseMs } = this.#times
    const { answer, leaseEndsAt } = await this.#begin(writer, audit, 'none', () =>
      metadata.beginUpdate({ registry, account, secret, description, ifRevision, actor, token, leaseMs, replaces, request: writer.request }, {}),
    )
    if (answer.state === 'answered') return await this.#answered(writer, answer)
    const { intent, record } = answer
    const base = record.pointer.version
    const { store, version, uncertain } = await this.#put(audit, intent, async () => {
      const target = this.#stores.get(intent.store, operation)
      const payload = await change.payload(target)
      try {
        return { store: target, ...(await this.#append(writer, target, intent, base, payload, leaseEndsAt)) }
      } finally {
        payload.bytes.fill(0)
      }
    })
    const place = { store: intent.store, path: intent.path }
    const enqueue: QueueDraft[] = []
    if (store.driver.capabilities.current === 'on_promote') enqueue.push({ task: 'promote', ...place, version, claimMs: this.#times.leaseMs })
    if (uncertain) enqueue.push(this.#watch(intent))
    const claimEndsAt = performance.now() + this.#times.leaseMs
    const outcome = await this.#commit(writer, audit, () =>
      metadata.commitUpdate({ registry, intent: intent.id, account, token, version, keep: this.#keep, enqueue }, {}),
    )
    if (outcome.state !== 'committed') throw await this.#notCommitted(writer, intent, outcome.state)
    // The label is moved at once, from the version that should hold it; anything else is the queue's.
    for (const entry of outcome.claimed) await this.#upkeep.tryNow(entry, { endsAt: claimEndsAt }, base)
    const before = withoutPointer(record)
    const changed = { description: description === undefined ? before.description : description, revision: before.revision + 1 }
    return outcome.record ?? { ...before, ...changed, updatedAt: new Date(), updatedBy: actor.id }
  }

  async updateDescription(writer: Writer, secret: SecretId, description: string | null, ifRevision: IfRevision | undefined): Promise<SecretRecord> {
    const { registry, metadata } = this.#stores
    const { account, actor } = writer
    const token = crypto().randomUUID()
    const audit = { account, actor, action: 'secret.update', secret, operationId: token } as const
    const request = { registry, account, secret, description, ifRevision, actor, token, request: writer.request }
    const { answer } = await this.#begin(writer, audit, 'unknown', () => metadata.updateDescription(request, {}))
    return answer.state === 'answered' ? await this.#answered(writer, answer) : answer.record
  }

  async rollback(writer: Writer, secret: SecretId, version: VersionId, ifRevision: IfRevision | undefined): Promise<RollbackResult> {
    const { registry, metadata } = this.#stores
    const { account, actor, operation } = writer
    const token = crypto().randomUUID()
    const audit = { account, actor, action: 'secret.rollback', secret, operationId: token } as const
    const seen = await this.#lookBack(writer, secret, version).catch((error: unknown) =>
      this.#fail(operation, audit, asSecretError(error, operation).in({ effect: 'none' })),
    )
    const claimMs = seen.promotes ? this.#times.leaseMs : undefined
    const request = { registry, account, secret, version, ifRevision, actor, token, claimMs }
    const { answer, leaseEndsAt } = await this.#begin(writer, audit, 'unknown', () => metadata.commitRollback(request, {}))
    for (const entry of answer.claimed) await this.#upkeep.tryNow(entry, { endsAt: leaseEndsAt }, seen.current)
    // What was seen is not what is, once another change has come between.
    const isNewest = seen.current === version && answer.record.revision <= seen.revision + 1
    return { record: answer.record, outsiders: seen.promotes || isNewest ? 'follow' : 'see_newest' }
  }

  async delete(
    writer: Writer,
    secret: SecretId,
    options: { readonly ifRevision: IfRevision | undefined; readonly purgeAdopted: boolean | undefined },
  ): Promise<void> {
    const { registry, metadata } = this.#stores
    const { account, actor } = writer
    const token = crypto().randomUUID()
    const audit = { account, actor, action: 'secret.delete', secret, operationId: token } as const
    const request = { registry, account, secret, ...options, actor, token, claimMs: this.#times.leaseMs }
    const { answer, leaseEndsAt } = await this.#begin(writer, audit, 'unknown', () => metadata.commitDelete(request, {}))
    for (const entry of answer.claimed) await this.#upkeep.tryNow(entry, { endsAt: leaseEndsAt })
  }

  /**
   * Waits for another write's intent, within the deadline, and settles one whose lease is over. Nothing is sent before. `effect`: of a
   * begin without an answer; an intent that nobody knows of changes nothing, and recovery ends it.
   */
  async #begin<T extends { readonly state: 'begun' | 'done' | 'answered' }>(
    writer: Writer,
    audit: Omit<AuditDraft, 'outcome'>,
    effect: 'none' | 'unknown',
    begin: () => Promise<T | Busy>,
  ): Promise<{ readonly answer: T; readonly leaseEndsAt: number }> {
    const { operation, signal } = writer
    const deadlineAt = performance.now() + this.#times.deadlineMs
    try {
      for (let round = 1; ; round += 1) {
        if (signal?.aborted === true) throw SecretError.refused('aborted', operation)
        // Measured from before the call, so that it ends before the database's own.
        const startedAt = performance.now()
        const answer = await persist(begin, { operation, signal, withinMs: this.#times.deadlineMs, effect })
        if (answer.state !== 'busy') return { answer, leaseEndsAt: startedAt + this.#times.leaseMs }
        if (answer.expired) await this.#upkeep.recoverOne(answer.intent)
        const waitMs = Math.random() * Math.min(500, 20 * 2 ** round)
        if (performance.now() + waitMs >= deadlineAt) {
          throw SecretError.refused('conflict', operation, { hint: 'another write to this secret is under way; nothing was sent', retryable: true })
        }
        await sleep(waitMs, signal)
      }
    } catch (error) {
      return await this.#fail(operation, audit, error)
    }
  }

  /** Records the failure, and throws it. */
  async #fail(operation: string, audit: Omit<AuditDraft, 'outcome'>, thrown: unknown): Promise<never> {
    const error = asSecretError(thrown, operation)
    await this.#access.recordFailure({ ...audit, outcome: error.effect === 'none' ? 'failed' : 'unknown', code: error.code })
    throw error.in({ operation, secretName: error.secretName ?? audit.key })
  }

  /** An earlier call's answer, given again: nothing is changed, and what has been shown is in the audit trail. */
  async #answered({ account, actor }: Writer, { record }: Answered): Promise<SecretRecord> {
    await this.#access.record({ account, actor, action: 'secret.describe', outcome: 'ok', secret: record.id, key: record.key })
    return record
  }

  /** The put, inside the lease. Refused for certain: the intent is taken back. Otherwise the intent stays, for recovery. */
  async #put<T extends Landed>(audit: Omit<AuditDraft, 'outcome'>, intent: Intent, put: () => Promise<T>): Promise<T> {
    try {
      return await put()
    } catch (thrown) {
      const error = asSecretError(thrown, intent.operation)
      if (error.effect === 'unknown') await this.#access.recordFailure({ ...audit, outcome: 'unknown', code: error.code })
      else await this.#undo(intent, error.code, []).catch(() => {}) // recovery finds the intent
      throw error
    }
  }

  /** Appends after the newest version, which is not the pointer where an undone write left one behind. */
  async #append(
    { operation, signal }: Writer,
    store: GuardedStore<WriteOnlyDriver>,
    { path, token, key }: Intent,
    base: VersionId,
    payload: Payload,
    leaseEndsAt: number,
  ): Promise<Landed> {
    const { driver, guard } = store
    let after = base
    let uncertain = false
    for (let round = 1; ; round += 1) {
      const call = { operation, secretName: key, signal, withinMs: leaseEndsAt - performance.now() }
      try {
        const landed = await appendVersion(guard, driver, { ...call, path, payload, token, after, staged: true, resend: 'always' })
        return { version: landed.answer.version, uncertain: uncertain || landed.uncertain }
      } catch (error) {
        const thrown = asSecretError(error, operation)
        uncertain ||= thrown.effect === 'unknown'
        // A refusal in this round says nothing of a put without an answer in an earlier one.
        const failure = uncertain ? thrown.in({ effect: 'unknown' }) : thrown
        if (failure.code === 'not_found') {
          throw failure.in({ code: 'corrupt', hint: GONE })
        }
        if (failure.code !== 'conflict' || driver.capabilities.appendAfter !== 'compared' || round === APPEND_ROUNDS) throw failure
        const listed = await listVersions(store, path, call).catch((listing: unknown) => {
          throw asSecretError(listing, operation).in({ effect: failure.effect })
        })
        const newest = listed.at(-1)?.version
        if (newest === undefined) throw failure
        after = newest
      }
    }
  }

  /** Whether the version is still there to be pointed at, before anything is changed; and what outsiders read now. */
  async #lookBack(
    { account, operation, signal }: Writer,
    secret: SecretId,
    version: VersionId,
  ): Promise<{ readonly revision: number; readonly current: VersionId | undefined; readonly promotes: boolean }> {
    const reference = { account, id: secret, key: undefined }
    const find = async (): Promise<StoredRecord> => {
      const found = await findRecord(operation, this.#stores, reference, { signal, withinMs: this.#times.deadlineMs })
      if (!keptBy(found).includes(version)) throw notKept(operation)
      return found
    }
    const { key, revision, pointer } = await find()
    // A delete, updates or a migration may have come between: then what is not there is no longer the record's.
    const missing = async (error: SecretError): Promise<SecretError> => {
      const { store, path } = (await find()).pointer
      return store === pointer.store && path === pointer.path ? error : notKept(operation)
    }
    const store = this.#stores.get(pointer.store, operation)
    const found = await listVersions(store, pointer.path, { operation, secretName: key, signal }).catch(async (error: unknown) => {
      throw isSecretError(error, 'not_found') ? await missing(error.in({ code: 'corrupt', hint: GONE })) : error
    })
    const state = found.find(listed => listed.version === version)?.state
    const { current, destroyVersion } = store.driver.capabilities
    // Where destruction only detaches, a version that was replaced looks like one that was destroyed; this one is kept, so it was not.
    if (state !== 'usable' && !(state === 'destroyed' && destroyVersion === 'detached')) {
      throw await missing(SecretError.refused('version_unusable', operation, { secretName: key, store: pointer.store, hint: VERSION_GONE }))
    }
    return { revision, current: found.find(listed => listed.current)?.version, promotes: current === 'on_promote' }
  }

  /** No answer to a commit is not a failure: the same commit again answers what happened. */
  async #commit<T>(writer: Writer, audit: Omit<AuditDraft, 'outcome'>, commit: () => Promise<T>): Promise<T> {
    try {
      return await persist(commit, { operation: writer.operation, withinMs: this.#times.deadlineMs, effect: 'unknown' })
    } catch (thrown) {
      const error = asSecretError(thrown, writer.operation)
      await this.#access.recordFailure({ ...audit, outcome: 'unknown', code: error.code })
      throw error.in({ operation: writer.operation, effect: 'unknown' })
    }
  }

  /** The intent is gone without a commit, or the row moved under it. What was put is watched, and removed by the queue. */
  async #notCommitted({ operation }: Writer, intent: Intent, state: 'undone' | 'refused'): Promise<SecretError> {
    if (state === 'undone') {
      const hint = 'the write outlived its lease and was undone; nothing of it remains'
      return SecretError.refused('deadline_exceeded', operation, { hint, secretName: intent.key, store: intent.store, retryable: true })
    }
    await this.#undo(intent, 'conflict', [{ ...this.#watch(intent), delayMs: 0 }, this.#watch(intent)])
    return SecretError.refused('conflict', operation, { secretName: intent.key, store: intent.store, retryable: true })
  }

  async #undo(intent: Intent, code: SecretError['code'], enqueue: readonly QueueDraft[]): Promise<void> {
    const { registry, metadata } = this.#stores
    const { id, account, token, operation } = intent
    const patience = { operation, withinMs: this.#times.deadlineMs, effect: 'unknown' } as const
    await persist(() => metadata.abandon({ registry, intent: id, account, token, code, enqueue }, {}), patience)
  }

  #watch({ store, path, token }: Intent): QueueDraft {
    return { task: 'watch_path', store, path, token, delayMs: this.#times.putHorizonMs }
  }
}

function asSecretError(error: unknown, operation: string): SecretError {
  if (error instanceof SecretError) return error
  return new SecretError({ code: 'unknown', retryable: false, effect: 'unknown', operation })
}
