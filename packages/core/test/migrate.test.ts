import { createSecretStore, memoryMetadata, SecretError, type Migration, type SecretDriver, type SecretId, type VersionId } from '@strongroom/core'
import { describe, expect, it } from 'vitest'
import { ACCOUNT, CALL, flavours, MARKER } from './support/migrator-world.ts'
import { migratedBy, TwoClouds } from './support/migration-world.ts'
import { failureOf, fails, lost, until } from './support/scripted.ts'

const outcomes = (counts: Partial<Record<Migration['outcome'], number>>): Record<Migration['outcome'], number> => ({
  moved: 0,
  returned: 0,
  gone: 0,
  busy: 0,
  unfit: 0,
  failed: 0,
  ...counts,
})
const pairs = flavours.flatMap(from => flavours.map(to => [from, to] as const))

describe.each(pairs)('a migration from a backend like %s to one like %s', (from, to) => {
  it('moves everything, leaves nothing behind once the grace is over, and reads the same all the time', async () => {
    const world = new TwoClouds(from, to)
    const secrets = await world.secrets()
    const expected: Record<string, string> = {}
    for (let n = 0; n < 25; n += 1) {
      const { id } = await secrets.create({ key: `key-${n}`, value: `${MARKER} ${n}` })
      expected[`key-${n}`] = `${MARKER} ${n}`
      if (n % 3 !== 0) continue
      await secrets.update(id, { value: `${MARKER} ${n} again`, description: 'described' })
      expected[`key-${n}`] = `${MARKER} ${n} again`
    }
    const before = await secrets.list({ limit: 100 })
    const { migrations, report } = await world.migrate()
    expect(report).toEqual({ outcomes: outcomes({ moved: 25 }), resumed: 0, compared: 25, different: 0, left: 0 })
    expect(new Set(migrations.map(({ secret }) => secret)).size).toBe(25)
    expect(await world.values()).toEqual(expected)
    // The record is as it was, but for where it is.
    const after = await secrets.list({ limit: 100 })
    const withoutPlace = (page: typeof before) => page.items.map(({ cloudSecretPath: _, ...rest }) => rest)
    expect(withoutPlace(after)).toEqual(withoutPlace(before))
    expect(after.items.map(({ cloudSecretPath }) => cloudSecretPath).toSorted()).toEqual((await world.paths('new')).toSorted())
    expect(await world.paths('old')).toHaveLength(25)
    await world.settle()
    expect(await world.paths('old')).toEqual([])
    expect(await (await world.migrator()).references('old')).toEqual({ records: 0, intents: 0, tasks: 0 })
    expect(await world.values()).toEqual(expected)
    const trail = await world.trail()
    expect(trail.filter(({ action, outcome }) => action === 'secret.migrate' && outcome === 'ok')).toHaveLength(25)
  })

  it('goes back to the old copies that are still the same, and copies the others', async () => {
    const world = new TwoClouds(from, to)
    const secrets = await world.secrets('new')
    const old = await world.secrets('old')
    const same = await old.create({ key: 'same', value: 'value 1' })
    await old.update(same.id, { value: 'value 2' })
    const changed = await old.create({ key: 'changed', value: 'value 3' })
    const pathBefore = (await world.paths('old')).find(path => path.includes(same.id))
    await world.migrate()
    await secrets.update(changed.id, { value: 'value 4' })
    await secrets.update(same.id, { description: 'while away' })
    await world.settle(2)
    const { report } = await world.migrate({ from: 'new', to: 'old' })
    expect(report).toEqual({ outcomes: outcomes({ moved: 1, returned: 1 }), resumed: 0, compared: 2, different: 0, left: 0 })
    expect(await world.values()).toEqual({ same: 'value 2', changed: 'value 4' })
    expect(await secrets.describe(same.id)).toMatchObject({ cloudSecretPath: pathBefore, description: 'while away', revision: 3 })
    // What it kept there for a rollback is kept again.
    expect((await secrets.versions(same.id)).map(({ revision, committed }) => ({ revision, committed }))).toEqual([
      { revision: 2, committed: true },
      { revision: 1, committed: false },
    ])
    await world.settle()
    expect(await world.values()).toEqual({ same: 'value 2', changed: 'value 4' })
    expect(await world.paths('new')).toEqual([])
    expect(await world.paths('old')).toHaveLength(2)
  })
})

