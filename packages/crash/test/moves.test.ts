import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { backendOf, backends } from '../src/backends/index.ts'
import { databases, databaseOf, stopDatabases } from '../src/databases/index.ts'
import { migrateKilled } from '../src/moves/killed.ts'
import { runMoves, type MoveResult } from '../src/moves/matrix.ts'
import { moveScenariosOf } from '../src/moves/scenarios.ts'
import { moveSliceOf } from '../src/slice.ts'

// A part of `npm run crash -- --moves`: each way to fail once from each backend to the next.

const PATIENCE_MS = 900_000
const present = backends.filter(backend => backend.missing?.() === undefined)
const chosen = moveSliceOf(moveScenariosOf(present, databases), 1)

afterAll(stopDatabases, 60_000)

describe('a migration is killed, and another one goes on', () => {
  let results: readonly MoveResult[]
  beforeAll(async () => {
    results = await runMoves(chosen, { seed: 1, jobs: 2 })
  }, PATIENCE_MS)

  it.for(backends.map(({ name }) => name))('nothing is lost, dangling, left or unexplained from %s to the next', (name, { skip }) => {
    const backend = present.find(one => one.name === name)
    if (backend === undefined) return skip(`not on this machine: ${backends.find(one => one.name === name)?.missing?.()}`)
    const own = results.filter(({ scenario }) => scenario.pair[0] === backend)
    expect(own).toHaveLength(chosen.filter(({ pair }) => pair[0] === backend).length)
    expect(own.flatMap(({ scenario, findings }) => findings.map(({ kind, text }) => `${scenario.name}: ${kind}, ${text}`))).toEqual([])
    expect(own.filter(({ end }) => end.startsWith('SIGKILL')).length).toBeGreaterThan(2)
  })
})

it('many secrets are migrated by one process after another, and each is put once', { timeout: PATIENCE_MS }, async () => {
  const kills = 20
  const secrets = 300
  const pair = [backendOf('local'), backendOf('gcp')] as const
  const result = await migrateKilled({ pair, database: databaseOf('sqlite'), secrets, kills, seed: 1 })
  expect(result).toMatchObject({ secrets, missing: 0, different: 0, leftovers: 0, unfinished: 0 })
  expect(result.kills).toBeGreaterThan(kills / 4) // a process may be through before its time comes
  expect(result.puts).toBeGreaterThanOrEqual(secrets)
  expect(result.puts).toBeLessThanOrEqual(secrets + result.kills)
  expect(result.resumed).toBeGreaterThan(0)
})
