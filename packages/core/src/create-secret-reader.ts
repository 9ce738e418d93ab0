import { SecretError, isSecretError } from './errors.ts'
import { Access } from './internal/access.ts'
import { Calls } from './internal/calls.ts'
import { checkId, checkKey, checkWho } from './internal/check-records.ts'
import { checkOptions, checkPolicy } from './internal/checks.ts'
import { findRecord } from './internal/find-record.ts'
import { DEFAULT_DEADLINE_MS } from './internal/guard.ts'
import { READING } from './internal/powers.ts'
import { BoundStores } from './internal/stores.ts'
import { withoutPointer } from './metadata-support/records.ts'
import type { StoredRecord } from './records.ts'
import type { AccountReader, ReaderOptions, ReadOnlyDriver, ReadValue, SecretReader } from './reader.ts'
import { SecretValue } from './value.ts'
import type { AccountId, Actor, CallOptions, SecretId } from './words.ts'

/**
 * Opens a reader: values by pointer, for services. It cannot write to any store.
 * @throws SecretError as `createSecretRegistry`
 */
export async function createSecretReader(options: ReaderOptions): Promise<SecretReader> {
  const operation = 'createSecretReader'
  checkOptions(operation, options, ['id', 'metadata', 'stores', 'authorize', 'policy'])
  const { policy = {} } = options
  checkPolicy(operation, policy, [])
  const access = new Access(operation, options.authorize, options.metadata, options.id, policy.deadlineMs ?? DEFAULT_DEADLINE_MS)
  return new Reader(await BoundStores.open(operation, options, READING, policy), access)
}

class Reader implements SecretReader {
  readonly #stores: BoundStores<ReadOnlyDriver>
  readonly #access: Access
  readonly #calls = new Calls()

  constructor(stores: BoundStores<ReadOnlyDriver>, access: Access) {
    this.#stores = stores
    this.#access = access
  }

  account(account: AccountId, actor: Actor): AccountReader {
    const who = checkWho('reader.account', account, actor)
    return { read: (reference, options = {}) => this.#read(who, reference, options) }
  }

  async close(): Promise<void> {
    await this.#calls.close(() => this.#stores.close())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #read(
    who: { readonly account: AccountId; readonly actor: Actor },
    reference: { readonly id?: SecretId; readonly key?: string },
    options: CallOptions,
  ): Promise<ReadValue> {
    const operation = 'reader.read'
    this.#calls.assertOpen(operation)
    checkOptions(operation, options, ['signal'])
    checkOptions(operation, reference, ['id', 'key'], 'field')
    const { id, key } = reference
    if ((id === undefined) === (key === undefined)) throw SecretError.invalid(operation, 'give an id or a key, one of the two')
    if (id !== undefined) checkId(operation, id)
    if (key !== undefined) checkKey(operation, key, 'any')
    return await this.#calls.track(
      (async () => {
        const entry = { ...who, action: 'secret.read_value', secret: id, key } as const
        await this.#access.check(operation, entry, options)
        let read: ReadValue | undefined
        const act = async (): Promise<ReadValue> => (read = await this.#follow(operation, { ...who, id, key }, options))
        try {
          return await this.#access.recorded(operation, entry, act, ({ record }) => ({ secret: record.id, key: record.key }))
        } catch (error) {
          read?.value[Symbol.dispose]() // it could not be recorded, so it is not given out
          throw error
        }
      })(),
    )
  }

  /** Exactly the pointer's version. When that is gone, the pointer is read again, and followed once more if it moved. */
  async #follow(
    operation: string,
    reference: { readonly account: AccountId; readonly id: SecretId | undefined; readonly key: string | undefined },
    options: CallOptions,
  ): Promise<ReadValue> {
    const find = (): Promise<StoredRecord> => findRecord(operation, this.#stores, reference, { ...options, withinMs: this.#access.deadlineMs })
    const record = await find()
    try {
      return await this.#readVersion(operation, record, options)
    } catch (error) {
      if (!isSecretError(error, 'not_found', 'version_unusable')) throw error
      const now = await find()
      if (now.pointer.version !== record.pointer.version || now.pointer.path !== record.pointer.path) {
        return await this.#readAgain(operation, now, options)
      }
      if (error.code === 'version_unusable') throw error
      throw error.in({ code: 'corrupt', hint: 'the record is there, but its version is gone from the store' })
    }
  }

  /** Gone again: the secret is there, and is being changed faster than it is read. */
  async #readAgain(operation: string, record: StoredRecord, options: CallOptions): Promise<ReadValue> {
    try {
      return await this.#readVersion(operation, record, options)
    } catch (error) {
      if (!isSecretError(error, 'not_found', 'version_unusable')) throw error
      throw error.in({ code: 'conflict', retryable: true, hint: 'the value was changed while it was read; read again' })
    }
  }

  async #readVersion(operation: string, record: StoredRecord, { signal }: CallOptions): Promise<ReadValue> {
    const { store: name, path, version } = record.pointer
    const { driver, guard } = this.#stores.get(name, operation)
    const { payload } = await guard.run({
      operation,
      secretName: record.key,
      signal,
      afterUnknown: 'read',
      attempt: call => driver.read({ path, version }, call),
    })
    return { record: withoutPointer(record), value: SecretValue.fromPayload(payload) }
  }
}
