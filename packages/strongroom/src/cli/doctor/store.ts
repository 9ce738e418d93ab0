import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isSecretError, type SecretDriver, type SecretErrorCode } from '@strongroom/core'
import type { CheckedConfig } from '../../config/check.ts'
import { ConfigError } from '../../config/problems.ts'
import { pathFrom } from '../../config/read.ts'
import { attempt, type Asking, type Attempt } from './attempt.ts'
import { clockByHeader, clockByVersion } from './clock.ts'
import { mendOf } from './mend.ts'
import { missingOf, type Missing } from './missing.ts'
import { permissionsOf, type Needs } from './permissions.ts'
import { leftoversOf, look, NOTHING_MADE, probePath, removeAll, tryAll, type Made, type Seen, type SeenOperations } from './probe.ts'
import { OPERATIONS, POWERS, type Finding, type Operation, type OperationReport, type Power, type StoreReport } from './report.ts'
import { versionsOf } from './versions.ts'

const CLOSE_MS = 2_000
const LATENCY_CALLS = 5
/** AWS and Google refuse what is signed minutes off; this is well before. */
const CLOCK_MS = 30_000

type Store = CheckedConfig['stores'][string]

export interface Examination {
  readonly registry: string
  readonly folder: string
  readonly write: boolean
  readonly power: Power
  readonly deadlineMs: number
  readonly signal: AbortSignal
  readonly onCall: () => void
}

export interface Examined {
  readonly report: StoreReport
  readonly findings: readonly Finding[]
  /** Whether its driver could be made, so that its `location` is known. */
  readonly opened: boolean
}

/** Looks at one store, and with `write` tries everything on a secret of its own. Never throws but for what is no driver's. */
export async function examineStore(name: string, store: Store, open: () => Promise<SecretDriver>, examination: Examination): Promise<Examined> {
  const { folder, write, signal, deadlineMs, onCall } = examination
  const packages = versionsOf(`@strongroom/${store.type}`)
  const blank = { name, type: store.type, location: null, reachable: null, authenticated: null, latency: null, clock: null, packages } as const
  const nothing = { removed: [], left: [] } as const
  const unlooked = (reason: string, findings: readonly Finding[]): Examined => ({
    report: { ...blank, location, operations: reportsOf(new Map(), new Map(), examination.power, reason), leftovers: nothing },
    findings,
    opened,
  })
  let location: string | null = null
  let opened = false
  let driver: SecretDriver
  try {
    driver = await open()
  } catch (error) {
    if (!(error instanceof ConfigError) && !isSecretError(error)) throw error
    const wrong =
      error instanceof ConfigError ? error.problems.map(({ path, found }) => `${path}: ${found}`).join('; ') : (error.hint ?? error.message)
    const mend = error instanceof ConfigError ? error.problems.map(({ allowed }) => `Allowed: ${allowed}`).join('; ') : 'Change the store’s fields.'
    return unlooked('the store cannot be opened', [{ level: 'problem', where: name, code: 'misconfigured', wrong, mend }])
  }
  location = driver.location ?? null
  opened = true
  try {
    // Its first call would make it.
    if (!write && store.type === 'local' && !existsSync(join(pathFrom(folder, String(store['path' as never])), 'store.db')))
      return unlooked('the store is made by its first write', [])
    return await examine({ name, store, asking: { driver, deadlineMs, signal, onCall }, examination, blank })
  } finally {
    // It has told what it had to tell; one that hangs is not waited for.
    await Promise.race([driver.close().catch(() => {}), delay(CLOSE_MS, undefined, { ref: false })])
  }
}

async function examine({
  name,
  store,
  asking,
  examination,
  blank,
}: {
  readonly name: string
  readonly store: Store
  readonly asking: Asking
  readonly examination: Examination
  readonly blank: Omit<StoreReport, 'operations' | 'leftovers'>
}): Promise<Examined> {
  const { registry, power } = examination
  const readOnly = isReadOnly(store)
  const write = examination.write && !readOnly
  const base = `${(store as { readonly prefix?: string }).prefix ?? ''}${registry}-`
  const path = probePath(base)
  const seen: SeenOperations = new Map()
  await look(asking, base, path, seen)
  const first = seen.get('list')?.attempt
  const works = seen.get('list')?.outcome !== 'failed'
  const looked = new Map(seen)
  const leftovers = works ? await leftoversOf(asking, base) : []
  const removed = write ? await removeAll(asking, leftovers) : []
  const tried = works && write ? await tryAll(asking, path, registry, seen) : { left: undefined, made: undefined }
  const latency = works ? await latencyOf(asking, looked, path) : null
  const clock = clockOf(looked, tried.made)
  const left = [...leftovers.filter(one => !removed.includes(one)), ...(tried.left === undefined ? [] : [tried.left])]
  const permissions = permissionsOf(store, base)
  for (const [operation, one] of seen) if (isShownInPart(one, permissions?.needs[operation])) seen.set(operation, IN_PART)
  const missing = permissions === undefined ? new Map<Operation, Missing>() : missingOf(seen, permissions)
  const reason = !works ? 'the first call failed' : readOnly ? 'the configuration says readOnly' : write ? NOTHING_MADE : 'only with --write'
  const operations = reportsOf(seen, missing, power, reason, readOnly)
  return {
    report: {
      ...blank,
      location: asking.driver.location ?? null,
      ...connectionOf(first),
      operations,
      latency,
      clock,
      leftovers: { removed, left },
    },
    opened: true,
    findings: [
      ...failuresOf(name, store, seen, power),
      ...denialsOf(name, operations, seen, permissions?.grant, permissions?.source),
      ...clockFindings(name, clock),
      ...leftoverFindings(name, left, tried.left === undefined ? undefined : seen.get('purge'), write),
    ],
  }
}

