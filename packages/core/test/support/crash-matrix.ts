import {
  accountId,
  createSecretReader,
  createSecretRegistry,
  memoryDriver,
  memoryMetadata,
  SecretError,
  unsafeAllowEveryone,
  verifyAudit,
} from '@strongroom/core'
import type {
  AccountSecrets,
  AuditEntry,
  CreateOptions,
  DriverCapabilities,
  MetadataStore,
  SecretDriver,
  SecretId,
  SecretRecord,
  SecretRegistry,
} from '@strongroom/core'
import { expect, vi } from 'vitest'
import { FLAVOURS, tracked, type Step } from './tracked.ts'

// Every step of every write, on a backend like each cloud, with each way to go wrong. The process that dies here is an object
// that never gets another answer; the real `kill -9` is in the AWS package, on SQLite and a server.

const ACCOUNT = accountId('acc-1')
const ACTOR = { id: 'u-1', type: 'user' } as const
const POLICY = { deadlineMs: 200, leaseMs: 1_000, putHorizonMs: 5_000, attempts: 2 }

/** Those that may have an idempotency key. */
const REPEATABLE = {
  create: (secrets: AccountSecrets, _id: SecretId, options?: CreateOptions): Promise<SecretRecord> =>
    secrets.create({ key: 'new', value: 'fresh' }, options),
  update: (secrets: AccountSecrets, id: SecretId, options?: CreateOptions): Promise<SecretRecord> =>
    secrets.update(id, { value: 'second', description: 'changed' }, options),
  describe: (secrets: AccountSecrets, id: SecretId, options?: CreateOptions): Promise<SecretRecord> =>
    secrets.update(id, { description: 'changed' }, options),
} as const
const OPERATIONS: Readonly<Record<Operation, (secrets: AccountSecrets, id: SecretId) => Promise<unknown>>> = {
  ...REPEATABLE,
  'update after a rollback': (secrets, id) => secrets.update(id, { value: 'second' }),
  rollback,
  delete: (secrets, id) => secrets.delete(id),
}
/** The values once it is done. */
const DONE: Readonly<Record<Operation, Readonly<Record<string, string>>>> = {
  create: { old: 'first', new: 'fresh' },
  update: { old: 'second' },
  'update after a rollback': { old: 'second' },
  describe: { old: 'first' },
  rollback: { old: 'zeroth' },
  delete: {},
}

/** What was before that is not so for the others. */
const BEFORE: Partial<Record<Operation, (secrets: AccountSecrets, id: SecretId) => Promise<void>>> = { 'update after a rollback': rollback }

export type Flavour = keyof typeof FLAVOURS
export type Operation = Repeatable | 'update after a rollback' | 'rollback' | 'delete'
export type Repeatable = keyof typeof REPEATABLE
export type Fault = (typeof FAULTS)[number]

export const flavours: readonly Flavour[] = Object.keys(FLAVOURS) as Flavour[]
export const operations: readonly Operation[] = Object.keys(OPERATIONS) as Operation[]
export const repeatables: readonly Repeatable[] = Object.keys(REPEATABLE) as Repeatable[]
/**
 * `killed before`, `killed after`: nothing of the process goes on. `answer lost`: the call had its effect, its answer is an
 * error. `keeps failing`: this call and every other of its kind until the operation ends. `stalls`: the process sleeps before the step until recovery is through, and goes on as if nothing had been.
 * `killed, lands late` and `lost, lands late`: the put arrives at the backend only after recovery.
 */
export const FAULTS = [
  'killed before',
  'killed after',
  'answer lost',
  'fails',
  'keeps failing',
  'stalls',
  'killed, lands late',
  'lost, lands late',
] as const

/** A rule of the protocol taken out, by what stands in for the database or the backend. */
export interface KnockOut {
  readonly metadata?: (metadata: MetadataStore) => MetadataStore
  readonly driver?: (driver: SecretDriver) => SecretDriver
}

class World {
  now: number = Date.now()
  readonly driver: SecretDriver
  readonly metadata: MetadataStore

