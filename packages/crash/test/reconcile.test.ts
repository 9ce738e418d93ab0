import { setImmediate as turn } from 'node:timers/promises'
import {
  accountId,
  createSecretMigrator,
  createSecretReader,
  createSecretRegistry,
  isSecretError,
  unsafeAllowEveryone,
  verifyAudit,
  type AccountSecrets,
  type Finding,
  type MetadataStore,
  type ReconcileOptions,
  type ReconcileReport,
  type RegistryPolicy,
  type SecretId,
  type SecretMigrator,
  type SecretRegistry,
  type StoredRecord,
} from '@strongroom/core'
import { temporaryFolder } from '@strongroom/testbed'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { databases, stopDatabases } from '../src/databases/index.ts'
import { outsiders, type Outsider, type OutsiderName } from './support/outsiders.ts'

// What users and accidents do to a backend, done by its own client: reconciliation says it, and mends what it may.

const ACCOUNT = accountId('acme')
const ALICE = { id: 'alice', type: 'user' } as const
const OPERATOR = { id: 'operator', type: 'user' } as const
const MARKER = 'sk-never-to-be-seen'
const MONTH_MS = 30 * 24 * 3_600_000
const names = Object.keys(outsiders) as OutsiderName[]
const ALL: ReconcileOptions = { repair: ['orphan', 'drift'] }

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})
afterAll(stopDatabases, 60_000)

class World {
  readonly outside: Outsider
  readonly metadata: MetadataStore
  readonly #later: () => Promise<void>

  static async start(name: OutsiderName, databaseName = 'sqlite'): Promise<World> {
    const outside = await outsiders[name]()
    open.push(() => outside.stop())
    const database = databases.find(one => one.name === databaseName)
    if (database === undefined) throw new Error('no such database')
    const folder = await temporaryFolder()
    open.push(async () => folder.remove())
    const place = await database.make(folder.path, 'world')
    // The clock begins in the past, so that hours can pass and nothing is from the future.
    await database.advance(place, -MONTH_MS)
    const metadata = database.open(place)
    open.push(
      () => database.remove(place),
      () => metadata.close(),
    )
    return new World(outside, metadata, () => database.advance(place, 3_600_000))
  }

  constructor(outside: Outsider, metadata: MetadataStore, later: () => Promise<void>) {
    this.outside = outside
    this.metadata = metadata
    this.#later = later
  }

