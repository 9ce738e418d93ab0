import { equal, includes } from '../../expect.ts'
import type { MetadataCase } from '../../metadata-case.ts'
import { answersOf, count, race } from '../../race.ts'
import { path } from '../../world.ts'

/** What can end in two ways, and is brought to both at once, has one end. */
export const ends: readonly MetadataCase[] = [
  {
    id: 'races/rollback-or-destruction',
    title: 'a version that falls out is rolled back to before, or destroyed, and never both',
    async run(world) {
      for (let round = 0; round < 6; round += 1) {
        const record = await world.create()
        await world.update(record, 'v2')
        const intent = await world.beginUpdate(record)
        const [ended] = await race<{ readonly state: string }>(world, 2, (from, index) =>
          (index + round) % 2 === 0 ? from.commitUpdate(intent, 'v3', [], 1) : from.rollback(record, 'v1'),
        ).then(outcomes => (round % 2 === 0 ? outcomes.slice(1) : outcomes.slice(0, 1)))
        const [answer] = answersOf(
          [ended].filter(one => one !== undefined),
          'not_found',
        )
        // The intent was there when the race began, so a rollback comes after its commit, and finds the version given up.
        equal(answer?.state === 'done', false)
        includes(await world.find(record.id), { pointer: { version: 'v3' } })
        equal(
          (await world.claim()).map(entry => entry.version),
          ['v2', 'v1'],
        )
      }
    },
  },
  {
    id: 'races/delete-or-update',
    title: 'a record that is deleted has no update, and one that is updated is not deleted',
    async run(world) {
      for (let round = 0; round < 6; round += 1) {
        const record = await world.create()
        const [updated, deleted] = await race<{ readonly state: string }>(world, 2, (from, index) =>
          (index + round) % 2 === 0 ? from.store.beginUpdate(from.updateRequest(record), {}) : from.delete(record),
        ).then(outcomes => (round % 2 === 0 ? outcomes : outcomes.toReversed()))
        const [update, removal] = answersOf(
          [updated, deleted].filter(one => one !== undefined),
          'not_found',
        )
        const isDeleted = removal?.state === 'done'
        equal([update?.state, (await world.find(record.id)) === undefined], isDeleted ? [undefined, true] : ['begun', false])
      }
    },
  },
  {
    id: 'races/commit-or-abandon',
    title: 'an intent that is committed and abandoned at once has one end, and both are told which',
    async run(world) {
      const twin = await world.twin()
      for (let round = 0; round < 8; round += 1) {
        const intent = await world.begin()
        const [commit, abandoned] = await Promise.all(
          round % 2 === 0 ? [world.commitCreate(intent), twin.abandon(intent)] : [twin.commitCreate(intent), world.abandon(intent)],
        )
        equal(abandoned.state, commit.state)
        equal((await world.find(intent.secret)) !== undefined, commit.state === 'committed')
        const ends = (await world.audit()).filter(({ operationId }) => operationId === intent.token).map(({ outcome }) => outcome)
        equal(ends, [commit.state === 'committed' ? 'ok' : 'failed'])
      }
    },
  },
  {
    id: 'races/one-commit',
    title: 'a commit that is sent twice at once is made once',
    async run(world) {
      const record = await world.create()
      const intent = await world.beginUpdate(record)
      const task = { task: 'watch_path', store: 'main', path: path('watched') } as const
      const answers = answersOf(await race(world, 6, from => from.commitUpdate(intent, 'v2', [task])))
      equal(
        count(answers, answer => answer?.state === 'committed'),
        6,
      )
      includes(await world.find(record.id), { revision: 2, pointer: { version: 'v2' } })
      equal(await world.references(), { records: 1, intents: 0, tasks: 1 })
      equal((await world.audit()).length, 2)
    },
  },
]
