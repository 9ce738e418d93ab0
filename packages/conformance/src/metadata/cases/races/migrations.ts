import assert from 'node:assert/strict'
import { equal, includes } from '../../expect.ts'
import type { MetadataCase } from '../../metadata-case.ts'
import { adoptRequest, beginMigrate, commitMigrate, dropOldCopies, GRACE, migrate, migrateRequest, returnTo, stored } from '../../moves.ts'
import { answersOf, count, race, WRITERS } from '../../race.ts'
import { ACCOUNT, OTHER_ACCOUNT, path, REGISTRY, version, type World } from '../../world.ts'

export const migrations: readonly MetadataCase[] = [
  {
    id: 'races/one-migration-begins',
    title: 'of many who migrate a record at once, one begins and all others are told who',
    async run(world) {
      const record = await stored(world, await world.create())
      const { pointer } = record
      const begin = async (from: World) => await from.store.beginMigrate(await migrateRequest(from, record, { from: pointer }), {})
      const answers = answersOf(await race(world, WRITERS, begin))
      const begun = answers.find(answer => answer?.state === 'begun')
      assert.ok(begun?.state === 'begun', 'one must begin')
      equal(
        count(answers, answer => answer?.state === 'busy' && answer.intent === begun.intent.id),
        WRITERS - 1,
      )
      equal(await world.references(), { records: 1, intents: 1, tasks: 0 })
    },
  },
  {
    id: 'races/update-or-migration',
    title: 'an update that begins while a migration is committed is one of the place where the record is then, or the migration is not',
    async run(world) {
      for (let round = 0; round < 8; round += 1) {
        const record = await world.create()
        const move = await beginMigrate(world, record)
        const twin = await world.twin()
        const moving = () => commitMigrate(round % 4 < 2 ? world : twin, move)
        const updating = () => (round % 4 < 2 ? twin : world).beginUpdate(record)
        const [commit, update] =
          round % 2 === 0 ? await Promise.all([moving(), updating()]) : (await Promise.all([updating(), moving()])).toReversed()
        assert.ok(commit !== undefined && 'state' in commit && update !== undefined && 'operation' in update)
        const isMoved = commit.state === 'committed'
        includes(update, isMoved ? { store: 'second', base: { version: 'm1' } } : { store: 'main', base: { version: 'v1' } })
        includes(await world.commitUpdate(update, 'v2'), { state: 'committed' })
        includes(await stored(world, record), { pointer: { store: update.store, path: update.path, version: 'v2' }, revision: 2 })
        if (!isMoved) equal(await commitMigrate(world, move), { state: 'refused' })
      }
    },
  },
  {
    id: 'races/one-commit-of-a-migration',
    title: 'a migration whose commit is sent many times at once is made once',
    async run(world) {
      const move = await beginMigrate(world, await world.create())
      const answers = answersOf(await race(world, 6, from => commitMigrate(from, move)))
      equal(
        count(answers, answer => answer?.state === 'committed'),
        6,
      )
      equal(await world.references(), { records: 1, intents: 0, tasks: 1 })
      equal((await world.audit()).length, 2)
    },
  },
  {
    id: 'races/return-or-purge',
    title: 'an old copy is returned to, or claimed to be purged, and never both',
    async run(world) {
      const twin = await world.twin()
      for (let round = 0; round < 8; round += 1) {
        const record = await stored(world, await world.create())
        const { pointer: from } = await migrate(world, record)
        world.wait(GRACE)
        const returning = () => returnTo(round % 4 < 2 ? world : twin, record, record.pointer, { from })
        const purging = () => (round % 4 < 2 ? twin : world).claim()
        const [back, claimed] =
          round % 2 === 0
            ? await Promise.all([returning(), purging()])
            : await Promise.all([purging(), returning()]).then(([entries, answer]) => [answer, entries] as const)
        const isPurged = claimed.some(({ path: at }) => at === record.pointer.path)
        equal(back.state, isPurged ? 'refused' : 'done')
        includes(await stored(world, record), { pointer: isPurged ? from : record.pointer })
        equal(
          (await world.claim()).filter(({ secret }) => secret === record.id),
          [],
        )
      }
    },
  },
  {
    id: 'races/old-copies-are-dropped-once',
    title: 'each old copy is made due once, by many at once',
    async run(world) {
      for (let made = 0; made < 12; made += 1) await migrate(world, await world.create())
      const outcomes = await race(world, 8, from => dropOldCopies(from, 'main', 3))
      const dropped = answersOf(outcomes).reduce<number>((sum, number) => sum + (number ?? 0), 0)
      equal(dropped + (await dropOldCopies(world, 'main')), 12)
      equal((await world.claim()).length, 12)
    },
  },
  {
    id: 'races/one-adoption-of-a-path',
    title: 'of many who adopt a path at once, for whatever account, one does',
    async run(world) {
      const pointer = { store: 'main', path: path('theirs'), version: version('t1') }
      const outcomes = await race(world, WRITERS, (from, index) =>
        from.store.adopt(adoptRequest({ pointer, account: index % 4 < 2 ? ACCOUNT : OTHER_ACCOUNT }), {}),
      )
      const answers = answersOf(outcomes)
      equal([count(answers, answer => answer?.state === 'done'), count(answers, answer => answer?.state === 'owned')], [1, WRITERS - 1])
      equal((await world.store.scan({ registry: REGISTRY, store: 'main', after: undefined, limit: 9 }, {})).length, 1)
      equal((await world.audit()).length + (await world.audit(OTHER_ACCOUNT)).length, 1)
      equal((await world.references()).records, 1)
    },
  },
]
