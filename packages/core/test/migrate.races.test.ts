import { SecretError, type MetadataStore, type NativePath, type SecretDriver } from '@strongroom/core'
import { describe, expect, it } from 'vitest'
import { CALL } from './support/migrator-world.ts'
import { migratedBy, TwoClouds } from './support/migration-world.ts'
import { failureOf, lost, until } from './support/scripted.ts'
import { tracked } from './support/tracked.ts'

// What the model in packages/model has found: one process is slow, and another goes on meanwhile.

const LEASE_MS = 60
const POLICY = { deadlineMs: 20, leaseMs: LEASE_MS, attempts: 1 }
const both = ['old', 'new'] as const
const pause = (): Promise<void> => new Promise(resolve => setTimeout(resolve, LEASE_MS + 20))

interface Door {
  readonly open: () => void
  readonly passed: Promise<void>
}

function door(): Door {
  let open = (): void => {}
  const passed = new Promise<void>(resolve => (open = resolve))
  return { open, passed }
}

function around(world: TwoClouds, methods: Readonly<Record<string, (act: () => Promise<unknown>) => Promise<unknown>>>): MetadataStore {
  return tracked('metadata', world.metadata, ({ method }, act) => methods[method]?.(act) ?? act(), { next: 0 })
}

/** Its methods as properties, whatever it is made of. */
function copyOf<T extends object>(part: T): T {
  const bound = (value: unknown): unknown => (typeof value === 'function' ? value.bind(part) : value)
  return Object.fromEntries(Object.keys(part).map(name => [name, bound(Reflect.get(part, name))])) as T
}

async function checkNothingIsLeft(world: TwoClouds): Promise<void> {
  await world.settle()
  const migrator = await world.migrator()
  for (const store of both) {
    const { records, ...unfinished } = await migrator.references(store)
    expect(unfinished).toEqual({ intents: 0, tasks: 0 })
    const paths = await world.paths(store)
    expect(paths).toHaveLength(records)
    for (const path of paths) {
      const { items } = await world[store].memory.versions({ path, after: undefined, page: undefined }, CALL)
      expect(items.filter(({ state }) => state === 'usable')).toHaveLength(1)
    }
  }
}

describe('a migrator that is slow', () => {
  it('and has put nothing, leaves nothing behind of what another one has put for it', async () => {
    const world = new TwoClouds()
    await (await world.secrets()).create({ key: 'a', value: 'value' })
    const [begun, taken, undone] = [door(), door(), door()]
    const asleep = around(world, {
      beginMigrate: async act => {
        const answer = await act()
        begun.open()
        await Promise.all([pause(), taken.passed])
        return answer
      },
      abandon: async act => {
        const answer = await act()
        undone.open()
        return answer
      },
    })
    const first = migratedBy(await world.migrator({ metadata: asleep, policy: POLICY }), { from: 'old', to: 'new' })
    await begun.passed
    world.later(LEASE_MS)
    const second = around(world, {
      commitMigrate: async act => {
        taken.open()
        await undone.passed // the first one wakes up, sees its lease over, and takes back what it has begun
        return await act()
      },
    })
    await world.migrate({}, { metadata: second })
    await first
    expect(await world.values()).toEqual({ a: 'value' })
    await checkNothingIsLeft(world)
  })

  it('does not begin again where a purge may be under way, once its lease is over', async () => {
    const world = new TwoClouds()
    await (await world.secrets()).create({ key: 'a', value: 'value' })
    const paths: NativePath[] = []
    const { beginMigrate: begin } = copyOf(world.metadata)
    const beginMigrate: MetadataStore['beginMigrate'] = async (request, call) => {
      paths.push(request.path)
      const answer = await begin(request, call)
      if (paths.length > 1) return answer
      world.later(LEASE_MS)
      await (await world.registry()).maintain({ maxItems: 1 })
      expect(await (await world.migrator()).references('new')).toMatchObject({ intents: 0, tasks: 2 })
      await pause()
      throw new SecretError({ code: 'unavailable', retryable: true, effect: 'unknown', operation: 'test' })
    }
    await migratedBy(await world.migrator({ metadata: { ...copyOf(world.metadata), beginMigrate }, policy: POLICY }), { from: 'old', to: 'new' })
    expect(new Set(paths).size).toBe(paths.length)
    await checkNothingIsLeft(world)
  })
})

describe('a migration that goes on with what another one has begun', () => {
  it('does not take a secret that is half made: one without its labels', async () => {
    const world = new TwoClouds('vault', 'vault')
    await (await world.secrets()).create({ key: 'a', value: 'value' })
    // As Vault makes one, in two requests: killed between them.
    world.new.on('create', async (_, { request }) => {
      await world.new.memory.create({ ...(request as unknown as Parameters<SecretDriver['create']>[0]), labels: {} }, CALL)
      await new Promise(() => {})
    })
    void world.migrate({}, { policy: { deadlineMs: 400_000, leaseMs: 900_000, putHorizonMs: 1_000_000 } })
    await until(() => world.new.count('create') === 1)
    await pause()
    world.later(901_000)
    const { report } = await world.migrate()
    expect(report).toMatchObject({ outcomes: { moved: 1, failed: 0 }, resumed: 0, left: 0 })
    await checkNothingIsLeft(world)
    const { items } = await world.new.memory.list({ prefix: '', withLabels: true, page: undefined }, CALL)
    expect(items.map(({ labels }) => Object.keys(labels ?? {}).length)).toEqual([3])
  })
})

describe('a return to an old copy, where an update that was undone has put a version late', () => {
  /** The record is moved to `new`, and the update of before has not landed yet. */
  async function movedBeforeAPut(): Promise<{ readonly world: TwoClouds; readonly land: () => Promise<unknown> }> {
    const world = new TwoClouds()
    const secrets = await world.secrets('old', { policy: { keepVersions: 1 } })
    const { id } = await secrets.create({ key: 'a', value: 'value' })
    let land = async (): Promise<unknown> => undefined
    world.old.on('append', async act => {
      land = act
      throw lost({ retryable: false })
    })
    expect(await failureOf(secrets.update(id, { value: 'never answered' }))).toMatchObject({ effect: 'unknown' })
    world.later(1001)
    await (await world.registry()).maintain({ maxItems: 1 })
    expect((await world.migrate()).report.outcomes.moved).toBe(1)
    return { world, land: () => land() }
  }

  it('is none while that may still happen', async () => {
    const { world, land } = await movedBeforeAPut()
    // It lands, and its watch ends, between what the migration sees and its commit.
    const metadata = around(world, {
      commitReturn: async act => {
        await land()
        world.later(5001)
        await (await world.registry()).maintain()
        return await act()
      },
    })
    await world.migrate({ from: 'new', to: 'old' }, { metadata })
    await land().catch(() => {}) // once
    expect(await world.values()).toEqual({ a: 'value' })
    await checkNothingIsLeft(world)
  })

  it('is none when it has happened', async () => {
    const { world, land } = await movedBeforeAPut()
    await land()
    world.later(5001)
    await (await world.registry()).maintain()
    const { report } = await world.migrate({ from: 'new', to: 'old' })
    expect(report.outcomes).toMatchObject({ moved: 1, returned: 0 })
    expect(await world.values()).toEqual({ a: 'value' })
    await checkNothingIsLeft(world)
  })
})
