import { SecretError, type DriverVersion, type SecretId, type VersionId } from '@strongroom/core'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ACCOUNT, ACTOR, POLICY, RegistryWorld } from './support/registry-world.ts'
import { failureOf, fails } from './support/scripted.ts'
import { FLAVOURS } from './support/tracked.ts'

beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(0))

const HOUR = 3_600_000
const flavours = Object.keys(FLAVOURS) as (keyof typeof FLAVOURS)[]
const v = (version: string): VersionId => version as VersionId

/** A secret with the values `first` and `second`, of which the last is committed. */
async function open(flavour: keyof typeof FLAVOURS = 'local', keepVersions = 2) {
  const world = new RegistryWorld(FLAVOURS[flavour])
  const registry = await world.registry({ policy: { ...POLICY, keepVersions } })
  const secrets = registry.account(ACCOUNT, ACTOR)
  const { id } = await secrets.create({ key: 'k', value: 'first', description: 'stays' })
  world.now += 1_000
  await secrets.update(id, { value: 'second' })
  await registry.maintain()
  world.cloud.calls.length = 0
  const read = async (): Promise<string> => (await (await world.values()).read({ id })).value.revealText()
  return { world, registry, secrets, id, read }
}

const keptOf = async (world: RegistryWorld, id: SecretId): Promise<readonly string[]> =>
  (await world.stored(id)).versions.map(({ version }) => version)

describe('versions', () => {
  it('are listed without a call to the cloud, the last committed first', async () => {
    const { world, secrets, id } = await open()
    const changed = await secrets.update(id, { description: 'of this there is no version' })
    expect(await secrets.versions(id)).toEqual([
      { version: '2', revision: 2, committedAt: new Date(world.now), committedBy: ACTOR, committed: true },
      { version: '1', revision: 1, committedAt: changed.createdAt, committedBy: ACTOR, committed: false },
    ])
    expect(world.cloud.count()).toBe(0)
    expect((await world.trail()).at(-1)).toMatchObject({ action: 'secret.versions', outcome: 'ok', secret: id })
    expect(await failureOf(secrets.versions('0198a000-0000-7000-8000-000000000000' as SecretId))).toMatchObject({ code: 'not_found' })
  })

  it.each([1, 2, 3, 5])('are as many as the policy says: %i', async keepVersions => {
    const { world, registry, secrets, id } = await open('local', keepVersions)
    for (const value of ['3', '4', '5', '6']) {
      await secrets.update(id, { value })
      await registry.maintain()
    }
    const kept = ['6', '5', '4', '3', '2', '1'].slice(0, keepVersions)
    expect(await keptOf(world, id)).toEqual(kept)
    const usable = (await world.versions(id)).filter(version => version.includes('usable')).map(version => version.slice(0, 1))
    expect(usable.toReversed()).toEqual(kept)
    expect(await registry.maintain()).toMatchObject({ backlog: 0 })
  })

  it('fall out together when fewer are kept than before', async () => {
    const { world, secrets, id } = await open('local', 5)
    await secrets.update(id, { value: 'third' })
    const thrifty = await world.registry({ policy: { ...POLICY, keepVersions: 1 } })
    await thrifty.account(ACCOUNT, ACTOR).update(id, { value: 'fourth' })
    expect(await thrifty.maintain()).toMatchObject({ destroyed: 3, backlog: 0 })
    expect(await world.versions(id)).toEqual(['1 destroyed', '2 destroyed', '3 destroyed', '4 usable current'])
  })

  it.each([0, 21, 1.5, '2', null])('are from 1 to 20: %o is refused', async keepVersions => {
    const world = new RegistryWorld()
    expect(await failureOf(world.registry({ policy: { ...POLICY, keepVersions: keepVersions as number } }))).toMatchObject({
      code: 'invalid_argument',
    })
  })

  it('are as many after recovery has finished an update', async () => {
    const { world, registry, secrets, id } = await open('aws')
    world.cloud.on('append', async act => (await act(), Promise.reject(fails({ effect: 'unknown' })))).on('versions', fails(), fails())
    expect(await failureOf(secrets.update(id, { value: 'third' }))).toMatchObject({ effect: 'unknown' })
    world.now += 1_001
    expect(await registry.maintain()).toMatchObject({ recovered: 1, promoted: 1, destroyed: 1 })
    expect(await keptOf(world, id)).toEqual(['3', '2'])
    expect(await world.versions(id)).toEqual(['1 destroyed', '2 usable', '3 usable current'])
  })
})

