import {
  createSecretMigrator,
  type Finding as Reported,
  type MetadataStore,
  type NativePath,
  type RepairKind,
  type SecretDriver,
  type VersionId,
} from '@strongroom/core'
import type { Found } from '../backends/backend.ts'
import type { Finding } from '../invariants.ts'
import { STORE, type Times } from '../messages.ts'
import { longAgo } from './long-ago.ts'

/** A registry as an operator has it. */
export interface Reconciled {
  readonly id: string
  readonly metadata: MetadataStore
  readonly driver: SecretDriver
  readonly policy: Times
}

/** Makes ready for a reconciliation, with repair unless it is told otherwise, which answers what it reported. */
export async function reconciling(
  { id, metadata, driver, policy }: Reconciled,
  operator: string,
  repair: readonly RepairKind[] = ['orphan', 'drift'],
): Promise<() => Promise<readonly Reported[]>> {
  const stores = { [STORE]: longAgo(driver) }
  const migrator = await createSecretMigrator({ id, metadata, stores, actor: { id: operator, type: 'service_account' }, policy })
  return () => Array.fromAsync(migrator.reconcile({ graceMs: 0, repair }))
}

/**
 * Does what reconciliation leaves to a person, who believes its report: a version that is given out and that nobody keeps must be in it as a
 * stray, and a secret that nobody names and that has versions as foreign. What has no version cannot be told from what an old list still
 * names, so that nothing is said of it: it is removed unasked. `late` is the value that landed, or an outsider's.
 */
export async function doByHand(
  { id, metadata, driver }: Reconciled,
  found: readonly Found[],
  reported: readonly Reported[],
  { late, bystanders }: { readonly late: string; readonly bystanders: ReadonlyMap<string, string> },
): Promise<readonly Finding[]> {
  const call = { signal: new AbortController().signal, attempt: 1 }
  const rows = new Map(
    (await metadata.scan({ registry: id, store: STORE, after: undefined, limit: 1_000 }, {})).map(row => [String(row.pointer.path), row]),
  )
  const findings: Finding[] = []
  const check = (told: boolean, what: string): void => {
    if (!told) findings.push({ kind: 'orphan', text: `${what} landed past the horizon, and no reconciliation reports it` })
  }
  for (const secret of found) {
    const path = secret.path as NativePath
    const row = rows.get(path)
    if (bystanders.has(path)) continue
    for (const one of secret.versions) {
      if (row?.versions.some(({ version }) => version === one.version) === true || !one.served) continue
      if (one.value !== late) findings.push({ kind: 'unexplained', text: 'a version is left that is not the late put' })
      const isStray = reported.some(({ kind, path: at, version }) => kind === 'stray' && at === path && version === one.version)
      if (row !== undefined) check(isStray, 'a version')
      if (row !== undefined && isStray) await driver.destroyVersion({ path, version: one.version as VersionId }, call)
    }
    if (row !== undefined) continue
    const isForeign = reported.some(({ kind, path: at }) => kind === 'foreign' && at === path)
    if (secret.versions.length > 0) check(isForeign, 'a secret')
    if (secret.versions.length === 0 || isForeign) await driver.remove({ path, purge: true }, call)
  }
  return findings
}
