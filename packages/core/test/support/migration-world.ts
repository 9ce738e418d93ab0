import {
  createSecretMigrator,
  createSecretReader,
  createSecretRegistry,
  memoryMetadata,
  unsafeAllowEveryone,
  type AccountSecrets,
  type AuditEntry,
  type DriverCapabilities,
  type MetadataStore,
  type MigrateOptions,
  type Migration,
  type MigrationReport,
  type NativePath,
  type RegistryPolicy,
  type SecretDriver,
  type SecretMigrator,
  type SecretRegistry,
} from '@strongroom/core'
import { expect } from 'vitest'
import { ACCOUNT, ALICE, CALL, MARKER, type Flavour } from './migrator-world.ts'
import { ScriptedDriver } from './scripted.ts'
import { FLAVOURS } from './tracked.ts'

const POLICY: RegistryPolicy = { deadlineMs: 200, leaseMs: 1000, putHorizonMs: 5000, attempts: 2 }
const OPERATOR = { id: 'operator', type: 'user' } as const

export interface Migrated {
  readonly migrations: readonly Migration[]
  readonly report: MigrationReport
}

interface Parts {
  readonly metadata?: MetadataStore
  readonly old?: SecretDriver
  readonly new?: SecretDriver
  readonly policy?: RegistryPolicy
}

/** One database, and two backends called `old` and `new`. */
export class TwoClouds {
  readonly old: ScriptedDriver
  readonly new: ScriptedDriver
  readonly metadata: MetadataStore
  #now = Date.now() - 365 * 24 * 3_600_000

  constructor(old: Flavour = 'local', target: Flavour = 'local', limits: Partial<DriverCapabilities> = {}) {
    this.old = new ScriptedDriver(FLAVOURS[old], 'old')
    this.new = new ScriptedDriver({ ...FLAVOURS[target], ...limits }, 'new')
    this.metadata = memoryMetadata({ clock: () => new Date(this.#now) })
  }

  #shared({ metadata = this.metadata, old = this.old.driver, new: target = this.new.driver, policy = {} }: Parts) {
    return { id: 'main', metadata, stores: { old, new: target }, policy: { ...POLICY, ...policy } }
  }

  registry(writeTo: 'old' | 'new' = 'old', parts: Parts = {}): Promise<SecretRegistry> {
    return createSecretRegistry({ ...this.#shared(parts), writeTo, authorize: unsafeAllowEveryone })
  }

  async secrets(writeTo: 'old' | 'new' = 'old', parts: Parts = {}): Promise<AccountSecrets> {
    return (await this.registry(writeTo, parts)).account(ACCOUNT, ALICE)
  }

  migrator(parts: Parts = {}): Promise<SecretMigrator> {
    return createSecretMigrator({ ...this.#shared(parts), actor: OPERATOR })
  }

  async migrate(options: Partial<MigrateOptions> = {}, parts: Parts = {}): Promise<Migrated> {
    return await migratedBy(await this.migrator(parts), { from: 'old', to: 'new', ...options })
  }

  later(milliseconds: number): void {
    this.#now += milliseconds
  }

  /** Passes of upkeep, with an hour between them, until nothing is left but what waits for longer. */
  async settle(hours = 48): Promise<void> {
    const registry = await this.registry()
    for (let pass = 0; pass < hours; pass += 1) {
      this.later(3_600_000)
      await registry.maintain({ maxItems: 1000 })
    }
  }

  async values(): Promise<Readonly<Record<string, string>>> {
    const { policy: _, ...shared } = this.#shared({})
    const reader = (await createSecretReader({ ...shared, authorize: unsafeAllowEveryone })).account(ACCOUNT, ALICE)
    const { items } = await (await this.secrets()).list({ limit: 1000 })
    const read = items.map(async ({ id, key }) => [key, (await reader.read({ id })).value.revealText()] as const)
    return Object.fromEntries(await Promise.all(read))
  }

  async paths(of: 'old' | 'new'): Promise<readonly NativePath[]> {
    return (await this[of].memory.list({ prefix: '', withLabels: false, page: undefined }, CALL)).items.map(({ path }) => path)
  }

  /** What a client reads that knows nothing of this library. */
  async outside(of: 'old' | 'new', path: NativePath): Promise<string> {
    return new TextDecoder().decode((await this[of].memory.read({ path, version: undefined }, CALL)).payload.bytes)
  }

  async trail(): Promise<readonly AuditEntry[]> {
    const trail = await this.metadata.readAudit({ registry: 'main', account: ACCOUNT, after: 0, limit: 10_000 }, {})
    expect(JSON.stringify(trail)).not.toContain(MARKER)
    return trail
  }
}

export async function migratedBy(migrator: SecretMigrator, options: MigrateOptions): Promise<Migrated> {
  const run = migrator.migrate(options)
  const migrations: Migration[] = []
  for (;;) {
    const step = await run.next()
    if (step.done === true) {
      expect(JSON.stringify([migrations, step.value])).not.toContain(MARKER)
      return { migrations, report: step.value }
    }
    migrations.push(step.value)
  }
}
