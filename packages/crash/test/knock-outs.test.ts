import { describe, expect, it } from 'vitest'
import { backendOf } from '../src/backends/index.ts'
import { databaseOf } from '../src/databases/index.ts'
import { knockOutOf } from '../src/knock-outs.ts'
import { runMatrix } from '../src/matrix.ts'
import { scenariosOf } from '../src/scenarios.ts'

// That the matrix sees a rule taken out, on real processes; `npm run crash -- --knock-out all` takes out every one.

const RULES: Readonly<Record<string, string>> = {
  'an undone write is not watched': 'orphan',
  'a delete queues no purge': 'orphan',
  'a task that upkeep has claimed stays claimed': 'unexplained',
  'a value gets into the database': 'unexplained',
}

describe('a rule taken out', () => {
  it.each(Object.entries(RULES))('%s: a scenario says %s', { timeout: 120_000 }, async (rule, kind) => {
    const scenarios = scenariosOf([backendOf('vault')], [databaseOf('sqlite')]).filter(({ name }) => knockOutOf(rule).seenBy.test(name))
    const { results } = await runMatrix(scenarios, { seed: 1, jobs: 1, knockOut: rule, until: ({ findings }) => findings.length > 0 })
    const found = results.flatMap(({ findings }) => findings)
    expect(found.map(finding => finding.kind)).toContain(kind)
    expect(results.map(({ end }) => end)).not.toContain('error') // a mistake in the knock-out itself
  })
})
