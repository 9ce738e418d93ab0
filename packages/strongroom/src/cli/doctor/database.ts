import { attentionFor, isSecretError, type MetadataStore, type PendingWork } from '@strongroom/core'
import type { CheckedConfig } from '../../config/check.ts'
import type { Surroundings } from '../../config/credentials.ts'
import { ConfigError } from '../../config/problems.ts'
import { pathFrom } from '../../config/read.ts'
import type { MetadataConfig } from '../../config/schema.ts'
import { metadataOf, postgresOptions } from '../../parts/metadata.ts'
import { loadPackage } from '../../parts/packages.ts'
import { andMore } from '../and-more.ts'
import { modeOf } from './files.ts'
import type { BoundElsewhere, DatabaseReport, Finding, MissingStore } from './report.ts'

const PAGE = 500
const SHOWN = 3

/** Where each store of the configuration is; a store is left out that could not be opened or does not tell. */
export type Locations = Readonly<Record<string, string>>

export interface ExaminedDatabase {
  readonly report: DatabaseReport
  readonly findings: readonly Finding[]
}

/** Looks at the database. Nothing is made, migrated or bound: a file or schema that is not there yet, or not the newest, is only told of. */
export async function examineDatabase(
  config: CheckedConfig,
  metadata: MetadataConfig,
  locations: Locations,
  surroundings: Surroundings,
): Promise<ExaminedDatabase> {
  const file = metadata.type === 'sqlite' ? pathFrom(surroundings.folder, metadata.path) : undefined
  const mode = file === undefined ? undefined : await modeOf(file)
  const blank: DatabaseReport = {
    type: metadata.type,
    opens: null,
    schema: null,
    mode: mode === undefined ? null : `0${mode.toString(8).padStart(3, '0')}`,
    missingStores: [],
    boundElsewhere: [],
    pending: null,
  }
  const open = mode !== undefined && (mode & 0o077) !== 0 ? [readable(String(file), mode)] : []
  try {
    const schema = await schemaOf(metadata, surroundings)
    // There is none yet, or an older one: who writes first makes it or brings it up to date.
    if (schema === undefined) return { report: blank, findings: open }
    const known = { ...blank, schema: schema === 'none' ? null : schema }
    if (schema !== 'none' && schema.version < schema.newest)
      return { report: { ...known, opens: schema.version === 0 ? null : true }, findings: [...open, ...older(schema)] }
    const inside = await lookInside(config, locations, await metadataOf(metadata, surroundings))
    return { report: { ...known, opens: true, ...inside.report }, findings: [...open, ...inside.findings] }
  } catch (error) {
    if (!isSecretError(error) && !(error instanceof ConfigError)) throw error
    return { report: { ...blank, opens: false }, findings: [...open, broken(error)] }
  }
}

async function schemaOf(
  metadata: MetadataConfig,
  surroundings: Surroundings,
): Promise<{ readonly version: number; readonly newest: number } | 'none' | undefined> {
  switch (metadata.type) {
    case 'memory':
      return 'none'
    case 'sqlite': {
      const { sqliteSchema } = await import('@strongroom/sqlite')
      return await sqliteSchema({ path: pathFrom(surroundings.folder, metadata.path) })
    }
    case 'postgres': {
      const { postgresSchema } = await loadPackage(surroundings.source, 'metadata.type', '@strongroom/postgres', () => import('@strongroom/postgres'))
      return await postgresSchema(await postgresOptions(metadata, surroundings))
    }
  }
}

