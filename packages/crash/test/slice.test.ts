import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { backends } from '../src/backends/index.ts'
import { databases, stopDatabases } from '../src/databases/index.ts'
import { runMatrix, type MatrixResult } from '../src/matrix.ts'
import { scenariosOf } from '../src/scenarios.ts'
import { sliceOf } from '../src/slice.ts'

// A part of `npm run crash`: each way to fail once on each backend, and the two scenarios that found something.

const FOUND = new Set(['gcp/sqlite/create/killed, lands late CreateSecret', 'vault/sqlite/create/killed, lands late WriteMetadata'])
const present = backends.filter(backend => backend.missing?.() === undefined)
const all = scenariosOf(present, databases)
const chosen = [...new Set([...sliceOf(all, 1), ...all.filter(({ name }) => FOUND.has(name))])]

describe('killed, and recovered', () => {
  let result: MatrixResult
  beforeAll(async () => {
    result = await runMatrix(chosen, { seed: 1, jobs: 2 })
  }, 900_000)
  afterAll(stopDatabases, 60_000)

  it.for(backends.map(({ name }) => name))('nothing is lost, dangling, left or unexplained on %s', (name, { skip }) => {
    const backend = present.find(one => one.name === name)
    if (backend === undefined) return skip(`not on this machine: ${backends.find(one => one.name === name)?.missing?.()}`)
    const own = result.results.filter(({ scenario }) => scenario.backend === backend)
    expect(own.map(({ scenario }) => scenario.name).toSorted()).toEqual(
      chosen
        .filter(one => one.backend === backend)
        .map(one => one.name)
        .toSorted(),
    )
    expect(own.flatMap(({ scenario, findings }) => findings.map(({ kind, text }) => `${scenario.name}: ${kind}, ${text}`))).toEqual([])
    expect(own.filter(({ end }) => end.startsWith('SIGKILL')).length).toBeGreaterThan(2)
  })

  it('and no scenario touched what another had left', () => {
    expect(result.findings).toEqual([])
  })
})
