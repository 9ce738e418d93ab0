import { createHash } from 'node:crypto'
import {
  accountId,
  isSecretError,
  verifyAudit,
  type Actor,
  type AuditEntry,
  type MetadataStore,
  type SecretReader,
  type SecretRegistry,
  type StoredRecord,
} from '@strongroom/core'
import type { Found, Running } from './backends/backend.ts'
import { ACCOUNT } from './messages.ts'

/** What is wrong. `unexplained` is everything but the first three. */
export interface Finding {
  readonly kind: 'lost' | 'dangling' | 'orphan' | 'unexplained'
  readonly text: string
}

/** What somebody tried, who is told apart in the audit trail by the actor. */
export interface Attempt {
  readonly actor: string
  readonly action: 'secret.create' | 'secret.update' | 'secret.rollback' | 'secret.delete'
  readonly key: string
  /** Undefined: it is left as it is. */
  readonly value?: string | undefined
  readonly description?: string | undefined
  /** Of a rollback among migrations: whose value it is back to. */
  readonly restores?: string | undefined
  /** What the caller was told: that it is done, that nothing happened, or nothing for certain. */
  readonly told: 'done' | 'nothing happened' | 'not certain'
}

export interface Place {
  readonly running: Running
  readonly promotes: boolean
}

export interface World {
  readonly id: string
  readonly registry: SecretRegistry
  readonly reader: SecretReader
  readonly metadata: MetadataStore
  /** The stores, by name. */
  readonly places: Readonly<Record<string, Place>>
  readonly attempts: readonly Attempt[]
  /** Secrets at paths that begin as the registry's do, which are somebody else's: by path, with their values. */
  readonly bystanders: ReadonlyMap<string, string>
  /** Where no value may be: the database's bytes, what the processes wrote. */
  readonly quiet: Readonly<Record<string, Buffer>>
}

export interface Verdict {
  readonly findings: readonly Finding[]
  /** Secrets whose newest version, which outsiders are given, is not the committed one: known, and not a finding. */
  readonly drift: number
  /** By the store's name. */
  readonly found: ReadonlyMap<string, readonly Found[]>
}

const account = accountId(ACCOUNT)
const INSPECTOR: Actor = { id: 'inspector', type: 'service_account' }
const ACTIONS: ReadonlySet<string> = new Set(['secret.create', 'secret.update', 'secret.rollback', 'secret.delete'])

/** A record as the trail makes it. */
interface Expected {
  /** The values that it keeps, the committed one first: as many as the policy's default. */
  readonly values: readonly string[]
  readonly description: string | null
  readonly revision: number
}
const KEPT = 2

/**
 * The ten invariants of the protocol, after quiescence: what the backend itself has, and the database, against what the callers were told
 * and the audit trail says.
 */
export async function judge(world: World): Promise<Verdict> {
  const { registry, metadata, places, id } = world
  const findings: Finding[] = []
  const report = (kind: Finding['kind'], text: string): void => void findings.push({ kind, text })

  const secrets = registry.account(account, INSPECTOR)
  const trail = await Array.fromAsync(secrets.audit())
  if (!(await verifyAudit(trail)).ok) report('unexplained', 'the audit chain is broken')
  const { intents, tasks } = await metadata.references({ registry: id }, {})
  if (intents + tasks > 0) report('unexplained', `${intents} intents and ${tasks} tasks are left`)

  const expected = replay(trail, world.attempts, report)
  const rows = await rowsOf(world)
  for (const key of expected.keys()) if (!rows.has(key)) report('lost', `the record of ${key} is gone`)

  const found = new Map<string, readonly Found[]>()
  for (const [store, { running }] of Object.entries(places)) found.set(store, await running.look(`${id}-`))
  let drift = 0
  const named = new Set<string>()
  for (const [key, row] of rows) {
    named.add(`${row.pointer.store} ${row.pointer.path}`)
    const wanted = expected.get(key)
    if (wanted === undefined) {
      report('unexplained', `there is a record of ${key}, which no entry of the trail has made`)
      continue
    }
    if (row.description !== wanted.description) report('unexplained', `${key} is half done: the description is another operation's`)
    if (row.revision !== wanted.revision) report('unexplained', `${key} has revision ${row.revision}, and ${wanted.revision} commits`)
    drift += checkSecret(world, key, row, wanted, found.get(row.pointer.store) ?? [], report)
    await checkReader(world, key, wanted, report)
  }
  for (const [store, secrets] of found) {
    for (const { path, deleted, versions } of secrets) {
      if (named.has(`${store} ${path}`) || world.bystanders.has(path)) continue
      report('orphan', `a secret that nobody names is left${deleted ? ', deleted' : ''}, with ${versions.length} versions`)
    }
    for (const [path, value] of world.bystanders) {
      const secret = secrets.find(one => one.path === path)
      const untouched = secret?.deleted === false && secret.versions.length === 1 && secret.versions[0]?.value === value
      if (!untouched) report('unexplained', 'somebody else’s secret was touched')
    }
  }
  for (const [place, bytes] of Object.entries(world.quiet)) {
    const values = world.attempts.map(({ value }) => value).filter(value => value !== undefined)
    if (values.some(value => traces(value).some(trace => bytes.includes(trace))))
      report('unexplained', `a value, or something made from it, is in ${place}`)
  }
  return { findings, drift, found }
}

