import { seedOf } from '@strongroom/testbed'
import type { Scenario } from './scenarios.ts'

/** A part of the matrix that is quick: each way to fail once on each backend with each database, at a failpoint that the seed picks. */
export function sliceOf(scenarios: readonly Scenario[], seed: number): readonly Scenario[] {
  const groups = Map.groupBy(
    scenarios,
    ({ backend, database, fault }) => `${backend.name}/${database.name}/${'how' in fault ? `${fault.kind} ${fault.how}` : fault.kind}`,
  )
  return [...groups].flatMap(([name, group]) => group[seedOf(seed, name) % group.length] ?? [])
}
