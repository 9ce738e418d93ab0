import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { verifyAudit } from '@strongroom/core'
import { ACCOUNT, REGISTRY } from '@strongroom/conformance/metadata'
import { postgresMetadata } from '@strongroom/postgres'
import { describe, expect, it } from 'vitest'
import { child, childArguments, useDatabase } from './database.ts'

const database = useDatabase()

describe('several processes', () => {
  it('make a schema that is not there yet at once, and of 64 creators of a key one succeeds', async () => {
    const schema = database.newSchema()
    const startAt = String(Date.now() + 2500)
    const outcomes = (await Promise.all(Array.from({ length: 8 }, () => child('create', database.url, schema, startAt)))) as string[][]
    expect(outcomes.flat().toSorted()).toEqual([...Array.from({ length: 63 }, () => 'already_exists'), 'committed'])
    const store = postgresMetadata({ connectionString: database.url, schema })
    expect(await store.references({ registry: REGISTRY }, {})).toEqual({ records: 1, intents: 0, tasks: 0 })
    const first = { limit: 9, sortBy: 'key', sortOrder: 'asc', startingAfter: undefined, endingBefore: undefined } as const
    expect((await store.page({ registry: REGISTRY, account: ACCOUNT, ...first }, {})).total).toBe(1)
    const entries = await store.readAudit({ registry: REGISTRY, account: ACCOUNT, after: 0, limit: 99 }, {})
    expect(await verifyAudit(entries)).toMatchObject({ ok: true, entries: 1 })
    await store.close()
  }, 90_000)

  it('leave nothing behind, and hold nobody up, when they are killed in mid-transaction', async () => {
    await database.withWorld(
      async (world, schema) => {
        await world.create()
        const before = await world.references()
        const hanging = spawn(process.execPath, childArguments(['hang', database.url, schema]), { stdio: ['ignore', 'pipe', 'inherit'] })
        try {
          const [said] = (await once(hanging.stdout, 'data')) as [Buffer]
          expect(String(said)).toBe('hanging')
          // The account is the killed one's until the database sees that it is gone.
          const waiting = world.begin({ key: 'the-one-key' })
          expect(await world.references()).toEqual(before)
          hanging.kill('SIGKILL')
          const intent = await waiting
          expect(await world.references()).toEqual({ ...before, intents: 1 })
          expect(await world.commitCreate(intent)).toMatchObject({ state: 'committed' })
        } finally {
          hanging.kill('SIGKILL')
        }
      },
      { statementTimeoutMs: 25_000 },
    )
  })
})
