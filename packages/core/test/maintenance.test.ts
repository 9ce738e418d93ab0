import { randomUUID } from 'node:crypto'
import { secretId, startMaintenance, type AccountSecrets, type MaintenanceReport, type NativePath } from '@strongroom/core'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { ACCOUNT, ACTOR, POLICY, RegistryWorld } from './support/registry-world.ts'
import { failureOf, fails, lost, ScriptedDriver, until } from './support/scripted.ts'
import { FLAVOURS } from './support/tracked.ts'

beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(0))

const HOUR = 3_600_000

async function open(flavour: keyof typeof FLAVOURS = 'local', keepVersions = 2) {
  const world = new RegistryWorld(FLAVOURS[flavour])
  const registry = await world.registry({ policy: { ...POLICY, keepVersions } })
  const secrets = registry.account(ACCOUNT, ACTOR)
  const { id } = await secrets.create({ key: 'k', value: 'first' })
  world.cloud.calls.length = 0
  return { world, registry, secrets, id }
}

describe('promote', () => {
  it.each(['aws', 'local'] as const)(
    'that failed inline is done by a pass; the version before is not destroyed while it is current, on %s',
    async flavour => {
      const { world, registry, secrets, id } = await open(flavour, 1)
      world.cloud.on('promote', fails(), fails())
      await secrets.update(id, { value: 'second' })
      await registry.maintain() // the promote is not due yet, the destruction is
      expect(await world.versions(id)).toEqual(['1 usable current', '2 usable'])
      expect((await (await world.values()).read({ id })).value.revealText(), 'a reader does not wait for it').toBe('second')
      for (let pass = 0; pass < 2; pass += 1) {
        world.now += HOUR
        await registry.maintain()
      }
      expect(await world.versions(id)).toEqual(['1 destroyed', '2 usable current'])
      expect(await registry.maintain()).toMatchObject({ backlog: 0 })
    },
  )

  it('ends only on the pointer: an update that commits meanwhile has the label in the end', async () => {
    const { world, registry, secrets, id } = await open('local')
    world.cloud.on('promote', fails(), fails())
    await secrets.update(id, { value: 'second' })
    let raced = false
    world.now += HOUR
    // The pass moves the label to `second`; before it answers, `third` is committed, and its own promote is refused.
    world.cloud.on('promote', async act => {
      await act()
      raced = true
      world.cloud.on('promote', fails(), fails())
      await secrets.update(id, { value: 'third' })
    })
    await registry.maintain()
    expect(raced).toBe(true)
    for (let pass = 0; pass < 4; pass += 1) {
      world.now += HOUR
      await registry.maintain()
    }
    expect(await world.versions(id), 'two are kept').toEqual(['1 destroyed', '2 usable', '3 usable current'])
    expect(await registry.maintain()).toMatchObject({ backlog: 0 })
  })
})

describe('a put that lands after recovery', () => {
  it.each(Object.keys(FLAVOURS) as (keyof typeof FLAVOURS)[])('is removed by the watch at the horizon, on a backend like %s', async flavour => {
    const { world, registry, secrets, id } = await open(flavour)
    let land: () => Promise<unknown> = async () => {}
    for (const method of ['create', 'append'] as const) {
      world.cloud.on(method, (_, { request }) => {
        const copy = { ...request, after: undefined, payload: { bytes: Uint8Array.of(0x6c), text: true } }
        const before = land
        land = async () => {
          await before()
          await world.cloud.memory[method](copy as never, { signal: new AbortController().signal, attempt: 1 })
        }
        throw lost({ retryable: false })
      })
    }
    expect(await failureOf(secrets.create({ key: 'new', value: 'x' }))).toMatchObject({ effect: 'unknown' })
    expect(await failureOf(secrets.update(id, { value: 'x' }))).toMatchObject({ effect: 'unknown' })
    world.now += 1_001
    expect(await registry.maintain()).toMatchObject({ recovered: 2 })
    await land()
    expect(await world.paths()).toHaveLength(2)
    expect((await (await world.values()).read({ id })).value.revealText()).toBe('first')
    if (world.cloud.driver.capabilities.current === 'on_promote') expect((await world.versions(id))[0]).toBe('1 usable current')
    world.now += 5_001
    await registry.maintain()
    await registry.maintain()
    expect(await world.paths()).toEqual([(await world.stored(id)).pointer.path])
    expect((await world.versions(id)).filter(version => version.includes('usable'))).toHaveLength(1)
    expect(await registry.maintain()).toMatchObject({ backlog: 0, needsAttention: [] })
  })

  // Google's secret without a version, Vault's labels without a value: found by the crash matrix, which held that request.
  it('is removed by the watch though it is no version yet, so that no list has it', async () => {
    const { world, registry, secrets, id } = await open('google')
    let land: () => Promise<unknown> = async () => {}
    world.cloud.on('create', act => {
      land = act
      throw lost({ retryable: false })
    })
    expect(await failureOf(secrets.create({ key: 'new', value: 'x' }))).toMatchObject({ effect: 'unknown' })
    world.now += 1_001
    expect(await registry.maintain()).toMatchObject({ recovered: 1 })
    await land()
    expect(await world.paths()).toHaveLength(2)
    world.cloud.on('versions', fails({ code: 'not_found', retryable: false }))
    world.now += 5_001
    await registry.maintain()
    await registry.maintain()
    expect(await world.paths()).toEqual([(await world.stored(id)).pointer.path])
    expect(await registry.maintain()).toMatchObject({ backlog: 0 })
  })
})

