import { describe, expect, it } from 'vitest'
import type { Flavour } from './support/migrator-world.ts'
import { migratedBy, TwoClouds } from './support/migration-world.ts'
import { tracked, type Step } from './support/tracked.ts'

// Every step of a migration dies, before it has an effect and after; then another process goes on. The one that dies is an object that
// never gets another answer. Real processes are killed in packages/crash.

const PAIRS: readonly (readonly [Flavour, Flavour])[] = [
  ['aws', 'google'],
  ['google', 'azure'],
  ['azure', 'vault'],
  ['vault', 'aws'],
  ['local', 'local'],
]
const SECRETS = 3

interface Death {
  readonly at: number
  readonly effect: 'before' | 'after'
}

/** True when it came to the step at all. */
async function dies(
  world: TwoClouds,
  { at, effect }: Death,
  direction: { readonly from: 'old' | 'new'; readonly to: 'old' | 'new' },
): Promise<boolean> {
  const counter = { next: 0 }
  let died: (() => void) | undefined
  const death = new Promise<'died'>(resolve => (died = () => resolve('died')))
  const around = async (step: Step, call: () => Promise<unknown>): Promise<unknown> => {
    if (step.index < at) return await call()
    if (step.index === at && effect === 'after') await call().catch(() => {})
    died?.()
    return await new Promise(() => {})
  }
  const parts = {
    metadata: tracked('metadata', world.metadata, around, counter),
    old: tracked('driver', world.old.driver, around, counter),
    new: tracked('driver', world.new.driver, around, counter),
    policy: { deadlineMs: 400_000, leaseMs: 900_000, putHorizonMs: 1_000_000 },
  }
  const ended = await Promise.race([world.migrator(parts).then(migrator => migratedBy(migrator, { ...direction, concurrency: 1 })), death])
  return ended === 'died'
}

async function check(world: TwoClouds, expected: Readonly<Record<string, string>>): Promise<void> {
  expect(await world.values()).toEqual(expected)
  await world.settle(60)
  expect(await world.values()).toEqual(expected)
  for (const store of ['old', 'new'] as const) {
    const { records, ...unfinished } = await (await world.migrator()).references(store)
    expect(unfinished).toEqual({ intents: 0, tasks: 0 })
    expect(await world.paths(store)).toHaveLength(records)
  }
}

describe.each(PAIRS)('a migration from a backend like %s to one like %s, killed at every step', (from, to) => {
  it.each(['goes on', 'is undone', 'meets updates and a delete', 'went back'] as const)('%s', async after => {
    let steps = 0
    for (const effect of ['before', 'after'] as const) {
      for (let at = 0; ; at += 1) {
        const world = new TwoClouds(from, to)
        const secrets = await world.secrets()
        const values: Record<string, string> = {}
        const ids = []
        for (let n = 0; n < SECRETS; n += 1) {
          ids.push((await secrets.create({ key: `key-${n}`, value: `value ${n}` })).id)
          values[`key-${n}`] = `value ${n}`
        }
        const back = after === 'went back'
        if (back) await world.migrate()
        const direction = back ? ({ from: 'new', to: 'old' } as const) : ({ from: 'old', to: 'new' } as const)
        const died = await dies(world, { at, effect }, direction)
        if (!died) break
        steps += 1
        expect(await world.values()).toEqual(values)
        if (after === 'meets updates and a delete') {
          await secrets.update(ids[0]!, { value: 'updated' })
          await secrets.delete(ids[1]!)
          values['key-0'] = 'updated'
          delete values['key-1']
        }
        world.later(901_000)
        if (after !== 'is undone') {
          expect((await world.migrate(direction)).report).toMatchObject({ left: 0, outcomes: { failed: 0, busy: 0 } })
          // What was put is not put again, but for the one that the dead one may have had under way.
          const puts = world[direction.to].count('create')
          if (after === 'goes on') expect(puts).toBeLessThanOrEqual(SECRETS + 1)
          if (after === 'goes on' && effect === 'after') expect(puts).toBe(SECRETS)
        }
        await check(world, values)
      }
    }
    // Each secret has at least a read, a begin, a put, a read back and a commit.
    expect(steps).toBeGreaterThan(2 * 5 * SECRETS)
  })
})