  constructor(capabilities: Partial<DriverCapabilities>, knockOut: KnockOut) {
    const driver = lossy(memoryDriver({ name: 'world', capabilities }))
    const metadata = memoryMetadata({ clock: () => new Date(this.now) })
    this.driver = knockOut.driver?.(driver) ?? driver
    this.metadata = knockOut.metadata?.(metadata) ?? metadata
  }

  open(parts: { readonly driver?: SecretDriver; readonly metadata?: MetadataStore } = {}): Promise<SecretRegistry> {
    const { driver = this.driver, metadata = this.metadata } = parts
    const requestKeys = [Buffer.alloc(32, 'the key of the fingerprints')]
    return createSecretRegistry({
      id: 'main',
      metadata,
      stores: { main: driver },
      writeTo: 'main',
      authorize: unsafeAllowEveryone,
      requestKeys,
      policy: POLICY,
    })
  }

  /** The lease is over and one pass has been, but a put may still land. */
  async recover(): Promise<void> {
    const registry = await this.open()
    this.now += 2_000
    await registry.maintain({ maxItems: 1_000 })
  }

  /** Passes of upkeep, with time between them, until nothing is left. */
  async settle(): Promise<void> {
    const registry = await this.open()
    for (let pass = 0; pass < 12; pass += 1) {
      this.now += 3_600_000
      if ((await registry.maintain({ maxItems: 1_000 })).backlog === 0) return
    }
    throw new Error('the backlog does not end')
  }

  /** The invariants, looked at in the backend itself and not through the registry. */
  async audit(): Promise<{ readonly values: Record<string, string>; readonly trail: readonly AuditEntry[] }> {
    const registry = await this.open()
    const secrets = registry.account(ACCOUNT, ACTOR)
    const reader = await createSecretReader({ id: 'main', metadata: this.metadata, stores: { main: this.driver }, authorize: unsafeAllowEveryone })
    const { items } = await secrets.list()
    const call = { signal: new AbortController().signal, attempt: 1 }
    const inCloud = (await this.driver.list({ prefix: '', withLabels: false, page: undefined }, call)).items.map(({ path }) => path)
    const values: Record<string, string> = {}
    const named: string[] = []
    for (const { id, key } of items) {
      const found = await this.metadata.find({ registry: 'main', account: ACCOUNT, id }, {})
      if (found === undefined) throw new Error('listed, not found')
      named.push(found.pointer.path)
      values[key] = (await reader.account(ACCOUNT, ACTOR).read({ id })).value.revealText() // no row points at nothing
      const versions = (await this.driver.versions({ path: found.pointer.path, after: undefined, page: undefined }, call)).items
      const usable = versions.filter(version => version.state === 'usable').map(({ version }) => version)
      const kept = found.versions.map(({ version }) => version)
      expect(kept[0]).toBe(found.pointer.version)
      expect(kept.length, 'more than the policy keeps').toBeLessThanOrEqual(2)
      expect(usable.toSorted(), 'versions that nobody names, or that are named and gone').toEqual(kept.toSorted())
      if (this.driver.capabilities.current === 'on_promote') {
        expect(versions.find(version => version.current)?.version, 'what outsiders read').toBe(found.pointer.version)
      }
    }
    expect(inCloud.toSorted(), 'paths that nobody names').toEqual(named.toSorted())
    const trail = await Array.fromAsync(secrets.audit())
    expect(await verifyAudit(trail)).toMatchObject({ ok: true })
    return { values, trail }
  }
}

const ACTIONS: Readonly<Record<Operation, AuditEntry['action']>> = {
  create: 'secret.create',
  update: 'secret.update',
  'update after a rollback': 'secret.update',
  describe: 'secret.update',
  rollback: 'secret.rollback',
  delete: 'secret.delete',
}

/** What a process that met its fault leaves behind. */
interface Accident<T> {
  readonly hit: Step
  readonly outcome: T | SecretError | 'died'
  /** A put that is still on its way. */
  readonly late: (() => Promise<unknown>) | undefined
}