describe('the report', () => {
  it('counts a purge that the backend holds back, and comes back for it', async () => {
    const { world, registry, secrets, id } = await open()
    const until = new Date(Date.now() + 10 * HOUR)
    const retained = () => ({ state: 'retained', until })
    world.cloud.on('remove', fails(), fails(), retained)
    await secrets.delete(id)
    world.now += HOUR
    expect(await registry.maintain()).toMatchObject({ retained: 1, purged: 0, backlog: 1 })
    world.now += HOUR
    expect(await registry.maintain(), 'not before its date').toMatchObject({ retained: 0, purged: 0, backlog: 1 })
    world.now += 10 * HOUR
    expect(await registry.maintain()).toMatchObject({ purged: 1, backlog: 0 })
  })

  it('asks again for a purge that is pending, after the time that it was told', async () => {
    const { world, registry, secrets, id } = await open()
    world.cloud.on('remove', () => ({ state: 'pending', retryAfterMs: 10_000 }))
    await secrets.delete(id)
    expect(world.cloud.count('remove')).toBe(1)
    world.now += 4_000
    expect(await registry.maintain()).toMatchObject({ purged: 0, backlog: 1 })
    world.now += 6_001
    expect(await registry.maintain()).toMatchObject({ purged: 1, backlog: 0 })
  })

  it('asks for attention after many failures, and not before', async () => {
    const { world, registry, secrets, id } = await open()
    for (let index = 0; index < 40; index += 1) world.cloud.on('remove', fails({ retryable: false }))
    await secrets.delete(id)
    const seen: (readonly string[])[] = []
    for (let pass = 0; pass < 9; pass += 1) {
      world.now += 2 * HOUR
      seen.push((await registry.maintain()).needsAttention)
    }
    expect(seen.slice(0, 6)).toEqual(Array.from({ length: 6 }, () => []))
    expect(seen.at(-1)).toEqual([id])
  })

  it('names what needs attention also when no pass comes to it: a write in a store that another process has added, a task that is not due', async () => {
    const { world, registry, secrets, id } = await open()
    const other = secretId(randomUUID())
    const path = 'elsewhere' as NativePath
    await world.metadata.beginCreate(
      {
        registry: 'main',
        account: ACCOUNT,
        secret: other,
        key: 'new',
        description: null,
        actor: ACTOR,
        store: 'added-since',
        path,
        token: 't',
        leaseMs: 1,
      },
      {},
    )
    world.now += HOUR
    expect(await registry.maintain()).toMatchObject({ recovered: 0, postponed: 0, backlog: 1, needsAttention: [other] })
    for (let index = 0; index < 40; index += 1) world.cloud.on('remove', fails({ retryable: false }))
    await secrets.delete(id)
    for (let pass = 0; pass < 8; pass += 1) {
      await registry.maintain()
      world.now += 2 * HOUR
    }
    expect(await registry.maintain()).toMatchObject({ postponed: 1, needsAttention: [other, id] })
    expect(await registry.maintain()).toMatchObject({ postponed: 0, needsAttention: [other, id] })
    const pending = await Array.fromAsync(registry.pending())
    expect(pending.map(({ secret, attention }) => [secret, attention])).toEqual([
      [other, 'store_missing'],
      [id, 'failing'],
    ])
  })

  it('takes it for no failure that a backend takes its time to remove', async () => {
    const { world, registry, secrets, id } = await open('azure')
    for (let index = 0; index < 12; index += 1) world.cloud.on('remove', () => ({ state: 'pending', retryAfterMs: 1_000 }))
    await secrets.delete(id)
    for (let pass = 0; pass < 11; pass += 1) {
      world.now += 1_001
      expect(await registry.maintain()).toMatchObject({ postponed: 1, needsAttention: [] })
      expect(await Array.fromAsync(registry.pending())).toMatchObject([{ attempts: 1, attention: undefined, code: undefined }])
    }
    // What fails afterwards is counted from there.
    world.cloud.on('remove', fails({ retryable: false }))
    world.now += HOUR
    expect(await registry.maintain()).toMatchObject({ postponed: 1, needsAttention: [] })
    world.now += HOUR
    expect(await registry.maintain()).toMatchObject({ purged: 1, backlog: 0 })
  })

  it('shows what is left: since when, why it waits, until when, and whether a person should look', async () => {
    const { world, registry, secrets, id } = await open()
    const pending = () => Array.fromAsync(registry.pending())
    expect(await pending()).toEqual([])
    world.cloud.on('remove', fails({ code: 'throttled', retryable: false }))
    const deletedAt = new Date(world.now)
    await secrets.delete(id)
    world.now += 1
    const other = await secrets.create({ key: 'other', value: 'v' })
    const until = new Date(world.now + 5 * HOUR)
    world.cloud.on('remove', () => ({ state: 'retained', until }))
    await secrets.delete(other.id)
    world.cloud.on('append', lost({ retryable: false }))
    const third = await secrets.create({ key: 'third', value: 'v' })
    await failureOf(secrets.update(third.id, { value: 'w' }))
    const purge = { task: 'purge_path', account: ACCOUNT, attempts: 1, attention: undefined }
    expect(await pending()).toMatchObject([
      { task: 'settle', secret: third.id, attempts: 0, attention: undefined },
      { ...purge, secret: id, since: deletedAt, code: 'throttled', retainedUntil: undefined },
      { ...purge, secret: other.id, code: undefined, retainedUntil: until },
    ])
    for (let index = 0; index < 40; index += 1) world.cloud.on('remove', fails({ code: 'permission_denied', retryable: false }))
    for (let pass = 0; pass < 9; pass += 1) {
      world.now += 2 * HOUR
      expect(await registry.maintain()).toMatchObject({ oldest: deletedAt })
    }
    const worst = (await pending()).filter(({ attention }) => attention === 'failing')
    expect(worst.map(({ secret, code }) => [secret, code])).toEqual([
      [id, 'permission_denied'],
      [other.id, 'permission_denied'],
    ])
    await registry.close()
    expect(await failureOf(pending())).toMatchObject({ code: 'closed' })
  })

  it('works on no more than maxItems, and stops when it is aborted', async () => {
    const { world, registry, secrets } = await open()
    for (let index = 0; index < 5; index += 1) {
      world.cloud.on('remove', fails({ retryable: false }))
      await secrets.delete((await secrets.create({ key: `k-${index}`, value: 'v' })).id)
    }
    world.now += HOUR
    expect(await registry.maintain({ maxItems: 2 })).toMatchObject({ purged: 2, backlog: 3 })
    expect(await failureOf(registry.maintain({ signal: AbortSignal.abort() }))).toMatchObject({ code: 'aborted' })
    expect(await registry.maintain()).toMatchObject({ purged: 3, backlog: 0 })
  })

  it('never touches what no row, intent or task names', async () => {
    const { world, registry } = await open()
    const call = { signal: new AbortController().signal, attempt: 1 }
    const payload = { bytes: Uint8Array.of(1), text: false }
    await world.cloud.memory.create({ path: 'main-like-ours' as never, payload, labels: {}, token: 't' }, call)
    world.now += HOUR
    await registry.maintain()
    expect(await world.paths()).toContain('main-like-ours')
  })
})

