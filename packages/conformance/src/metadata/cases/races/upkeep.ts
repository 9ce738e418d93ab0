import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { RepairRequest } from '@strongroom/core'
import { equal, includes } from '../../expect.ts'
import type { MetadataCase } from '../../metadata-case.ts'
import { answersOf, count, race, WRITERS } from '../../race.ts'
import { ACCOUNT, LEASE, newId, OTHER_ACCOUNT, path, REGISTRY, ROBOT, type World } from '../../world.ts'
import { asked } from '../requests.ts'

/** Of what is left, each piece is taken up by one of many. */
export const upkeep: readonly MetadataCase[] = [
  {
    id: 'races/requests-are-forgotten-once',
    title: 'what has expired is forgotten once, by many at once, while it is asked for again',
    async run(world) {
      const record = await world.create()
      const request = (at: number) => asked(`r-${at}`, 'it', 1000)
      for (let made = 0; made < 12; made += 1) await world.describe(record, 'x', { request: request(made) })
      world.wait(1000)
      const outcomes = await race(world, 12, async (from, index) => {
        if (index < 8) return await from.store.forgetRequests({ registry: REGISTRY, limit: 2 }, {})
        equal((await from.describe(record, 'again', { request: request(index) })).state, 'done')
        return 0
      })
      const forgotten = answersOf(outcomes).reduce<number>((sum, number) => sum + (number ?? 0), 0)
      const rest = await world.store.forgetRequests({ registry: REGISTRY, limit: 99 }, {})
      assert.ok(forgotten + rest >= 8 && forgotten + rest <= 12, `of 12 that have expired, 4 are asked for again: ${forgotten} and ${rest} forgotten`)
      for (let at = 8; at < 12; at += 1) includes(await world.describe(record, 'again', { request: request(at) }), { state: 'answered' })
      equal(await world.store.forgetRequests({ registry: REGISTRY, limit: 99 }, {}), 0)
    },
  },
  {
    id: 'races/one-recovery-of-an-intent',
    title: 'each expired intent is claimed by one of many who look for them at once',
    async run(world) {
      for (let made = 0; made < 12; made += 1) await world.begin()
      world.wait(LEASE)
      const outcomes = await race(world, 8, from => from.recover({ limit: 3 }))
      const claimed = answersOf(outcomes).flatMap(answer => (answer ?? []).map(({ id }) => id))
      equal(new Set(claimed).size, claimed.length)
      const rest = await world.recover()
      equal(claimed.length + rest.length, 12)
    },
  },
  {
    id: 'races/one-claimant-of-a-task',
    title: 'each task is claimed by one of many who look for them at once, and settled once',
    async run(world) {
      const task = (at: number) => ({ task: 'watch_path', store: 'main', path: path(`p${at}`) }) as const
      await world.enqueue(...Array.from({ length: 12 }, (_, at) => task(at)))
      const claimed = answersOf(await race(world, 8, from => from.claim(3))).flatMap(answer => answer ?? [])
      equal(new Set(claimed.map(({ id }) => id)).size, claimed.length)
      const all = [...claimed, ...(await world.claim())]
      equal(all.length, 12)
      const [entry] = all
      assert.ok(entry !== undefined)
      const settled = answersOf(await race(world, 6, from => from.settle(entry, { state: 'done' }, [task(99)])))
      equal(settled, [true, true, true, true, true, true])
      equal(await world.references(), { records: 1, intents: 0, tasks: 12 })
    },
  },
  {
    id: 'races/one-repair-of-a-path',
    title: 'of many who queue the repair of a path at once one does; none does while an intent becomes a record there',
    async run(world) {
      const repair = (from: World, request: Pick<RepairRequest, 'account' | 'path'>) =>
        from.store.queueRepair(
          { registry: REGISTRY, secret: newId(), actor: ROBOT, token: randomUUID(), task: 'purge_path', store: 'main', ...request },
          {},
        )
      const orphan = { account: ACCOUNT, path: path('orphan') }
      equal(
        count(answersOf(await race(world, WRITERS, from => repair(from, orphan))), answer => answer === true),
        1,
      )
      equal([(await world.references()).tasks, (await world.audit()).length], [1, 1])
      for (let round = 0; round < 4; round += 1) {
        const intent = await world.begin()
        // By its labels it may be of any account, so that nothing that is locked for one keeps them apart.
        const named = { account: OTHER_ACCOUNT, path: intent.path }
        const outcomes = await race<unknown>(world, WRITERS, (from, index) =>
          index === WRITERS / 2 ? world.commitCreate(intent) : repair(from, named),
        )
        equal(
          count(answersOf(outcomes), answer => answer === true),
          0,
        )
        equal(
          (await world.store.owners({ registry: REGISTRY, store: 'main', paths: [intent.path] }, {})).map(({ tasks }) => tasks),
          [0],
        )
      }
    },
  },
]