  get #shared() {
    return { id: 'main', metadata: this.metadata, stores: { main: this.outside.driver() } }
  }

  registry(metadata: MetadataStore = this.metadata, policy: RegistryPolicy = {}): Promise<SecretRegistry> {
    return createSecretRegistry({ ...this.#shared, metadata, policy, writeTo: 'main', authorize: unsafeAllowEveryone })
  }

  async secrets(metadata?: MetadataStore): Promise<AccountSecrets> {
    return (await this.registry(metadata)).account(ACCOUNT, ALICE)
  }

  migrator(): Promise<SecretMigrator> {
    return createSecretMigrator({ ...this.#shared, actor: OPERATOR })
  }

  async reconcile(options: ReconcileOptions = {}): Promise<{ readonly findings: readonly Finding[]; readonly report: ReconcileReport }> {
    const migrator = await this.migrator()
    const run = migrator.reconcile({ graceMs: 0, ...options })
    const findings: Finding[] = []
    for (;;) {
      const step = await run.next()
      if (step.done === true) {
        expect(JSON.stringify([findings, step.value])).not.toContain(MARKER)
        return { findings, report: step.value }
      }
      findings.push(step.value)
    }
  }

  /** Passes of upkeep, with an hour between them, until nothing is left. */
  async settle(): Promise<void> {
    const registry = await this.registry()
    for (let pass = 0; pass < 12; pass += 1) {
      await this.#later()
      if ((await registry.maintain({ maxItems: 1_000 })).backlog === 0) return
    }
    throw new Error('the backlog does not end')
  }

  async stored({ id }: { readonly id: SecretId }): Promise<StoredRecord> {
    const found = await this.metadata.find({ registry: 'main', account: ACCOUNT, id }, {})
    if (found === undefined) throw new Error('no such record')
    return found
  }

  async path(record: { readonly id: SecretId }): Promise<string> {
    return (await this.stored(record)).pointer.path
  }

  async read(key: string): Promise<string> {
    const reader = await createSecretReader({ ...this.#shared, authorize: unsafeAllowEveryone })
    return (await reader.account(ACCOUNT, ALICE).read({ key })).value.revealText()
  }

  async trail(): Promise<readonly string[]> {
    const trail = await this.metadata.readAudit({ registry: 'main', account: ACCOUNT, after: 0, limit: 10_000 }, {})
    expect(await verifyAudit(trail)).toMatchObject({ ok: true })
    expect(JSON.stringify(trail)).not.toContain(MARKER)
    return trail.map(({ actor, action, outcome }) => `${actor.id} ${action} ${outcome}`)
  }
}

const summaryOf = ({ findings }: { readonly findings: readonly Finding[] }): readonly string[] =>
  findings.map(({ kind, key, secret, repair }) => `${kind} ${key ?? secret ?? '-'} ${repair}`).toSorted()
const idOf = (n: number): string => `01900000-0000-7000-8000-${String(n).padStart(12, '0')}`
const labelsOf = (secret: string) => ({ 'strongroom-registry': 'main', 'strongroom-account': ACCOUNT, 'strongroom-secret': secret })

describe.each(databases.map(({ name }) => name))('on %s', database => {
  it.each(names)('what was done behind the back of a registry on %s is reported, and mended where it can be', async name => {
    const world = await World.start(name, database)
    const { outside } = world
    const secrets = await world.secrets()
    await secrets.create({ key: 'sound', value: `${MARKER}-sound` })
    const drifted = await secrets.create({ key: 'drifted', value: `${MARKER}-drifted`, description: 'kept' })
    const deleted = await secrets.create({ key: 'deleted', value: MARKER })
    const destroyed = await secrets.create({ key: 'destroyed', value: `${MARKER}-destroyed` })
    const relabelled = await secrets.create({ key: 'relabelled', value: MARKER })
    await outside.put(await world.path(drifted), `${MARKER}-outside`)
    await outside.remove(await world.path(deleted))
    const { path, version } = (await world.stored(destroyed)).pointer
    await outside.put(path, `${MARKER}-outside`)
    await outside.destroy(path, version)
    await outside.relabel?.(await world.path(relabelled), { 'strongroom-account': 'other' })
    await outside.create(`main-${idOf(1)}`, MARKER, labelsOf(idOf(1)))
    await outside.create(`main-${idOf(2)}`, MARKER, {})
    await outside.create(`main-2-${idOf(3)}`, MARKER, {})

    // Of AWS's versions none is destroyed: what no label names is still read by its id, and only the label is wrong.
    const broken = name === 'aws' ? 'drift destroyed' : 'missing destroyed not_possible'
    const lasting = ['dangling deleted not_possible', 'foreign - not_possible']
    if (outside.relabel !== undefined) lasting.push('labels relabelled not_possible')
    // In Azure each version has its own labels, and an outsider's has none.
    if (name === 'azure') lasting.push('labels destroyed not_possible')
    const passing = name === 'azure' ? ['labels drifted not_possible'] : []
    const looked = await world.reconcile()
    const before = [...lasting, ...passing, 'drift drifted none', name === 'aws' ? `${broken} none` : broken, `orphan ${idOf(1)} none`]
    expect(summaryOf(looked)).toEqual(before.toSorted())
    expect(summaryOf(await world.reconcile())).toEqual(before.toSorted())
    expect(await outside.current(await world.path(drifted))).toBe(`${MARKER}-outside`)

    const how = name === 'aws' || name === 'local' ? 'queued' : 'done'
    const mended = [...lasting, `drift drifted ${how}`, name === 'aws' ? `${broken} ${how}` : broken, `orphan ${idOf(1)} queued`]
    expect(summaryOf(await world.reconcile(ALL))).toEqual(mended.toSorted())
    await world.settle()
    expect(await outside.current(await world.path(drifted))).toBe(`${MARKER}-drifted`)
    expect(await world.read('drifted')).toBe(`${MARKER}-drifted`)
    expect(await world.read('sound')).toBe(`${MARKER}-sound`)
    // The outsiders' versions are still there, and nobody but their owners knows whether they are wanted.
    const strays = ['stray drifted not_possible', ...(name === 'aws' ? ['stray destroyed not_possible'] : [])]
    const left = [...lasting, ...strays, ...(name === 'aws' ? [] : [broken])]
    expect(summaryOf(await world.reconcile(ALL))).toEqual(left.toSorted())
    expect((await world.trail()).filter(entry => entry.includes('secret.repair'))).toEqual(
      Array.from({ length: name === 'aws' ? 3 : 2 }, () => 'operator secret.repair ok'),
    )
    expect(await secrets.describe(drifted.id)).toMatchObject({ description: 'kept', revision: how === 'done' ? 2 : 1 })
  })
})

it.each(names)('what updates and rollbacks leave on %s is no stray', async name => {
  const world = await World.start(name)
  for (const keepVersions of [1, 2, 3]) {
    const secrets = (await world.registry(world.metadata, { keepVersions })).account(ACCOUNT, ALICE)
    const { id } = await secrets.create({ key: `key-${keepVersions}`, value: `${MARKER}-0` })
    for (let n = 1; n < 5; n += 1) {
      await secrets.update(id, { value: `${MARKER}-${n}` })
      if (n % 2 === 0) await world.settle()
    }
    const oldest = (await secrets.versions(id)).at(-1)
    if (oldest === undefined) throw new Error('nothing is kept')
    await secrets.rollback(id, oldest.version)
    await secrets.update(id, { value: `${MARKER}-last` })
  }
  await world.settle()
  expect((await world.reconcile(ALL)).findings).toEqual([])
})

it.each(['gcp', 'vault'] as const)('an update that died is undone on %s; the drift that it leaves is mended', async name => {
  const world = await World.start(name)
  const { id } = await (await world.secrets()).create({ key: 'a', value: `${MARKER}-1` })
  const path = await world.path({ id })
  let put: () => void = () => {}
  const landed = new Promise<void>(resolve => (put = resolve))
  const dies: MetadataStore = Object.create(world.metadata, {
    commitUpdate: {
      value: async () => {
        put()
        return await new Promise(() => {})
      },
    },
  }) as MetadataStore
  // On a slow machine its deadline may pass while this runs; nobody waits for it.
  const died = (await world.secrets(dies)).update(id, { value: `${MARKER}-2` })
  died.catch(() => {})
  await landed
  expect(await world.outside.current(path)).toBe(`${MARKER}-2`)
  expect((await world.reconcile(ALL)).findings).toEqual([])
  await world.settle()
  expect(await world.outside.current(path)).toBeUndefined() // destroyed, and the newest all the same
  const { findings } = await world.reconcile(ALL)
  expect(findings).toMatchObject([{ kind: 'drift', key: 'a', current: undefined, repair: 'done' }])
  expect(await world.outside.current(path)).toBe(`${MARKER}-1`)
  await world.settle()
  expect((await world.reconcile(ALL)).findings).toEqual([])
  expect(await world.read('a')).toBe(`${MARKER}-1`)
})

it.each(names)('a rollback that outsiders of %s follow, also after the registry’s own', async name => {
  const world = await World.start(name)
  const secrets = await world.secrets()
  const { id } = await secrets.create({ key: 'a', value: `${MARKER}-good` })
  const path = await world.path({ id })
  await secrets.update(id, { value: `${MARKER}-bad` })
  const good = (await secrets.versions(id)).at(-1)?.version
  if (good === undefined) throw new Error('nothing is kept')
  const { outsiders: sees } = await secrets.rollback(id, good)
  expect(sees).toBe(name === 'aws' || name === 'local' ? 'follow' : 'see_newest')
  expect(await world.outside.current(path)).toBe(sees === 'follow' ? `${MARKER}-good` : `${MARKER}-bad`)
  expect((await world.reconcile()).report.findings.drift).toBe(sees === 'follow' ? 0 : 1)
  const migrator = await world.migrator()
  expect((await migrator.rollback(ACCOUNT, id, good)).outsiders).toBe('follow')
  expect(await world.outside.current(path)).toBe(`${MARKER}-good`)
  const [, bad] = await secrets.versions(id)
  if (bad === undefined) throw new Error('the other is not kept')
  expect((await migrator.rollback(ACCOUNT, id, bad.version)).outsiders).toBe('follow')
  expect(await world.outside.current(path)).toBe(`${MARKER}-bad`)
  await world.settle()
  expect(await world.read('a')).toBe(`${MARKER}-bad`)
  expect((await world.reconcile(ALL)).findings).toEqual([])
  await world.trail()
})

describe.each(names.filter(name => name !== 'local'))('lists of %s that lag behind', name => {
  const lagging = async (world: World, milliseconds: number): Promise<void> => {
    const { controls } = world.outside
    if (controls === undefined) throw new Error('an emulator has controls')
    controls.lag.lists = milliseconds
  }

  it('name what is gone and miss what is new, and nothing is found or mended by that', async () => {
    const world = await World.start(name)
    const secrets = await world.secrets()
    const made: SecretId[] = []
    for (let n = 0; n < 6; n += 1) made.push((await secrets.create({ key: `key-${n}`, value: MARKER })).id)
    await lagging(world, 600_000)
    world.outside.controls?.clock.advance(700_000)
    for (const id of made.slice(0, 2)) await secrets.update(id, { value: `${MARKER}-new` })
    for (const id of made.slice(2, 4)) await secrets.delete(id)
    await secrets.create({ key: 'later', value: MARKER })
    const before = await world.metadata.references({ registry: 'main' }, {})
    const { findings, report } = await world.reconcile(ALL)
    expect(findings).toEqual([])
    // The driver of Vault asks each secret of a list for its labels, and leaves out what is gone.
    expect(report).toMatchObject({ records: 5, secrets: name === 'vault' ? 4 : 6, queued: 0, done: 0 })
    expect(await world.metadata.references({ registry: 'main' }, {})).toEqual(before)
    expect(await world.read('key-0')).toBe(`${MARKER}-new`)
  })

  it('writers go on all the while: none of them is found fault with, and nothing is lost', async () => {
    const world = await World.start(name)
    await lagging(world, 50)
    const registry = await world.registry()
    const secrets = registry.account(ACCOUNT, ALICE)
    const expected = new Map<string, string>()
    let writing = true
    const writer = async (own: string): Promise<void> => {
      const ids = new Map<string, SecretId>()
      for (let n = 0; writing || n < 8; n += 1) {
        const key = `${own}-${n % 5}`
        const value = `${MARKER}-${own}-${n}`
        const id = ids.get(key)
        if (id === undefined) ids.set(key, (await secrets.create({ key, value })).id)
        else if (n % 4 === 0) await secrets.delete(id)
        else await secrets.update(id, { value })
        if (id !== undefined && n % 4 === 0) {
          ids.delete(key)
          expected.delete(key)
        } else expected.set(key, value)
        await turn()
      }
    }
    const upkeep = (async () => {
      while (writing) {
        await registry.maintain()
        await turn()
      }
    })()
    const writers = ['a', 'b'].map(writer)
    const found: Finding[] = []
    let compared = 0
    for (let round = 0; round < 6; round += 1) {
      const { findings, report } = await world.reconcile(ALL)
      found.push(...findings)
      compared += report.records + report.secrets
    }
    writing = false
    await Promise.all([...writers, upkeep])
    await world.settle()
    expect(found).toEqual([])
    expect(compared).toBeGreaterThan(10)
    for (const [key, value] of expected) expect(await world.read(key)).toBe(value)
  }, 120_000)
})

it.each([
  ['aws', 'ListSecrets'],
  ['aws', 'ListSecretVersionIds'],
  ['gcp', 'AddSecretVersion'],
  ['gcp', 'ListSecretVersions'],
  ['azure', 'SetSecret'],
  ['azure', 'GetSecrets'],
] as const)('%s takes %s away in the middle of it: a finding or an error with its code, and nothing half', async (name, operation) => {
  const world = await World.start(name)
  const secrets = await world.secrets()
  const drifted = await secrets.create({ key: 'drifted', value: MARKER })
  await world.outside.put(await world.path(drifted), `${MARKER}-outside`)
  await world.outside.create(`main-${idOf(1)}`, MARKER, labelsOf(idOf(1)))
  world.outside.forbid?.(operation)
  const run = world.reconcile(ALL)
  if (operation === 'ListSecrets' || operation === 'GetSecrets') {
    const error: unknown = await run.catch((thrown: unknown) => thrown)
    expect(isSecretError(error, 'permission_denied')).toBe(true)
    expect(error).toMatchObject({ operation: 'migrator.reconcile', effect: 'none', store: 'main' })
  } else {
    const { findings, report } = await run
    const isWrite = operation === 'AddSecretVersion' || operation === 'SetSecret'
    const told = isWrite
      ? ['drift drifted failed', `orphan ${idOf(1)} queued`]
      : ['unjudged drifted not_possible', `unjudged ${idOf(1)} not_possible`]
    expect(summaryOf({ findings }).filter(text => !text.startsWith('labels'))).toEqual(told.toSorted())
    expect(report).toMatchObject({ failed: isWrite ? 1 : 0, done: 0 })
    const reasons = findings.filter(({ kind, repair }) => kind === 'unjudged' || repair === 'failed').map(({ reason }) => reason)
    for (const reason of reasons) expect(reason).toContain('(permission_denied)')
    expect(reasons.length).toBeGreaterThan(0)
  }
  expect(await world.metadata.references({ registry: 'main' }, {})).toMatchObject({ records: 1, intents: 0 })
  await world.trail()
})