/** Nothing is ever written there, so that nothing is tried. */
function isReadOnly(store: Store): boolean {
  return (store as { readonly readOnly?: unknown }).readOnly === true
}

const IN_PART: Seen = { outcome: 'untested', reason: 'there is no secret that would show it whole' }

function isShownInPart({ outcome, attempt: asked }: Seen, needs: Needs | undefined): boolean {
  return needs?.inPart === true && outcome === 'allowed' && asked?.ok === false
}

const LOOKING: ReadonlySet<Operation> = new Set(['list', 'read', 'versions'])

function reportsOf(
  seen: SeenOperations,
  missing: ReadonlyMap<Operation, Missing>,
  power: Power,
  otherwise: string,
  readOnly = false,
): readonly OperationReport[] {
  const needed = new Set((POWERS[power] as readonly Operation[]).filter(one => !readOnly || LOOKING.has(one)))
  return OPERATIONS.map(operation => {
    const { outcome, attempt: asked, reason }: Seen = seen.get(operation) ?? { outcome: 'untested', reason: otherwise }
    const failure = asked?.ok === false && outcome !== 'allowed' ? asked.failure : undefined
    const lacks = missing.get(operation)
    const why = reason ?? failure?.hint
    return {
      operation,
      outcome,
      ...(failure && { code: failure.code }),
      ...(why !== undefined && { reason: why }),
      ...(lacks !== undefined && lacks.names.length > 0 && { missing: lacks.names, certain: lacks.certain }),
      needed: needed.has(operation),
    }
  })
}

function connectionOf(first: Attempt<unknown> | undefined): Pick<StoreReport, 'reachable' | 'authenticated'> {
  if (first === undefined) return { reachable: null, authenticated: null }
  const code: SecretErrorCode | undefined = first.ok ? undefined : first.failure.code
  if (code === 'unavailable' || code === 'deadline_exceeded') return { reachable: false, authenticated: null }
  // Some credentials are missed before anything is sent.
  if (code === 'unauthenticated') return { reachable: wasAnswered(first) ? true : null, authenticated: false }
  if (code === 'throttled' || code === 'quota_exceeded') return { reachable: true, authenticated: null }
  if (code === undefined || code === 'permission_denied' || code === 'not_found') return { reachable: true, authenticated: true }
  return { reachable: wasAnswered(first) ? true : null, authenticated: null }
}

/** Whether the SDK's error has an HTTP status, or Google's number for it. */
function wasAnswered(seen: Attempt<unknown>): boolean {
  if (seen.ok) return true
  const { $metadata, statusCode, response, code } = (seen.raw ?? {}) as {
    readonly $metadata?: { readonly httpStatusCode?: unknown }
    readonly statusCode?: unknown
    readonly response?: { readonly statusCode?: unknown }
    readonly code?: unknown
  }
  return [$metadata?.httpStatusCode, statusCode, response?.statusCode].some(status => typeof status === 'number') || code === 16
}

async function latencyOf(asking: Asking, seen: SeenOperations, path: ReturnType<typeof probePath>): Promise<StoreReport['latency']> {
  const { driver } = asking
  const calls = {
    read: () => attempt(asking, call => driver.read({ path, version: undefined }, call)),
    versions: () => attempt(asking, call => driver.versions({ path, after: undefined, page: undefined }, call)),
    list: () => attempt(asking, call => driver.list({ prefix: path, withLabels: false, page: undefined }, call)),
  }
  const operation = (['read', 'versions', 'list'] as const).find(one => seen.get(one)?.outcome === 'allowed')
  if (operation === undefined) return null
  const times: number[] = []
  for (let count = 0; count < LATENCY_CALLS && !asking.signal.aborted; count += 1) times.push((await calls[operation]()).durationMs)
  const median = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]
  return median === undefined ? null : { medianMs: Math.round(median * 10) / 10, calls: times.length, operation }
}

