import type { Backend, DrivenCall, Request } from './backends/backend.ts'
import type { Database } from './databases/database.ts'
import { isReconcile, isUpkeep, upkeepFailpointsOf, upkeepOperationsOf, upkeepStepsOf, type UpkeepOperation } from './upkeep/operations.ts'

export const WRITES = ['create', 'update value', 'update description', 'rollback', 'delete'] as const
export type Write = (typeof WRITES)[number]
export type Operation = Write | UpkeepOperation

/** What befalls the child at a call of the database. */
export const DATABASE_FAULTS = [
  'killed before',
  'killed inside',
  'killed after',
  'ambiguous, committed',
  'ambiguous, not committed',
  'ambiguous for good',
  'asleep past the lease before',
] as const
/** At a call of the driver. `answer lost` is for backends without a wire. */
export const DRIVER_FAULTS = ['killed before', 'killed after', 'answer lost', 'asleep past the lease before'] as const
/** At one request of a driver's call, on its way. */
export const WIRE_FAULTS = ['killed, applied', 'killed, lands late', 'answer lost', 'lands late'] as const

/** What befalls a put alone: it lands when recovery and every watch are through. */
const LATE_DRIVER_FAULT = 'asleep past the horizon before'
const LATE_WIRE_FAULTS = ['killed, lands past the horizon', 'lands past the horizon'] as const
/** What changes nothing in the database: to die before it is to die after what was before. */
const LOOKS: ReadonlySet<string> = new Set(['metadata.scan', 'metadata.owners', 'metadata.find', 'driver.versions', 'driver.list', 'driver.read'])

export type SeamFault = (typeof DATABASE_FAULTS)[number] | (typeof DRIVER_FAULTS)[number] | typeof LATE_DRIVER_FAULT
type WireFault = (typeof WIRE_FAULTS)[number] | (typeof LATE_WIRE_FAULTS)[number]

export type Fault =
  /** Nothing: the calls and requests are compared with the tables below. */
  | { readonly kind: 'none' }
  /** `step`: such as `metadata.commitUpdate`. Done by the child, around the call. */
  | { readonly kind: 'seam'; readonly step: string; readonly how: SeamFault }
  /** Done by the parent, at the server. */
  | { readonly kind: 'wire'; readonly request: string; readonly how: WireFault }
  /** Killed when the answer has been given. */
  | { readonly kind: 'answered' }

export interface Scenario {
  /** Unique: `aws/sqlite/create/killed before metadata.beginCreate`. */
  readonly name: string
  readonly backend: Backend
  readonly database: Database
  readonly operation: Operation
  readonly fault: Fault
}

/** Every failpoint of every operation, on every backend with every database. */
export function scenariosOf(backends: readonly Backend[], databases: readonly Database[]): readonly Scenario[] {
  return backends.flatMap(backend =>
    databases.flatMap(database =>
      [...WRITES, ...upkeepOperationsOf(backend)].flatMap(operation =>
        faultsOf(operation, backend, database).map(fault => {
          const name = `${backend.name}/${database.name}/${operation}/${nameOf(fault)}`
          return { name, backend, database, operation, fault }
        }),
      ),
    ),
  )
}

/** The calls of database and driver that an operation makes, in order. */
export function stepsOf(operation: Operation, backend: Pick<Backend, 'promotes' | 'proves' | 'detaches'>): readonly string[] {
  if (isUpkeep(operation)) return upkeepStepsOf(operation, backend)
  const { promotes } = backend
  switch (operation) {
    case 'create':
      return ['metadata.beginCreate', 'driver.create', 'metadata.commitCreate']
    case 'update value':
      return ['metadata.beginUpdate', 'driver.append', 'metadata.commitUpdate', ...(promotes ? ['driver.promote', 'metadata.settleQueue'] : [])]
    case 'update description':
      return ['metadata.updateDescription']
    case 'rollback':
      return ['metadata.find', 'driver.versions', 'metadata.commitRollback', ...(promotes ? ['driver.promote', 'metadata.settleQueue'] : [])]
    case 'delete':
      return ['metadata.commitDelete', 'driver.remove', 'metadata.settleQueue']
  }
}

/** The requests that an operation sends, in order. */
export function requestsOf(operation: Operation, backend: Backend): readonly Request[] {
  const calls = stepsOf(operation, backend).filter(step => step.startsWith('driver.'))
  const sent = calls.flatMap(call => backend.requests?.[call.slice('driver.'.length) as DrivenCall] ?? [])
  // What a reconciliation looks at is asked for again and again: of its requests only the put is told apart.
  if (isReconcile(operation)) return sent.filter(({ writes }) => writes)
  // What has been replaced has no label left that could be taken off.
  return operation === 'maintain a destroy' && backend.detaches ? sent.filter(({ writes }) => !writes) : sent
}

function faultsOf(operation: Operation, backend: Backend, database: Database): readonly Fault[] {
  const isPut = operation === 'create' || operation === 'update value'
  const seam = (isUpkeep(operation) ? upkeepFailpointsOf(operation, backend) : stepsOf(operation, backend)).flatMap(step => {
    const faults = isUpkeep(operation) ? upkeepFaultsOf(step) : step.startsWith('metadata.') ? DATABASE_FAULTS : DRIVER_FAULTS
    const late = isPut && (step === 'driver.create' || step === 'driver.append') ? ([LATE_DRIVER_FAULT] as const) : []
    return [...faults, ...late]
      .filter(how => how !== 'killed inside' || database.cuts)
      .filter(how => how !== 'answer lost' || backend.requests === undefined)
      .map(how => ({ kind: 'seam', step, how }) as const)
  })
  const puts = (operation === 'create' ? backend.requests?.create : backend.requests?.append) ?? []
  const wire = requestsOf(operation, backend).flatMap(({ name, writes }) =>
    // A look that comes late changes nothing.
    [
      ...WIRE_FAULTS.filter(how => writes || how === 'killed, applied' || how === 'answer lost'),
      ...(isPut && writes && puts.some(put => put.name === name) ? LATE_WIRE_FAULTS : []),
    ].map(how => ({ kind: 'wire', request: name, how }) as const),
  )
  return [{ kind: 'none' }, ...seam, ...wire, { kind: 'answered' }]
}

function upkeepFaultsOf(step: string): readonly SeamFault[] {
  if (LOOKS.has(step)) return step.startsWith('metadata.') ? ['killed after'] : ['killed after', 'answer lost']
  const faults: readonly SeamFault[] = step.startsWith('metadata.') ? DATABASE_FAULTS : DRIVER_FAULTS
  return faults.filter(how => how !== 'killed before')
}

export function nameOf(fault: Fault): string {
  switch (fault.kind) {
    case 'none':
      return 'undisturbed'
    case 'seam':
      return `${fault.how} ${fault.step}`
    case 'wire':
      return `${fault.how} ${fault.request}`
    case 'answered':
      return 'killed after the answer'
  }
}
