import { isSecretError, SecretError } from '@strongroom/core'
import type { Finding, MetadataStore, NativePath, SecretDriver, SecretId, SecretRecord, VersionId } from '@strongroom/core'
import { describe, expect, it } from 'vitest'
import { ACCOUNT, ALICE, CALL, flavours, MARKER, onAppend, runOf, World } from './support/migrator-world.ts'
import { failureOf, fails, until } from './support/scripted.ts'
import { tracked } from './support/tracked.ts'

const onPromote = flavours.filter(flavour => !onAppend.includes(flavour))

/** Lets others go first, now more, now less. */
const dawdling = async (_: unknown, call: () => Promise<unknown>): Promise<unknown> => {
  for (let turns = Math.floor(Math.random() * 4); turns > 0; turns -= 1) await new Promise(resolve => setImmediate(resolve))
  return await call()
}
/** The driver, but for something that happens between an answer of the backend and its arrival. */
const after = (world: World, method: 'read' | 'versions', act: () => Promise<void>): SecretDriver => ({
  ...world.cloud.driver,
  [method]: async (request: never, call: never) => {
    const answer = await world.cloud.driver[method](request, call)
    await act()
    return answer
  },
})
const labels = (secret: string, registry = 'main', account: string = ACCOUNT) => ({
  'strongroom-registry': registry,
  'strongroom-account': account,
  'strongroom-secret': secret,
})
const summaryOf = ({ findings }: { readonly findings: readonly Finding[] }): readonly string[] =>
  findings.map(({ kind, key, secret, repair }) => `${kind} ${key ?? secret} ${repair}`).toSorted()
const all = { repair: ['orphan', 'drift'] } as const
const freshId = (n = 0): string => `01900000-0000-7000-8000-${String(n).padStart(12, '0')}`

/** The damage that users and accidents do, each to a record or a secret of its own. */
async function damaged(world: World): Promise<{ readonly drifted: SecretRecord }> {
  const secrets = await world.secrets()
  await secrets.create({ key: 'sound', value: 'value-sound' })
  const dangling = await secrets.create({ key: 'deleted', value: 'value-deleted' })
  const missing = await secrets.create({ key: 'destroyed', value: 'value-destroyed' })
  const drifted = await secrets.create({ key: 'drifted', value: 'value-drifted', description: 'kept' })
  const relabelled = await secrets.create({ key: 'relabelled', value: 'value-relabelled' })
  await world.outside.remove({ path: await world.path(dangling), purge: true }, CALL)
  const lost = await world.path(missing)
  await world.put(lost, 'outside-destroyed')
  await world.outside.destroyVersion({ path: lost, version: '1' as VersionId }, CALL)
  await world.put(await world.path(drifted), 'outside-drifted')
  const path = await world.path(relabelled)
  await world.outside.remove({ path, purge: true }, CALL)
  await world.plant(path, labels(relabelled.id, 'main', 'acc-2'))
  await world.plant(`main-${freshId(1)}`, labels(freshId(1)))
  await world.plant(`main-${freshId(2)}`)
  await world.plant(`main-${freshId(3)}`, labels(freshId(3), 'other'))
  await world.plant('main-copy', labels(freshId(4)))
  await world.plant(`main-${freshId(5)}`, { 'strongroom-registry': 'main' })
  await world.plant(`main-2-${freshId(6)}`, labels(freshId(6), 'main-2'))
  await world.plant('main-other-thing')
  return { drifted }
}

const FOUND = [
  'dangling deleted not_possible',
  'foreign 01900000-0000-7000-8000-000000000003 not_possible',
  'foreign undefined not_possible',
  'labels relabelled not_possible',
  'missing destroyed not_possible',
  'orphan 01900000-0000-7000-8000-000000000004 not_possible',
  'orphan undefined not_possible',
]

