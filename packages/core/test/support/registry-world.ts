import { accountId, createSecretReader, createSecretRegistry, memoryMetadata, unsafeAllowEveryone } from '@strongroom/core'
import type {
  AccountId,
  AccountReader,
  AccountSecrets,
  Actor,
  AuditEntry,
  Authorize,
  DriverCapabilities,
  MetadataStore,
  RegistryOptions,
  SecretId,
  SecretReader,
  SecretRegistry,
  StoredRecord,
} from '@strongroom/core'
import { ScriptedDriver } from './scripted.ts'

export const ACCOUNT: AccountId = accountId('acc-1')
export const ACTOR: Actor = { id: 'u-1', type: 'user' }
export const POLICY: NonNullable<RegistryOptions['policy']> = { deadlineMs: 200, leaseMs: 1_000, putHorizonMs: 5_000, attempts: 2 }

/** A database with a clock, and a scripted backend, for registries and readers. */
export class RegistryWorld {
  now: number = Date.now()
  readonly cloud: ScriptedDriver
  readonly metadata: MetadataStore = memoryMetadata({ clock: () => new Date(this.now) })

  constructor(capabilities: Partial<DriverCapabilities> = {}) {
    this.cloud = new ScriptedDriver(capabilities, 'world')
  }

  registry(options: Partial<RegistryOptions> = {}): Promise<SecretRegistry> {
    const stores = { main: this.cloud.driver }
    return createSecretRegistry({
      id: 'main',
      metadata: this.metadata,
      stores,
      writeTo: 'main',
      authorize: unsafeAllowEveryone,
      policy: POLICY,
      ...options,
    })
  }

  async secrets(options: Partial<RegistryOptions> = {}): Promise<AccountSecrets> {
    return (await this.registry(options)).account(ACCOUNT, ACTOR)
  }

  reader(authorize: Authorize = unsafeAllowEveryone, metadata: MetadataStore = this.metadata): Promise<SecretReader> {
    const stores = { main: this.cloud.driver }
    return createSecretReader({ id: 'main', metadata, stores, authorize, policy: { deadlineMs: 200, attempts: 2 } })
  }

  async values(): Promise<AccountReader> {
    return (await this.reader()).account(ACCOUNT, ACTOR)
  }

  async stored(id: SecretId): Promise<StoredRecord> {
    const found = await this.metadata.find({ registry: 'main', account: ACCOUNT, id }, {})
    if (found === undefined) throw new Error('no such record')
    return found
  }

  trail(): Promise<readonly AuditEntry[]> {
    return this.metadata.readAudit({ registry: 'main', account: ACCOUNT, after: 0, limit: 1_000 }, {})
  }

  /** What is in the backend for the record: id, state, current. */
  async versions(id: SecretId): Promise<readonly string[]> {
    const { path } = (await this.stored(id)).pointer
    const call = { signal: new AbortController().signal, attempt: 1 }
    const { items } = await this.cloud.memory.versions({ path, after: undefined, page: undefined }, call)
    return items.map(({ version, state, current }) => `${version} ${state}${current ? ' current' : ''}`)
  }

  async paths(): Promise<readonly string[]> {
    const call = { signal: new AbortController().signal, attempt: 1 }
    return (await this.cloud.memory.list({ prefix: '', withLabels: false, page: undefined }, call)).items.map(({ path }) => path)
  }
}
