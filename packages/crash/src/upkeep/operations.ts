import type { Backend, Meddling } from '../backends/backend.ts'

/** One piece of upkeep that the child does: what another process has left, what landed when nobody looked for it any more, or what an outsider did. */
const UPKEEP_OPERATIONS = [
  'maintain a creation',
  'maintain an update',
  'maintain an unsent update',
  'maintain a promote',
  'maintain a destroy',
  'maintain a stray',
  'maintain a purge',
  'maintain a watch',
  'maintain a watch of a creation',
  'maintain a repair',
  'reconcile an orphan',
  'reconcile a drift',
  'reconcile a moved label',
  'reconcile an outside value',
] as const
export type UpkeepOperation = (typeof UPKEEP_OPERATIONS)[number]

type Traits = Pick<Backend, 'promotes' | 'proves' | 'detaches'>

/** What `maintain` asks for its report. */
const REPORT = ['metadata.references', 'metadata.pending', 'metadata.troubled']

export function isUpkeep(operation: string): operation is UpkeepOperation {
  return (UPKEEP_OPERATIONS as readonly string[]).includes(operation)
}

export function isReconcile(operation: string): boolean {
  return operation.startsWith('reconcile')
}

/** Whether the write that was left is a create, and not an update of the secret that was there. */
export function isOfCreation(operation: string): boolean {
  return operation === 'reconcile an orphan' || operation.endsWith('a creation')
}

/** What is there to be mended: an outsider, by the backend's own client, has made another version current. Undefined: nobody has meddled. */
export function meddlingOf(operation: string): keyof Meddling | undefined {
  if (operation === 'reconcile a moved label') return 'label'
  return operation === 'reconcile an outside value' || operation === 'maintain a repair' ? 'put' : undefined
}

/** Those that there are on a backend: where the newest version is current nothing is promoted, and where a put cannot be proved nothing is looked for. */
export function upkeepOperationsOf({ promotes, proves }: Traits): readonly UpkeepOperation[] {
  return UPKEEP_OPERATIONS.filter(operation => {
    if (operation === 'maintain a promote' || meddlingOf(operation) !== undefined) return promotes
    if (operation === 'maintain an unsent update') return proves
    return operation !== 'reconcile a drift' || !promotes
  })
}

/** The calls that it makes of database and driver, in order; of a reconciliation, which looks again and again, each once. */
export function upkeepStepsOf(operation: UpkeepOperation, traits: Traits): readonly string[] {
  if (isReconcile(operation)) return upkeepFailpointsOf(operation, traits)
  const looked = upkeepFailpointsOf(operation, traits).includes('metadata.claimQueue') ? ['metadata.claimExpiredIntents'] : []
  return [...looked, ...upkeepFailpointsOf(operation, traits), ...REPORT]
}

/** Those at which something befalls the child: all but the looks that find nothing, and those for the report. */
export function upkeepFailpointsOf(operation: UpkeepOperation, { promotes, proves, detaches }: Traits): readonly string[] {
  switch (operation) {
    case 'maintain a creation':
      return ['metadata.claimExpiredIntents', 'metadata.abandon']
    case 'maintain an update':
      return ['metadata.claimExpiredIntents', ...(proves ? ['driver.versions', 'metadata.commitUpdate'] : ['metadata.abandon'])]
    case 'maintain an unsent update':
      return ['metadata.claimExpiredIntents', 'driver.versions', 'metadata.abandon']
    case 'maintain a promote':
    case 'maintain a repair':
      return ['metadata.claimQueue', 'driver.versions', 'metadata.owners', 'driver.promote', 'metadata.settleQueue']
    case 'maintain a destroy':
    case 'maintain a stray': {
      const looked = promotes && !detaches ? ['driver.versions', 'metadata.owners'] : []
      return ['metadata.claimQueue', ...looked, 'driver.destroyVersion', 'metadata.settleQueue']
    }
    case 'maintain a purge':
      return ['metadata.claimQueue', 'driver.remove', 'metadata.settleQueue']
    case 'maintain a watch':
    case 'maintain a watch of a creation':
      return ['metadata.claimQueue', 'driver.versions', 'metadata.owners', 'metadata.settleQueue']
    case 'reconcile an orphan':
      return ['metadata.scan', 'metadata.owners', 'driver.versions', 'driver.list', 'driver.read', 'metadata.queueRepair']
    case 'reconcile a drift':
      return [
        'metadata.scan',
        'metadata.owners',
        'driver.versions',
        'driver.read',
        'driver.list',
        'metadata.find',
        'metadata.beginUpdate',
        'driver.append',
        'metadata.commitUpdate',
        'metadata.appendAudit',
      ]
    case 'reconcile a moved label':
    case 'reconcile an outside value':
      return ['metadata.scan', 'metadata.owners', 'driver.versions', 'driver.read', 'driver.list', 'metadata.find', 'metadata.queueRepair']
  }
}
