import { expect, it } from 'vitest'
import { travel } from '../swap.ts'

const SECRETS = 15

it('goes from cloud to cloud under load: no failed read, no stale one, nothing left behind', { timeout: 600_000 }, async () => {
  const { swaps, counts, problems, compared } = await travel({ secrets: SECRETS })
  expect(problems).toEqual([])
  expect(swaps.map(({ from, to, leftovers }) => [from, to, leftovers])).toEqual([
    ['memory', 'aws', 0],
    ['aws', 'gcp', 0],
    ['gcp', 'azure', 0],
    ['azure', 'vault', 0],
    ['vault', 'aws', 0],
  ])
  for (const { moved } of swaps) expect(moved).toBeGreaterThanOrEqual(SECRETS)
  expect(counts).toMatchObject({ failedReads: 0, staleReads: 0, failedUpdates: 0 })
  // It was under load all the time.
  expect(counts.reads).toBeGreaterThan(300)
  expect(counts.updates).toBeGreaterThan(50)
  expect(counts.deleted).toBeGreaterThan(20)
  expect(compared).toBe(SECRETS)
})
