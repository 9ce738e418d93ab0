import type { AuditEntry } from '../audit.ts'
import { SecretError } from '../errors.ts'
import { withoutPointer } from '../metadata-support/records.ts'
import type { RecordPage } from '../metadata-requests.ts'
import type { SecretRecord } from '../records.ts'
import type {
  AccountSecrets,
  AuditQuery,
  CreateInput,
  CreateOptions,
  DeleteRecordOptions,
  ListQuery,
  RollbackResult,
  SecretVersion,
  UpdateInput,
  UpdateOptions,
  WriteOnlyDriver,
  WriteOptions,
} from '../registry.ts'
import { SecretValue, toPayload } from '../value.ts'
import type { AccountId, Actor, CallOptions, SecretId, VersionId } from '../words.ts'
import type { Access } from './access.ts'
import type { Calls } from './calls.ts'
import { checkIfRevision, checkInteger, checkOneOf, checkOptions, checkVersion } from './checks.ts'
import { checkDescription, checkId, checkKey } from './check-records.ts'
import { findRecord } from './find-record.ts'
import { persist, type Patience } from './persist.ts'
import type { RequestFingerprints } from './request-fingerprints.ts'
import type { RegistryStores } from './registry-stores.ts'
import type { BoundStores } from './stores.ts'
import type { WriteProtocol } from './write-protocol.ts'

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 10_000
const AUDIT_PAGE = 500

/** What every account's face of one registry shares. */
export interface RegistryParts {
  readonly calls: Calls
  readonly stores: BoundStores<WriteOnlyDriver>
  readonly placement: RegistryStores
  readonly access: Access
  readonly protocol: WriteProtocol
  readonly keys: 'portable' | 'any'
  readonly fingerprints: RequestFingerprints
}

/** Each call: closed? allowed form? allowed at all? then act, with the audit entry in the transaction of the change or right after a look. */
export class Account implements AccountSecrets {
  readonly #parts: RegistryParts
  readonly #account: AccountId
  readonly #actor: Actor

  constructor(parts: RegistryParts, account: AccountId, actor: Actor) {
    this.#parts = parts
    this.#account = account
    this.#actor = actor
  }