describe('a migration', () => {
  it('moves what outsiders read, too', async () => {
    const world = new TwoClouds()
    const { id } = await (await world.secrets()).create({ key: 'a', value: 'value' })
    await world.migrate()
    const { cloudSecretPath } = await (await world.secrets()).describe(id)
    expect(await world.outside('new', cloudSecretPath as never)).toBe('value')
  })

  it('lets an update go first that begins while the copy is made, and copies its value then', async () => {
    const world = new TwoClouds()
    const secrets = await world.secrets()
    const { id } = await secrets.create({ key: 'a', value: 'first' })
    world.new.on('create', async act => {
      await secrets.update(id, { value: 'second' })
      return await act()
    })
    const { report } = await world.migrate()
    expect(report.outcomes).toEqual(outcomes({ moved: 1 }))
    expect(await world.values()).toEqual({ a: 'second' })
    await world.settle()
    expect(await world.paths('new')).toHaveLength(1)
    expect(await world.paths('old')).toEqual([])
  })

  it('waits for an update whose intent is there when it comes to the commit', async () => {
    const world = new TwoClouds()
    const secrets = await world.secrets()
    const { id } = await secrets.create({ key: 'a', value: 'first' })
    let update: Promise<unknown> | undefined
    let release = (): void => {}
    world.old.on('append', async act => {
      await new Promise<void>(resolve => (release = resolve))
      return await act()
    })
    world.new.on('create', async act => {
      update = secrets.update(id, { value: 'second' })
      await until(() => world.old.count('append') === 1)
      return await act()
    })
    const migration = world.migrate()
    await until(() => world.new.count('read') === 1)
    setTimeout(release, 50)
    expect((await migration).report.outcomes).toEqual(outcomes({ moved: 1 }))
    await update
    expect(await world.values()).toEqual({ a: 'second' })
  })

  it('lets a delete go first, and the copy goes too', async () => {
    const world = new TwoClouds()
    const secrets = await world.secrets()
    const { id } = await secrets.create({ key: 'a', value: 'first' })
    world.new.on('create', async act => {
      await secrets.delete(id)
      await secrets.create({ key: 'a', value: 'another' })
      return await act()
    })
    await world.migrate()
    expect(await world.values()).toEqual({ a: 'another' })
    await world.settle()
    expect([...(await world.paths('old')), ...(await world.paths('new'))]).toHaveLength(1)
  })

  it('lets a rollback and a description go first, which hold nothing', async () => {
    const world = new TwoClouds()
    const secrets = await world.secrets()
    const { id } = await secrets.create({ key: 'a', value: 'first' })
    await secrets.update(id, { value: 'second' })
    const first = (await secrets.versions(id)).at(-1)?.version as VersionId
    world.new.on('create', async act => {
      await secrets.rollback(id, first)
      return await act()
    })
    world.new.on('create', async act => {
      await secrets.update(id, { description: 'described' })
      return await act()
    })
    const { report } = await world.migrate()
    expect(report.outcomes).toEqual(outcomes({ moved: 1 }))
    expect(world.new.count('create')).toBe(2) // after the description the copy is as good as before
    expect(await world.values()).toEqual({ a: 'first' })
    expect(await secrets.describe(id)).toMatchObject({ description: 'described' })
  })

  it('reads back what it has put: a copy that is another is removed, and the record stays', async () => {
    const world = new TwoClouds()
    for (const key of ['a', 'b']) await (await world.secrets()).create({ key, value: MARKER })
    world.new.on('read', async act => {
      const answer = (await act()) as Awaited<ReturnType<SecretDriver['read']>>
      answer.payload.bytes[0] = 0
      return answer
    })
    const { migrations, report } = await world.migrate({ concurrency: 1 })
    expect(report).toEqual({ outcomes: outcomes({ moved: 1, failed: 1 }), resumed: 0, compared: 2, different: 1, left: 1 })
    expect(migrations.find(({ outcome }) => outcome === 'failed')).toMatchObject({ code: 'corrupt' })
    await world.settle()
    expect(await world.paths('new')).toHaveLength(1)
    expect(await world.values()).toEqual({ a: MARKER, b: MARKER })
    expect((await world.migrate()).report).toEqual({ outcomes: outcomes({ moved: 1 }), resumed: 0, compared: 1, different: 0, left: 0 })
    expect((await world.migrate()).report).toEqual({ outcomes: outcomes({}), resumed: 0, compared: 0, different: 0, left: 0 })
  })

  it('moves nothing when something does not fit, and the others when it is told to', async () => {
    const world = new TwoClouds('local', 'local', { maxValueBytes: { text: 10, binary: 5 } })
    const secrets = await world.secrets()
    await secrets.create({ key: 'long', value: 'longer than that' })
    await secrets.create({ key: 'binary', value: Uint8Array.of(0xff, 0xfe, 1, 2, 3, 4) })
    await secrets.create({ key: 'fits', value: '0123456789' })
    const migrator = await world.migrator()
    const plan = await migrator.plan({ from: 'old', to: 'new' })
    expect(plan).toMatchObject({
      secrets: 3,
      measured: true,
      calls: { from: { reads: 4, removals: 1 }, to: { creates: 1, reads: 1 } }, // three to measure, and the one that fits again
    })
    expect(plan.unfit.map(({ key, code }) => `${key} ${code}`).toSorted()).toEqual(['binary too_large', 'long too_large'])
    expect(plan.unfit[0]?.reason).toMatch(/bytes of (text|binary), \d+ allowed/)
    const seen: Migration[] = []
    const run = migrator.migrate({ from: 'old', to: 'new' })
    const failure = await failureOf(
      (async () => {
        for await (const migration of run) seen.push(migration)
      })(),
    )
    expect(failure).toMatchObject({ code: 'too_large', store: 'new', operation: 'migrator.migrate' })
    expect(seen.map(({ outcome }) => outcome)).toEqual(['unfit', 'unfit'])
    expect(world.new.count('create')).toBe(0)
    const { report } = await migratedBy(migrator, { from: 'old', to: 'new', skipUnfit: true })
    expect(report).toEqual({ outcomes: outcomes({ moved: 1, unfit: 2 }), resumed: 0, compared: 1, different: 0, left: 2 })
  })

  it('counts its calls beforehand as it makes them', async () => {
    const world = new TwoClouds()
    const secrets = await world.secrets()
    for (let n = 0; n < 7; n += 1) await secrets.create({ key: `key-${n}`, value: 'value' })
    const migrator = await world.migrator()
    const plan = await migrator.plan({ from: 'old', to: 'new', rate: { old: { reads: 100 }, new: { writes: 2 } } })
    expect(plan).toMatchObject({ secrets: 7, oldCopies: 0, measured: false, unfit: [], secondsAtLeast: 3 })
    world.old.calls.length = 0
    await migratedBy(migrator, { from: 'old', to: 'new' })
    expect(world.old.calls.flatMap(({ method, request }) => (method === 'readMany' ? (request['paths'] as unknown[]) : []))).toHaveLength(
      plan.calls.from.reads,
    )
    expect(world.old.count('read')).toBe(0)
    expect(world.new.count('create')).toBe(plan.calls.to.creates)
    expect(world.new.count('read')).toBe(plan.calls.to.reads)
    await world.settle()
    expect(world.old.count('remove')).toBe(plan.calls.from.removals)
    const back = await migrator.plan({ from: 'new', to: 'old' })
    expect(back).toMatchObject({ secrets: 7, oldCopies: 0 }) // they have been purged
  })

  it('promises neither creates nor time for what may be there already', async () => {
    const world = new TwoClouds('google', 'local')
    const secrets = await world.secrets()
    for (let n = 0; n < 6; n += 1) await secrets.create({ key: `key-${n}`, value: 'value' })
    await world.migrate()
    await (await world.secrets('new')).create({ key: 'another', value: 'value' })
    const migrator = await world.migrator()
    const back = { from: 'new', to: 'old', rate: { old: { reads: 100, writes: 0.1 } } } as const
    const plan = await migrator.plan(back)
    expect(plan).toMatchObject({
      secrets: 7,
      oldCopies: 6,
      calls: { from: { reads: 7, removals: 7 }, to: { creates: 1, reads: 7 } },
      secondsAtLeast: 0.06,
    })
    world.old.calls.length = 0
    const { report } = await migratedBy(migrator, back)
    expect(report.outcomes).toEqual(outcomes({ moved: 1, returned: 6 }))
    expect(world.old.count('create')).toBe(1)
    expect(world.old.count('read', 'versions')).toBeGreaterThanOrEqual(plan.calls.to.reads)
  })

  it('promises no create of what a run that was cut off may have put', async () => {
    const world = new TwoClouds()
    const secrets = await world.secrets()
    for (const key of ['a', 'b']) await secrets.create({ key, value: 'value' })
    world.new.on('create', async () => await new Promise(() => {}))
    void world.migrate(
      { concurrency: 1, rate: { new: { writes: 0.001 } } },
      { policy: { deadlineMs: 400_000, leaseMs: 900_000, putHorizonMs: 1_000_000 } },
    )
    await until(() => world.new.count('create') === 1)
    const { calls } = await (await world.migrator()).plan({ from: 'old', to: 'new' })
    expect(calls).toEqual({ from: { reads: 2, removals: 2 }, to: { creates: 1, reads: 2 } })
  })

  it('promises no removal of what was adopted', async () => {
    const world = new TwoClouds()
    await createSecretStore(world.old.memory, { naming: 'native' }).put('legacy', 'value')
    const migrator = await world.migrator()
    for await (const _ of migrator.adopt({ account: ACCOUNT, store: 'old' }));
    const { calls } = await migrator.plan({ from: 'old', to: 'new' })
    expect(calls).toEqual({ from: { reads: 1, removals: 0 }, to: { creates: 1, reads: 1 } })
  })

  it('reads many at once, and by itself what is not current there', async () => {
    const world = new TwoClouds('aws', 'azure')
    const secrets = await world.secrets()
    const expected: Record<string, string> = {}
    for (let n = 0; n < 25; n += 1) {
      await secrets.create({ key: `key-${n}`, value: `value ${n}` })
      expected[`key-${n}`] = `value ${n}`
    }
    const [path] = await world.paths('old')
    const payload = { bytes: new TextEncoder().encode('by an outsider'), text: true }
    await world.old.memory.append({ path: path!, payload, token: 't', after: undefined, staged: false }, CALL)
    expect((await world.migrate()).report.outcomes).toEqual(outcomes({ moved: 25 }))
    expect(await world.values()).toEqual(expected)
    expect([world.old.count('readMany'), world.old.count('read')]).toEqual([2, 1])
  })

  it('reads one after the other what it may not ask for together', async () => {
    const world = new TwoClouds()
    const secrets = await world.secrets()
    for (let n = 0; n < 60; n += 1) await secrets.create({ key: `key-${n}`, value: 'value' })
    world.old.on('readMany', fails({ code: 'unavailable', retryable: false }), fails({ code: 'permission_denied', retryable: false }))
    expect((await world.migrate({ concurrency: 1 })).report.outcomes).toEqual(outcomes({ moved: 60 }))
    expect([world.old.count('readMany'), world.old.count('read')]).toEqual([2, 60])
  })

  it('overwrites what it has read and not moved', async () => {
    const world = new TwoClouds()
    const secrets = await world.secrets()
    for (let n = 0; n < 20; n += 1) await secrets.create({ key: `key-${n}`, value: 'value' })
    let read: readonly { readonly payload: { readonly bytes: Uint8Array } }[] = []
    world.old.on('readMany', async act => (read = (await act()) as typeof read))
    for await (const _ of (await world.migrator()).migrate({ from: 'old', to: 'new', concurrency: 1 })) break
    expect(read).toHaveLength(20)
    expect(read.flatMap(({ payload }) => [...payload.bytes]).filter(byte => byte !== 0)).toEqual([])
  })

  it('keeps so many calls under way at the target as it may, and no more', async () => {
    const world = new TwoClouds()
    const secrets = await world.secrets()
    for (let n = 0; n < 40; n += 1) await secrets.create({ key: `key-${n}`, value: 'value' })
    let now = 0
    const seen: number[] = []
    const slow = async (act: () => Promise<unknown>): Promise<unknown> => {
      seen.push((now += 1))
      await new Promise(resolve => setTimeout(resolve, 5))
      now -= 1
      return await act()
    }
    for (const method of ['create', 'read'] as const) world.new.on(method, ...Array.from({ length: 40 }, () => slow))
    expect((await world.migrate({ concurrency: 4 })).report.outcomes).toEqual(outcomes({ moved: 40 }))
    expect(Math.max(...seen)).toBe(4)
    // All but the first and the last of them find the other slots taken, whatever the database does meanwhile.
    expect(seen.filter(count => count === 4).length).toBeGreaterThan(40)
  })

  it('tells the target that a path is new, but not once something may be there', async () => {
    const world = new TwoClouds('local', 'azure')
    await (await world.secrets()).create({ key: 'a', value: 'first' })
    world.new.on('create', lost(), async () => await new Promise(() => {}))
    const told = (): readonly unknown[] => world.new.calls.filter(({ method }) => method === 'create').map(({ request }) => request['isNew'])
    void world.migrate({}, { policy: { deadlineMs: 400_000, leaseMs: 900_000, putHorizonMs: 1_000_000 } })
    await until(() => told().length === 2)
    world.later(901_000)
    expect((await world.migrate()).report.outcomes).toEqual(outcomes({ moved: 1 }))
    expect(told()).toEqual([true, undefined, undefined])
  })

  it('takes what a run that was cut off has put, instead of putting it again', async () => {
    for (const cut of ['create', 'read'] as const) {
      const world = new TwoClouds()
      await (await world.secrets()).create({ key: 'a', value: 'first' })
      world.new.on(cut, async act => {
        await act()
        await new Promise(() => {}) // killed: it never hears of it
      })
      void world.migrate({}, { policy: { deadlineMs: 400_000, leaseMs: 900_000, putHorizonMs: 1_000_000 } })
      await until(() => world.new.count(cut) === 1)
      await new Promise(resolve => setTimeout(resolve, 20))
      world.later(901_000)
      const { migrations, report } = await world.migrate()
      expect(report).toEqual({ outcomes: outcomes({ moved: 1 }), resumed: 1, compared: 1, different: 0, left: 0 })
      expect(migrations[0]).toMatchObject({ resumed: true })
      expect(world.new.count('create')).toBe(1)
      expect(await world.values()).toEqual({ a: 'first' })
      await world.settle()
      expect(await world.paths('new')).toHaveLength(1)
    }
  })

  it('gives up what a run that was cut off has put, when the value has changed since', async () => {
    const world = new TwoClouds()
    const secrets = await world.secrets()
    const { id } = await secrets.create({ key: 'a', value: 'first' })
    world.new.on('read', async () => await new Promise(() => {}))
    void world.migrate({}, { policy: { deadlineMs: 400_000, leaseMs: 900_000, putHorizonMs: 1_000_000 } })
    await until(() => world.new.count('read') === 1)
    await secrets.update(id, { value: 'second' })
    world.later(901_000)
    expect((await world.migrate()).report).toEqual({ outcomes: outcomes({ moved: 1 }), resumed: 0, compared: 1, different: 0, left: 0 })
    expect(await world.values()).toEqual({ a: 'second' })
    await world.settle()
    expect(await world.paths('new')).toHaveLength(1)
  })

  it('is undone by upkeep where no other run comes', async () => {
    const world = new TwoClouds()
    await (await world.secrets()).create({ key: 'a', value: 'first' })
    world.new.on('read', async () => await new Promise(() => {}))
    void world.migrate({}, { policy: { deadlineMs: 400_000, leaseMs: 900_000, putHorizonMs: 1_000_000 } })
    await until(() => world.new.count('read') === 1)
    await world.settle(4)
    expect(await world.paths('new')).toEqual([])
    expect(await world.values()).toEqual({ a: 'first' })
    expect(await (await world.migrator()).references('new')).toEqual({ records: 0, intents: 0, tasks: 0 })
  })

  it('goes on when the database or a store gives no answer now and then', async () => {
    for (let at = 0; at < 12; at += 1) {
      const world = new TwoClouds('google', 'vault')
      await (await world.secrets()).create({ key: 'a', value: 'first' })
      let count = 0
      const metadata = new Proxy(memoryMetadata(), {
        get: (_, name) => {
          const method: unknown = Reflect.get(world.metadata, name)
          if (typeof method !== 'function') return method
          return async (...given: unknown[]) => {
            const answer: unknown = await Reflect.apply(method, world.metadata, given)
            if ((count += 1) === at) throw new SecretError({ code: 'unavailable', retryable: true, effect: 'unknown', operation: 'test' })
            return answer
          }
        },
      })
      world.new.on('create', lost({ retryable: false }))
      const runs = [await world.migrate({}, { metadata }).catch(() => undefined)]
      for (let run = 0; run < 2; run += 1) {
        world.later(2000)
        runs.push(await world.migrate())
      }
      expect(runs.reduce((sum, run) => sum + (run?.report.outcomes.moved ?? 0), 0)).toBe(1)
      expect(await world.values()).toEqual({ a: 'first' })
      await world.settle()
      expect(await world.paths('new')).toHaveLength(1)
      expect(await world.paths('old')).toEqual([])
    }
  })

  it('ends when secret after secret fails for a reason that is the store’s', async () => {
    const world = new TwoClouds()
    const secrets = await world.secrets()
    for (let n = 0; n < 30; n += 1) await secrets.create({ key: `key-${n}`, value: 'value' })
    world.new.on('create', ...Array.from({ length: 100 }, () => fails({ code: 'permission_denied', retryable: false })))
    expect(await failureOf(world.migrate({ concurrency: 4 }))).toMatchObject({
      code: 'permission_denied',
      operation: 'migrator.migrate',
      store: 'new',
    })
    expect(world.new.count('create')).toBeLessThan(16)
    expect(await (await world.migrator()).references('new')).toEqual({ records: 0, intents: 0, tasks: 0 })
  })

  it('tells of one that cannot be read, and moves the others', async () => {
    const world = new TwoClouds()
    const secrets = await world.secrets()
    const { id } = await secrets.create({ key: 'broken', value: 'value' })
    await secrets.create({ key: 'whole', value: 'value' })
    const path = (await world.paths('old')).find(found => found.includes(id))
    await world.old.memory.remove({ path: path!, purge: true }, CALL)
    const { migrations, report } = await world.migrate()
    expect(report).toEqual({ outcomes: outcomes({ moved: 1, failed: 1 }), resumed: 0, compared: 1, different: 0, left: 1 })
    expect(migrations.find(({ outcome }) => outcome === 'failed')).toMatchObject({ key: 'broken', code: 'not_found' })
    const failed = (await world.trail()).filter(({ action, outcome }) => action === 'secret.migrate' && outcome === 'failed')
    expect(failed).toMatchObject([{ secret: id, code: 'not_found', actor: { id: 'operator' } }])
  })

  it('stops when it is asked to: what is under way ends first, and the rest is for another run', async () => {
    const world = new TwoClouds()
    const secrets = await world.secrets()
    for (let n = 0; n < 20; n += 1) await secrets.create({ key: `key-${n}`, value: 'value' })
    const stop = new AbortController()
    world.new.on('create', async act => {
      stop.abort()
      return await act()
    })
    expect(await failureOf(world.migrate({ signal: stop.signal, concurrency: 3 }))).toMatchObject({ code: 'aborted' })
    const { intents, records } = await (await world.migrator()).references('new')
    expect(intents).toBe(0)
    expect(records).toBeLessThanOrEqual(6) // three that are put, and three that are read meanwhile
    expect((await world.migrate()).report).toMatchObject({ outcomes: outcomes({ moved: 20 - records }), left: 0 })
  })

  describe('whose turns are hours away', () => {
    /** One put is made at once, and the next one is due in an hour. */
    const rate = { new: { writes: 1 / 3600 } }
    const slowly = async (old?: 'google'): Promise<TwoClouds> => {
      const world = new TwoClouds(old)
      const secrets = await world.secrets()
      for (let n = 0; n < 40; n += 1) await secrets.create({ key: `key-${n}`, value: 'value' })
      return world
    }
    const isWhole = async (world: TwoClouds, moved: number): Promise<void> => {
      expect(await (await world.migrator()).references('new')).toEqual({ records: moved, intents: 0, tasks: 0 })
      expect(await world.paths('new')).toHaveLength(moved)
    }

    it('stops at once when it is asked to', async () => {
      const world = await slowly()
      const stop = new AbortController()
      const run = (await world.migrator()).migrate({ from: 'old', to: 'new', rate, signal: stop.signal })
      expect((await run.next()).value).toMatchObject({ outcome: 'moved' })
      stop.abort()
      expect(await failureOf(run.next())).toMatchObject({ code: 'aborted', operation: 'migrator.migrate' })
      await isWhole(world, 1)
    })

    it('closes at once', async () => {
      const world = await slowly()
      const migrator = await world.migrator()
      const run = migrator.migrate({ from: 'old', to: 'new', rate })
      await run.next()
      await migrator.close()
      expect(await failureOf(run.next())).toMatchObject({ code: 'closed' })
      await isWhole(world, 1)
    })

    it('ends at once when the caller stops asking', async () => {
      const world = await slowly()
      for await (const _ of (await world.migrator()).migrate({ from: 'old', to: 'new', rate })) break
      await isWhole(world, 1)
    })

    it('ends at once when secret after secret fails for a reason that is the store’s', async () => {
      const world = await slowly()
      const denied = Array.from({ length: 20 }, () => fails({ code: 'permission_denied', retryable: false }))
      // The first twenty are read, and but for one of them wait for their turn.
      world.old.on('readMany', act => act(), ...denied).on('read', ...denied)
      expect(await failureOf(world.migrate({ rate }))).toMatchObject({ code: 'permission_denied', store: 'old' })
      await isWhole(world, 1)
    })

    it('stops at once while it reads, and while it looks whether everything fits', async () => {
      const world = await slowly('google')
      const migrator = await world.migrator()
      for (const begin of [
        (signal: AbortSignal) => migratedBy(migrator, { from: 'old', to: 'new', rate: { old: { reads: 1 / 3600 } }, signal }),
        (signal: AbortSignal) => migrator.plan({ from: 'old', to: 'new', rate: { old: { reads: 1 / 3600 } }, measure: true, signal }),
      ]) {
        const stop = new AbortController()
        const before = world.old.count('read')
        const failure = failureOf(begin(stop.signal))
        await until(() => world.old.count('read') > before)
        stop.abort()
        expect(await failure).toMatchObject({ code: 'aborted' })
      }
    })

    it('stops at once while a store that was asked too much is left alone', async () => {
      const world = await slowly()
      world.new.on('create', ...Array.from({ length: 4 }, () => fails({ code: 'throttled', retryAfterMs: 3_600_000 })))
      const stop = new AbortController()
      const failure = failureOf(world.migrate({ concurrency: 4, signal: stop.signal }))
      await until(() => world.new.count('create') >= 1)
      await new Promise(resolve => setTimeout(resolve, 50))
      stop.abort()
      expect(await failure).toMatchObject({ code: 'aborted' })
      await isWhole(world, 0)
    })
  })

  it('tells of all that it has moved before it ends, also of what was put when it was stopped', async () => {
    const world = new TwoClouds()
    const secrets = await world.secrets()
    for (let n = 0; n < 60; n += 1) await secrets.create({ key: `key-${n}`, value: 'value' })
    const stop = new AbortController()
    const late = async (act: () => Promise<unknown>): Promise<unknown> => {
      await until(() => world.new.count('create') === 4)
      stop.abort()
      return await act()
    }
    world.new.on('create', late, late, late, late)
    const told: Migration[] = []
    const tell = async (): Promise<void> => {
      const run = (await world.migrator()).migrate({ from: 'old', to: 'new', concurrency: 4, signal: stop.signal })
      for await (const migration of run) told.push(migration)
    }
    expect(await failureOf(tell())).toMatchObject({ code: 'aborted' })
    expect(told.map(({ outcome }) => outcome)).toEqual(['moved', 'moved', 'moved', 'moved'])
    expect(await (await world.migrator()).references('new')).toEqual({ records: 4, intents: 0, tasks: 0 })
  })

  it('keeps nobody from closing, and ends when the caller stops asking', async () => {
    const world = new TwoClouds()
    const secrets = await world.secrets()
    for (let n = 0; n < 20; n += 1) await secrets.create({ key: `key-${n}`, value: 'value' })
    const migrator = await world.migrator()
    for await (const _ of migrator.migrate({ from: 'old', to: 'new', concurrency: 2 })) break
    expect((await migrator.references('new')).intents).toBe(0)
    const run = migrator.migrate({ from: 'old', to: 'new', concurrency: 2 })
    await run.next()
    await migrator.close()
    expect(await failureOf(run.next())).toMatchObject({ code: 'closed' })
    expect(await world.values()).toHaveProperty('key-19', 'value')
  })

  it('moves what is created in the source meanwhile', async () => {
    const world = new TwoClouds()
    const secrets = await world.secrets()
    const { id } = await secrets.create({ key: 'first', value: 'value' })
    let made = 0
    world.new.on('create', async act => {
      await secrets.create({ key: 'meanwhile', value: 'value' })
      await secrets.update(id, { value: 'changed' })
      made += 1
      return await act()
    })
    const { report } = await world.migrate()
    expect(made).toBe(1)
    expect(report).toMatchObject({ outcomes: outcomes({ moved: 2 }), left: 0 })
  })

  it('keeps to a rate, and leaves a store alone that says it is asked too much', async () => {
    const world = new TwoClouds()
    const secrets = await world.secrets()
    for (let n = 0; n < 10; n += 1) await secrets.create({ key: `key-${n}`, value: 'value' })
    const at: number[] = []
    const noting = async (act: () => Promise<unknown>): Promise<unknown> => {
      at.push(performance.now())
      return await act()
    }
    world.new.on('create', ...Array.from({ length: 10 }, () => noting))
    const startedAt = performance.now()
    await world.migrate({ rate: { new: { writes: 100 } } })
    // Ten calls, evenly spread at a hundred a second, cannot all be there before ninety milliseconds are over; timers may be a little early.
    expect(at.at(-1)! - startedAt).toBeGreaterThan(88)
    const pressed = new TwoClouds()
    for (let n = 0; n < 10; n += 1) await (await pressed.secrets()).create({ key: `key-${n}`, value: 'value' })
    const refusedAt: number[] = []
    const laterAt: number[] = []
    const refuse = (): never => {
      refusedAt.push(performance.now())
      throw fails({ code: 'throttled', retryAfterMs: 150 })
    }
    const note = async (act: () => Promise<unknown>): Promise<unknown> => {
      laterAt.push(performance.now())
      return await act()
    }
    pressed.new.on('create', refuse, refuse, ...Array.from({ length: 20 }, () => note))
    const { report } = await pressed.migrate({ concurrency: 1 }, { policy: { deadlineMs: 2000, leaseMs: 5000, putHorizonMs: 6000, attempts: 2 } })
    expect(report.outcomes.moved + report.outcomes.failed).toBe(10)
    expect(refusedAt).toHaveLength(2)
    expect(laterAt[0]! - refusedAt[1]!).toBeGreaterThan(140)
  })

  it('makes two runs at once share the work', async () => {
    const world = new TwoClouds()
    const secrets = await world.secrets()
    for (let n = 0; n < 40; n += 1) await secrets.create({ key: `key-${n}`, value: `value ${n}` })
    const both = await Promise.all([world.migrate(), world.migrate()])
    expect(both.reduce((sum, { report }) => sum + report.outcomes.moved, 0)).toBe(40)
    expect(world.new.count('create')).toBe(40)
    await world.settle()
    expect(await world.paths('new')).toHaveLength(40)
    expect(await world.paths('old')).toEqual([])
  })

  it('refuses what is no migration', async () => {
    const migrator = await new TwoClouds().migrator()
    const refused = async (options: object): Promise<unknown> => await failureOf(migrator.migrate(options as never).next())
    expect(await refused({ from: 'old', to: 'old' })).toMatchObject({ code: 'invalid_argument' })
    expect(await refused({ from: 'old', to: 'other' })).toMatchObject({ code: 'misconfigured', store: 'other' })
    expect(await refused({ from: 'old', to: 'new', concurrency: 0 })).toMatchObject({ code: 'invalid_argument' })
    expect(await refused({ from: 'old', to: 'new', graceMs: -1 })).toMatchObject({ code: 'invalid_argument' })
    expect(await refused({ from: 'old', to: 'new', rate: { other: { reads: 1 } } })).toMatchObject({ code: 'invalid_argument' })
    expect(await refused({ from: 'old', to: 'new', rate: { old: { reads: 0 } } })).toMatchObject({ code: 'invalid_argument' })
    expect(await refused({ from: 'old', to: 'new', dryRun: true })).toMatchObject({ code: 'invalid_argument' })
    expect(await failureOf(migrator.plan({ from: 'old', to: 'new', graceMs: 1 } as never))).toMatchObject({ code: 'invalid_argument' })
    const narrow = await new TwoClouds('local', 'local', { maxPathLength: 40 }).migrator()
    expect(await failureOf(narrow.migrate({ from: 'old', to: 'new' }).next())).toMatchObject({ code: 'misconfigured', store: 'new' })
  })
})