/** The state that the trail's commits make, and whether it agrees with what the callers were told. */
function replay(
  trail: readonly AuditEntry[],
  attempts: readonly Attempt[],
  report: (kind: Finding['kind'], text: string) => void,
): Map<string, Expected> {
  const state = new Map<string, Expected>()
  const commits = new Map<string, number>()
  for (const entry of trail) {
    if (entry.outcome !== 'ok' || !ACTIONS.has(entry.action)) continue
    const { id } = entry.actor
    commits.set(id, (commits.get(id) ?? 0) + 1)
    const attempt = attempts.find(({ actor, action }) => actor === id && action === entry.action)
    if (attempt === undefined) {
      report('unexplained', `${entry.action} by ${id} is in the trail, and nobody tried it`)
      continue
    }
    const { key, value, description, restores } = attempt
    const before = state.get(key)
    if (attempt.action === 'secret.delete') state.delete(key)
    else if (attempt.action === 'secret.create') state.set(key, { values: [value ?? ''], description: description ?? null, revision: 1 })
    else if (before === undefined) report('unexplained', `${key} was changed while there was none`)
    else {
      // A rollback is always to the one before; what that is, a migration changes.
      const restored = restores === undefined ? before.values.toReversed() : [valueOf(restores, attempts) ?? '', ...before.values]
      const newer = attempt.action === 'secret.rollback' ? restored : value === undefined ? before.values : [value, ...before.values]
      state.set(key, { values: newer.slice(0, KEPT), description: description ?? before.description, revision: before.revision + 1 })
    }
  }
  for (const { actor, action, told } of attempts) {
    const count = commits.get(actor) ?? 0
    if (count > 1) report('unexplained', `${action} by ${actor} was committed ${count} times`)
    if (told === 'done' && count === 0) report('lost', `${action} by ${actor} was acknowledged, and is in no trail`)
    if (told === 'nothing happened' && count > 0) report('unexplained', `${action} by ${actor} was said to have done nothing, and was committed`)
  }
  return state
}

/** What an actor has made the value of a secret. */
function valueOf(actor: string, attempts: readonly Attempt[]): string | undefined {
  const attempt = attempts.find(one => one.actor === actor)
  return attempt?.restores === undefined ? attempt?.value : valueOf(attempt.restores, attempts)
}

async function rowsOf({ registry, metadata, id }: World): Promise<Map<string, StoredRecord>> {
  const rows = new Map<string, StoredRecord>()
  const { items } = await registry.account(account, INSPECTOR).list({ limit: 1_000 })
  for (const { id: secret, key } of items) {
    const row = await metadata.find({ registry: id, account, id: secret }, {})
    if (row !== undefined) rows.set(key, row)
  }
  return rows
}

/** A record against the backend itself. Answers 1 for drift. */
function checkSecret(
  { places, attempts }: World,
  key: string,
  { pointer, versions }: StoredRecord,
  { values }: Expected,
  found: readonly Found[],
  report: (kind: Finding['kind'], text: string) => void,
): number {
  const promotes = places[pointer.store]?.promotes === true
  const secret = found.find(({ path }) => path === pointer.path)
  const version = secret?.versions.find(one => one.version === pointer.version)
  if (secret === undefined || secret.deleted || version?.served !== true) {
    report('dangling', `${key} points at a version that is not there`)
    return 0
  }
  if (version.value !== values[0]) report('lost', `${key} has another value than the one committed last`)
  const kept = versions.map(one => secret.versions.find(other => other.version === one.version)?.value)
  // What is moved keeps its pointer's version alone, and what returns keeps what it kept there: of each, who committed it.
  const wanted = Object.keys(places).length === 1 ? values : versions.map(({ committedBy }) => valueOf(committedBy.id, attempts))
  if (kept.join() !== wanted.join()) report('dangling', `${key} keeps ${kept.length} versions, which are not the values committed before`)
  const strays = secret.versions.filter(one => one.served && !versions.some(other => other.version === one.version))
  if (strays.length > 0) report('orphan', `${key} has ${strays.length} versions that nobody names`)
  if (version.current) return 0
  if (promotes) report('unexplained', `outsiders are given another version of ${key} than the committed one`)
  return promotes ? 0 : 1
}

/** The library's own reader says the same. */
async function checkReader(
  { reader }: World,
  key: string,
  { values }: Expected,
  report: (kind: Finding['kind'], text: string) => void,
): Promise<void> {
  const read = await reader
    .account(account, INSPECTOR)
    .read({ key })
    .then(
      answer => answer.value.revealText(),
      (error: unknown) => (isSecretError(error) ? error : new Error('not a SecretError')),
    )
  if (read !== values[0]) report('unexplained', `${key} is read otherwise than it was written${read instanceof Error ? `: ${String(read)}` : ''}`)
}

/** A value as it could be found in bytes, and what it could be guessed by. */
export function traces(value: string): readonly Buffer[] {
  const bytes = Buffer.from(value)
  const digests = ['sha256', 'sha1', 'md5'].map(name => createHash(name).update(bytes).digest())
  const shapes = [bytes, ...digests].flatMap(shape => [
    shape,
    ...(['hex', 'base64', 'base64url'] as const).map(form => Buffer.from(shape.toString(form).replace(/=+$/, ''))),
  ])
  return [...shapes, Buffer.from(bytes.toString('utf16le'))]
}
