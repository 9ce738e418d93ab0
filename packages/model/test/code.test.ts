import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { MetadataStore, QueueTask } from '@strongroom/core'
import { aws, azure, google, local, vault, type Configuration, type Role } from '../src/system.ts'
import { LOOK_AGAIN_MS, type Change } from './support/real.ts'
import { seeded } from './support/seeded.ts'
import { walk, type Walk } from './support/walk.ts'

// The model is worth what it has in common with the code: the code walks at random, and the model must know each of its steps.

const WALKS = Number(process.env['STRONGROOM_WALKS'] ?? 8)
const LENGTH = 60
const PATIENCE_MS = 240_000
const HOUR_MS = 3_600_000
const maintain: Role = { does: 'maintain' }
const update: Role = { does: 'update', record: 0 }
const create: Role = { does: 'create', record: 0 }
const rollback: Role = { does: 'rollback', record: 0, to: 1 }
const migrate: Role = { does: 'migrate', record: 0, to: 1 }
const back: Role = { does: 'migrate', record: 0, to: 0 }
const budget = { faults: 4, crashes: 2, timeouts: 2, ambiguous: 2, stalls: 2 }
/** What the memory driver is not like. */
const plain = { createRequests: 1, sameToken: false, pending: false } as const

const of = (flavour: Configuration['flavour'], versions: number, ...roles: readonly Role[]): readonly [string, Configuration] => [
  `${flavour.name}: ${roles.map(({ does }) => does).join(', ')}`,
  { flavour: { ...flavour, ...plain }, roles: [...roles, maintain], versions, keep: 1, budget },
]

/** A record that keeps two versions. */
const keeping = (flavour: Configuration['flavour'], ...roles: readonly Role[]): readonly [string, Configuration] => {
  const [name, configuration] = of(flavour, 2, ...roles)
  return [`keeps two, ${name}`, { ...configuration, keep: 2 }]
}

/** From one store to another, which need not be of its kind; or back to where the old copy is. */
const moving = (
  flavour: Configuration['flavour'],
  target: Configuration['flavour'],
  moved: boolean,
  ...roles: readonly Role[]
): readonly [string, Configuration] => {
  const [name, configuration] = of(flavour, 1, ...roles)
  return [`to ${target.name}${moved ? ' and back' : ''}, ${name}`, { ...configuration, target: { ...target, ...plain }, moved }]
}

const WALKED = [
  ...[aws, azure, google, vault, local].map(flavour => of(flavour, 1, update)),
  ...[aws, google].map(flavour => of(flavour, 0, create)),
  of(aws, 0, create, { does: 'create', record: 1 }),
  of(local, 1, update, update),
  of(google, 1, update, update),
  of(vault, 1, update, { does: 'delete', record: 0 }),
  of(azure, 1, update, { does: 'describe', record: 0 }),
  of(aws, 1, update, maintain),
  ...[aws, azure, google, vault, local].map(flavour => keeping(flavour, rollback)),
  ...[aws, google, local].map(flavour => keeping(flavour, rollback, update)),
  keeping(vault, rollback, { does: 'delete', record: 0 }),
  ...[aws, azure, google, vault, local].map((flavour, index, all) => moving(flavour, all[(index + 1) % all.length] ?? flavour, false, migrate)),
  moving(aws, google, false, migrate, update),
  moving(vault, local, false, migrate, update),
  moving(azure, vault, false, migrate, { does: 'delete', record: 0 }),
  moving(google, aws, false, migrate, migrate),
  moving(vault, azure, false, migrate, migrate),
  moving(local, vault, true, back),
  moving(aws, azure, true, back, update),
  moving(google, local, true, back, { does: 'delete', record: 0 }),
]

const without =
  (...tasks: readonly QueueTask[]) =>
  <T extends { readonly enqueue: readonly { readonly task: QueueTask }[] }>(request: T): T => ({
    ...request,
    enqueue: request.enqueue.filter(({ task }) => !tasks.includes(task)),
  })
const metadata = (change: (metadata: MetadataStore) => Partial<MetadataStore>): Change => ({
  metadata: part => ({ ...copyOf(part), ...change(part) }),
})

