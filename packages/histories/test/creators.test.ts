import { stopDatabases } from '@strongroom/crash/databases'
import { afterAll, describe, expect, it } from 'vitest'
import { Place } from '../src/place.ts'

// 64 creators of one key at once: 8 processes with 8 registries each, every one with a database connection and a driver of its own.

const [PROCESSES, EACH] = [8, 8]

afterAll(stopDatabases, 60_000)

describe('of 64 creators of a key', () => {
  const places = [
    ['sqlite', 'local'],
    ['sqlite', 'aws'],
    ['postgres', 'local'],
    ['postgres', 'vault'],
  ] as const
  it.each(places)('one succeeds, and the others leave nothing, on %s with values in %s', { timeout: 400_000 }, async (database, backend) => {
    const place = await Place.start({ backend, database, seed: 1, processes: PROCESSES, workers: EACH })
    try {
      const { answers, backlog, found, verdict } = await place.createTogether('the-key', EACH)
      expect(answers).toHaveLength(PROCESSES * EACH)
      expect(answers.filter(answer => answer === 'done')).toHaveLength(1)
      expect(new Set(answers)).toEqual(new Set(['done', 'already_exists']))
      expect(backlog).toBe(0)
      expect(found.map(({ deleted, versions }) => [deleted, versions.length])).toEqual([[false, 1]])
      expect(verdict.result).toBe('linearizable')
    } finally {
      await place.stop()
    }
  })
})
