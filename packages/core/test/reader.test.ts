import { createSecretStore } from '@strongroom/core'
import { describe, expect, it } from 'vitest'
import { ACCOUNT, ACTOR, POLICY, RegistryWorld } from './support/registry-world.ts'
import { failureOf, fails } from './support/scripted.ts'

async function open(keepVersions = 2) {
  const world = new RegistryWorld()
  const registry = await world.registry({ policy: { ...POLICY, keepVersions } })
  const secrets = registry.account(ACCOUNT, ACTOR)
  const { id } = await secrets.create({ key: 'k', value: 'first', description: 'd' })
  world.cloud.calls.length = 0
  return { world, registry, secrets, id, values: await world.values() }
}

describe('reading by pointer', () => {
  it('reads exactly the committed version, by id and by key, and gives no pointer out', async () => {
    const { world, id, values } = await open()
    for (const reference of [{ id }, { key: 'k' }]) {
      const { record, value } = await values.read(reference)
      expect(value.revealText()).toBe('first')
      expect(record).toMatchObject({ id, key: 'k', description: 'd', revision: 1 })
      expect(record).not.toHaveProperty('pointer')
      expect(record).not.toHaveProperty('versions')
    }
    expect(world.cloud.calls.map(({ request }) => request['version'])).toEqual(['1', '1'])
  })

  it('does not see what others put at the path', async () => {
    const { world, id, values } = await open()
    const { path } = (await world.stored(id)).pointer
    await createSecretStore(world.cloud.memory, { naming: 'native' }).put(path, 'someone else’s')
    expect((await values.read({ id })).value.revealText()).toBe('first')
  })

  it('holds a pointer through one update, also when upkeep has run', async () => {
    const { world, registry, secrets, id, values } = await open()
    world.cloud.on('read', async act => {
      await secrets.update(id, { value: 'second' })
      world.now += 3_600_000
      expect(await registry.maintain()).toMatchObject({ backlog: 0 })
      return await act()
    })
    const { record, value } = await values.read({ id })
    expect([value.revealText(), record.revision]).toEqual(['first', 1])
    expect(world.cloud.count('read')).toBe(1)
    expect((await values.read({ id })).value.revealText()).toBe('second')
  })

  it('follows a pointer that moved while it read', async () => {
    const { world, registry, secrets, id, values } = await open(1)
    world.cloud.on('read', async act => {
      await secrets.update(id, { value: 'second' })
      world.now += 3_600_000
      await registry.maintain() // destroys the version before
      return await act()
    })
    const { record, value } = await values.read({ id })
    expect(value.revealText()).toBe('second')
    expect(record.revision).toBe(2)
    expect(world.cloud.count('read')).toBe(2)
  })

  it('says conflict, to be repeated, when the pointer moves again while it follows', async () => {
    const { world, registry, secrets, id, values } = await open(1)
    const moved = async (act: () => Promise<unknown>): Promise<unknown> => {
      await secrets.update(id, { value: 'another' })
      world.now += 3_600_000
      await registry.maintain()
      return await act()
    }
    world.cloud.on('read', moved, moved)
    expect(await failureOf(values.read({ id }))).toMatchObject({ code: 'conflict', retryable: true, effect: 'none' })
    expect((await values.read({ id })).value.revealText()).toBe('another')
  })

  it('records which secret was read, by key too', async () => {
    const { world, id, values } = await open()
    await values.read({ key: 'k' })
    const reads = (await world.trail()).filter(({ action }) => action === 'secret.read_value')
    expect(reads).toMatchObject([{ outcome: 'ok', secret: id, key: 'k' }])
  })

  it('says corrupt when the version is gone and the pointer has not moved', async () => {
    const { world, id, values } = await open()
    world.cloud.on('read', fails({ code: 'not_found', retryable: false }))
    expect(await failureOf(values.read({ id }))).toMatchObject({ code: 'corrupt', effect: 'none' })
    expect(world.cloud.count('read')).toBe(1)
  })

  it('passes a version that was made unusable on as that', async () => {
    const { world, id, values } = await open()
    world.cloud.on('read', fails({ code: 'version_unusable', retryable: false }))
    expect(await failureOf(values.read({ id }))).toMatchObject({ code: 'version_unusable' })
  })

  it('says not_found when the record is deleted while it reads', async () => {
    const { world, secrets, id, values } = await open()
    world.cloud.on('read', async act => (await secrets.delete(id), await act()))
    expect(await failureOf(values.read({ id }))).toMatchObject({ code: 'not_found' })
  })

  it('says misconfigured for a record in a store that it was not given', async () => {
    const { world, id } = await open()
    const find = world.metadata.find.bind(world.metadata)
    Object.assign(world.metadata, {
      find: async (...parameters: Parameters<typeof find>) => {
        const found = await find(...parameters)
        return found === undefined ? undefined : { ...found, pointer: { ...found.pointer, store: 'added-since' } }
      },
    })
    expect(await failureOf((await world.values()).read({ id }))).toMatchObject({ code: 'misconfigured', store: 'added-since' })
    expect(world.cloud.count()).toBe(0)
  })

  it('gives nothing out whose audit entry could not be written', async () => {
    const { world, id } = await open()
    Object.assign(world.metadata, { appendAudit: () => Promise.reject(new Error('disk')) })
    let bytes = new Uint8Array()
    world.cloud.on('read', async act => {
      const answer = (await act()) as { payload: { bytes: Uint8Array<ArrayBuffer> } }
      bytes = answer.payload.bytes
      return answer
    })
    expect(String(await failureOf((await world.values()).read({ id })))).not.toContain('first')
    expect([...bytes]).toEqual([0, 0, 0, 0, 0])
    expect((await world.trail()).filter(({ action }) => action === 'secret.read_value')).toEqual([])
  })

  it('cannot write to a store, whatever it is asked', async () => {
    const { world, id, values } = await open()
    await values.read({ id })
    await failureOf(values.read({ key: 'other' }))
    expect(new Set(world.cloud.methods)).toEqual(new Set(['read']))
  })
})
