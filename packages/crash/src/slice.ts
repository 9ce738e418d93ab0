import { seedOf } from '@strongroom/testbed'
import type { MoveScenario } from './moves/scenarios.ts'
import type { Fault, Scenario } from './scenarios.ts'
import { isReconcile, isUpkeep } from './upkeep/operations.ts'

/**
 * A part of the matrix that is quick: each way to fail once on each backend, at a failpoint that the seed picks. Of a write with each database;
 * of upkeep each kind of them with one that the seed picks; of what lands past the horizon, and of reconciliation, on a backend that it picks.
 */
export function sliceOf(scenarios: readonly Scenario[], seed: number): readonly Scenario[] {
  return oneOfEach(scenarios, seed, ({ backend, database, operation, fault }) => {
    const way = wayOf(fault)
    if (isReconcile(operation)) return `reconcile/${kindOf(fault)}`
    if (isUpkeep(operation)) return `maintain/${backend.name}/${kindOf(fault)}`
    if (way.includes('past the horizon')) return `${operation}/${way}`
    return `${backend.name}/${database.name}/${way}`
  })
}

/** The same of migrations: each way to fail once for each pair, the database and what follows picked by the seed, too. */
export function moveSliceOf(scenarios: readonly MoveScenario[], seed: number): readonly MoveScenario[] {
  return oneOfEach(scenarios, seed, ({ pair, fault }) => `${pair[0].name} to ${pair[1].name}/${wayOf(fault)}`)
}

function oneOfEach<T>(scenarios: readonly T[], seed: number, groupOf: (scenario: T) => string): readonly T[] {
  return [...Map.groupBy(scenarios, groupOf)].flatMap(([name, group]) => group[seedOf(seed, name) % group.length] ?? [])
}

function kindOf(fault: Fault): string {
  if (!('how' in fault)) return fault.kind === 'answered' ? 'killed' : fault.kind
  if (fault.how.startsWith('killed')) return 'killed'
  return /^a(?:mbiguous|nswer)/.test(fault.how) ? 'unanswered' : 'late'
}

function wayOf(fault: Fault): string {
  return 'how' in fault ? `${fault.kind} ${fault.how}` : fault.kind
}