describe('rollback', () => {
  it.each(flavours)('makes the old value the committed one on a backend like %s, and says who follows', async flavour => {
    const { world, registry, secrets, id, read } = await open(flavour)
    world.now += 1_000
    const { record, outsiders } = await secrets.rollback(id, v('1'), { ifRevision: 2 })
    const follows = world.cloud.driver.capabilities.current === 'on_promote'
    expect(outsiders).toBe(follows ? 'follow' : 'see_newest')
    expect(record).toMatchObject({ revision: 3, description: 'stays', updatedBy: ACTOR.id, updatedAt: new Date(world.now) })
    expect(record).not.toHaveProperty('pointer')
    expect(world.cloud.methods).toEqual(follows ? ['versions', 'promote'] : ['versions'])
    expect(await read()).toBe('first')
    expect(await world.versions(id)).toEqual(follows ? ['1 usable current', '2 usable'] : ['1 usable', '2 usable current'])
    expect(await secrets.versions(id)).toMatchObject([
      { version: '1', revision: 3, committedAt: new Date(world.now), committed: true },
      { version: '2', revision: 2, committed: false },
    ])
    expect((await world.trail()).filter(({ action }) => action === 'secret.rollback')).toMatchObject([{ outcome: 'ok', secret: id, key: 'k' }])
    world.now += HOUR
    expect(await registry.maintain()).toMatchObject({ destroyed: 0, backlog: 0 })
    expect(await read()).toBe('first')

    expect(await secrets.rollback(id, v('2')), 'and forward again').toMatchObject({ outsiders: 'follow', record: { revision: 4 } })
    expect(await read()).toBe('second')
    expect((await world.versions(id))[1]).toBe('2 usable current')
  })

  it.each(flavours)('is followed by updates as usual on a backend like %s', async flavour => {
    const { world, registry, secrets, id, read } = await open(flavour)
    await secrets.rollback(id, v('1'))
    await secrets.update(id, { value: 'third' })
    world.now += HOUR
    expect(await registry.maintain()).toMatchObject({ destroyed: 1, backlog: 0 })
    expect(await read()).toBe('third')
    expect(await keptOf(world, id)).toEqual(['3', '1'])
    const [first, second, third] = await world.versions(id)
    expect([first, third]).toEqual(['1 usable', '3 usable current'])
    expect(second).toMatch(/^2 (destroyed|disabled)$/)
  })

  it('finds the version of a later update that died, though the one before it is not the newest', async () => {
    const { world, registry, secrets, id, read } = await open('aws')
    await secrets.rollback(id, v('1'))
    world.cloud.on('append', async act => (await act(), Promise.reject(fails({ effect: 'unknown' })))).on('versions', fails(), fails())
    expect(await failureOf(secrets.update(id, { value: 'third' }))).toMatchObject({ effect: 'unknown' })
    world.now += 1_001
    expect(await registry.maintain()).toMatchObject({ recovered: 1 })
    expect(await read()).toBe('third')
  })

  it('to the committed version changes nothing, and is recorded', async () => {
    const { world, secrets, id } = await open('vault')
    const before = await world.stored(id)
    expect(await secrets.rollback(id, v('2'))).toMatchObject({ outsiders: 'follow', record: { revision: 2 } })
    expect(await world.stored(id)).toEqual(before)
    expect((await world.trail()).at(-1)).toMatchObject({ action: 'secret.rollback', outcome: 'ok' })
    await secrets.rollback(id, v('1'))
    expect(await secrets.rollback(id, v('1')), 'the newest is another').toMatchObject({ outsiders: 'see_newest', record: { revision: 3 } })
  })

  it('does not say that outsiders follow when another change came between its look and its commit', async () => {
    const { world, registry, secrets, id } = await open('google')
    world.cloud.on('versions', async act => {
      const answer = await act()
      await registry.account(ACCOUNT, ACTOR).update(id, { value: 'third' })
      return answer
    })
    expect(await secrets.rollback(id, v('2'))).toMatchObject({ outsiders: 'see_newest', record: { revision: 4 } })
  })

  it('refuses a version that is not kept, with no call to the cloud', async () => {
    const { world, secrets, id } = await open()
    await secrets.update(id, { value: 'third' })
    world.cloud.calls.length = 0
    for (const version of ['1', '99']) {
      const error = await failureOf(secrets.rollback(id, v(version)))
      expect(error).toMatchObject({ code: 'not_found', effect: 'none', retryable: false, operation: 'registry.rollback' })
      expect(String(error)).toContain('does not keep that version')
    }
    expect(world.cloud.count()).toBe(0)
    expect((await world.stored(id)).pointer.version).toBe('3')
    expect((await world.trail()).at(-1)).toMatchObject({ action: 'secret.rollback', outcome: 'failed', code: 'not_found' })
    expect(await failureOf(secrets.rollback('0198a000-0000-7000-8000-000000000000' as SecretId, v('1')))).toMatchObject({ code: 'not_found' })
    for (const bad of ['', 7, undefined, 'x'.repeat(257), 'a\nb']) {
      expect(await failureOf(secrets.rollback(id, bad as never))).toMatchObject({ code: 'invalid_argument' })
    }
  })

  it.each(['google', 'azure', 'vault', 'local'] as const)(
    'refuses a version that somebody destroyed on a backend like %s, and changes nothing',
    async flavour => {
      const { world, secrets, id, read } = await open(flavour)
      const before = await world.stored(id)
      await world.cloud.memory.destroyVersion({ path: before.pointer.path, version: v('1') }, { signal: new AbortController().signal, attempt: 1 })
      expect(await failureOf(secrets.rollback(id, v('1')))).toMatchObject({
        code: 'version_unusable',
        effect: 'none',
        retryable: false,
        secretName: 'k',
      })
      expect(await world.stored(id)).toEqual(before)
      expect((await world.trail()).at(-1)).toMatchObject({ action: 'secret.rollback', outcome: 'failed', code: 'version_unusable' })
      expect(await read()).toBe('second')
    },
  )

  it('refuses a version that the backend has pruned, and says corrupt of a secret that is gone', async () => {
    const { world, secrets, id } = await open('vault')
    world.cloud.on('versions', async act => {
      const page = (await act()) as { items: readonly DriverVersion[]; next: undefined }
      return { ...page, items: page.items.filter(({ version }) => version !== '1') }
    })
    expect(await failureOf(secrets.rollback(id, v('1')))).toMatchObject({ code: 'version_unusable', effect: 'none' })
    world.cloud.on('versions', fails({ code: 'not_found', retryable: false }))
    expect(await failureOf(secrets.rollback(id, v('1')))).toMatchObject({ code: 'corrupt', effect: 'none' })
    world.cloud.on('versions', fails(), fails())
    expect(await failureOf(secrets.rollback(id, v('1')))).toMatchObject({ code: 'unavailable', effect: 'none', retryable: true })
    expect((await world.stored(id)).pointer.version).toBe('2')
  })

  it('tells of a change that came while it looked, and not of a secret or a version that is lost', async () => {
    const { world, registry, secrets, id } = await open('vault')
    const others = (await world.registry()).account(ACCOUNT, { id: 'other', type: 'user' })
    world.cloud.on('versions', async act => {
      await others.update(id, { value: 'third' })
      await registry.maintain()
      return await act()
    })
    const fallen = await failureOf(secrets.rollback(id, v('1')))
    expect(fallen).toMatchObject({ code: 'not_found', effect: 'none' })
    expect(String(fallen)).toContain('does not keep that version')
    world.cloud.on('versions', async act => {
      await others.delete(id)
      return await act()
    })
    expect(await failureOf(secrets.rollback(id, v('2')))).toMatchObject({ code: 'not_found', effect: 'none' })
    expect((await world.trail()).at(-1)).toMatchObject({ action: 'secret.rollback', outcome: 'failed', code: 'not_found' })
  })

  it('takes a kept version that only lost its labels, where destruction detaches', async () => {
    const { world, secrets, id, read } = await open('aws', 3)
    await secrets.update(id, { value: 'third' })
    // As AWS tells of one that is neither current nor the one before.
    world.cloud.on('versions', async act => {
      const page = (await act()) as { items: readonly DriverVersion[]; next: undefined }
      return { ...page, items: page.items.map(item => (item.version === '1' ? { ...item, state: 'destroyed' } : item)) }
    })
    expect(await secrets.rollback(id, v('1'))).toMatchObject({ outsiders: 'follow' })
    expect(await read()).toBe('first')
    expect((await world.versions(id))[0]).toBe('1 usable current')
  })

  it('waits for a write under way, and gives up at its deadline with nothing changed', async () => {
    const { world, secrets, id } = await open()
    const begun = await world.metadata.beginUpdate(
      { registry: 'main', account: ACCOUNT, secret: id, description: undefined, ifRevision: undefined, actor: ACTOR, token: 't', leaseMs: HOUR },
      {},
    )
    if (begun.state !== 'begun') throw new Error(begun.state)
    expect(await failureOf(secrets.rollback(id, v('1')))).toMatchObject({ code: 'conflict', retryable: true, effect: 'none' })
    const waiting = secrets.rollback(id, v('1'))
    await world.metadata.abandon({ registry: 'main', intent: begun.intent.id, account: ACCOUNT, token: 't', code: 'aborted', enqueue: [] }, {})
    expect(await waiting).toMatchObject({ record: { revision: 3 } })
  })

  it('compares the revision', async () => {
    const { world, secrets, id } = await open()
    expect(await failureOf(secrets.rollback(id, v('1'), { ifRevision: 1 }))).toMatchObject({ code: 'conflict', effect: 'none' })
    expect((await world.stored(id)).pointer.version).toBe('2')
  })

  it('answers what happened when the database’s answer was lost', async () => {
    const { world, secrets, id } = await open()
    const commit = world.metadata.commitRollback.bind(world.metadata)
    let lost = 0
    Object.assign(world.metadata, {
      commitRollback: async (...parameters: Parameters<typeof commit>) => {
        const answer = await commit(...parameters)
        lost += 1
        if (lost === 1) throw new SecretError({ code: 'unavailable', retryable: true, effect: 'unknown', operation: 'metadata.test' })
        return answer
      },
    })
    expect(await secrets.rollback(id, v('1'), { ifRevision: 2 })).toMatchObject({ record: { revision: 3 } })
    expect(lost).toBe(2)
    expect((await world.trail()).filter(({ action }) => action === 'secret.rollback')).toHaveLength(1)
  })

  it('whose label could not be moved is promoted by a pass', async () => {
    const { world, registry, secrets, id, read } = await open('aws')
    world.cloud.on('promote', fails(), fails())
    expect(await secrets.rollback(id, v('1'))).toMatchObject({ outsiders: 'follow' })
    expect(await world.versions(id)).toEqual(['1 usable', '2 usable current'])
    expect(await read()).toBe('first')
    world.now += HOUR
    expect(await registry.maintain()).toMatchObject({ promoted: 1, backlog: 0 })
    expect(await world.versions(id)).toEqual(['1 usable current', '2 usable'])
  })

  it('moves the label from where it is, also when the last update’s never arrived', async () => {
    const { world, registry, secrets, id } = await open('aws')
    world.cloud.on('promote', fails(), fails())
    await secrets.update(id, { value: 'third' })
    expect(await world.versions(id)).toEqual(['1 usable', '2 usable current', '3 usable'])
    expect(await secrets.rollback(id, v('2'))).toMatchObject({ outsiders: 'follow' })
    world.now += HOUR
    await registry.maintain()
    world.now += HOUR
    expect(await registry.maintain()).toMatchObject({ backlog: 0 })
    expect(await world.versions(id)).toEqual(['1 destroyed', '2 usable current', '3 usable'])
  })
})