function clockOf(looked: SeenOperations, made: Made | undefined): StoreReport['clock'] {
  const byVersion = clockByVersion(made)
  const byHeader = [...looked.values()].map(({ attempt: asked }) => clockByHeader(asked)).find(one => one !== null) ?? null
  if (byVersion === null || byHeader === null) return byVersion ?? byHeader
  return byVersion.withinMs < byHeader.withinMs ? byVersion : byHeader
}

/** One finding for each way in which calls failed. */
function failuresOf(name: string, store: Store, seen: SeenOperations, power: Power): readonly Finding[] {
  const found = new Map<string, { readonly code: SecretErrorCode; readonly hint: string | undefined; readonly operations: Operation[] }>()
  for (const [operation, { outcome, attempt: asked }] of seen) {
    // The first call shows what is wrong with the connection, whoever needs it.
    const counts = operation === 'list' || (POWERS[power] as readonly string[]).includes(operation)
    if (outcome !== 'failed' || asked === undefined || asked.ok || asked.failure.code === 'aborted' || !counts) continue
    const { code, hint } = asked.failure
    const known = found.get(`${code} ${hint}`)
    if (known === undefined) found.set(`${code} ${hint}`, { code, hint, operations: [operation] })
    else known.operations.push(operation)
  }
  return [...found.values()].map(({ code, hint, operations }) => ({
    level: 'problem',
    where: name,
    code,
    wrong: `${operations.join(', ')}: ${hint ?? WORDS[code] ?? code}`,
    mend: mendOf(code, store, hint),
  }))
}

const WORDS: Readonly<Partial<Record<SecretErrorCode, string>>> = {
  unavailable: 'the backend could not be reached, or is not able to answer',
  deadline_exceeded: 'no answer in time',
  unauthenticated: 'the credentials are missing, wrong or expired',
  misconfigured: 'the backend refuses what is configured',
  throttled: 'too many requests',
  quota_exceeded: 'a quota is used up',
}

/** One finding for each permission that is missing, or for each set of which one is. */
function denialsOf(
  name: string,
  operations: readonly OperationReport[],
  seen: SeenOperations,
  grant: ((permission: string) => string) | undefined,
  source: string | undefined,
): readonly Finding[] {
  const found = new Map<string, { readonly names: readonly string[]; readonly operations: Operation[]; readonly hint: string | undefined }>()
  for (const { operation, outcome, missing = [], certain, needed } of operations) {
    if (outcome !== 'denied' || !needed) continue
    const asked = seen.get(operation)?.attempt
    const hint = asked?.ok === false ? asked.failure.hint : undefined
    for (const names of certain === true ? missing.map(one => [one]) : [missing]) {
      const key = `${names.join(' or ')} ${hint}`
      const known = found.get(key)
      if (known === undefined) found.set(key, { names, operations: [operation], hint })
      else known.operations.push(operation)
    }
  }
  return [...found.values()].map(({ names, operations: denied, hint }) => ({
    level: 'problem',
    where: name,
    code: 'permission_denied',
    wrong: [
      `${denied.join(', ')} denied`,
      ...(names.length === 0 ? [] : [`missing: ${names.join(' or ')}`]),
      ...(hint === undefined ? [] : [hint]),
    ].join('; '),
    ...(grant === undefined || names.length === 0
      ? { mend: 'Give this process the right to do so.' }
      : { mend: `Give what is missing (${String(source)}):`, lines: names.map(grant) }),
  }))
}

function clockFindings(name: string, clock: StoreReport['clock']): readonly Finding[] {
  if (clock === null || Math.abs(clock.aheadMs) - clock.withinMs < CLOCK_MS) return []
  const seconds = Math.round(Math.abs(clock.aheadMs) / 1_000)
  return [
    {
      level: 'problem',
      where: name,
      code: 'clock',
      wrong: `this machine’s clock is ${seconds} s ${clock.aheadMs > 0 ? 'behind' : 'ahead of'} the backend’s`,
      mend: 'Set the clock by NTP: signatures and tokens are refused when it is minutes off.',
    },
  ]
}

function leftoverFindings(name: string, left: readonly string[], purge: Seen | undefined, write: boolean): readonly Finding[] {
  if (left.length === 0) return []
  const why = purge?.reason ?? (write ? 'it could not be removed' : 'of a run of doctor that was cut off')
  return [
    {
      level: 'warning',
      where: name,
      code: 'leftover',
      wrong: `left behind: ${left.join(', ')} (${why})`,
      mend: write ? 'The next run with --write removes what is older than an hour; or remove it by hand.' : 'Run it with --write, which removes it.',
    },
  ]
}
