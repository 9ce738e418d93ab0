import { accountId, createSecretReader, createSecretRegistry, memoryDriver, memoryMetadata, SecretError, unsafeAllowEveryone, verifyAudit } from '@strongroom/core'
import type { AccountSecrets, AuditEntry, DriverCapabilities, SecretDriver, SecretId, SecretRegistry } from '@strongroom/core'
import { describe, expect, it } from 'vitest'
import { FLAVOURS, tracked, type Step } from './support/tracked.ts'

// Every step of every write, on a backend like each cloud, with each way to go wrong. The process that dies here is an object
// that never gets another answer; the real `kill -9` is in the AWS package, on SQLite and a server.

const ACCOUNT = accountId('acc-1')
const ACTOR = { id: 'u-1', type: 'user' } as const
const POLICY = { deadlineMs: 200, leaseMs: 1_000, putHorizonMs: 5_000, attempts: 2 }

const OPERATIONS = {
  create: async (secrets: AccountSecrets) => void (await secrets.create({ key: 'new', value: 'fresh' })),
  update: async (secrets: AccountSecrets, id: SecretId) => void (await secrets.update(id, { value: 'second', description: 'changed' })),
  describe: async (secrets: AccountSecrets, id: SecretId) => void (await secrets.update(id, { description: 'changed' })),
  delete: async (secrets: AccountSecrets, id: SecretId) => await secrets.delete(id),
} as const

/** `killed before` and `killed after`: nothing of the process goes on. `answer lost`: the call had its effect, its answer is an error. */
const FAULTS = ['killed before', 'killed after', 'answer lost', 'fails'] as const

class World {
  now = Date.now()
  readonly driver: SecretDriver
  readonly metadata = memoryMetadata({ clock: () => new Date(this.now) })

  constructor(capabilities: Partial<DriverCapabilities>) {
    this.driver = memoryDriver({ name: 'world', capabilities })
  }

  open(parts: { driver?: SecretDriver; metadata?: typeof this.metadata } = {}): Promise<SecretRegistry> {
    const { driver = this.driver, metadata = this.metadata } = parts
    return createSecretRegistry({ id: 'main', metadata, stores: { main: driver }, writeTo: 'main', authorize: unsafeAllowEveryone, policy: POLICY })
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
  async audit(): Promise<{ values: Record<string, string>; trail: AuditEntry[] }> {
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
      expect(usable, 'versions that nobody names').toEqual([found.pointer.version])
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

/** How one run of an operation with one fault at one step ended; undefined when the operation has no such step. */
async function run(flavour: keyof typeof FLAVOURS, operation: keyof typeof OPERATIONS, fault: (typeof FAULTS)[number], at: number): Promise<string | undefined> {
  const world = new World(FLAVOURS[flavour])
  const before = await world.open()
  const { id } = await before.account(ACCOUNT, ACTOR).create({ key: 'old', value: 'first' })
  const counter = { next: 0 }
  let hit: Step | undefined
  let died: () => void = () => {}
  const death = new Promise<'died'>(resolve => (died = () => resolve('died')))
  const never = new Promise<never>(() => {})
  let armed = false
  let dead = false
  const around = async (step: Step, call: () => Promise<unknown>): Promise<unknown> => {
    if (dead) return await never
    if (!armed || step.index !== at) return await call()
    hit = step
    if (fault === 'fails') throw failure(step, 'none')
    if (fault !== 'killed before') await call()
    if (fault === 'answer lost') throw failure(step, 'unknown')
    dead = true
    died()
    return await never
  }
  const driver = tracked('driver', { ...world.driver, classify: classify(world.driver) }, around, counter)
  const registry = await world.open({ driver, metadata: tracked('metadata', world.metadata, around, counter) })
  counter.next = 0
  armed = true
  const outcome = await Promise.race([
    OPERATIONS[operation](registry.account(ACCOUNT, ACTOR), id).then(
      () => 'ok' as const,
      (error: unknown) => error as SecretError,
    ),
    death,
  ])
  if (hit === undefined) return undefined
  dead = true
  const label = `${flavour} ${operation} ${fault} ${hit.target}.${hit.method}`
  await world.settle()
  const { values, trail } = await world.audit()

  const done = { create: { old: 'first', new: 'fresh' }, update: { old: 'second' }, describe: { old: 'first' }, delete: {} }[operation]
  const undone = { old: 'first' }
  const action = operation === 'describe' ? 'secret.update' : `secret.${operation}`
  const committed = trail.filter(entry => entry.action === action && entry.outcome === 'ok').length - (operation === 'create' ? 1 : 0)
  expect(values, label).toEqual(committed === 1 ? done : undone)
  expect(committed, label).toBeLessThanOrEqual(1)
  if (outcome === 'ok') expect(committed, `${label}: acknowledged`).toBe(1)
  else if (outcome !== 'died') {
    expect(outcome, label).toBeInstanceOf(SecretError)
    if (outcome.effect === 'none') expect(committed, `${label}: said that nothing happened (${outcome.message})`).toBe(0)
  }
  return label
}

function failure({ target }: Step, effect: 'none' | 'unknown'): Error {
  if (target === 'metadata') return new SecretError({ code: 'unavailable', retryable: true, effect, operation: 'metadata.test' })
  return Object.assign(new Error('the network'), { effect })
}

function classify(driver: SecretDriver): SecretDriver['classify'] {
  return error => {
    const effect = (error as { effect?: 'none' | 'unknown' }).effect
    return effect === undefined ? driver.classify(error) : { code: 'unavailable', retryable: true, effect }
  }
}

describe.each(Object.keys(FLAVOURS) as (keyof typeof FLAVOURS)[])('on a backend like %s', flavour => {
  describe.each(Object.keys(OPERATIONS) as (keyof typeof OPERATIONS)[])('%s', operation => {
    it.each(FAULTS)('%s, at any step: done wholly or undone wholly, nothing left', async fault => {
      const runs: string[] = []
      for (let at = 0; ; at += 1) {
        const label = await run(flavour, operation, fault, at)
        if (label === undefined) break
        runs.push(label)
      }
      expect(runs.length).toBeGreaterThan(operation === 'create' || operation === 'update' ? 2 : 0)
    })
  })
})
