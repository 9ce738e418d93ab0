import { randomUUID } from 'node:crypto'
import type { SecretRecord, VersionId } from '@strongroom/core'
import { aText, equal, expectRefused, includes } from '../expect.ts'
import type { MetadataCase } from '../metadata-case.ts'
import { ACCOUNT, ALICE, committed, LEASE, newId, OTHER_ACCOUNT, OTHER_REGISTRY, path, REGISTRY, ROBOT, version, type World } from '../world.ts'

const placeOf = ({ id }: SecretRecord) => ({ store: 'main', path: path(`path-${id}`) })

const keptOf = async (world: World, { id }: SecretRecord): Promise<readonly VersionId[] | undefined> =>
  (await world.find(id))?.versions.map(kept => kept.version)

export const retention: readonly MetadataCase[] = [
  {
    id: 'retention/keeps-the-last-versions',
    title: 'keeps the versions committed last, and says of each when and by whom',
    async run(world) {
      const record = await world.create()
      const first = { version: 'v1', revision: 1, committedAt: new Date(world.now), committedBy: ALICE }
      world.wait(1)
      await world.update(record, 'v2', 3)
      const second = { version: 'v2', revision: 2, committedAt: new Date(world.now), committedBy: ROBOT }
      includes(await world.find(record.id), { pointer: { version: 'v2' }, versions: [second, first] })
      world.wait(1)
      await world.describe(record, 'of a description there are no versions')
      includes(await world.find(record.id), { revision: 3, versions: [second, first] })
      world.wait(1)
      await world.update(record, 'v3', 2)
      const third = { version: 'v3', revision: 4, committedAt: new Date(world.now), committedBy: ROBOT }
      includes(await world.find(record.id), { pointer: { version: 'v3' }, versions: [third, second] })
      const intent = await world.beginUpdate(record)
      await expectRefused(world.commitUpdate(intent, 'v4', [], 0), 'invalid_argument')
      await expectRefused(world.commitUpdate(intent, 'v4', [], 1.5), 'invalid_argument')
      includes(await world.find(record.id), { pointer: { version: 'v3' }, versions: [third, second] })
    },
  },
  {
    id: 'retention/what-falls-out-is-destroyed',
    title: 'queues the destruction of each version that is kept no longer, behind what the commit queues, and of no other',
    async run(world) {
      const record = await world.create()
      const at = placeOf(record)
      for (const to of ['v2', 'v3', 'v4']) await world.update(record, to, 4)
      includes(await world.references(), { tasks: 0 })
      await world.commitUpdate(await world.beginUpdate(record), 'v5', [{ ...at, task: 'promote', version: version('v5') }], 2)
      equal(await keptOf(world, record), ['v5', 'v4'])
      const destroyed = { ...at, task: 'destroy_version', account: ACCOUNT, secret: record.id, token: undefined, attempts: 1 }
      includes(await world.claim(), [
        { ...at, task: 'promote', version: 'v5' },
        { ...destroyed, version: 'v3' },
        { ...destroyed, version: 'v2' },
        { ...destroyed, version: 'v1' },
      ])
      await world.update(record, 'v6', 1)
      includes(await world.claim(), [
        { task: 'destroy_version', version: 'v5' },
        { task: 'destroy_version', version: 'v4' },
      ])
    },
  },
  {
    id: 'retention/what-is-replaced-falls-out-first',
    title: 'drops the version whose value is put again, before any other, and has it destroyed',
    async run(world) {
      const record = await world.create()
      for (const to of ['v2', 'v3']) await world.update(record, to, 3)
      const replace = async (to: string, replaces: string): Promise<void> => {
        const intent = await world.beginUpdate(record, undefined, version(replaces))
        equal(intent.replaces, version(replaces))
        committed(await world.commitUpdate(intent, to, [], 3))
      }
      const destroyed = async () => (await world.claim()).map(({ task, version: gone }) => `${task} ${gone}`)
      await replace('v4', 'v3')
      equal(await keptOf(world, record), ['v4', 'v2', 'v1'])
      equal(await destroyed(), ['destroy_version v3'])
      await replace('v5', 'v1')
      equal(await keptOf(world, record), ['v5', 'v4', 'v2'])
      equal(await destroyed(), ['destroy_version v1'])
      await replace('v6', 'v9')
      equal(await keptOf(world, record), ['v6', 'v5', 'v4'])
      equal(await destroyed(), ['destroy_version v2'])
    },
  },
  {
    id: 'retention/recovery-knows-what-is-replaced',
    title: 'drops the version whose value is put again, also where recovery commits the update',
    async run(world) {
      const record = await world.create()
      for (const to of ['v2', 'v3']) await world.update(record, to, 3)
      await world.beginUpdate(record, undefined, version('v3'))
      world.wait(LEASE)
      const claimed = await world.store.claimExpiredIntents({ registry: REGISTRY, store: 'main', limit: 9, leaseMs: LEASE }, {})
      includes(claimed, [{ replaces: 'v3', recoveries: 1 }])
      const [intent] = claimed
      if (intent === undefined) throw new Error('nothing was claimed')
      committed(await world.commitUpdate(intent, 'v4', [], 3))
      equal(await keptOf(world, record), ['v4', 'v2', 'v1'])
    },
  },
  {
    id: 'retention/what-is-kept-is-not-destroyed',
    title: 'cancels what would destroy a kept version, until it is kept no longer',
    async run(world) {
      const record = await world.create()
      const at = placeOf(record)
      await world.update(record, 'v2', 2)
      const plan = ['v1', 'v2', 'v9'].map(named => ({ ...at, task: 'destroy_version', version: version(named) }) as const)
      await world.enqueue(...plan)
      equal(
        (await world.claim()).map(entry => entry.version),
        ['v9'],
      )
      includes(await world.references(), { tasks: 1 })
      await world.update(record, 'v3', 2)
      equal(
        (await world.claim()).map(entry => entry.version),
        ['v1'],
      )
    },
  },
  {
    id: 'retention/owners-name-what-is-kept',
    title: 'names with a path’s owner all versions that it keeps',
    async run(world) {
      const record = await world.create()
      await world.update(record, 'v2')
      await world.update(record, 'v3')
      const { store, path: at } = placeOf(record)
      equal(await world.store.owners({ registry: REGISTRY, store, paths: [at] }, {}), [
        {
          path: at,
          row: { account: ACCOUNT, secret: record.id, version: 'v3', kept: ['v3', 'v2', 'v1'] },
          intents: 0,
          tasks: 0,
          destroys: 0,
          purges: 0,
        },
      ])
    },
  },
  {
    id: 'retention/rollback-moves-the-pointer',
    title: 'rolls back to a kept version, which comes first then, as a change of its own',
    async run(world) {
      const record = await world.create({ description: 'stays' })
      await world.update(record, 'v2', 3)
      await world.update(record, 'v3', 3)
      world.wait(7)
      await expectRefused(world.rollback(record, 'v1', { ifRevision: 2 }), 'conflict')
      await expectRefused(world.rollback(record, 'v9'), 'not_found')
      await expectRefused(world.rollback({ ...record, id: newId() }, 'v1'), 'not_found')
      await expectRefused(world.rollback(record, 'v1', { account: OTHER_ACCOUNT }), 'not_found')
      await expectRefused(world.rollback(record, 'v1', { registry: OTHER_REGISTRY }), 'not_found')
      await expectRefused(world.rollback(record, 'v1', { claimMs: Number.NaN }), 'invalid_argument')
      equal(await keptOf(world, record), ['v3', 'v2', 'v1'])
      const token = randomUUID()
      const changed = { ...record, updatedAt: new Date(world.now), updatedBy: ROBOT.id, revision: 4 }
      equal(await world.rollback(record, 'v1', { ifRevision: 3, token }), { state: 'done', record: changed, claimed: [] })
      includes(await world.find(record.id), {
        ...changed,
        pointer: { ...placeOf(record), version: 'v1' },
        versions: [
          { version: 'v1', revision: 4, committedAt: new Date(world.now), committedBy: ROBOT },
          { version: 'v3', revision: 3 },
          { version: 'v2', revision: 2 },
        ],
      })
      includes((await world.audit()).at(-1), {
        actor: ROBOT,
        action: 'secret.rollback',
        outcome: 'ok',
        secret: record.id,
        key: record.key,
        operationId: token,
      })
      const next = await world.beginUpdate(record)
      equal(next.base, { version: 'v1', revision: 4 })
      await world.commitUpdate(next, 'v4', [], 2)
      equal(await keptOf(world, record), ['v4', 'v1'])
      includes(await world.claim(), [
        { task: 'destroy_version', version: 'v3' },
        { task: 'destroy_version', version: 'v2' },
      ])
    },
  },
  {
    id: 'retention/rollback-again-answers-the-row',
    title: 'answers a repeated rollback with the row as it is now',
    async run(world) {
      const record = await world.create()
      await world.update(record, 'v2')
      const once = { token: randomUUID(), ifRevision: 2, claimMs: LEASE }
      const first = await world.rollback(record, 'v1', once)
      if (first.state !== 'done') throw new Error(first.state)
      equal(first.claimed.length, 1)
      equal(await world.rollback(record, 'v1', once), { ...first, claimed: [] })
      await world.update(record, 'v3', 1)
      includes(await world.rollback(record, 'v1', once), { state: 'done', record: { revision: 4 }, claimed: [] })
      includes(await world.find(record.id), { pointer: { version: 'v3' } })
      await world.delete(record)
      await expectRefused(world.rollback(record, 'v1', once), 'not_found')
      equal(
        (await world.audit()).map(({ action }) => action),
        ['secret.create', 'secret.update', 'secret.rollback', 'secret.update', 'secret.delete'],
      )
    },
  },
  {
    id: 'retention/rollback-to-where-it-is',
    title: 'changes nothing where the pointer is there already, and records that it was asked to',
    async run(world) {
      const record = await world.create()
      await world.update(record, 'v2')
      const before = await world.find(record.id)
      world.wait(5)
      includes(await world.rollback(record, 'v2', { claimMs: LEASE }), { state: 'done', record: { revision: 2 }, claimed: [] })
      equal(await world.find(record.id), before)
      includes(await world.references(), { tasks: 0 })
      includes((await world.audit()).at(-1), { action: 'secret.rollback', outcome: 'ok', secret: record.id })
    },
  },
  {
    id: 'retention/rollback-waits-for-an-intent',
    title: 'is busy while the record has an intent, and says when its lease is over',
    async run(world) {
      const record = await world.create()
      await world.update(record, 'v2')
      const intent = await world.beginUpdate(record)
      equal(await world.rollback(record, 'v1'), { state: 'busy', intent: intent.id, expired: false })
      await expectRefused(world.rollback(record, 'v1', { ifRevision: 7 }), 'conflict')
      world.wait(LEASE)
      equal(await world.rollback(record, 'v1'), { state: 'busy', intent: intent.id, expired: true })
      includes(await world.find(record.id), { revision: 2, pointer: { version: 'v2' } })
      await world.abandon(intent)
      includes(await world.rollback(record, 'v1'), { state: 'done', record: { revision: 3 } })
    },
  },
  {
    id: 'retention/rollback-cancels-the-destruction',
    title: 'cancels what is queued to destroy the version, and refuses while somebody is at it',
    async run(world) {
      const record = await world.create()
      const at = placeOf(record)
      await world.update(record, 'v2')
      const destroy = { ...at, task: 'destroy_version', version: version('v1') } as const
      await world.enqueue({ ...destroy, claimMs: LEASE })
      await expectRefused(world.rollback(record, 'v1'), 'conflict')
      includes(await world.find(record.id), { revision: 2, pointer: { version: 'v2' } })
      world.wait(LEASE)
      await world.enqueue(destroy, { ...destroy, version: version('v9') }, { ...destroy, store: 'second' })
      includes(await world.references(), { tasks: 4 })
      includes(await world.rollback(record, 'v1'), { state: 'done', record: { revision: 3 } })
      equal(
        (await world.claim()).map(({ store, version: named }) => [store, named]),
        [
          ['main', 'v9'],
          ['second', 'v1'],
        ],
      )
      await world.enqueue({ ...at, task: 'purge_path' })
      await expectRefused(world.rollback(record, 'v2'), 'conflict')
    },
  },
  {
    id: 'retention/rollback-queues-the-promote',
    title: 'queues the promote of what it moved to, claimed by the caller, where it is asked to',
    async run(world) {
      const record = await world.create()
      await world.update(record, 'v2')
      includes(await world.rollback(record, 'v1', { claimMs: LEASE }), {
        claimed: [{ ...placeOf(record), id: aText, task: 'promote', account: ACCOUNT, secret: record.id, version: 'v1', attempts: 1, claim: aText }],
      })
      equal(await world.claim(), [])
      includes(await world.rollback(record, 'v2'), { claimed: [] })
      includes(await world.references(), { tasks: 1 })
      world.wait(LEASE)
      includes(await world.claim(), [{ task: 'promote', version: 'v1', attempts: 2 }])
    },
  },
]
