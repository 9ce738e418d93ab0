import assert from 'node:assert/strict'
import { isSecretError, type SecretId, type SecretRecord } from '@strongroom/core'
import { equal, expectRefused, includes } from '../expect.ts'
import type { MetadataCase } from '../metadata-case.ts'
import { answersOf } from '../race.ts'
import { path, REGISTRY, version, type World } from '../world.ts'

export const calls: readonly MetadataCase[] = [
  {
    id: 'calls/aborted-in-mid-call',
    title: 'a commit that is aborted at any moment is made as a whole or not at all, and its error says nothing false',
    async run(world) {
      for (let ticks = 0; ticks < 12; ticks += 1) {
        const intent = await world.begin()
        const before = await world.references()
        const controller = new AbortController()
        const { id, account, token } = intent
        const task = { task: 'watch_path', store: 'main', path: path(`watched-${ticks}`) } as const
        const commit = world.store.commitCreate(
          { registry: REGISTRY, intent: id, account, token, version: version('v1'), fullPath: 'full', enqueue: [task] },
          { signal: controller.signal },
        )
        const outcome = commit.then(
          ({ state }) => ({ state, effect: 'done' }),
          (error: unknown) => {
            assert.ok(isSecretError(error, 'aborted'), `what is aborted says so: ${String(error)}`)
            return { state: 'aborted', effect: error.effect }
          },
        )
        for (let tick = 0; tick < ticks; tick += 1) await new Promise(resolve => setImmediate(resolve))
        controller.abort()
        const { effect } = await outcome
        // Asked again, the commit answers what happened; before that, all of it is there or nothing.
        const isMade = (await settled(world, intent.secret)) !== undefined
        const ends = (await world.audit()).filter(({ operationId }) => operationId === token)
        const { records, intents, tasks } = before
        equal(await world.references(), isMade ? { records: records + 1, intents: intents - 1, tasks: tasks + 1 } : before)
        equal(ends.length, isMade ? 1 : 0)
        if (effect !== 'unknown') equal(isMade, effect === 'done')
        includes(await world.commitCreate(intent), { state: 'committed' })
      }
    },
  },
  {
    id: 'calls/a-store-that-closes',
    title: 'a store that is closed while it is asked answers or says that it is closed',
    async run(world) {
      const record = await world.create()
      const calls = Array.from({ length: 8 }, () => world.describe(record, 'x'))
      const closing = world.store.close()
      answersOf(await Promise.allSettled(calls), 'closed', 'unavailable', 'aborted')
      await closing
      await expectRefused(world.find(record.id), 'closed')
    },
  },
]

/** The record, once the database has settled what an aborted call has left under way. */
async function settled(world: World, secret: SecretId): Promise<SecretRecord | undefined> {
  const twin = await world.twin()
  for (let wait = 0; wait < 10 && (await twin.find(secret)) === undefined; wait += 1) await new Promise(resolve => setTimeout(resolve, 5))
  return await twin.find(secret)
}