/** Does the work in a process that meets the fault at that step; undefined when it has no such step. `meanwhile`: while it stalls. */
async function accident<T>(
  world: World,
  fault: Fault,
  at: number,
  work: (secrets: AccountSecrets) => Promise<T>,
  meanwhile: () => Promise<unknown> = async () => {},
): Promise<Accident<T> | undefined> {
  const counter = { next: 0 }
  let hit: Step | undefined
  let late: (() => Promise<unknown>) | undefined
  let died: () => void = () => {}
  const death = new Promise<'died'>(resolve => (died = () => resolve('died')))
  const never = new Promise<never>(() => {})
  let armed = false
  let dead = false
  const die = async (): Promise<never> => {
    dead = true
    died()
    return await never
  }
  const around = async (step: Step, call: () => Promise<unknown>): Promise<unknown> => {
    if (dead) return await never
    const again = fault === 'keeps failing' && hit?.target === step.target && hit.method === step.method
    if (!armed || (step.index !== at && !again)) return await call()
    hit = step
    const isPut = step.target === 'driver' && (step.method === 'create' || step.method === 'append')
    switch (fault) {
      case 'fails':
      case 'keeps failing':
        throw failure(step, 'none')
      case 'killed before':
        return await die()
      case 'killed after':
        await call()
        return await die()
      case 'answer lost':
        await call()
        throw failure(step, 'unknown')
      case 'stalls':
        // A put that sleeps longer than the horizon is the sweep's, as is one that follows a look that does.
        await (isPut || step.method === 'versions' ? world.recover() : world.settle())
        await meanwhile()
        return await call()
      case 'killed, lands late':
      case 'lost, lands late':
        if (!isPut) return await call()
        late = call
        if (fault === 'killed, lands late') return await die()
        throw failure(step, 'unknown')
    }
  }
  const driver = tracked('driver', world.driver, around, counter)
  const registry = await world.open({ driver, metadata: tracked('metadata', world.metadata, around, counter) })
  counter.next = 0
  armed = true
  const outcome = await Promise.race([work(registry.account(ACCOUNT, ACTOR)).catch((error: unknown) => error as SecretError), death])
  dead = true
  return hit === undefined ? undefined : { hit, outcome, late }
}

/** How one run of an operation with one fault at one step ended; undefined when the operation has no such step. */
export async function run(flavour: Flavour, operation: Operation, fault: Fault, at: number, knockOut: KnockOut = {}): Promise<string | undefined> {
  vi.spyOn(Math, 'random').mockReturnValue(0) // no backoff is waited for
  const world = new World(FLAVOURS[flavour], knockOut)
  const { id, earlier } = await prepared(world, operation)
  const left = await accident(world, fault, at, async secrets => {
    await OPERATIONS[operation](secrets, id)
    return 'ok' as const
  })
  if (left === undefined) return undefined
  const { hit, outcome, late } = left
  const label = `${flavour} ${operation} ${fault} ${hit.target}.${hit.method}`
  if (late !== undefined) {
    await world.recover()
    await late().catch(() => {}) // refused by a backend that compares: then nothing has landed
  }
  await world.settle()
  const { values, trail } = await world.audit()

  const committed = commitsOf(operation, trail.slice(earlier))
  const undone = { old: operation === 'update after a rollback' ? 'zeroth' : 'first' }
  expect(values, label).toEqual(committed === 1 ? DONE[operation] : undone)
  expect(committed, label).toBeLessThanOrEqual(1)
  if (outcome === 'ok') expect(committed, `${label}: acknowledged`).toBe(1)
  else if (outcome !== 'died') {
    expect(outcome, label).toBeInstanceOf(SecretError)
    if (outcome.effect === 'none') expect(committed, `${label}: said that nothing happened (${outcome.message})`).toBe(0)
  }
  return label
}

