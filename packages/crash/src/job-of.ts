import { seeded, seedOf } from '@strongroom/testbed'
import type { Job, Times } from './messages.ts'
import type { MoveScenario } from './moves/scenarios.ts'
import type { Scenario } from './scenarios.ts'

export const TIMES: Times = { deadlineMs: 10_000, leaseMs: 30_000, putHorizonMs: 60_000 }
/** Where a request is held until the caller has given up. */
const GIVES_UP: ReadonlySet<string> = new Set(['lands late', 'lands past the horizon'])
const HASTY: Times = { deadlineMs: 1_500, leaseMs: 30_000, putHorizonMs: 60_000 }

/** What the child of a scenario is told, with values that the seed makes, and a maker of more of them. */
export function jobOf(
  { name, operation, fault, database }: Pick<Scenario | MoveScenario, 'name' | 'operation' | 'fault' | 'database'>,
  { registry, place, seed, knockOut }: Pick<Job, 'registry' | 'place' | 'seed' | 'knockOut'>,
): { readonly job: Job; readonly value: (what: string) => string } {
  const own = seedOf(seed, name)
  const random = seeded(own)
  const value = (what: string): string => `${what}-${Array.from({ length: 4 }, () => Math.floor(random() * 2 ** 32).toString(36)).join('')}`
  const job: Job = {
    database: database.name,
    place,
    registry,
    operation,
    fault: fault.kind === 'seam' ? fault : undefined,
    times: fault.kind === 'wire' && GIVES_UP.has(fault.how) ? HASTY : TIMES,
    values: { first: value('first'), before: value('before'), after: value('after') },
    seed: own,
    knockOut,
    dieWithAnswer: fault.kind === 'answered',
  }
  return { job, value }
}
