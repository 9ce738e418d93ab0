import { checkConfig, type CheckedConfig } from '../../config/check.ts'
import type { Surroundings } from '../../config/credentials.ts'
import { ConfigError, shownName } from '../../config/problems.ts'
import { readConfig } from '../../config/read.ts'
import { variablesOf } from '../../config/variables.ts'
import { driverOf } from '../../parts/drivers.ts'
import { requestKeysOf } from '../../parts/request-keys.ts'
import { checkStoreName } from '../store-name.ts'
import { examineDatabase } from './database.ts'
import { readableFiles } from './files.ts'
import type { DoctorReport, Finding, Power } from './report.ts'
import { examineStore, type Examined } from './store.ts'
import { ownVersion } from '../version.ts'

const DEADLINE_MS = 10_000

export interface ExamineOptions {
  readonly config: string | undefined
  readonly store: string | undefined
  readonly write: boolean
  readonly power: Power
  readonly signal: AbortSignal
  readonly environment: NodeJS.ProcessEnv
  /** Told of each call of a store that is over. */
  readonly onCall: () => void
}

/** Everything that can be said of a configuration and what it names. @throws ConfigError where it cannot be read at all; UsageError */
export async function examine({ config, store: only, write, power, signal, environment, onCall }: ExamineOptions): Promise<DoctorReport> {
  const raw = await readConfig(config, environment)
  const variables = variablesOf(raw.config).map(name => ({ name: shownName(name), set: (environment[name] ?? '') !== '' }))
  const common = { power, written: write, node: process.version, strongroom: ownVersion() } as const
  const described = { source: raw.source, variables }
  let checked: ReturnType<typeof checkConfig>
  try {
    checked = checkConfig(raw.source, raw.config, environment, Object.keys(raw.schemes))
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { ok: false, ...common, configuration: { ...described, problems: error.problems }, stores: [], database: null, findings: [] }
  }
  if (only !== undefined) checkStoreName(only, Object.keys(checked.stores))
  // What is readable is found by looking at all files, also those that no call needs.
  const surroundings: Surroundings = { source: raw.source, folder: raw.folder, environment, warn: () => {} }
  const { id: registry, policy: { deadlineMs = DEADLINE_MS } = {} } = checked
  const examination = { registry, folder: raw.folder, write, power, deadlineMs, signal, onCall }
  const examined = await Promise.all(
    Object.entries(checked.stores)
      .filter(([name]) => only === undefined || name === only)
      .map(([name, store]) => examineStore(name, store, () => driverOf(name, store, surroundings, raw.schemes), examination)),
  )
  const located = examined.flatMap(({ report: { name, location } }) => (location === null ? [] : [[name, location] as const]))
  const database =
    checked.metadata === undefined || only !== undefined
      ? undefined
      : await examineDatabase(checked, checked.metadata, Object.fromEntries(located), surroundings)
  const findings: readonly Finding[] = [
    ...(await readableFiles(checked, raw.folder)),
    ...(await badRequestKeys(checked, surroundings)),
    ...examined.flatMap(one => one.findings),
    ...(checked.metadata === undefined ? [] : examined.flatMap(placeless)),
    ...(database?.findings ?? []),
  ]
  return {
    ok: !findings.some(({ level }) => level === 'problem'),
    ...common,
    configuration: { ...described, problems: [] },
    stores: examined.map(({ report }) => report),
    database: database?.report ?? null,
    findings,
  }
}

/** What a registry looks at before it starts, and no store or database shows. */
async function badRequestKeys({ requestKeys, metadata }: CheckedConfig, surroundings: Surroundings): Promise<readonly Finding[]> {
  if (requestKeys === undefined || metadata === undefined) return []
  try {
    await requestKeysOf(requestKeys, surroundings)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ path, found, allowed }) => ({
      level: 'problem',
      where: 'configuration',
      code: 'misconfigured',
      wrong: `${path}: found ${found}`,
      mend: `Allowed: ${allowed}`,
    }))
  }
}

/** A registry binds each name to its place. */
function placeless({ report: { name, type, location }, opened }: Examined): readonly Finding[] {
  if (location !== null || !opened) return []
  return [
    {
      level: 'problem',
      where: name,
      code: 'misconfigured',
      wrong: 'its fields do not tell its place for good, which a database needs: no command starts',
      mend:
        type === 'aws'
          ? 'Give accountId, the twelve digits of its account.'
          : `Give what identifies it: a driver of ${type} made with that has a location.`,
    },
  ]
}