describe('a pass', () => {
  /** The clock of the process, which `skew` puts forward. */
  function skewed(): { ms: number } {
    const skew = { ms: 0 }
    const now = performance.now.bind(performance)
    const spy = vi.spyOn(performance, 'now').mockImplementation(() => now() + skew.ms)
    onTestFinished(() => spy.mockRestore())
    return skew
  }

  const hangs = (_: unknown, { signal }: { readonly signal: AbortSignal }): Promise<never> =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(fails({ retryable: false }))))

  /** Updates without an answer: their intents are recovery's. */
  async function cutOff(secrets: AccountSecrets, cloud: ScriptedDriver, count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      const { id } = await secrets.create({ key: `cut-off-${index}`, value: 'v' })
      cloud.on('append', lost({ retryable: false }))
      await failureOf(secrets.update(id, { value: 'w' }))
    }
  }

  /** Deletes whose purge was refused: their tasks are the queue's. */
  async function purgesLeft(secrets: AccountSecrets, cloud: ScriptedDriver, count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      cloud.on('remove', fails({ retryable: false }))
      await secrets.delete((await secrets.create({ key: `left-${index}`, value: 'v' })).id)
    }
  }

  it('leaves a store that hangs after one try, and does all that is due in another', async () => {
    const { world, secrets } = await open()
    const hanging = new ScriptedDriver(FLAVOURS.local, 'hanging')
    const stores = { hanging: hanging.driver, main: world.cloud.driver }
    const registry = await world.registry({ stores })
    const there = (await world.registry({ stores, writeTo: 'hanging' })).account(ACCOUNT, ACTOR)
    await cutOff(there, hanging, 20)
    await purgesLeft(secrets, world.cloud, 3)
    world.now += HOUR
    for (let index = 0; index < 40; index += 1) hanging.on('versions', hangs)
    const before = hanging.count('versions')
    expect(await registry.maintain()).toMatchObject({ purged: 3, postponed: 1, unanswered: ['hanging'], more: false, needsAttention: [] })
    expect(hanging.count('versions') - before).toBe(1)
    const attempts = (await Array.fromAsync(registry.pending())).map(item => item.attempts)
    expect(
      attempts.toSorted((x, y) => y - x),
      'only what has been tried counts as tried',
    ).toEqual([1, ...Array.from({ length: 19 }, () => 0)])
  })

  it('leaves of a store the kind of work that hangs, and does the other', async () => {
    const { world, registry, secrets } = await open()
    await cutOff(secrets, world.cloud, 3)
    await purgesLeft(secrets, world.cloud, 3)
    world.now += HOUR
    for (let index = 0; index < 3; index += 1) world.cloud.on('versions', hangs)
    expect(await registry.maintain()).toMatchObject({ recovered: 0, postponed: 1, purged: 3, unanswered: ['main'], more: false })
  })

  it('does not let intents that fail hold up the queue, nor the queue the intents', async () => {
    const { world, registry, secrets } = await open()
    await cutOff(secrets, world.cloud, 6)
    await purgesLeft(secrets, world.cloud, 6)
    world.now += HOUR
    for (let index = 0; index < 2; index += 1) world.cloud.on('versions', fails({ retryable: false }))
    expect(await registry.maintain({ maxItems: 4 })).toMatchObject({ recovered: 0, postponed: 2, purged: 2, more: true, unanswered: [] })
    expect(await registry.maintain({ maxItems: 4 })).toMatchObject({ recovered: 2, postponed: 0, purged: 2, more: true })
  })

  it('ends at once when it is aborted: what it is at is put off, and nothing more is begun', async () => {
    const world = new RegistryWorld(FLAVOURS.local)
    const registry = await world.registry({ policy: { deadlineMs: 3_600_000 } })
    const secrets = registry.account(ACCOUNT, ACTOR)
    await purgesLeft(secrets, world.cloud, 5)
    world.now += HOUR
    world.cloud.on('remove', hangs)
    const before = world.cloud.count('remove')
    const maintenance = startMaintenance(registry)
    await until(() => world.cloud.count('remove') > before)
    await maintenance.stop()
    expect(world.cloud.count('remove') - before).toBe(1)
    expect((await Array.fromAsync(registry.pending())).map(({ attempts, code }) => `${attempts} ${code}`).toSorted()).toEqual([
      ...Array.from({ length: 4 }, () => '1 unavailable'),
      '2 aborted',
    ])
    world.now += HOUR
    expect(await registry.maintain()).toMatchObject({ purged: 5, backlog: 0 })
  })

  it('begins nothing more when its minute is over, and says that there is more', async () => {
    const { world, registry, secrets } = await open()
    await purgesLeft(secrets, world.cloud, 3)
    world.now += HOUR
    const skew = skewed()
    world.cloud.on('remove', async act => {
      skew.ms += 60_000
      return await act()
    })
    expect(await registry.maintain()).toMatchObject({ purged: 1, more: true, backlog: 2 })
    expect(await registry.maintain()).toMatchObject({ purged: 2, more: false, backlog: 0 })
  })

  it('sends nothing of a task after its claim', async () => {
    const { world, registry, secrets, id } = await open('local')
    world.cloud.on('promote', fails(), fails())
    await secrets.update(id, { value: 'second' })
    world.now += HOUR
    const skew = skewed()
    world.cloud.on('versions', async act => {
      skew.ms += 1_001 // longer than the lease
      return await act()
    })
    const before = world.cloud.count('promote')
    expect(await registry.maintain({ maxItems: 1 })).toMatchObject({ promoted: 0, postponed: 1 })
    expect(world.cloud.count('promote') - before).toBe(0)
    world.now += HOUR
    expect(await registry.maintain()).toMatchObject({ promoted: 1 })
  })

  it.each(['commitUpdate', 'commitDelete'] as const)('leaves to a pass what a writer cannot send in its claim after a slow %s', async method => {
    const { world, registry, secrets, id } = await open('local')
    const skew = skewed()
    const commit = Reflect.get(world.metadata, method) as (...parameters: unknown[]) => Promise<unknown>
    const slow = async (...parameters: unknown[]): Promise<unknown> => {
      const answer = await commit.apply(world.metadata, parameters)
      skew.ms += 1_001
      return answer
    }
    Object.assign(world.metadata, { [method]: slow })
    await (method === 'commitUpdate' ? secrets.update(id, { value: 'second' }) : secrets.delete(id))
    expect(world.cloud.count('promote', 'remove')).toBe(0)
    world.now += HOUR
    await registry.maintain()
    expect(world.cloud.count('promote', 'remove')).toBe(1)
    expect(await registry.maintain()).toMatchObject({ backlog: 0 })
  })
})