/** The same with an idempotency key, asked for again by another process: after the fault, or while the first one stalls. */
export async function runAskedAgain(
  flavour: Flavour,
  operation: Repeatable,
  fault: Fault,
  at: number,
  knockOut: KnockOut = {},
): Promise<string | undefined> {
  vi.spyOn(Math, 'random').mockReturnValue(0)
  const world = new World(FLAVOURS[flavour], knockOut)
  const { id, earlier } = await prepared(world, operation)
  const work = (secrets: AccountSecrets): Promise<SecretRecord> => REPEATABLE[operation](secrets, id, { idempotencyKey: 'the request' })
  const ask = async (): Promise<SecretRecord> => await work((await world.open()).account(ACCOUNT, ACTOR))
  const left = await accident(world, fault, at, work, ask)
  if (left === undefined) return undefined
  const { hit, outcome, late } = left
  const label = `${flavour} ${operation} ${fault} ${hit.target}.${hit.method}, asked for again`
  world.now += 2_000 // a lease that is not over is waited for until the deadline, in earnest
  const again = await ask()
  await late?.().catch(() => {})
  await world.settle()
  const { values, trail } = await world.audit()
  expect(values, label).toEqual(DONE[operation])
  expect(commitsOf(operation, trail.slice(earlier)), label).toBe(1)
  if (outcome !== 'died' && !(outcome instanceof Error)) expect(outcome, label).toEqual(again)
  const other = (await world.open()).account(ACCOUNT, ACTOR)
  await other.update(again.id, { description: 'changed since' })
  expect(await ask(), label).toEqual(again)
  await other.delete(again.id)
  expect(await ask(), label).toEqual(again)
  return label
}

/** What is there before, and how many entries the audit trail has by then. */
async function prepared(world: World, operation: Operation): Promise<{ readonly id: SecretId; readonly earlier: number }> {
  const secrets = (await world.open()).account(ACCOUNT, ACTOR)
  const { id } = await secrets.create({ key: 'old', value: 'zeroth' })
  await secrets.update(id, { value: 'first' })
  await BEFORE[operation]?.(secrets, id)
  const entries = await world.metadata.readAudit({ registry: 'main', account: ACCOUNT, after: 0, limit: 100 }, {})
  return { id, earlier: entries.length }
}

/** How often it was done, by the audit trail. */
function commitsOf(operation: Operation, trail: readonly AuditEntry[]): number {
  return trail.filter(entry => entry.action === ACTIONS[operation] && entry.outcome === 'ok').length
}

/** All steps of one operation with one fault. */
export async function runEveryStep<O extends Operation>(
  flavour: Flavour,
  operation: O,
  fault: Fault,
  once: (flavour: Flavour, operation: O, fault: Fault, at: number) => Promise<string | undefined> = run,
): Promise<readonly string[]> {
  const labels: string[] = []
  for (let at = 0; ; at += 1) {
    const label = await once(flavour, operation, fault, at)
    if (label === undefined) return labels
    labels.push(label)
  }
}

/** To what was committed before. */
async function rollback(secrets: AccountSecrets, id: SecretId): Promise<void> {
  const before = (await secrets.versions(id)).find(({ committed }) => !committed)
  if (before === undefined) throw new Error('nothing is kept')
  await secrets.rollback(id, before.version)
}

function failure({ target }: Step, effect: 'none' | 'unknown'): Error {
  if (target === 'metadata') return new SecretError({ code: 'unavailable', retryable: true, effect, operation: 'metadata.test' })
  return Object.assign(new Error('the network'), { effect })
}

/** Knows this file's own failures, and lets a put land whose sender has stopped waiting. */
function lossy(driver: SecretDriver): SecretDriver {
  const signal = new AbortController().signal
  return {
    ...driver,
    create: (request, call) => driver.create(request, { ...call, signal }),
    append: (request, call) => driver.append(request, { ...call, signal }),
    classify: error => {
      const effect = (error as { effect?: 'none' | 'unknown' }).effect
      return effect === undefined ? driver.classify(error) : { code: 'unavailable', retryable: true, effect }
    },
  }
}
