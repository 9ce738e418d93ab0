import assert from 'node:assert/strict'
import { equal, includes } from '../../expect.ts'
import type { MetadataCase } from '../../metadata-case.ts'
import { answersOf, count, race, WRITERS } from '../../race.ts'
import { committed, path, REGISTRY, type World } from '../../world.ts'
import { asked } from '../requests.ts'

/** Of many who want the same thing at once, one has it. */
export const winners: readonly MetadataCase[] = [
  {
    id: 'races/one-creator-of-a-key',
    title: 'of many who create a key at once, one begins and all others are told who',
    async run(world) {
      const answers = answersOf(await race(world, WRITERS, from => from.store.beginCreate(from.createRequest({ key: 'one' }), {})))
      const begun = answers.find(answer => answer?.state === 'begun')
      assert.ok(begun?.state === 'begun', 'one must begin')
      equal(
        count(answers, answer => answer?.state === 'busy' && answer.intent === begun.intent.id),
        WRITERS - 1,
      )
      includes(await world.commitCreate(begun.intent), { state: 'committed' })
      const late = await race(world, WRITERS, from => from.store.beginCreate(from.createRequest({ key: 'one' }), {}))
      equal(
        count(answersOf(late, 'already_exists'), answer => answer !== undefined),
        0,
      )
    },
  },
  {
    id: 'races/one-path-one-record',
    title: 'of many who create at one path at once, one begins',
    async run(world) {
      const outcomes = await race(world, WRITERS, from => from.store.beginCreate(from.createRequest({ path: path('one') }), {}))
      equal(
        count(answersOf(outcomes, 'invalid_argument'), answer => answer?.state === 'begun'),
        1,
      )
    },
  },
  {
    id: 'races/one-update-begins',
    title: 'of many who update a record at once, one begins',
    async run(world) {
      const record = await world.create()
      const answers = answersOf(await race(world, WRITERS, from => from.store.beginUpdate(from.updateRequest(record), {})))
      equal([count(answers, answer => answer?.state === 'begun'), count(answers, answer => answer?.state === 'busy')], [1, WRITERS - 1])
    },
  },
  {
    id: 'races/one-effect-of-a-request',
    title: 'of many who send one request at once, one has an effect, and all others have its answer',
    async run(world) {
      const request = asked('r-1')
      const create = (from: World) => from.store.beginCreate(from.createRequest({ key: 'one', request }), {})
      const answers = answersOf(await race(world, WRITERS, create))
      const begun = answers.find(answer => answer?.state === 'begun')
      assert.ok(begun?.state === 'begun', 'one must begin')
      equal(
        count(answers, answer => answer?.state === 'busy' && answer.intent === begun.intent.id),
        WRITERS - 1,
      )
      const record = committed(await world.commitCreate(begun.intent))
      for (const answer of answersOf(await race(world, WRITERS, create))) equal(answer, { state: 'answered', record })

      const described = answersOf(await race(world, WRITERS, from => from.describe(record, 'x', { request: asked('r-2') })))
      equal(
        count(described, answer => answer?.state === 'done'),
        1,
      )
      const records = described.map(answer => (answer?.state === 'busy' ? undefined : answer?.record))
      equal(
        records,
        Array.from({ length: WRITERS }, () => records[0]),
      )
      includes(await world.find(record.id), { description: 'x', revision: 2 })
    },
  },
  {
    id: 'races/one-change-of-a-revision',
    title: 'of many who change the same revision at once, one does, and one entry of the audit says so',
    async run(world) {
      const record = await world.create()
      const outcomes = await race(world, WRITERS, (from, index) => from.describe(record, `by ${index}`, { ifRevision: 1 }))
      const done = answersOf(outcomes, 'conflict').filter(answer => answer !== undefined)
      equal(done.length, 1)
      const [answer] = done
      includes(await world.find(record.id), { revision: 2, description: answer?.state === 'done' ? answer.record.description : undefined })
      equal((await world.audit()).length, 2)
    },
  },
  {
    id: 'races/one-rollback-of-a-revision',
    title: 'of many who roll the same revision back at once, one does, and one entry of the audit says so',
    async run(world) {
      const record = await world.create()
      await world.update(record, 'v2')
      await world.update(record, 'v3')
      const outcomes = await race(world, WRITERS, (from, index) => from.rollback(record, index % 2 === 0 ? 'v1' : 'v2', { ifRevision: 3 }))
      equal(
        count(answersOf(outcomes, 'conflict'), answer => answer?.state === 'done'),
        1,
      )
      const found = await world.find(record.id)
      equal([found?.revision, found?.versions[0]?.version, found?.versions.length], [4, found?.pointer.version, 3])
      equal((await world.audit()).length, 4)
    },
  },
  {
    id: 'races/one-location-of-a-name',
    title: 'of many who bind a name to different locations at once, one does',
    async run(world) {
      const outcomes = await race(world, 6, (from, index) => from.store.bindStores({ registry: REGISTRY, stores: { main: `place:${index}` } }, {}))
      equal(
        count(answersOf(outcomes, 'misconfigured'), answer => answer !== undefined),
        1,
      )
    },
  },
]
