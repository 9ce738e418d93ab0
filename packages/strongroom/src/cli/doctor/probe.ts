import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { DriverVersion, NativePath, Payload, Removal, VersionId } from '@strongroom/core'
import { attempt, type Asking, type Attempt } from './attempt.ts'
import type { Operation } from './report.ts'

export const NOTHING_MADE = 'no secret could be made to try it on'
const HOUR_MS = 3_600_000
const PURGE_MS = 30_000
/** Azure lists the whole vault, 25 secrets a page, whatever the prefix. */
const MAX_PAGES = 200
const NAME = /^doctor-(\d{13})-[0-9a-f]{8}$/
/** What a refusal because of the secret's state says: who asked was let in. */
const LET_IN: ReadonlySet<string> = new Set(['not_found', 'version_unusable', 'name_held', 'conflict', 'already_exists'])

/** What was seen of one operation. */
export interface Seen {
  readonly outcome: 'allowed' | 'denied' | 'failed' | 'untested' | 'unsupported'
  readonly attempt?: Attempt<unknown> | undefined
  readonly reason?: string | undefined
}

export type SeenOperations = Map<Operation, Seen>

/** A path of this run's own, named as a registry names its secrets, which says when it was made. `base` is the registry's. */
export function probePath(base: string): NativePath {
  return `${base}doctor-${Date.now()}-${randomBytes(4).toString('hex')}` as NativePath
}

function judged(seen: Attempt<unknown>): Seen {
  if (seen.ok) return { outcome: 'allowed', attempt: seen }
  const { code } = seen.failure
  if (code === 'permission_denied') return { outcome: 'denied', attempt: seen }
  return { outcome: LET_IN.has(code) ? 'allowed' : 'failed', attempt: seen }
}

/** Of a call that names nothing: a refusal is one, anything else does not tell. */
function onNothing(seen: Attempt<unknown>): Seen {
  const { outcome } = judged(seen)
  return outcome === 'denied' ? { outcome, attempt: seen } : { outcome: 'untested', reason: NOTHING_MADE }
}

/** The calls that change nothing, and read no value: what is to be read is not there. */
export async function look(asking: Asking, base: string, path: NativePath, seen: SeenOperations): Promise<void> {
  const { driver } = asking
  const listed = await attempt(asking, call => driver.list({ prefix: base, withLabels: false, page: undefined }, call))
  seen.set('list', judged(listed))
  // What the first call finds of the connection is so for all.
  if (seen.get('list')?.outcome === 'failed') return
  seen.set('read', judged(await attempt(asking, call => driver.read({ path, version: undefined }, call))))
  // Of a secret that is there, if one is: that shows more, and no value.
  const known = listed.ok ? (listed.answer.items[0]?.path ?? path) : path
  seen.set('versions', judged(await attempt(asking, call => driver.versions({ path: known, after: undefined, page: undefined }, call))))
}

/** Makes a secret, does every operation on it, and purges it, whatever happens. Answers its path where something of it may be left. */
export async function tryAll(
  asking: Asking,
  path: NativePath,
  registry: string,
  seen: SeenOperations,
): Promise<{ readonly left: NativePath | undefined; readonly made: Made | undefined }> {
  const { driver } = asking
  // Before anything is there: what cannot be removed is not made.
  const purge = judged(await attempt(asking, call => driver.remove({ path, purge: true }, call)))
  seen.set('purge', purge)
  if (purge.outcome !== 'allowed') {
    seen.set('create', { outcome: 'untested', reason: 'what is made could not be removed again' })
    await tryOnNothing(asking, path, seen)
    return { left: undefined, made: undefined }
  }
  // What is sent is waited for: else it could land after the tidying.
  const patient = { ...asking, signal: new AbortController().signal }
  const request = { path, payload: payloadOf('first'), labels: { 'strongroom-doctor': registry }, token: randomUUID() }
  const created = asking.signal.aborted ? undefined : await attempt(patient, call => driver.create(request, call))
  if (created === undefined) return { left: undefined, made: undefined }
  seen.set('create', judged(created))
  if (!created.ok && created.failure.effect === 'none') {
    await tryOnNothing(asking, path, seen)
    return { left: undefined, made: undefined }
  }
  let made: Made | undefined
  try {
    made = await tryOnSecret(asking, path, created, seen)
  } finally {
    const gone = await purged({ ...asking, signal: AbortSignal.timeout(PURGE_MS) }, path, !created.ok)
    seen.set('purge', gone)
  }
  return { left: seen.get('purge')?.outcome === 'allowed' && seen.get('purge')?.reason === undefined ? undefined : path, made }
}

/** When the probe was made, by the machine's clock and by the backend's. */
export interface Made {
  readonly startedAt: number
  readonly durationMs: number
  readonly createdAt: Date
}

