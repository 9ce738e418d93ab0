import {
  accountId,
  createSecretMigrator,
  createSecretReader,
  createSecretRegistry,
  memoryMetadata,
  unsafeAllowEveryone,
  verifyAudit,
} from '@strongroom/core'
import type {
  AccountId,
  AccountSecrets,
  Actor,
  AuditEntry,
  DriverCall,
  Finding,
  MetadataStore,
  NativePath,
  Payload,
  ReconcileOptions,
  ReconcileReport,
  RegistryPolicy,
  SecretDriver,
  SecretId,
  SecretMigrator,
  SecretRegistry,
  VersionId,
} from '@strongroom/core'
import { expect } from 'vitest'
import { ScriptedDriver } from './scripted.ts'
import { FLAVOURS } from './tracked.ts'

export const ACCOUNT: AccountId = accountId('acc-1')
export const ALICE: Actor = { id: 'alice', type: 'user' }
const OPERATOR: Actor = { id: 'operator', type: 'user' }
const POLICY: RegistryPolicy = { deadlineMs: 20_000, leaseMs: 60_000, attempts: 2 }
/** In values that findings, errors and the audit must not have. */
export const MARKER = 'sk-never-to-be-seen'
export const CALL: DriverCall = { signal: new AbortController().signal, attempt: 1 }

export type Flavour = keyof typeof FLAVOURS
export const flavours: readonly Flavour[] = Object.keys(FLAVOURS) as Flavour[]
export const onAppend: readonly Flavour[] = flavours.filter(flavour => 'current' in FLAVOURS[flavour])

interface Parts {
  readonly driver?: SecretDriver
  readonly metadata?: MetadataStore
  readonly policy?: RegistryPolicy
}

interface Ran {
  readonly findings: readonly Finding[]
  readonly report: ReconcileReport
}

const MONTH_MS = 30 * 24 * 3_600_000

/** One database and one backend; everything that is done to the backend by `outside` is done behind the registry's back. */
export class World {
  readonly cloud: ScriptedDriver
  readonly metadata: MetadataStore
  #now: number

  /** The database's clock begins in the past, so that a test can let hours pass and nothing is from the future. */
  constructor(flavour: Flavour = 'local', startedAt: number = Date.now() - MONTH_MS) {
    this.cloud = new ScriptedDriver(FLAVOURS[flavour], 'world')
    this.#now = startedAt
    this.metadata = memoryMetadata({ clock: () => new Date(this.#now) })
  }

  get outside(): SecretDriver {
    return this.cloud.memory
  }

  registry({ driver = this.cloud.driver, metadata = this.metadata, policy = {} }: Parts = {}): Promise<SecretRegistry> {
    const shared = { id: 'main', metadata, stores: { main: driver }, authorize: unsafeAllowEveryone }
    return createSecretRegistry({ ...shared, writeTo: 'main', policy: { ...POLICY, ...policy } })
  }

  async secrets(parts: Parts = {}): Promise<AccountSecrets> {
    return (await this.registry(parts)).account(ACCOUNT, ALICE)
  }

  migrator({ driver = this.cloud.driver, metadata = this.metadata, policy = {} }: Parts = {}): Promise<SecretMigrator> {
    return createSecretMigrator({ id: 'main', metadata, stores: { main: driver }, actor: OPERATOR, policy: { ...POLICY, ...policy } })
  }

  async reconcile(options: ReconcileOptions = {}, parts: Parts = {}): Promise<Ran> {
    return await runOf(await this.migrator(parts), options)
  }

  later(milliseconds: number): void {
    this.#now += milliseconds
  }

  /** Passes of upkeep, with an hour between them, until nothing is left. */
  async settle(): Promise<void> {
    const registry = await this.registry()
    for (let pass = 0; pass < 12; pass += 1) {
      this.later(3_600_000)
      if ((await registry.maintain({ maxItems: 1_000 })).backlog === 0) return
    }
    throw new Error('the backlog does not end')
  }

  async path({ id }: { readonly id: SecretId }): Promise<NativePath> {
    const found = await this.metadata.find({ registry: 'main', account: ACCOUNT, id }, {})
    if (found === undefined) throw new Error('no such record')
    return found.pointer.path
  }

  plant(path: string, labels: Readonly<Record<string, string>> = {}): Promise<unknown> {
    return this.outside.create({ path: path as NativePath, payload: payload(MARKER), labels, token: 'planted' }, CALL)
  }

  async put(path: NativePath, value: string): Promise<VersionId> {
    const request = { path, payload: payload(value), token: crypto.randomUUID(), after: undefined, staged: false }
    return (await this.outside.append(request, CALL)).version
  }

  async current(path: NativePath): Promise<string> {
    return new TextDecoder().decode((await this.outside.read({ path, version: undefined }, CALL)).payload.bytes)
  }

  async values(only: (key: string) => boolean = () => true): Promise<Readonly<Record<string, string>>> {
    const shared = { id: 'main', metadata: this.metadata, stores: { main: this.cloud.driver }, authorize: unsafeAllowEveryone }
    const reader = (await createSecretReader(shared)).account(ACCOUNT, ALICE)
    const { items } = await (await this.secrets()).list({ limit: 1_000 })
    const read = items.filter(({ key }) => only(key)).map(async ({ id, key }) => [key, (await reader.read({ id })).value.revealText()] as const)
    return Object.fromEntries(await Promise.all(read))
  }

  async paths(): Promise<readonly string[]> {
    return (await this.outside.list({ prefix: '', withLabels: false, page: undefined }, CALL)).items.map(({ path }) => path)
  }

  async trail(): Promise<readonly AuditEntry[]> {
    const trail = await this.metadata.readAudit({ registry: 'main', account: ACCOUNT, after: 0, limit: 10_000 }, {})
    expect(await verifyAudit(trail)).toMatchObject({ ok: true })
    expect(JSON.stringify(trail)).not.toContain(MARKER)
    return trail
  }
}

export async function runOf(migrator: SecretMigrator, options: ReconcileOptions = {}): Promise<Ran> {
  const run = migrator.reconcile({ graceMs: 0, ...options })
  const findings: Finding[] = []
  for (;;) {
    const step = await run.next()
    if (step.done === true) {
      const text = JSON.stringify([findings, step.value])
      expect(text).not.toContain(MARKER)
      for (const value of ['value-', 'outside-']) expect(text).not.toContain(value)
      return { findings, report: step.value }
    }
    findings.push(step.value)
  }
}

function payload(text: string): Payload {
  return { bytes: new TextEncoder().encode(text), text: true }
}