async function lookInside(
  { id: registry, stores }: CheckedConfig,
  locations: Locations,
  database: MetadataStore,
): Promise<{ readonly report: Pick<DatabaseReport, 'missingStores' | 'boundElsewhere' | 'pending'>; readonly findings: readonly Finding[] }> {
  try {
    // No store is given, so that none is bound: every name that is in use is missing then.
    const { missing: used, bound } = await database.bindStores({ registry, stores: {} }, {})
    const missing = used.filter(store => !Object.hasOwn(stores, store))
    const missingStores = await Promise.all(missing.map(store => missingStore(database, registry, store)))
    const boundElsewhere = Object.entries(locations).flatMap(([store, location]): readonly BoundElsewhere[] => {
      const at = Object.hasOwn(bound, store) ? bound[store] : undefined
      return at === undefined || at === location ? [] : [{ store, bound: at, location }]
    })
    const intents = await pendingOf(database, registry, 'intents')
    const tasks = await pendingOf(database, registry, 'tasks')
    const attention = [...intents, ...tasks].filter(work => attentionFor(work, store => Object.hasOwn(stores, store)) === 'failing')
    return {
      report: { missingStores, boundElsewhere, pending: { intents: intents.length, tasks: tasks.length, attention: attention.length } },
      findings: [...boundElsewhere.map(elsewhere), ...missingStores.map(lacking), ...(attention.length > 0 ? [needsAttention(attention)] : [])],
    }
  } finally {
    await database.close()
  }
}

async function missingStore(database: MetadataStore, registry: string, store: string): Promise<MissingStore> {
  const { records, intents, tasks } = await database.references({ registry, store }, {})
  const first = await database.scan({ registry, store, after: undefined, limit: SHOWN }, {})
  return { store, records, unfinished: intents + tasks, first: first.map(({ accountId: account, key }) => ({ account, key })) }
}

async function pendingOf(database: MetadataStore, registry: string, of: 'intents' | 'tasks'): Promise<readonly PendingWork[]> {
  const all: PendingWork[] = []
  let after: string | undefined
  do {
    const page = await database.pending({ registry, of, after, limit: PAGE }, {})
    all.push(...page.items)
    after = page.next
  } while (after !== undefined)
  return all
}

function problem(code: Finding['code'], wrong: string, mend: string, level: Finding['level'] = 'problem'): Finding {
  return { level, where: 'database', code, wrong, mend }
}

function readable(file: string, mode: number): Finding {
  return problem(
    'readable',
    `others on this machine may read ${file} (0${mode.toString(8)}): keys, descriptions and the audit trail`,
    `chmod 600 ${file}`,
    'warning',
  )
}

function older({ version, newest }: { readonly version: number; readonly newest: number }): readonly Finding[] {
  if (version === 0) return []
  const mend = 'The next process that opens it for work brings it up to date; programs of an older release do not open it then. Make a copy before.'
  return [problem('schema', `the schema has version ${version}, this release works with ${newest}`, mend, 'warning')]
}

function elsewhere({ store, bound, location }: BoundElsewhere): Finding {
  return problem(
    'bound_elsewhere',
    `the name ${JSON.stringify(store)} is bound to ${bound}, and the configuration has it at ${location}: no command starts`,
    `Put stores.${store} back, as it was, and give the other place a name of its own.`,
  )
}

function lacking({ store, records, unfinished, first }: MissingStore): Finding {
  const named = first.map(({ account, key }) => `${JSON.stringify(key)} of ${JSON.stringify(account)}`)
  const rows = records === 0 ? '' : `: ${andMore(named, records)}`
  return problem(
    'missing_store',
    `${JSON.stringify(store)} is not in the configuration, and it has ${unfinished} unfinished operations and ${records} records${rows}`,
    `Put stores.${store} back, as it was; take it out when nothing names it any more.`,
  )
}

function needsAttention(work: readonly PendingWork[]): Finding {
  const codes = [...new Set(work.flatMap(({ code }) => code ?? []))].join(', ')
  return problem(
    'attention',
    `${work.length} pieces of work fail again and again${codes === '' ? '' : ` (${codes})`}`,
    '`strongroom pending --attention` names them; mend what is wrong with their stores, then `strongroom maintain`.',
  )
}

function broken(error: unknown): Finding {
  if (isSecretError(error)) {
    const mend =
      error.code === 'unavailable'
        ? 'Check that the database runs and can be reached, and that nothing else holds it.'
        : 'Check metadata: which database it names, and whose it is.'
    return problem(error.code, error.hint ?? 'the database cannot be opened', mend)
  }
  const { problems } = error as ConfigError
  return problem(
    'misconfigured',
    problems.map(({ path, found }) => `${path}: ${found}`).join('; '),
    problems.map(({ allowed }) => `Allowed: ${allowed}`).join('; '),
  )
}