describe.each(flavours)('reconcile on a backend like %s', flavour => {
  const detached = flavour === 'aws'

  it('has nothing to say of what is as it should be', async () => {
    const world = new World(flavour)
    const secrets = await world.secrets()
    for (let n = 0; n < 20; n += 1) {
      const { id } = await secrets.create({ key: `key-${n}`, value: `value-${n}` })
      if (n % 2 === 0) await secrets.update(id, { value: `value-${n}-b` })
      if (n % 5 === 0) await secrets.delete(id)
    }
    await world.settle()
    const ran = await world.reconcile(all)
    expect(ran.findings).toEqual([])
    expect(ran.report).toMatchObject({ records: 16, secrets: 16, skipped: 0, queued: 0, done: 0 })
  })

  it('only looks, unless it is asked to mend', async () => {
    const world = new World(flavour)
    await damaged(world)
    const before = [await world.paths(), await world.trail(), await world.metadata.references({ registry: 'main' }, {})]
    const ran = await world.reconcile()
    const expected = [
      ...FOUND.filter(text => !detached || !text.startsWith('missing')),
      'drift drifted none',
      'orphan 01900000-0000-7000-8000-000000000001 none',
    ]
    // Where a destroyed version is only unlabelled, it is still there to be read, and only the label is wrong.
    if (detached) expected.push('drift destroyed none')
    expect(summaryOf(ran)).toEqual(expected.toSorted())
    const others = { missing: detached ? 0 : 1, drift: detached ? 2 : 1, stray: 0, labels: 1, foreign: 2, unjudged: 0 }
    expect(ran.report.findings).toEqual({ orphan: 3, dangling: 1, ...others })
    for (const { reason, store } of ran.findings) expect([reason.length > 20, store]).toEqual([true, 'main'])
    expect([await world.paths(), await world.trail(), await world.metadata.references({ registry: 'main' }, {})]).toEqual(before)
    expect(world.cloud.count('append', 'promote', 'destroyVersion', 'remove', 'restore')).toBe(0)
  })

  it('mends what it is asked to, through the queue or under an intent, and then finds it no more', async () => {
    const world = new World(flavour)
    const { drifted } = await damaged(world)
    const path = await world.path(drifted)
    const ran = await world.reconcile(all)
    const drift = onAppend.includes(flavour) ? 'done' : 'queued'
    expect(summaryOf(ran)).toContain(`drift drifted ${drift}`)
    expect(summaryOf(ran)).toContain('orphan 01900000-0000-7000-8000-000000000001 queued')
    expect(world.cloud.count('remove', 'destroyVersion')).toBe(0) // only the queue destroys
    await world.settle()
    expect(await world.current(path)).toBe('value-drifted')
    expect(await world.values(key => key === 'drifted')).toEqual({ drifted: 'value-drifted' })
    const now = await (await world.secrets()).describe(drifted.id)
    expect(now).toMatchObject({ description: 'kept', revision: onAppend.includes(flavour) ? 2 : 1 })
    expect(await world.paths()).not.toContain(`main-${freshId(1)}`)
    const again = await world.reconcile(all)
    // The outsider's version is still there, and who put it may want it.
    const stray = ['stray drifted not_possible', ...(detached ? ['stray destroyed not_possible'] : [])]
    const rest = detached ? FOUND.filter(text => !text.startsWith('missing')) : FOUND
    expect(summaryOf(again)).toEqual([...rest, ...stray].toSorted())
    const repairs = (await world.trail()).filter(({ action }) => action === 'secret.repair')
    expect(repairs.map(({ actor, outcome }) => `${actor.id} ${outcome}`)).toEqual(repairs.map(() => 'operator ok'))
    expect(repairs.map(({ secret }) => secret)).toEqual(expect.arrayContaining([drifted.id, freshId(1)]))
  })
})