describe('an old copy', () => {
  const moved = async (options: { readonly graceMs?: number | 'keep' } = {}): Promise<{ world: TwoClouds; id: SecretId }> => {
    const world = new TwoClouds()
    const { id } = await (await world.secrets()).create({ key: 'a', value: 'value' })
    await world.migrate(options)
    return { world, id }
  }

  it('is purged when the grace is over, not before', async () => {
    const { world } = await moved({ graceMs: 10 * 3_600_000 })
    await world.settle(9)
    expect(await world.paths('old')).toHaveLength(1)
    await world.settle(2)
    expect(await world.paths('old')).toEqual([])
  })

  it('is kept when it is to be, until it is dropped', async () => {
    const { world } = await moved({ graceMs: 'keep' })
    await world.settle(24 * 40)
    expect(await world.paths('old')).toHaveLength(1)
    const migrator = await world.migrator()
    expect(await migrator.dropOldCopies('new')).toBe(0)
    expect(await migrator.dropOldCopies('old')).toBe(1)
    expect(await migrator.dropOldCopies('old')).toBe(0)
    await world.settle(1)
    expect(await world.paths('old')).toEqual([])
  })

  it('goes with its secret', async () => {
    const { world, id } = await moved({ graceMs: 'keep' })
    await (await world.secrets()).delete(id)
    await world.settle(1)
    expect([...(await world.paths('old')), ...(await world.paths('new'))]).toEqual([])
  })

  it('is not taken again once its purge has been tried, or when an outsider has changed it', async () => {
    const { world } = await moved({ graceMs: 0 })
    world.old.on('remove', fails({ code: 'unavailable', retryable: false }))
    await (await world.registry()).maintain()
    expect((await world.migrate({ from: 'new', to: 'old' })).report.outcomes).toEqual(outcomes({ moved: 1 }))
    const other = await moved()
    const [path] = await other.world.paths('old')
    const payload = { bytes: new TextEncoder().encode('by an outsider'), text: true }
    await other.world.old.memory.append({ path: path!, payload, token: 't', after: undefined, staged: false }, CALL)
    expect((await other.world.migrate({ from: 'new', to: 'old' })).report.outcomes).toEqual(outcomes({ moved: 1 }))
    expect(await other.world.values()).toEqual({ a: 'value' })
  })

  it('stays though an earlier update of the record is still watched', async () => {
    const world = new TwoClouds('vault', 'local')
    const secrets = await world.secrets()
    const { id } = await secrets.create({ key: 'a', value: 'first' })
    world.old.on('append', lost({ retryable: true }))
    await secrets.update(id, { value: 'second' })
    await world.migrate({ graceMs: 'keep' })
    await world.settle(5)
    expect(await world.paths('old')).toHaveLength(1)
    expect((await world.migrate({ from: 'new', to: 'old' })).report.outcomes).toEqual(outcomes({ returned: 1 }))
    expect(await world.values()).toEqual({ a: 'second' })
  })

  it('and the copies of a migration are no findings of a reconciliation', async () => {
    const { world } = await moved()
    world.later(24 * 3_600_000)
    const found: unknown[] = []
    for await (const finding of (await world.migrator()).reconcile({ graceMs: 0 })) found.push(finding)
    expect(found).toEqual([])
    // One that lost its record is an orphan of this registry by its path and labels.
    const lostOne = new TwoClouds()
    await (await lostOne.secrets()).create({ key: 'a', value: 'value' })
    await lostOne.migrate()
    const rest = new TwoClouds()
    const stray = await (await lostOne.migrator({ metadata: rest.metadata })).reconcile({ store: 'new', graceMs: 0 }).next()
    expect(stray.value).toMatchObject({ kind: 'orphan', repair: 'none' })
  })
})
