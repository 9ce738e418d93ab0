import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { verifyAudit, type RepairRequest, type SecretId, type SecretRecord } from '@strongroom/core'
import { equal, includes } from '../expect.ts'
import type { MetadataCase } from '../metadata-case.ts'
import { answersOf, count, race, WRITERS } from '../race.ts'
import { ACCOUNT, ALICE, committed, LEASE, newId, OTHER_ACCOUNT, pageRequest, path, REGISTRY, ROBOT, type World } from '../world.ts'
import { asked } from './requests.ts'

export const races: readonly MetadataCase[] = [
  {
    id: 'races/what-is-written-is-seen-by-others',
    title: 'what one process has written, another reads at once',
    async run(world) {
      const twin = await world.twin()
      const record = await world.create({ key: 'one' })
      const { pointer, versions, ...seen } = (await twin.find(record.id)) ?? { pointer: undefined, versions: undefined }
      equal(seen, record)
      includes(pointer, { store: 'main', version: 'v1' })
      includes(versions, [{ version: 'v1' }])
      await twin.update(record, 'v2')
      includes(await world.find(record.id), { revision: 2, pointer: { version: 'v2' } })
      await world.delete(record)
      equal(await twin.find(record.id), undefined)
    },
  },
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
  {
    id: 'races/the-audit-chain-is-whole',
    title: 'writes of many at once are one chain without a gap, and the total is exact',
    async run(world) {
      const kept = await world.create()
      const outcomes = await race(world, 24, async (from, index) => {
        if (index % 3 === 0) {
          const entry = { account: ACCOUNT, actor: ALICE, action: 'secret.read_value', outcome: 'denied', operationId: randomUUID() } as const
          return await from.store.appendAudit({ registry: REGISTRY, entry }, {})
        }
        const record = await from.create()
        if (index % 3 === 1) await from.delete(record)
      })
      answersOf(outcomes)
      const entries = await world.audit()
      includes(await verifyAudit(entries), { ok: true, entries: 1 + 8 + 16 + 8 })
      equal(
        entries.map(({ sequence }) => sequence),
        entries.map((_, index) => index + 1),
      )
      const { total, items } = await world.store.page(pageRequest({ limit: 100 }), {})
      equal([total, items.length, items.some(({ id }) => id === kept.id)], [9, 9, true])
    },
  },
  {
    id: 'races/pages-while-others-write',
    title: 'a walk through the pages sees all that was there throughout once, while another process adds and deletes',
    async run(world) {
      const twin = await world.twin()
      const lasting: SecretRecord[] = []
      const leaving: SecretRecord[] = []
      for (let made = 0; made < 24; made += 1) (made % 3 === 0 ? leaving : lasting).push(await world.create())
      let walking = true
      const writer = async (): Promise<void> => {
        while (walking) {
          const gone = leaving.pop()
          if (gone !== undefined) await twin.delete(gone)
          await twin.create()
        }
      }
      const writing = writer()
      try {
        for (const sortOrder of ['asc', 'desc'] as const) {
          const seen: SecretId[] = []
          for (let startingAfter: SecretId | undefined; ;) {
            const { items, hasMore } = await world.store.page(pageRequest({ sortOrder, sortBy: 'key', limit: 4, startingAfter }), {})
            seen.push(...items.map(({ id }) => id))
            startingAfter = items.at(-1)?.id
            // New keys can come faster than the walk: it has seen enough once it is past the last of the lasting ones.
            if (!hasMore || lasting.every(({ id }) => seen.includes(id))) break
          }
          equal(new Set(seen).size, seen.length)
          equal(
            lasting.filter(({ id }) => !seen.includes(id)).map(({ key }) => key),
            [],
          )
        }
      } finally {
        walking = false
        await writing
      }
    },
  },
]