describe('what is not judged', () => {
  it('what is younger than the grace period', async () => {
    const world = new World('local', Date.now())
    await damaged(world)
    const { findings, report } = await world.reconcile({ graceMs: 3_600_000, ...all })
    expect(findings).toEqual([])
    expect(report.skipped).toBeGreaterThan(5)
    expect((await runOf(await world.migrator(), { graceMs: undefined })).findings).toEqual([]) // an hour by default
  })

  it('what a writer is at: its intent and its tasks say so', async () => {
    const world = new World('google')
    const secrets = await world.secrets()
    const record = await secrets.create({ key: 'busy', value: 'value-1' })
    const stuck = await world.secrets({
      metadata: { ...world.metadata, commitUpdate: () => new Promise(() => {}), commitCreate: () => new Promise(() => {}) },
    })
    void stuck.update(record.id, { value: 'value-2' })
    void stuck.create({ key: 'new', value: 'value-3' })
    await until(() => world.cloud.count('create') === 2 && world.cloud.count('append') === 1)
    const during = await world.reconcile(all)
    expect(during.findings).toEqual([])
    expect(during.report.skipped).toBe(2)
    await world.settle()
    // The update was undone, and on a backend without promotion its version had been what outsiders read.
    expect(summaryOf(await world.reconcile(all))).toEqual(['drift busy done'])
    await world.settle()
    expect(await world.current(await world.path(record))).toBe('value-1')
    expect((await world.reconcile(all)).findings).toEqual([])
  })

  it('a label that the queue is about to move', async () => {
    const world = new World()
    const secrets = await world.secrets()
    const { id } = await secrets.create({ key: 'a', value: 'value-1' })
    world.cloud.on('promote', fails({ retryable: false }))
    await secrets.update(id, { value: 'value-2' })
    expect(await world.current(await world.path({ id }))).toBe('value-1')
    const { findings, report } = await world.reconcile(all)
    expect([findings, report.skipped]).toEqual([[], 1])
  })

  it('a label that the queue has moved since it was looked at', async () => {
    const world = new World()
    const secrets = await world.secrets()
    const { id } = await secrets.create({ key: 'a', value: 'value-1' })
    world.cloud.on('promote', fails({ retryable: false }))
    await secrets.update(id, { value: 'value-2' })
    let moved = 0
    const driver = after(world, 'read', async () => {
      await world.settle()
      moved += 1
    })
    const { findings, report } = await world.reconcile(all, { driver })
    expect([findings, report.skipped, moved]).toEqual([[], 1, 1])
  })

  it.each(['is at work', 'was undone'] as const)('a record to which a writer has come since it was listed, and %s', async what => {
    const world = new World('google')
    const { id } = await (await world.secrets()).create({ key: 'a', value: 'value-1' })
    const stuck = await world.secrets({ metadata: { ...world.metadata, commitUpdate: () => new Promise(() => {}) } })
    let begun = false
    const driver: SecretDriver = {
      ...world.cloud.driver,
      versions: async (request, call) => {
        if (!begun) {
          begun = true
          void stuck.update(id, { value: 'value-2' })
          await until(() => world.cloud.count('append') === 1)
          if (what === 'was undone') {
            world.later(120_000)
            expect(await (await world.registry()).maintain()).toMatchObject({ recovered: 1, backlog: 1 })
          }
        }
        return await world.cloud.driver.versions(request, call)
      },
    }
    const { findings, report } = await world.reconcile({}, { driver })
    expect([findings, report.skipped]).toEqual([[], 1])
    expect(await world.current(await world.path({ id }))).toBe('value-2')
  })

  it('an orphan whose removal another run has queued since it was listed', async () => {
    const world = new World()
    await world.plant(`main-${freshId(1)}`, labels(freshId(1)))
    let queued = 0
    const driver = after(world, 'read', async () => {
      if (queued === 0) queued = (await world.reconcile(all)).report.queued
    })
    const { findings, report } = await world.reconcile({}, { driver })
    expect([findings, report.skipped, queued]).toEqual([[], 1, 1])
  })

  it('labels that are wrong in an old list alone', async () => {
    const world = new World()
    await (await world.secrets()).create({ key: 'a', value: 'value-a' })
    world.cloud.on('list', async act => {
      const page = (await act()) as Awaited<ReturnType<SecretDriver['list']>>
      return { ...page, items: page.items.map(item => ({ ...item, labels: {} })) }
    })
    const { findings, report } = await world.reconcile()
    expect([findings, report.skipped, world.cloud.count('list')]).toEqual([[], 1, 2])
  })

  it('what has no labels, whatever the repair', async () => {
    const world = new World()
    for (let n = 0; n < 5; n += 1) await world.plant(`main-${freshId(n)}`)
    expect((await world.reconcile(all)).report.findings.foreign).toBe(5)
    await world.settle()
    expect(await world.paths()).toHaveLength(5)
  })

  it('a secret without a current version is reported, since a label can only be moved from one', async () => {
    const world = new World('aws')
    await (await world.secrets()).create({ key: 'a', value: 'value-a' })
    const unlabelled: SecretDriver = {
      ...world.cloud.driver,
      versions: async (request, call) => {
        const page = await world.outside.versions(request, call)
        return { ...page, items: page.items.map(item => ({ ...item, current: false })) }
      },
      read: async (request, call) => {
        if (request.version === undefined) throw fails({ code: 'not_found', retryable: false })
        return await world.outside.read(request, call)
      },
    }
    expect(summaryOf(await world.reconcile(all, { driver: unlabelled }))).toEqual(['drift a not_possible'])
  })

  it('an orphan whose store tells no date is reported, and left', async () => {
    const world = new World()
    await world.plant(`main-${freshId(1)}`, labels(freshId(1)))
    const undated: SecretDriver = {
      ...world.cloud.driver,
      list: async (request, call) => {
        const page = await world.outside.list(request, call)
        return { ...page, items: page.items.map(item => ({ ...item, createdAt: undefined, updatedAt: undefined })) }
      },
      versions: async (request, call) => {
        const page = await world.outside.versions(request, call)
        return { ...page, items: page.items.map(item => ({ ...item, createdAt: undefined })) }
      },
    }
    expect(summaryOf(await world.reconcile(all, { driver: undated }))).toEqual([`orphan ${freshId(1)} not_possible`])
  })
})

