import { accountId, verifyAudit, type Actor, type MetadataStore, type SecretDriver, type SecretRegistry } from '@strongroom/core'
import { traces, type Finding } from '../invariants.ts'
import { ACCOUNT, KEYS, STORE } from '../messages.ts'
import type { MoveLane } from './lane.ts'

const account = accountId(ACCOUNT)
const INSPECTOR: Actor = { id: 'inspector', type: 'service_account' }

export interface MoveWorld {
  readonly id: string
  readonly registry: SecretRegistry
  readonly metadata: MetadataStore
  readonly lane: MoveLane
  /** Where the record must be; undefined: in one of the two. */
  readonly store: string | undefined
  /** How often it has been moved. */
  readonly moves: number
  readonly value: string
  readonly values: readonly string[]
  readonly bystander: string
  readonly quiet: Readonly<Record<string, Buffer>>
}

async function labelsAt(driver: SecretDriver, path: string): Promise<Readonly<Record<string, string>> | undefined> {
  const call = { signal: new AbortController().signal, attempt: 1 }
  for (let page: string | undefined; ;) {
    const { items, next } = await driver.list({ prefix: path, withLabels: true, page }, call)
    const found = items.find(item => item.path === path)
    if (found !== undefined || next === undefined) return found?.labels
    page = next
  }
}

/** The invariants after quiescence: what both backends have themselves, and the database. */
export async function judgeMove(world: MoveWorld): Promise<readonly Finding[]> {
  const { id, registry, metadata, lane, store, moves, value, values, bystander, quiet } = world
  const findings: Finding[] = []
  const report = (kind: Finding['kind'], text: string): void => void findings.push({ kind, text })
  const trail = await Array.fromAsync(registry.account(account, INSPECTOR).audit())
  if (!(await verifyAudit(trail)).ok) report('unexplained', 'the audit chain is broken')
  const done = trail.filter(({ action, outcome }) => action === 'secret.migrate' && outcome === 'ok').length
  if (store === undefined ? done > moves : done !== moves) report('unexplained', `the trail has ${done} migrations, and ${moves} were made`)
  const { intents, tasks } = await metadata.references({ registry: id }, {})
  if (intents + tasks > 0) report('unexplained', `${intents} intents and ${tasks} tasks are left`)
  const record = await metadata.find({ registry: id, account, key: KEYS.old }, {})
  if (record === undefined) return [...findings, { kind: 'lost', text: 'the record is gone' }]
  const { pointer, versions } = record
  if (store !== undefined && pointer.store !== store) report('unexplained', 'the record is not where it was moved to')
  for (const [index, running] of lane.running.entries()) {
    const isHere = (pointer.store === STORE) === (index === 0)
    const found = await running.look(`${id}-`)
    const other = found.find(({ path }) => path === `${id}-bystander`)
    if (other?.versions.length !== 1 || other.versions[0]?.value !== bystander) report('unexplained', 'somebody else’s secret was touched')
    for (const { path, deleted } of found) {
      if (path === `${id}-bystander` || (isHere && path === pointer.path)) continue
      report('orphan', `a secret that nobody names is left${deleted ? ', deleted' : ''}`)
    }
    if (!isHere) continue
    const secret = found.find(({ path }) => path === pointer.path)
    const version = secret?.versions.find(one => one.version === pointer.version)
    if (secret === undefined || secret.deleted || version?.served !== true) report('dangling', 'the record points at a version that is not there')
    else if (version.value !== value) report('lost', 'the backend has another value than the last acknowledged one')
    const kept = new Set<string>(versions.map(one => one.version))
    for (const one of kept)
      if (secret?.versions.some(other => other.version === one && other.served) !== true) report('dangling', 'what is kept is gone')
    const strays = secret?.versions.filter(one => one.served && !kept.has(one.version)) ?? []
    if (strays.length > 0) report('orphan', `${strays.length} versions that nobody names`)
    const labels = await labelsAt(lane.drivers[index === 0 ? 0 : 1], pointer.path)
    if (labels?.['strongroom-secret'] !== record.id) report('unexplained', 'the secret has not the labels of its record')
    if (version?.current === false && lane.promotes[index] === true)
      report('unexplained', 'outsiders are given another version than the committed one')
  }
  for (const [place, bytes] of Object.entries(quiet))
    if (values.some(one => traces(one).some(trace => bytes.includes(trace))))
      report('unexplained', `a value, or something made from it, is in ${place}`)
  return findings
}
