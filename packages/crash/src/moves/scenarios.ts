import type { Backend, Request } from '../backends/backend.ts'
import type { Database } from '../databases/database.ts'
import { DATABASE_FAULTS, DRIVER_FAULTS, nameOf, WIRE_FAULTS, type Fault, type SeamFault } from '../scenarios.ts'

/** What the child does, and what follows after the blow: another migration, an update before that, or upkeep alone. A return is to an old copy. */
export const MOVE_OPERATIONS = ['migrate', 'migrate, then an update', 'migrate, undone', 'return'] as const
export type MoveOperation = (typeof MOVE_OPERATIONS)[number]

export type Side = 'from' | 'to'

export interface MoveScenario {
  /** Unique: `aws to gcp/sqlite/migrate/killed before metadata.beginMigrate`. */
  readonly name: string
  /** The secret is made in the first and moved to the second; a return goes from the second to the first. */
  readonly pair: readonly [Backend, Backend]
  readonly database: Database
  readonly operation: MoveOperation
  readonly fault: Fault
  /** Whose wire a request of the fault is on, and whose requests an undisturbed run is compared with. */
  readonly side: Side
}

/** How long an old copy stays: not longer than a settlement takes. */
export const GRACE_MS = 3_600_000

/** What changes nothing in the database: to die before it is to die after it. */
const LOOKS = new Set(['metadata.scan', 'metadata.oldCopies', 'metadata.owners'])
const LOOK_FAULTS: readonly SeamFault[] = ['killed after', 'ambiguous, committed']

/** Each backend's secrets go to the next one. */
export function moveScenariosOf(backends: readonly Backend[], databases: readonly Database[]): readonly MoveScenario[] {
  if (backends.length < 2) return []
  return backends.flatMap((first, index) => {
    const second = backends[(index + 1) % backends.length] ?? first
    return databases.flatMap(database =>
      MOVE_OPERATIONS.flatMap(operation =>
        faultsOf(operation, [first, second], database).map(({ fault, side }) => {
          const name = `${first.name} to ${second.name}/${database.name}/${operation}/${nameOf(fault)}${fault.kind === 'wire' ? `, ${side}` : ''}`
          return { name, pair: [first, second] as const, database, operation, fault, side }
        }),
      ),
    )
  })
}

/** The calls of a migration of one secret, in order. */
export function moveStepsOf(operation: MoveOperation): readonly string[] {
  const found = ['metadata.scan', 'metadata.oldCopies', 'from.read']
  const moved =
    operation === 'return'
      ? ['metadata.owners', 'to.versions', 'to.read', 'metadata.commitReturn']
      : ['metadata.beginMigrate', 'to.create', 'to.read', 'metadata.commitMigrate']
  return [...found, ...moved, 'metadata.references']
}

/** What it sends to one of the two, in order. */
export function moveRequestsOf(operation: MoveOperation, pair: MoveScenario['pair'], side: Side): readonly Request[] {
  const { requests, reads } = backendAt(operation, pair, side)
  if (side === 'from') return reads
  return [...((operation === 'return' ? requests?.versions : requests?.create) ?? []), ...reads]
}

/** The request that has the value, of those that a create sends. */
export function putOf({ requests }: Backend): string | undefined {
  const names = requests?.create?.filter(({ writes }) => writes).map(({ name }) => name) ?? []
  return names.find(name => name !== 'CreateSecret' || names.length === 1)
}

export function backendAt(operation: MoveOperation, [first, second]: MoveScenario['pair'], side: Side): Backend {
  return (side === 'from') === (operation !== 'return') ? first : second
}

function faultsOf(
  operation: MoveOperation,
  pair: MoveScenario['pair'],
  { cuts }: Database,
): readonly { readonly fault: Fault; readonly side: Side }[] {
  const steps = moveStepsOf(operation).filter(step => step !== 'metadata.references')
  const seam = steps.flatMap(step => {
    const side: Side = step.startsWith('from.') ? 'from' : 'to'
    const isWired = backendAt(operation, pair, side).requests !== undefined
    const faults = !step.startsWith('metadata.') ? DRIVER_FAULTS : LOOKS.has(step) ? LOOK_FAULTS : DATABASE_FAULTS
    return faults
      .filter(how => (how !== 'killed inside' || cuts) && (how !== 'answer lost' || !isWired))
      .map(how => ({ fault: { kind: 'seam', step, how } as const, side }))
  })
  const wire = (['from', 'to'] as const).flatMap(side =>
    moveRequestsOf(operation, pair, side).flatMap(({ name, writes }) =>
      WIRE_FAULTS.filter(how => writes || how === 'killed, applied' || how === 'answer lost').map(how => ({
        fault: { kind: 'wire', request: name, how } as const,
        side,
      })),
    ),
  )
  const none = (['from', 'to'] as const).map(side => ({ fault: { kind: 'none' } as const, side }))
  const all = [...none.slice(1), ...seam, ...wire, { fault: { kind: 'answered' } as const, side: 'to' as const }]
  if (operation === 'migrate' || operation === 'return') return all
  // What follows otherwise, follows what has been left behind; before a call that is what was left after the one before.
  return all.filter(({ fault }) => 'how' in fault && fault.how.startsWith('killed') && fault.how !== 'killed before')
}