  async create(input: CreateInput, options: CreateOptions = {}): Promise<SecretRecord> {
    const operation = 'registry.create'
    const { calls, access, protocol, placement, keys, fingerprints } = this.#parts
    calls.assertOpen(operation)
    checkOptions(operation, options, ['signal', 'idempotencyKey'])
    checkOptions(operation, input, ['key', 'value', 'description'], 'field')
    const { key, description = null } = input
    const { idempotencyKey, signal } = options
    fingerprints.check(operation, idempotencyKey)
    checkKey(operation, key, keys)
    checkDescription(operation, description)
    const store = placement.writeTo
    const payload = store.checks.payload(operation, input.value)
    return await calls.track(
      (async () => {
        try {
          await access.check(operation, { ...this.#who, action: 'secret.create', key }, options)
          const asked = { operation: 'create', target: key, description, value: payload, ifRevision: undefined } as const
          const request = fingerprints.of(this.#who, idempotencyKey, asked)
          const made = { key, description, store, payload, path: (id: SecretId) => placement.path(id) }
          return await protocol.create({ ...this.#who, operation, signal, request }, made)
        } finally {
          payload.bytes.fill(0)
        }
      })(),
    )
  }

  async list(query: ListQuery = {}): Promise<RecordPage> {
    const operation = 'registry.list'
    const { calls, access, stores } = this.#parts
    calls.assertOpen(operation)
    checkOptions(operation, query, ['signal', 'limit', 'startingAfter', 'endingBefore', 'sortBy', 'sortOrder'])
    const { limit = DEFAULT_LIMIT, startingAfter, endingBefore, sortBy = 'created_at', sortOrder = 'desc', signal } = query
    checkInteger(operation, 'limit', limit, 1, MAX_LIMIT)
    checkOneOf(operation, 'sortBy', sortBy, ['created_at', 'updated_at', 'key'])
    checkOneOf(operation, 'sortOrder', sortOrder, ['asc', 'desc'])
    if (startingAfter !== undefined && endingBefore !== undefined)
      throw SecretError.invalid(operation, 'give startingAfter or endingBefore, not both')
    if (startingAfter !== undefined) checkId(operation, startingAfter)
    if (endingBefore !== undefined) checkId(operation, endingBefore)
    return await calls.track(
      (async () => {
        const entry = { ...this.#who, action: 'secret.list' } as const
        await access.check(operation, entry, { signal })
        const request = { registry: stores.registry, account: this.#account, limit, sortBy, sortOrder, startingAfter, endingBefore }
        return await access.recorded(operation, entry, () => persist(() => stores.metadata.page(request, { signal }), this.#look(operation, signal)))
      })(),
    )
  }

  async describe(secret: SecretId | { readonly key: string }, options: CallOptions = {}): Promise<SecretRecord> {
    const operation = 'registry.describe'
    const { calls, access, stores } = this.#parts
    calls.assertOpen(operation)
    checkOptions(operation, options, ['signal'])
    const isId = typeof secret !== 'object' || secret === null
    if (!isId) checkOptions(operation, secret, ['key'], 'field')
    const { id, key } = isId ? { id: secret, key: undefined } : { id: undefined, key: secret.key }
    if (isId) checkId(operation, id)
    else checkKey(operation, key, 'any')
    return await calls.track(
      (async () => {
        const entry = { ...this.#who, action: 'secret.describe', secret: id, key } as const
        await access.check(operation, entry, options)
        const reference = { account: this.#account, id, key }
        const look = async (): Promise<SecretRecord> =>
          withoutPointer(await findRecord(operation, stores, reference, this.#look(operation, options.signal)))
        return await access.recorded(operation, entry, look, record => ({ secret: record.id }))
      })(),
    )
  }

  async update(id: SecretId, change: UpdateInput, options: UpdateOptions = {}): Promise<SecretRecord> {
    const operation = 'registry.update'
    const { calls, access, protocol, placement, fingerprints } = this.#parts
    calls.assertOpen(operation)
    checkOptions(operation, options, ['signal', 'ifRevision', 'idempotencyKey'])
    checkOptions(operation, change, ['value', 'description'], 'field')
    checkId(operation, id)
    const { value, description } = change
    const { ifRevision, idempotencyKey, signal } = options
    fingerprints.check(operation, idempotencyKey)
    checkIfRevision(operation, ifRevision)
    if (value === undefined && description === undefined) throw SecretError.invalid(operation, 'give a value, a description, or both')
    if (description !== undefined) checkDescription(operation, description)
    if (value !== undefined) placement.checkValue(operation, value)
    // Copied now, since the caller may wipe its own bytes as soon as the call is made.
    const held = value === undefined ? undefined : SecretValue.from(value, operation)
    return await calls.track(
      (async () => {
        try {
          await access.check(operation, { ...this.#who, action: 'secret.update', secret: id }, options)
          const compared = held === undefined || idempotencyKey === undefined ? undefined : toPayload(held)
          const asked = { operation: 'update', target: id, description, value: compared, ifRevision } as const
          const request = fingerprints.of(this.#who, idempotencyKey, asked)
          compared?.bytes.fill(0)
          const writer = { ...this.#who, operation, signal, request }
          if (held === undefined) return await protocol.updateDescription(writer, id, description ?? null, ifRevision)
          return await protocol.updateValue(writer, id, {
            description,
            ifRevision,
            payload: store => placement.get(store.name, operation).checks.payload(operation, held),
          })
        } finally {
          held?.[Symbol.dispose]()
        }
      })(),
    )
  }

  async versions(id: SecretId, options: CallOptions = {}): Promise<readonly SecretVersion[]> {
    const operation = 'registry.versions'
    const { calls, access, stores } = this.#parts
    calls.assertOpen(operation)
    checkOptions(operation, options, ['signal'])
    checkId(operation, id)
    return await calls.track(
      (async () => {
        const entry = { ...this.#who, action: 'secret.versions', secret: id } as const
        const look = this.#look(operation, options.signal)
        await access.check(operation, entry, options)
        return await access.recorded(operation, entry, async () => {
          const { pointer, versions } = await findRecord(operation, stores, { account: this.#account, id, key: undefined }, look)
          return versions.map(kept => ({ ...kept, committed: kept.version === pointer.version }))
        })
      })(),
    )
  }

  async rollback(id: SecretId, version: VersionId, options: WriteOptions = {}): Promise<RollbackResult> {
    const operation = 'registry.rollback'
    const { calls, access, protocol } = this.#parts
    calls.assertOpen(operation)
    checkOptions(operation, options, ['signal', 'ifRevision'])
    checkId(operation, id)
    checkVersion(operation, version)
    checkIfRevision(operation, options.ifRevision)
    return await calls.track(
      (async () => {
        await access.check(operation, { ...this.#who, action: 'secret.rollback', secret: id }, options)
        return await protocol.rollback({ ...this.#who, operation, signal: options.signal }, id, version, options.ifRevision)
      })(),
    )
  }

  async delete(id: SecretId, options: DeleteRecordOptions = {}): Promise<void> {
    const operation = 'registry.delete'
    const { calls, access, protocol } = this.#parts
    calls.assertOpen(operation)
    checkOptions(operation, options, ['signal', 'ifRevision', 'purgeAdopted'])
    const { ifRevision, purgeAdopted, signal } = options
    checkId(operation, id)
    checkIfRevision(operation, ifRevision)
    checkOneOf(operation, 'purgeAdopted', purgeAdopted, [true, false])
    await calls.track(
      (async () => {
        await access.check(operation, { ...this.#who, action: 'secret.delete', secret: id }, options)
        await protocol.delete({ ...this.#who, operation, signal }, id, { ifRevision, purgeAdopted })
      })(),
    )
  }

  async *audit(query: AuditQuery = {}): AsyncGenerator<AuditEntry> {
    const operation = 'registry.audit'
    const { calls, access, stores } = this.#parts
    calls.assertOpen(operation)
    checkOptions(operation, query, ['signal', 'after'])
    const { after = 0, signal } = query
    checkInteger(operation, 'after', after, 0, Number.MAX_SAFE_INTEGER)
    const entry = { ...this.#who, action: 'audit.read' } as const
    await access.check(operation, entry, { signal })
    await access.record({ ...entry, outcome: 'ok' })
    let last = after
    for (;;) {
      calls.assertOpen(operation)
      const request = { registry: stores.registry, account: this.#account, after: last, limit: AUDIT_PAGE }
      const entries = await calls.track(persist(() => stores.metadata.readAudit(request, { signal }), this.#look(operation, signal)))
      yield* entries
      if (entries.length < AUDIT_PAGE) return
      last = entries.at(-1)?.sequence ?? last
    }
  }

  #look(operation: string, signal: AbortSignal | undefined): Patience {
    return { operation, signal, withinMs: this.#parts.access.deadlineMs, effect: 'none' }
  }

  get #who(): { readonly account: AccountId; readonly actor: Actor } {
    return { account: this.#account, actor: this.#actor }
  }
}