describe('startMaintenance', () => {
  const report = (purged: number): MaintenanceReport => ({
    recovered: 0,
    promoted: 0,
    destroyed: 0,
    purged,
    watched: 0,
    forgotten: 0,
    retained: 0,
    postponed: 0,
    more: purged === 5,
    unanswered: [],
    backlog: 0,
    oldest: null,
    needsAttention: [],
  })

  it('repeats passes, a full one at once, and ends with the pass under way', async () => {
    const passes: unknown[] = []
    const reports: MaintenanceReport[] = []
    const answers = [report(5), report(5), report(0)]
    const maintain = async (options: unknown) => (passes.push(options), answers[passes.length - 1] ?? report(0))
    const maintenance = startMaintenance({ maintain }, { maxItems: 5, intervalMs: 3_600_000, onReport: one => void reports.push(one) })
    await until(() => passes.length === 3)
    await maintenance.stop()
    await maintenance.stop()
    expect(passes).toHaveLength(3)
    expect(reports).toHaveLength(3)
    expect(passes[0]).toMatchObject({ maxItems: 5 })
  })

  it('goes on after a pass that failed, and after observers that throw', async () => {
    let passes = 0
    const errors: unknown[] = []
    const maintain = async (): Promise<MaintenanceReport> => {
      passes += 1
      if (passes === 1) throw new Error('the database was away')
      return report(0)
    }
    const onReport = (): never => {
      throw new Error('report')
    }
    const onError = (error: unknown): never => {
      errors.push(error)
      throw new Error('error')
    }
    await using _ = startMaintenance({ maintain }, { intervalMs: 1, onReport, onError })
    await until(() => passes >= 3)
    expect(errors.slice(0, 2).map(String)).toEqual(['Error: the database was away', 'Error: report'])
  })

  it('aborts the pass under way when it is stopped, and tells nobody of that', async () => {
    const errors: unknown[] = []
    const maintain = ({ signal }: { signal?: AbortSignal | undefined } = {}) =>
      new Promise<MaintenanceReport>((_, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted'))))
    const maintenance = startMaintenance({ maintain }, { onError: error => void errors.push(error) })
    await maintenance[Symbol.asyncDispose]()
    expect(errors).toEqual([])
  })
})