describe('lists that are old, or change while they are walked', () => {
  /** Lists of secrets and of versions as they were at some moment; what is read by its id is never old. */
  const stale = async (world: World): Promise<SecretDriver> => {
    const { items } = await world.outside.list({ prefix: '', withLabels: true, page: undefined }, CALL)
    const versions = new Map<string, Awaited<ReturnType<SecretDriver['versions']>>>()
    for (const { path } of items) versions.set(path, await world.outside.versions({ path, after: undefined, page: undefined }, CALL))
    return {
      ...world.cloud.driver,
      list: async () => ({ items, next: undefined }),
      versions: async (request, call) => versions.get(request.path) ?? (await world.outside.versions(request, call)),
    }
  }

  it.each(flavours)('give no false finding, and mend nothing that is whole: like %s', async flavour => {
    const world = new World(flavour)
    const secrets = await world.secrets()
    const ids: SecretId[] = []
    for (let n = 0; n < 12; n += 1) ids.push((await secrets.create({ key: `key-${n}`, value: `value-${n}` })).id)
    const driver = await stale(world)
    for (const id of ids.slice(0, 4)) await secrets.update(id, { value: 'value-new' })
    for (const id of ids.slice(4, 8)) await secrets.delete(id)
    await secrets.create({ key: 'later', value: 'value-later' })
    await world.settle()
    const { findings } = await world.reconcile(all, { driver })
    expect(findings).toEqual([])
    expect(await world.metadata.references({ registry: 'main' }, {})).toEqual({ records: 9, intents: 0, tasks: 0 })
  })

  it.each(flavours)('writers at work all the while lose nothing and are not found fault with: like %s', async flavour => {
    const world = new World(flavour)
    const slow = {
      driver: tracked('driver', world.cloud.driver, dawdling, { next: 0 }),
      metadata: tracked('metadata', world.metadata, dawdling, { next: 0 }),
    }
    const registry = await world.registry(slow)
    const secrets = registry.account(ACCOUNT, ALICE)
    const expected: Record<string, string> = {}
    let writing = true
    const writer = async (name: string): Promise<void> => {
      for (let n = 0; writing || n < 6; n += 1) {
        const key = `${name}-${n % 7}`
        const found = (await secrets.list({ limit: 1_000 })).items.find(item => item.key === key)
        const value = `value-${name}-${n}`
        if (found === undefined) await secrets.create({ key, value })
        else if (n % 3 === 0) await secrets.delete(found.id)
        else await secrets.update(found.id, { value })
        if (found !== undefined && n % 3 === 0) delete expected[key]
        else expected[key] = value
        await new Promise(resolve => setImmediate(resolve))
      }
    }
    const upkeep = (async () => {
      while (writing) {
        await registry.maintain()
        await new Promise(resolve => setImmediate(resolve))
      }
    })()
    const writers = ['a', 'b', 'c'].map(writer)
    const migrator = await world.migrator(slow)
    const found: Finding[] = []
    for (let round = 0; round < 25; round += 1) found.push(...(await runOf(migrator, all)).findings)
    writing = false
    await Promise.all([...writers, upkeep])
    await world.settle()
    expect(found).toEqual([])
    expect(await world.values()).toEqual(expected)
    expect((await world.reconcile(all)).findings).toEqual([])
  })
})

