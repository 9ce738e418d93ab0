import { randomUUID } from 'node:crypto'
import { aText, differ, equal, includes, expectRefused } from '../expect.ts'
import type { MetadataCase } from '../metadata-case.ts'
import type { Intent, IntentId, RepairRequest } from '@strongroom/core'
import { ACCOUNT, LEASE, newId, OTHER_ACCOUNT, OTHER_REGISTRY, path, REGISTRY, ROBOT, version, watch, type World } from '../world.ts'

const expired = (world: World, intent: IntentId): Promise<readonly Intent[]> =>
  world.store.claimExpiredIntents({ registry: REGISTRY, limit: 9, leaseMs: LEASE, intent }, {})

export const queue: readonly MetadataCase[] = [
  {
    id: 'queue/intents-are-claimed-once-expired',
    title: 'claims expired intents once each, the longest expired first',
    async run(world) {
      const second = await world.begin({ leaseMs: 20 })
      const first = await world.begin({ leaseMs: 10, account: OTHER_ACCOUNT })
      await world.begin({ leaseMs: 21 })
      world.wait(9)
      equal(await world.recover(), [])
      world.wait(11)
      equal(await world.recover({ limit: 1 }), [{ ...first, leaseUntil: new Date(world.now + LEASE), recoveries: 1 }])
      equal(await expired(world, first.id), [])
      includes(await expired(world, second.id), [{ id: second.id }])
      equal(await world.recover(), [])
      world.wait(LEASE)
      equal(
        (await world.recover()).map(({ recoveries }) => recoveries).toSorted((a, b) => a - b),
        [1, 2, 2],
      )
    },
  },
  {
    id: 'queue/tasks-are-claimed-when-due',
    title: 'claims tasks when they are due, the longest due first, for one claimant',
    async run(world) {
      await world.enqueue({ ...watch, path: path('c'), delayMs: 10 })
      await world.enqueue({ ...watch, path: path('a') }, { ...watch, path: path('b') })
      equal(
        (await world.claim(1)).map(entry => entry.path),
        ['a'],
      )
      equal(
        (await world.claim()).map(entry => entry.path),
        ['b'],
      )
      world.wait(9)
      equal(await world.claim(), [])
      world.wait(1)
      includes(await world.claim(), [{ path: 'c', attempts: 1, token: 'token-1', version: undefined, account: ACCOUNT }])
      world.wait(LEASE - 11)
      equal(await world.claim(), [])
      world.wait(1)
      includes(await world.claim(), [
        { path: 'a', attempts: 2 },
        { path: 'b', attempts: 2 },
      ])
      equal(await world.claim(9, LEASE, OTHER_REGISTRY), [])
    },
  },
  {
    id: 'queue/queued-with-a-claim',
    title: 'claims for the caller what it queues with claimMs',
    async run(world) {
      const claimed = await world.enqueue({ ...watch, claimMs: 10 }, watch)
      includes(claimed, [{ attempts: 1, claim: aText }])
      equal((await world.claim()).length, 1)
      world.wait(10)
      includes(await world.claim(), [{ id: claimed[0]?.id, attempts: 2 }])
    },
  },
  {
    id: 'queue/one-claimant-a-task',
    title: 'gives a task to one of many claimants',
    async run(world) {
      await world.enqueue(watch, watch, watch)
      const claims = await Promise.all(Array.from({ length: 8 }, () => world.claim(1)))
      equal(new Set(claims.flat().map(({ id }) => id)).size, 3)
      equal(claims.flat().length, 3)
    },
  },
  {
    id: 'queue/settled-by-the-holder-only',
    title: 'settles only for the holder of the claim, and says so again when asked again',
    async run(world) {
      await world.enqueue(watch)
      const [lost] = await world.claim()
      world.wait(LEASE)
      const [held] = await world.claim()
      if (lost === undefined || held === undefined) throw new Error('not claimed')
      equal(await world.settle(lost, { state: 'done' }, [watch]), false)
      equal(await world.settle({ ...held, claim: '' }, { state: 'done' }), false)
      includes(await world.references(), { tasks: 1 })
      equal(await world.settle(held, { state: 'done' }, [{ ...watch, path: path('next') }]), true)
      equal(await world.settle(held, { state: 'done' }, [{ ...watch, path: path('next') }]), true)
      equal(await world.settle(lost, { state: 'done' }), false)
      includes(await world.claim(), [{ path: 'next', secret: held.secret, account: held.account, attempts: 1 }])
    },
  },
  {
    id: 'queue/a-late-settle-holds-unless-taken',
    title: 'settles a claim whose time is over as long as nobody else has taken it',
    async run(world) {
      await world.enqueue(watch)
      const [entry] = await world.claim()
      world.wait(LEASE * 2)
      if (entry === undefined) throw new Error('not claimed')
      equal(await world.settle(entry, { state: 'done' }), true)
      includes(await world.references(), { tasks: 0 })
    },
  },
  {
    id: 'queue/retry-puts-off',
    title: 'puts a task off, and releases its claim',
    async run(world) {
      await world.enqueue(watch)
      const [entry] = await world.claim()
      if (entry === undefined) throw new Error('not claimed')
      await expectRefused(world.settle(entry, { state: 'retry', delayMs: -1 }), 'invalid_argument')
      equal(await world.settle(entry, { state: 'retry', delayMs: 50 }, [{ ...watch, path: path('also') }]), true)
      equal(await world.settle(entry, { state: 'retry', delayMs: 50 }, [{ ...watch, path: path('also') }]), true)
      equal(
        (await world.claim()).map(claimed => claimed.path),
        ['also'],
      )
      world.wait(50)
      const [again] = await world.claim()
      includes(again, { id: entry.id, attempts: 2, queuedAt: entry.queuedAt })
      differ(again?.claim, entry.claim)
    },
  },
  {
    id: 'queue/promotion-ends-where-the-pointer-is',
    title: 'ends a promotion only while the pointer is where it was promoted to',
    async run(world) {
      const record = await world.create()
      const at = { store: 'main', path: path(`path-${record.id}`) }
      const [entry] = await world.enqueue({ ...at, task: 'promote', version: version('v1'), claimMs: LEASE })
      if (entry === undefined) throw new Error('not claimed')
      await world.update(record, 'v2')
      equal(await world.settle(entry, { state: 'done', ifPointer: version('v1') }, [watch]), false)
      const [again] = await world.claim()
      includes(again, { id: entry.id, attempts: 2 })
      if (again === undefined) return
      includes(await world.references(), { tasks: 1 })
      equal(await world.settle(entry, { state: 'done', ifPointer: version('v2') }), false)
      equal(await world.settle(again, { state: 'done', ifPointer: version('v2') }), true)
      includes(await world.references(), { tasks: 0 })

      const [gone] = await world.enqueue({ ...at, path: path('nobody'), task: 'promote', claimMs: LEASE })
      if (gone === undefined) throw new Error('not claimed')
      equal(await world.settle(gone, { state: 'done', ifPointer: version('v2') }), false)
      equal(await world.settle({ ...gone, claim: (await world.claim())[0]?.claim ?? '' }, { state: 'done' }), true)
    },
  },
  {
    id: 'queue/live-values-are-not-destroyed',
    title: 'cancels what would destroy a row’s value, and nothing else',
    async run(world) {
      const record = await world.create()
      const other = await world.create({ account: OTHER_ACCOUNT })
      const at = { store: 'main', path: path(`path-${record.id}`) }
      await world.enqueue(
        { ...at, task: 'destroy_version', version: version('v1') },
        { ...at, task: 'destroy_version', version: version('v0') },
        { ...at, task: 'destroy_version', version: version('v1'), store: 'second' },
        { ...at, task: 'purge_path', path: path(`path-${other.id}`) },
        { ...at, task: 'purge_path', store: 'second' },
        { ...at, task: 'promote', version: version('v1') },
        { ...at, task: 'watch_path' },
        { ...at, task: 'destroy_version', version: version('v1'), delayMs: 10 },
      )
      includes(await world.references(), { tasks: 8 })
      equal(
        (await world.claim(5)).map(({ task, version: named, store }) => [task, named, store]),
        [
          ['destroy_version', 'v0', 'main'],
          ['promote', 'v1', 'main'],
          ['watch_path', undefined, 'main'],
          ['destroy_version', 'v1', 'second'],
          ['purge_path', undefined, 'second'],
        ],
      )
      includes(await world.references(), { tasks: 6 })
      world.wait(10)
      equal(await world.claim(), [])
      includes(await world.references(), { tasks: 5 })
    },
  },
  {
    id: 'queue/what-an-intent-needs-is-left',
    title: 'leaves for later what an intent is based on or writes to',
    async run(world) {
      const create = await world.begin()
      const record = await world.create()
      const at = { store: 'main', path: path(`path-${record.id}`) }
      const update = await world.beginUpdate(record)
      await world.update(await world.create(), 'v2')
      await world.enqueue({ task: 'purge_path', store: 'main', path: create.path }, { ...at, task: 'destroy_version', version: version('v2') }, watch)
      equal(
        (await world.claim()).map(({ task }) => task),
        ['destroy_version', 'watch_path'],
      )
      await world.abandon(create)
      equal(
        (await world.claim()).map(({ task }) => task),
        ['purge_path'],
      )
      await world.abandon(update)
      includes(await world.references(), { tasks: 3 })
    },
  },
  {
    id: 'queue/waiting-tasks-hold-nobody-up',
    title: 'does not let a task that waits for an intent hold up the ones behind it',
    async run(world) {
      const create = await world.begin()
      await world.enqueue(...Array.from({ length: 5 }, () => ({ task: 'purge_path', store: 'main', path: create.path }) as const), watch)
      equal(
        (await world.claim(1)).map(({ task }) => task),
        ['watch_path'],
      )
    },
  },
  {
    id: 'queue/claims-are-of-one-store',
    title: 'claims the tasks and the expired intents of the store that is asked for, and of no other',
    async run(world) {
      await world.enqueue(watch, { ...watch, store: 'second' })
      const here = await world.begin({ leaseMs: 5 })
      const there = await world.begin({ leaseMs: 5, store: 'second' })
      world.wait(5)
      const request = { registry: REGISTRY, limit: 9, leaseMs: LEASE }
      for (const [store, intent] of [
        ['second', there.id],
        ['main', here.id],
      ] as const) {
        includes(await world.store.claimQueue({ ...request, store }, {}), [{ store, task: 'watch_path', attempts: 1 }])
        includes(await world.store.claimExpiredIntents({ ...request, store }, {}), [{ id: intent, store, recoveries: 1 }])
      }
      equal(await world.store.claimQueue({ ...request, store: 'third' }, {}), [])
      equal(await world.store.claimExpiredIntents({ ...request, store: 'third' }, {}), [])
    },
  },
  {
    id: 'queue/the-longest-due-first',
    title: 'claims what has been due longest before what was queued earlier and put off, and what was queued earlier of two that are due alike',
    async run(world) {
      const at = (name: string, delayMs: number) => ({ ...watch, path: path(name), delayMs })
      await world.enqueue(at('late', 30), at('c', 20), at('d', 20), at('first', 0))
      await world.enqueue(at('b', 10), at('e', 20))
      world.wait(30)
      const paths: string[] = []
      for (let turn = 0; turn < 3; turn += 1) paths.push(...(await world.claim(2)).map(entry => entry.path))
      equal(paths, ['first', 'b', 'c', 'd', 'e', 'late'])
    },
  },
  {
    id: 'queue/to-wait-is-no-failure',
    title: 'counts the attempts of a task that had to wait anew, and those of one that failed on',
    async run(world) {
      await world.enqueue(watch)
      const attempts: number[] = []
      for (const code of ['unavailable', 'throttled', undefined, 'unavailable', undefined] as const) {
        const [entry] = await world.claim()
        if (entry === undefined) throw new Error('not claimed')
        attempts.push(entry.attempts)
        equal(await world.settle(entry, { state: 'retry', delayMs: 0, code }), true)
      }
      equal(attempts, [1, 2, 3, 2, 3])
      includes((await world.store.pending({ registry: REGISTRY, of: 'tasks', after: undefined, limit: 9 }, {})).items, [{ attempts: 1 }])
    },
  },
  {
    id: 'queue/repairs-are-queued-or-refused',
    title: 'queues a repair with its audit entry, once, and only where nothing has changed since it was found',
    async run(world) {
      const record = await world.create()
      const create = await world.begin()
      const at = path(`path-${record.id}`)
      const orphan = { task: 'purge_path', account: record.accountId, secret: newId(), path: path('nobody') } as const
      const promotion = { task: 'promote', account: record.accountId, secret: record.id, path: at, version: version('v1') } as const
      const repair = (request: Partial<RepairRequest> & Pick<RepairRequest, 'task' | 'account' | 'secret' | 'path'>, token: string = randomUUID()) =>
        world.store.queueRepair({ registry: REGISTRY, actor: ROBOT, token, store: 'main', ...request }, {})
      equal(await repair({ ...orphan, path: at }), false)
      equal(await repair({ ...orphan, path: create.path }), false)
      equal(await repair({ ...promotion, version: version('v2') }), false)
      equal(await repair({ ...promotion, secret: newId() }), false)
      equal(await repair({ ...promotion, account: OTHER_ACCOUNT }), false)
      equal(await repair({ ...promotion, path: path('nobody') }), false)
      equal(await repair({ ...promotion, store: 'second' }), false)
      equal(await world.references(), { records: 1, intents: 1, tasks: 0 })
      const token = randomUUID()
      equal(await repair(orphan, token), true)
      equal(await repair(orphan, token), true)
      equal(await repair(orphan), false)
      equal(await repair({ ...orphan, account: OTHER_ACCOUNT, store: 'second' }), true)
      // A destruction waits for the label, and the label not for it.
      await world.enqueue({ task: 'destroy_version', store: 'main', path: at, version: version('v0'), claimMs: LEASE })
      equal(await repair(promotion), true)
      equal(await repair(promotion), false)
      const update = await world.beginUpdate(record)
      for (const entry of await world.claim()) {
        includes(entry, { store: aText, attempts: 1, version: entry.task === 'promote' ? 'v1' : undefined })
        await world.settle(entry, { state: 'done' })
      }
      equal(await repair(promotion), false)
      await world.abandon(update)
      equal(await repair(promotion), true)
      const entries = (await world.audit()).filter(({ action }) => action === 'secret.repair')
      includes(entries, [
        { actor: ROBOT, outcome: 'ok', secret: orphan.secret, key: undefined, operationId: token },
        { actor: ROBOT, outcome: 'ok', secret: record.id, key: record.key, operationId: aText },
        { secret: record.id },
      ])
      includes(await world.audit(OTHER_ACCOUNT), [{ action: 'secret.repair', secret: orphan.secret }])
    },
  },
]
