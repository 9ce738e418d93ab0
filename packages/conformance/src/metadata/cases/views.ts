import { FAILING_AFTER, type PendingWork } from '@strongroom/core'
import { equal, expectRefused, includes } from '../expect.ts'
import type { MetadataCase } from '../metadata-case.ts'
import { ACCOUNT, LEASE, OTHER_REGISTRY, path, REGISTRY, version, watch, type World } from '../world.ts'

const byPath = (a: PendingWork, b: PendingWork): number => (a.path < b.path ? -1 : 1)

async function pending(world: World, of: 'intents' | 'tasks', limit: number, registry: string = REGISTRY): Promise<readonly PendingWork[]> {
  const found: PendingWork[] = []
  let after: string | undefined
  do {
    const page = await world.store.pending({ registry, of, after, limit }, {})
    found.push(...page.items)
    after = page.next
  } while (after !== undefined)
  return found
}

export const views: readonly MetadataCase[] = [
  {
    id: 'views/troubled',
    title: 'names what has failed again and again, and what is of a store that is not given, up to a limit of each kind',
    async run(world) {
      const troubled = async (stores: readonly string[] = ['main', 'second'], limit = 9, registry: string = REGISTRY): Promise<readonly string[]> =>
        (await world.store.troubled({ registry, stores, limit }, {})).map(({ task, path: at, attempts }) => `${task} ${at} ${attempts}`).toSorted()
      await world.begin({ leaseMs: 1, path: path('intent') })
      await world.enqueue({ ...watch, path: path('failing') }, { ...watch, path: path('waiting') }, { ...watch, path: path('retained') })
      await world.enqueue(
        { ...watch, path: path('fine'), delayMs: 24 * LEASE },
        { ...watch, path: path('elsewhere'), store: 'third', delayMs: 24 * LEASE },
      )
      equal(await troubled(['main', 'second', 'third']), [])
      for (let turn = 1; turn <= FAILING_AFTER; turn += 1) {
        equal(await troubled(), ['watch_path elsewhere 0'])
        world.wait(LEASE)
        await world.recover()
        for (const entry of await world.claim()) {
          const code = entry.path === 'waiting' ? undefined : 'unavailable'
          const retainedUntil = entry.path === 'retained' ? new Date(world.now + LEASE) : undefined
          await world.settle(entry, { state: 'retry', delayMs: 0, code, retainedUntil })
        }
      }
      const failing = [`settle intent ${FAILING_AFTER}`, `watch_path failing ${FAILING_AFTER}`]
      equal(await troubled(['main', 'second', 'third']), failing)
      equal(await troubled(), [...failing.slice(0, 1), 'watch_path elsewhere 0', ...failing.slice(1)])
      equal((await troubled(['third'])).length, 5)
      equal((await troubled([], 1)).length, 2)
      equal(await troubled(['main'], 9, OTHER_REGISTRY), [])
      await expectRefused(troubled([], 0), 'invalid_argument')
    },
  },
  {
    id: 'views/pending-tells-all',
    title: 'shows every intent and task that is left, with its age and why it was put off, page by page, and changes nothing',
    async run(world) {
      const begun = await world.begin({ leaseMs: 20 })
      world.wait(1)
      await world.enqueue({ ...watch, path: path('a') }, { ...watch, path: path('b'), delayMs: 5 }, { ...watch, path: path('c'), delayMs: 5 })
      const queuedAt = new Date(world.now)
      const dueAt = new Date(world.now + 5)
      const [first] = await world.claim()
      if (first === undefined) throw new Error('not claimed')
      const retainedUntil = new Date(world.now + 1000)
      await world.settle(first, { state: 'retry', delayMs: 7, code: 'throttled', retainedUntil })
      const where = { task: 'watch_path', store: 'main', account: ACCOUNT, since: queuedAt }
      const { secret } = first
      const late = { ...where, path: 'a', secret, dueAt: new Date(world.now + 7), attempts: 1, code: 'throttled', retainedUntil }
      const rest = ['b', 'c'].map(at => ({ ...where, path: at, secret, dueAt, attempts: 0, code: undefined, retainedUntil: undefined }))
      const { id, account, store, path: at, begunAt, leaseUntil } = begun
      includes(await pending(world, 'intents', 9), [
        { id, task: 'settle', account, secret: begun.secret, store, path: at, since: begunAt, dueAt: leaseUntil, attempts: 0 },
      ])
      equal(begunAt, new Date(world.now - 1))
      for (const limit of [1, 2, 3, 9]) includes((await pending(world, 'tasks', limit)).toSorted(byPath), [late, ...rest])
      equal(await pending(world, 'tasks', 9, OTHER_REGISTRY), [])
      // Ended once it is tried again without a reason, and gone with the task.
      world.wait(7)
      const again = (await world.claim()).find(entry => entry.path === 'a')
      if (again === undefined) throw new Error('not claimed')
      await world.settle(again, { state: 'retry', delayMs: 0 })
      includes((await pending(world, 'tasks', 9)).toSorted(byPath), [{ attempts: 1, code: undefined, retainedUntil: undefined }, {}, {}])
      const [last] = await world.claim(1)
      if (last === undefined) throw new Error('not claimed')
      await world.settle(last, { state: 'done' })
      equal((await pending(world, 'tasks', 1)).length, 2)
    },
  },
  {
    id: 'views/owners',
    title: 'says who names a path',
    async run(world) {
      const record = await world.create()
      const create = await world.begin()
      const at = path(`path-${record.id}`)
      await world.beginUpdate(record)
      await world.enqueue(
        { task: 'watch_path', store: 'main', path: at },
        { task: 'promote', store: 'main', path: at },
        { task: 'destroy_version', store: 'main', path: at, version: version('v0') },
        { task: 'watch_path', store: 'second', path: at },
      )
      const owners = (store: string, registry = REGISTRY) => world.store.owners({ registry, store, paths: [path('nobody'), create.path, at, at] }, {})
      equal(await owners('main'), [
        { path: create.path, row: undefined, intents: 1, tasks: 0, destroys: 0, purges: 0 },
        {
          path: at,
          row: { account: record.accountId, secret: record.id, version: 'v1', kept: ['v1'] },
          intents: 1,
          tasks: 3,
          destroys: 1,
          purges: 0,
        },
      ])
      equal(await owners('second'), [{ path: at, row: undefined, intents: 0, tasks: 1, destroys: 0, purges: 0 }])
      equal(await owners('main', OTHER_REGISTRY), [])
      equal(await world.references('second'), { records: 0, intents: 0, tasks: 1 })
      equal(await world.references('main'), { records: 2, intents: 2, tasks: 3 })
      equal(await world.references(), { records: 2, intents: 2, tasks: 4 })
    },
  },
]