describe('two at once, ends in the middle', () => {
  it('two runs mend each thing once', async () => {
    for (const flavour of ['local', 'google'] as const) {
      const world = new World(flavour)
      const { drifted } = await damaged(world)
      const runs = await Promise.all([world.reconcile(all), world.reconcile(all), world.reconcile(all)])
      const mended = runs.flatMap(({ findings }) => findings.filter(({ repair }) => repair === 'queued' || repair === 'done'))
      expect(mended.map(({ secret }) => String(secret)).toSorted()).toEqual([freshId(1), String(drifted.id)].toSorted())
      await world.settle()
      expect((await world.trail()).filter(({ action, outcome }) => action === 'secret.repair' && outcome === 'ok')).toHaveLength(2)
      expect(summaryOf(await world.reconcile(all))).toEqual([...FOUND, 'stray drifted not_possible'])
    }
  })

  it('a run that is aborted ends with `aborted`, and what it has mended stands', async () => {
    const world = new World()
    for (let n = 0; n < 30; n += 1) await world.plant(`main-${freshId(n)}`, labels(freshId(n)))
    const abort = new AbortController()
    const run = (await world.migrator()).reconcile({ graceMs: 0, signal: abort.signal, ...all })
    expect((await run.next()).done).toBe(false)
    abort.abort()
    const error = await failureOf(
      (async () => {
        for (;;) if ((await run.next()).done === true) return
      })(),
    )
    expect(isSecretError(error, 'aborted')).toBe(true)
    expect(error).toMatchObject({ operation: 'migrator.reconcile' })
    await world.settle()
    expect((await world.reconcile(all)).report.findings.orphan).toBe((await world.paths()).length)
    await world.settle()
    expect(await world.paths()).toEqual([])
  })

  it('tells how far it is, to the last one; what is thrown by whoever is told changes nothing', async () => {
    const world = new World()
    await damaged(world)
    const told: { readonly records: number; readonly secrets: number }[] = []
    const onProgress = (compared: { readonly records: number; readonly secrets: number }): void => {
      told.push(compared)
      throw new Error('told')
    }
    const { report } = await world.reconcile({ onProgress })
    expect(told).toHaveLength(report.records + report.secrets)
    expect(told.length).toBeGreaterThan(2)
    expect(told.at(-1)).toEqual({ records: report.records, secrets: report.secrets })
    expect(told[0]).toEqual({ records: 1, secrets: 0 })
  })

  it('who stops asking keeps nobody from closing, and who asks after that is told', async () => {
    const world = new World()
    await damaged(world)
    const migrator = await world.migrator()
    const run = migrator.reconcile({ graceMs: 0 })
    await run.next()
    for await (const finding of migrator.reconcile({ graceMs: 0 })) if (finding.kind === 'drift') break
    await migrator.close()
    expect(isSecretError(await failureOf(run.next()), 'closed')).toBe(true)
  })

  it('a list that is refused is an error with its code', async () => {
    const world = new World('google')
    await world.plant(`main-${freshId(1)}`, labels(freshId(1)))
    world.cloud.on('list', fails({ code: 'permission_denied', retryable: false }))
    const error = await failureOf(world.reconcile(all))
    expect(error).toBeInstanceOf(SecretError)
    expect(error).toMatchObject({ code: 'permission_denied', effect: 'none', retryable: false, store: 'main' })
    expect((error as SecretError).message).not.toContain(MARKER)
  })

  const killings = (['google', 'azure', 'local'] as const).flatMap(flavour => (['before', 'after'] as const).map(when => [flavour, when] as const))
  it.each(killings)(
    'killed at any step of it, and run again, it ends as if nothing had been: like %s, %s the step',
    async (flavour, when) => {
      const killedAt = async (at: number): Promise<boolean> => {
        const world = new World(flavour)
        const { drifted } = await damaged(world)
        const path = await world.path(drifted)
        let reached = false
        const counter = { next: 0 }
        const around = async (step: { readonly index: number }, call: () => Promise<unknown>): Promise<unknown> => {
          if (step.index < at) return await call()
          if (step.index === at && when === 'after') await call().catch(() => {})
          reached = true
          return await new Promise<never>(() => {})
        }
        const metadata = tracked('metadata', world.metadata, around, counter)
        const driver = tracked('driver', world.cloud.driver, around, counter)
        const migrator = await world.migrator({ metadata, driver })
        const run = runOf(migrator, all).then(() => 'ended' as const)
        const ended = await Promise.race([run, until(() => reached).then(() => 'killed' as const)])
        if (ended === 'ended') return false
        await world.settle()
        await world.reconcile(all)
        await world.settle()
        // Where a put of it was undone, the watch may have taken the outsider's version too.
        const left = summaryOf(await world.reconcile(all)).filter(text => text !== 'stray drifted not_possible')
        expect(left, `step ${at}`).toEqual(FOUND)
        expect(await world.current(path), `step ${at}`).toBe('value-drifted')
        await world.trail()
        return true
      }
      let steps = 1 // the first opens the migrator
      while (await killedAt(steps)) steps += 1
      expect(steps).toBeGreaterThan(30)
    },
    120_000,
  )
})