/** Other code than the model is of, and a walk that comes to see it. */
const CHANGED: Readonly<Record<string, readonly [Change, readonly [string, Configuration]]>> = {
  'an undone write is not watched': [
    metadata(part => ({ abandon: (request, call) => part.abandon(without('watch_path')(request), call) })),
    of(vault, 1, update),
  ],
  'an undone create is not purged': [
    metadata(part => ({ abandon: (request, call) => part.abandon(without('purge_path')(request), call) })),
    of(aws, 0, create),
  ],
  'an update queues no promote': [
    metadata(part => ({ commitUpdate: (request, call) => part.commitUpdate(without('promote')(request), call) })),
    of(aws, 1, update),
  ],
  'recovery never claims': [metadata(() => ({ claimExpiredIntents: async () => [] })), of(aws, 1, update)],
  'a task that failed is taken for done': [
    metadata(part => ({ settleQueue: (request, call) => part.settleQueue({ ...request, outcome: { state: 'done' } }, call) })),
    of(aws, 1, update),
  ],
  'a staged version is current at once': [
    { driver: part => ({ ...copyOf(part), append: (request, call) => part.append({ ...request, staged: false }, call) }) },
    of(local, 1, update),
  ],
  'a put without an answer is a failure': [
    { driver: part => ({ ...copyOf(part), classify: error => ({ ...part.classify(error), effect: 'none' }) }) },
    of(google, 1, update),
  ],
  'a rollback queues no promote': [
    metadata(part => ({ commitRollback: (request, call) => part.commitRollback({ ...request, claimMs: undefined }, call) })),
    keeping(aws, rollback),
  ],
  'a place that is left is not purged': [
    metadata(part => ({ commitMigrate: (request, call) => part.commitMigrate(without('purge_path')(request), call) })),
    moving(vault, local, false, migrate),
  ],
  'a copy that was resumed is not watched': [
    metadata(part => ({ commitMigrate: (request, call) => part.commitMigrate(without('watch_path')(request), call) })),
    moving(google, aws, false, migrate, migrate),
  ],
  'a copy that is given up is not purged': [
    metadata(part => ({ abandon: (request, call) => part.abandon(without('purge_path')(request), call) })),
    moving(vault, local, false, migrate, update),
  ],
  'a place that is returned from is not purged': [
    metadata(part => ({ commitReturn: (request, call) => part.commitReturn(without('purge_path')(request), call) })),
    moving(local, vault, true, back),
  ],
  'there is no old copy to return to': [metadata(() => ({ oldCopies: async () => [] })), moving(local, vault, true, back)],
}

beforeEach(() => {
  vi.spyOn(Math, 'random').mockReturnValue(0) // no backoff is waited for
  const { setTimeout: wait } = globalThis
  const soon = (work: () => void, ms?: number): NodeJS.Timeout => {
    // The one timer of all deadlines: by the machine's clock it would end calls that the walk's clock has jumped over, on a slow machine only.
    if (work.name === 'fire') return wait(work, HOUR_MS)
    return wait(work, ms === LOOK_AGAIN_MS ? 0 : ms)
  }
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(soon as typeof setTimeout)
})
afterEach(() => void vi.restoreAllMocks())

async function walked(configuration: Configuration, seed: number, change?: Change): Promise<Walk> {
  const spy = vi.spyOn(performance, 'now')
  try {
    return await walk({ ...configuration, off: new Set() }, seeded(seed), LENGTH, now => void spy.mockImplementation(now), change)
  } finally {
    spy.mockRestore()
  }
}

describe('the model knows each step of the code', () => {
  const seen = new Set<string>()

  it.each(WALKED)('%s', { timeout: PATIENCE_MS }, async (_, configuration) => {
    for (let seed = 1; seed <= WALKS; seed += 1) {
      const { steps, isAtRest, unknown, expected } = await walked(configuration, seed)
      expect({ seed, steps, isAtRest, unknown, expected }).toEqual({ seed, steps, isAtRest: true, unknown: undefined, expected: [] })
      for (const step of steps) seen.add(step.replace(/^\w+ \d+: /, '').replace(/,.*/, ''))
    }
  })

  it('and the walks have taken each of them', () => {
    const database = ['beginCreate', 'beginUpdate', 'commitCreate', 'commitUpdate', 'abandon', 'updateDescription', 'commitDelete', 'commitRollback']
    const migration = ['scan', 'beginMigrate', 'commitMigrate', 'commitReturn', 'read']
    const upkeep = ['claimExpiredIntents', 'claimQueue', 'settleQueue', 'owners']
    const backend = ['create', 'append', 'versions', 'promote', 'destroyVersion', 'remove']
    expect([...database, ...migration, ...upkeep, ...backend].filter(step => !seen.has(step))).toEqual([])
  })
})

describe('the model does not know the steps of other code', () => {
  it.each(Object.entries(CHANGED))('%s', { timeout: PATIENCE_MS }, async (_, [change, [, configuration]]) => {
    let isSeen = false
    for (let seed = 1; seed <= 40 && !isSeen; seed += 1) isSeen = !(await walked(configuration, seed, change)).isAtRest
    expect(isSeen).toBe(true)
  })
})

/** Its methods as properties, whatever it is made of. */
function copyOf<T extends object>(part: T): T {
  return Object.fromEntries(Object.keys(part).map(name => [name, Reflect.get(part, name)])) as T
}