async function tryOnSecret(
  asking: Asking,
  path: NativePath,
  created: Attempt<{ readonly version: VersionId }>,
  seen: SeenOperations,
): Promise<Made | undefined> {
  const { driver } = asking
  const { appendAfter, current, destroyVersion, remove } = driver.capabilities
  const versions = await attempt(asking, call => driver.versions({ path, after: undefined, page: undefined }, call))
  seen.set('versions', judged(versions))
  const listed: readonly DriverVersion[] = versions.ok ? versions.answer.items : []
  const first = created.ok ? created.answer.version : listed[0]?.version
  seen.set('read', judged(await attempt(asking, call => driver.read({ path, version: first }, call))))
  const staged = current === 'on_promote'
  const after = appendAfter === 'compared' ? first : undefined
  const request = { path, payload: payloadOf('second'), token: randomUUID(), after, staged }
  const appended = await attempt(asking, call => driver.append(request, call))
  seen.set('append', judged(appended))
  const second = appended.ok ? appended.answer.version : undefined
  let promoted = !staged
  if (!staged) seen.set('promote', UNSUPPORTED)
  else if (first === undefined || second === undefined) seen.set('promote', { outcome: 'untested', reason: 'it needs a second version' })
  else {
    const promotion = await attempt(asking, call => driver.promote({ path, version: second, from: first }, call))
    seen.set('promote', judged(promotion))
    promoted = promotion.ok
  }
  // Not the current one: a backend may refuse that.
  const target = second === undefined ? (destroyVersion === 'detached' ? undefined : first) : promoted ? first : second
  if (target === undefined) seen.set('destroyVersion', { outcome: 'untested', reason: 'it needs a version that is not current' })
  else seen.set('destroyVersion', judged(await attempt(asking, call => driver.destroyVersion({ path, version: target }, call))))
  if (remove === 'immediate') for (const operation of ['remove', 'restore'] as const) seen.set(operation, UNSUPPORTED)
  else {
    const removed = await attempt(asking, call => driver.remove({ path, purge: false }, call))
    seen.set('remove', judged(removed))
    seen.set(
      'restore',
      removed.ok ? judged(await attempt(asking, call => driver.restore({ path }, call))) : { outcome: 'untested', reason: 'nothing was removed' },
    )
  }
  const createdAt = listed.find(({ version }) => version === first)?.createdAt
  return createdAt === undefined || !created.ok ? undefined : { startedAt: created.startedAt, durationMs: created.durationMs, createdAt }
}

const UNSUPPORTED: Seen = { outcome: 'unsupported' }

async function tryOnNothing(asking: Asking, path: NativePath, seen: SeenOperations): Promise<void> {
  const { driver } = asking
  const { current, remove } = driver.capabilities
  const request = { path, payload: payloadOf('nothing'), token: randomUUID(), after: undefined, staged: false }
  seen.set('append', onNothing(await attempt(asking, call => driver.append(request, call))))
  if (current !== 'on_promote') seen.set('promote', UNSUPPORTED)
  if (remove === 'immediate') for (const operation of ['remove', 'restore'] as const) seen.set(operation, UNSUPPORTED)
  else {
    // One request each, which is refused before it is looked whether there is anything.
    seen.set('remove', judged(await attempt(asking, call => driver.remove({ path, purge: false }, call))))
    seen.set('restore', judged(await attempt(asking, call => driver.restore({ path }, call))))
  }
}

/** Asks until it is gone. `again`: once more after a while, for a create that was not answered. */
async function purged(asking: Asking, path: NativePath, again: boolean): Promise<Seen> {
  const { driver, signal } = asking
  const purge = (): Promise<Attempt<Removal>> => attempt(asking, call => driver.remove({ path, purge: true }, call))
  let answer = await purge()
  while (answer.ok && answer.answer.state === 'pending' && !signal.aborted) {
    await delay(Math.min(answer.answer.retryAfterMs, 2_000))
    answer = await purge()
  }
  if (again && answer.ok) {
    await delay(1_000)
    answer = await purge()
  }
  if (!answer.ok) return judged(answer)
  if (answer.answer.state === 'gone') return { outcome: 'allowed', attempt: answer }
  if (answer.answer.state === 'pending') return { outcome: 'allowed', attempt: answer, reason: 'the backend is not done with it yet' }
  const { until } = answer.answer
  return {
    outcome: 'allowed',
    attempt: answer,
    reason: `the backend keeps what is purged${until === undefined ? '' : ` until ${until.toISOString()}`}`,
  }
}

/** Probes of runs that were cut off, older than an hour: younger ones may be another run's that is under way. */
export async function leftoversOf(asking: Asking, base: string): Promise<readonly NativePath[]> {
  const { driver } = asking
  const found: NativePath[] = []
  let page: string | undefined
  let pages = 0
  do {
    const at = page
    const answer = await attempt(asking, call => driver.list({ prefix: `${base}doctor-`, withLabels: false, page: at }, call))
    if (!answer.ok) return found
    for (const { path } of answer.answer.items) {
      const madeAt = Number(NAME.exec(path.slice(base.length))?.[1] ?? Number.NaN)
      if (Date.now() - madeAt > HOUR_MS) found.push(path)
    }
    page = answer.answer.next
    pages += 1
  } while (page !== undefined && pages < MAX_PAGES && !asking.signal.aborted)
  return found
}

/** Answers those that are gone. */
export async function removeAll(asking: Asking, paths: readonly NativePath[]): Promise<readonly NativePath[]> {
  const gone: NativePath[] = []
  for (const path of paths) if ((await purged(asking, path, false)).outcome === 'allowed') gone.push(path)
  return gone
}

/** No secret: what it says is what it is for. */
function payloadOf(which: string): Payload {
  return { bytes: new TextEncoder().encode(`strongroom doctor: ${which}`), text: true }
}