describe('what a store does not answer about', () => {
  const denied = (): Error => fails({ code: 'permission_denied', retryable: false })
  /** The driver, but for one call about these secrets. */
  const without = (world: World, method: 'versions' | 'read', error: () => Error, ...paths: readonly string[]): SecretDriver => ({
    ...world.cloud.driver,
    [method]: async (request: { readonly path: NativePath }, call: never) => {
      if (paths.includes(request.path)) throw error()
      return await world.cloud.driver[method](request as never, call)
    },
  })

  it.each(['versions', 'read'] as const)('is a finding with its code, and all others are found and mended: %s', async method => {
    for (const flavour of ['google', 'local'] as const) {
      const world = new World(flavour)
      const { drifted } = await damaged(world)
      const hidden = [await world.path(drifted), `main-${freshId(1)}`]
      const { findings, report } = await world.reconcile(all, { driver: without(world, method, denied, ...hidden) })
      const unjudged = ['unjudged 01900000-0000-7000-8000-000000000001 not_possible', 'unjudged drifted not_possible']
      expect(summaryOf({ findings })).toEqual([...FOUND, ...unjudged].toSorted())
      expect(report.findings.unjudged).toBe(2)
      for (const { kind, reason } of findings) if (kind === 'unjudged') expect(reason).toContain('(permission_denied)')
      const rest = await world.reconcile(all)
      expect(rest.report).toMatchObject({ failed: 0, queued: flavour === 'local' ? 2 : 1, done: flavour === 'local' ? 0 : 1 })
    }
  })

  it('is a repair that failed, with its code, and the run goes on', async () => {
    const world = new World('google')
    await damaged(world)
    world.cloud.on('append', fails({ code: 'permission_denied', retryable: false }))
    const { findings, report } = await world.reconcile(all)
    expect(summaryOf({ findings })).toContain('drift drifted failed')
    expect(findings.find(({ kind }) => kind === 'drift')?.reason).toMatch(/the repair failed, and nothing was changed \(permission_denied\)$/)
    expect(report).toMatchObject({ failed: 1, queued: 1, done: 0 })
    expect((await world.metadata.references({ registry: 'main' }, {})).intents).toBe(0)
    expect((await world.trail()).filter(({ action }) => action === 'secret.repair').map(({ outcome, code }) => `${outcome} ${code ?? '-'}`)).toEqual([
      'failed permission_denied',
      'ok -',
    ])
  })

  it('ends the run when the store is away: eight in a row that may be repeated; fewer do not', async () => {
    const world = new World('local')
    const secrets = await world.secrets()
    const paths: string[] = []
    for (let n = 0; n < 30; n += 1) paths.push(await world.path(await secrets.create({ key: `key-${n}`, value: `value-${n}` })))
    paths.sort()
    const away = (...of: readonly string[]) => without(world, 'versions', () => fails(), ...of)
    const seven = await world.reconcile(all, { driver: away(...paths.slice(0, 7), ...paths.slice(8, 15)), policy: { attempts: 1 } })
    expect(seven.report).toMatchObject({ records: 30, findings: { unjudged: 14 } })
    const run = (await world.migrator({ driver: away(...paths.slice(3, 11)), policy: { attempts: 1 } })).reconcile({ graceMs: 0 })
    const found: Finding[] = []
    const error = await failureOf(
      (async () => {
        for await (const finding of run) found.push(finding)
      })(),
    )
    expect(error).toMatchObject({ code: 'unavailable', retryable: true, store: 'main', operation: 'migrator.reconcile' })
    expect(found.map(({ kind, path }) => `${kind} ${path}`)).toEqual(paths.slice(3, 11).map(path => `unjudged ${path}`))
  })

  it('the database’s own error ends the run', async () => {
    const world = new World('local')
    await damaged(world)
    const metadata: MetadataStore = { ...world.metadata, owners: () => Promise.reject(SecretError.refused('corrupt', 'metadata.owners')) }
    expect(isSecretError(await failureOf(world.reconcile(all, { metadata })), 'corrupt')).toBe(true)
  })
})

describe('a version that the record does not keep', () => {
  it.each(flavours)('is reported by its id, each, once nothing is under way at its secret, and never destroyed: like %s', async flavour => {
    const world = new World(flavour)
    const { id } = await (await world.secrets()).create({ key: 'a', value: 'value-a' })
    const path = await world.path({ id })
    for (const at of [1, 2]) await world.put(path, `outside-${at}`)
    await world.reconcile(all)
    expect((await world.reconcile()).findings).toEqual([]) // what mends the drift is still queued
    await world.settle()
    for (let round = 0; round < 2; round += 1) {
      const { findings, report } = await world.reconcile(all)
      expect(findings.map(({ kind, key, version, repair }) => [kind, key, version, repair])).toEqual(
        ['2', '3'].map(version => ['stray', 'a', version, 'not_possible']),
      )
      expect(report.findings.stray).toBe(2)
      await world.settle()
    }
    expect(await world.values()).toEqual({ a: 'value-a' })
    for (const version of ['2', '3']) await world.outside.destroyVersion({ path, version: version as VersionId }, CALL)
    expect((await world.reconcile(all)).findings).toEqual([])
  })

  it('is not judged while it is young, or while a destruction of it waits', async () => {
    const world = new World('local')
    const secrets = await world.secrets({ policy: { keepVersions: 1 } })
    const { id } = await secrets.create({ key: 'a', value: 'value-1' })
    world.cloud.on('destroyVersion', fails({ retryable: false }))
    await secrets.update(id, { value: 'value-2' })
    expect((await world.reconcile()).report).toMatchObject({ skipped: 1, findings: { stray: 0 } })
    await world.settle()
    expect((await world.reconcile()).report).toMatchObject({ skipped: 0, findings: { stray: 0 } })
    const put = { path: await world.path({ id }), token: 'late', after: undefined, staged: true }
    await world.outside.append({ ...put, payload: { bytes: new TextEncoder().encode('outside-late'), text: true } }, CALL)
    expect((await world.reconcile({ graceMs: 60_000 })).report.findings.stray).toBe(0)
    expect(summaryOf(await world.reconcile())).toEqual(['stray a not_possible'])
  })

  it('of an old list alone is none', async () => {
    const world = new World('google')
    const { id } = await (await world.secrets()).create({ key: 'a', value: 'value-1' })
    const path = await world.path({ id })
    await world.put(path, 'outside-1')
    expect((await world.reconcile(all)).report.done).toBe(1)
    const old = await world.outside.versions({ path, after: undefined, page: undefined }, CALL)
    await world.outside.destroyVersion({ path, version: '2' as VersionId }, CALL)
    const always = { ...world.cloud.driver, versions: async () => old }
    expect((await world.reconcile({}, { driver: always })).findings).toEqual([])
    world.cloud.on('versions', async () => old)
    expect((await world.reconcile()).findings).toEqual([])
  })

  it('of what was adopted may be its owner’s', async () => {
    const world = new World('local')
    const path = 'theirs'
    await world.plant(path)
    await world.put(path as NativePath, 'outside-1')
    const adopted = await Array.fromAsync((await world.migrator()).adopt({ account: ACCOUNT, store: 'main' }))
    expect(adopted).toMatchObject([{ outcome: 'adopted', path }])
    expect((await world.reconcile()).findings).toEqual([])
  })
})

describe('a drift of a secret that has not its record’s labels', () => {
  /** The driver, and the labels that its list tells of every secret. */
  const labelled = (world: World, told: Readonly<Record<string, string>> | undefined): SecretDriver => ({
    ...world.cloud.driver,
    list: async (request, call) => {
      const page = await world.cloud.driver.list(request, call)
      return { ...page, items: page.items.map(item => ({ ...item, labels: told })) }
    },
  })
  const drift = async (flavour: (typeof flavours)[number]) => {
    const world = new World(flavour)
    const { id } = await (await world.secrets()).create({ key: 'a', value: 'value-a' })
    await world.put(await world.path({ id }), 'outside-a')
    return { world, id }
  }

  it.each(flavours)('is reported with what is to be set, and not written to, whatever the repair: like %s', async flavour => {
    for (const wrong of [{ owner: 'terraform' }, { 'strongroom-registry': 'other' }]) {
      const { world, id } = await drift(flavour)
      // Where a version has its own labels, an outsider's has none: there none at all says nothing.
      const isLetThrough = flavour === 'azure' && 'owner' in wrong
      const { findings } = await world.reconcile(all, { driver: labelled(world, wrong) })
      const repaired = isLetThrough ? 'done' : 'not_possible'
      expect(summaryOf({ findings })).toEqual([`drift a ${repaired}`, 'labels a not_possible'])
      if (isLetThrough) continue
      expect(findings.find(({ kind }) => kind === 'drift')?.reason).toContain(`strongroom-secret=${id}`)
      expect(world.cloud.count('append', 'promote')).toBe(0)
      expect((await world.metadata.references({ registry: 'main' }, {})).tasks).toBe(0)
    }
  })

  it('is mended where the store keeps no labels', async () => {
    const { world } = await drift('local')
    expect(summaryOf(await world.reconcile(all, { driver: labelled(world, undefined) }))).toEqual(['drift a queued'])
  })
})

describe('where secrets are looked for', () => {
  it('under the policy’s prefix, and under those that records were made under before', async () => {
    const world = new World()
    await (await world.secrets({ policy: { prefix: 'old/' } })).create({ key: 'a', value: 'value-a' })
    await (await world.secrets({ policy: { prefix: 'new/' } })).create({ key: 'b', value: 'value-b' })
    for (const prefix of ['old/', 'new/', 'next/', 'none/']) await world.plant(`${prefix}main-${freshId(1)}`, labels(freshId(1)))
    const found = await world.reconcile({}, { policy: { prefix: { main: 'next/' } } })
    expect(found.findings.map(({ path }) => path).toSorted()).toEqual(['new/', 'next/', 'old/'].map(prefix => `${prefix}main-${freshId(1)}`))
  })

  it('of nested prefixes each secret is looked at once', async () => {
    const world = new World()
    await (await world.secrets({ policy: { prefix: 'main-' } })).create({ key: 'a', value: 'value-a' })
    await (await world.secrets()).create({ key: 'b', value: 'value-b' })
    await world.plant(`main-main-${freshId(1)}`, labels(freshId(1)))
    const { findings, report } = await world.reconcile()
    expect(findings).toHaveLength(1)
    expect(report).toMatchObject({ records: 2, secrets: 3 })
  })

  it('page by page: no more is asked for than a page', async () => {
    const world = new World()
    const secrets = await world.secrets()
    for (let n = 0; n < 230; n += 1) await secrets.create({ key: `key-${n}`, value: 'value-x' })
    const limits: number[] = []
    const asked: number[] = []
    const metadata: MetadataStore = {
      ...world.metadata,
      scan: (request, call) => {
        limits.push(request.limit)
        return world.metadata.scan(request, call)
      },
      owners: (request, call) => {
        asked.push(request.paths.length)
        return world.metadata.owners(request, call)
      },
    }
    const { report } = await world.reconcile({}, { metadata })
    expect(report).toMatchObject({ records: 230, secrets: 230, skipped: 0 })
    expect(limits).toEqual([100, 100, 100])
    expect(Math.max(...asked)).toBeLessThanOrEqual(100)
  })
})

it.each<readonly [string, unknown]>([
  ['an unknown option', { nonsense: 1 }],
  ['a repair that there is not', { repair: ['dangling'] }],
  ['a repair as text', { repair: 'orphan' }],
  ['graceMs -1', { graceMs: -1 }],
  ['onProgress text', { onProgress: MARKER }],
  ['graceMs text', { graceMs: MARKER }],
  ['a store as a number', { store: 7 }],
  ['a signal that is none', { signal: 'no' }],
])('reconcile refuses %s', async (_, options) => {
  const world = new World()
  expect(isSecretError(await failureOf(runOf(await world.migrator(), options as never)), 'invalid_argument')).toBe(true)
})

it('a store that it was not given is `misconfigured`', async () => {
  const world = new World()
  expect(isSecretError(await failureOf(world.reconcile({ store: 'other' })), 'misconfigured')).toBe(true)
})

it.each(onPromote)('on a backend like %s a value is never put again: the label is moved by the queue', async flavour => {
  const world = new World(flavour)
  const { id } = await (await world.secrets()).create({ key: 'a', value: 'value-a' })
  await world.put(await world.path({ id }), 'outside-a')
  await world.reconcile(all)
  expect(world.cloud.count('append', 'promote')).toBe(0)
  await world.settle()
  expect(world.cloud.count('append')).toBe(0)
  expect(await world.current(await world.path({ id }))).toBe('value-a')
})

it('a label that an outsider moved back is mended although a destruction waits for it', async () => {
  const world = new World('local')
  const secrets = await world.secrets({ policy: { keepVersions: 1 } })
  const { id } = await secrets.create({ key: 'k', value: 'first' })
  world.cloud.on('destroyVersion', fails({ retryable: false }))
  await secrets.update(id, { value: 'second' })
  const path = await world.path({ id })
  await world.outside.promote({ path, version: '1' as VersionId, from: '2' as VersionId }, CALL)
  const registry = await world.registry()
  for (let pass = 0; pass < 3; pass += 1) {
    world.later(3_600_000)
    await registry.maintain()
  }
  expect((await Array.fromAsync(registry.pending())).map(({ task, code }) => [task, code])).toEqual([['destroy_version', 'conflict']])
  world.later(3_600_000)
  expect(summaryOf(await world.reconcile({ repair: ['drift'], graceMs: 0 }))).toEqual(['drift k queued'])
  await world.settle()
  expect(summaryOf(await world.reconcile({ graceMs: 0 }))).toEqual([])
  expect((await world.outside.read({ path, version: undefined }, CALL)).version).toBe('2')
})
