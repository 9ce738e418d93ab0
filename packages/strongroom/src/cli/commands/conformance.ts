import type { CaseReport, DriverReport, Hook, StartHarness } from '@strongroom/conformance'
import { createSecretStore, type SecretDriver } from '@strongroom/core'
import { checkConfig, type CheckedConfig } from '../../config/check.ts'
import type { Surroundings } from '../../config/credentials.ts'
import { nearest } from '../../config/problems.ts'
import { readConfig } from '../../config/read.ts'
import type { StoreConfig } from '../../config/schema.ts'
import { driverOf } from '../../parts/drivers.ts'
import { EXIT, UsageError } from '../failure.ts'
import { printJson, printTable } from '../output.ts'
import type { GlobalOptions } from '../program.ts'
import { startProgress } from '../progress.ts'
import { checkStoreName } from '../store-name.ts'

const NOBODY = 'http://127.0.0.1:1'

interface ConformanceCommand extends GlobalOptions {
  readonly store?: string
  readonly only?: readonly string[]
  readonly settle: number
  readonly items: number
  readonly seed?: number
}

type Store = CheckedConfig['stores'][string]
/** Makes the driver of a store like the one that was chosen. */
type Open = (store: Store) => Promise<SecretDriver>

/** Runs the conformance kit on a store of the configuration, or on one that is given as a URL. */
export async function conformance(url: string | undefined, options: ConformanceCommand): Promise<void> {
  const { only, settle: settleMs, items: pagingItems, seed, json } = options
  const kit = await loadKit()
  const { name, store, open } = await chosen(url, options)
  const unknown = only?.find(one => kit.selectedCases([one]).length === 0)
  if (unknown !== undefined)
    throw new UsageError(
      noSuchCase(
        unknown,
        kit.driverCases.map(({ id }) => id),
      ),
    )
  const prefix = (store as { readonly prefix?: string }).prefix ?? ''
  await check(await open(store), prefix)

  let failures = 0
  using progress = startProgress({
    label: 'conformance',
    unit: () => (failures === 0 ? 'cases' : `cases, ${failures} failed`),
    total: kit.selectedCases(only).length,
    json,
  })
  const onCase = ({ outcome }: CaseReport): void => {
    if (outcome === 'failed') failures += 1
    progress.add()
  }
  const stopping = new AbortController()
  const stop = (): void => {
    stopping.abort()
    progress.stop()
    process.stderr.write('strongroom: ends after the case under way, and removes what was made; once more ends it here\n')
  }
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    const report = await kit.runDriverCases(name, startOf(store, open), {
      prefix,
      settleMs,
      pagingItems,
      signal: stopping.signal,
      ...(seed !== undefined && { seed }),
      ...(only && { only }),
      onCase,
    })
    progress.stop()
    if (stopping.signal.aborted) process.exitCode = EXIT.interrupted
    else if (!report.ok) process.exitCode = EXIT.failed
    if (json === true) printJson(report)
    else printReport(report)
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}

async function loadKit(): Promise<typeof import('@strongroom/conformance')> {
  try {
    return await import('@strongroom/conformance')
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'
    if (!isMissing || !error.message.includes("'@strongroom/conformance'")) throw error
    throw new UsageError('the kit is not installed: npm install @strongroom/conformance')
  }
}

async function chosen(
  url: string | undefined,
  { config, store: named }: ConformanceCommand,
): Promise<{ readonly name: string; readonly store: Store; readonly open: Open }> {
  if (url !== undefined && named !== undefined) throw new UsageError('give a URL or --store, not both')
  const raw =
    url === undefined
      ? await readConfig(config, process.env)
      : { source: 'the URL', folder: process.cwd(), config: { stores: { main: url.replaceAll('$', '$$$$') } }, schemes: {} }
  const { stores, writeTo } = checkConfig(raw.source, raw.config, process.env, Object.keys(raw.schemes))
  const name = named ?? writeTo
  checkStoreName(name, Object.keys(stores))
  const store = stores[name] as Store
  const told = new Set<string>()
  const warn = (message: string): void => {
    if (!told.has(message)) process.stderr.write(`strongroom: warning: ${message}\n`)
    told.add(message)
  }
  const surroundings: Surroundings = { source: raw.source, folder: raw.folder, environment: process.env, warn }
  const called = url === undefined ? name : store.type
  return { name: called, store, open: like => driverOf(called, like, surroundings, raw.schemes) }
}

/** One call: where nothing works, two hundred cases need not say so. @throws SecretError */
async function check(driver: SecretDriver, prefix: string): Promise<void> {
  await using store = createSecretStore(driver, { prefix })
  for await (const _ of store.list()) break
}

/** What a store of a configuration can show: it is one place, whose faults and whose other users are not at hand. */
function startOf(store: Store, open: Open): StartHarness {
  const elsewhere = unreachable(store as StoreConfig)
  return async () => {
    const driver = await open(store)
    // Each driver of that type is a memory of its own.
    const second = store.type === 'memory' ? undefined : await open(store)
    const nowhere = elsewhere === undefined ? undefined : await open(elsewhere)
    return {
      driver,
      second,
      unreachable: nowhere,
      dispose: async () => void (await Promise.all([driver, second, nowhere].map(async one => await one?.close()))),
    }
  }
}

/** The same store where nobody listens. */
function unreachable(store: StoreConfig): StoreConfig | undefined {
  switch (store.type) {
    case 'aws':
      return { ...store, endpoint: NOBODY }
    case 'gcp':
      // Over http no credentials are sent, so none are given.
      return { ...store, endpoint: NOBODY, credentials: undefined, keyFile: undefined }
    case 'azure':
      return { ...store, vaultUrl: NOBODY.replace('http:', 'https:') }
    case 'vault':
      return { ...store, address: store.address.startsWith('http:') ? NOBODY : NOBODY.replace('http:', 'https:') }
    case 'local':
    case 'memory':
      return undefined
  }
}

function noSuchCase(given: string, ids: readonly string[]): string {
  const areas = [...new Set(ids.map(areaOf))]
  const near = nearest(given, given.includes('/') ? ids : areas)
  return `--only: there is no case and no area ${JSON.stringify(given)}${near === undefined ? '' : `; did you mean ${near}?`}; areas: ${areas.join(', ')}`
}

function areaOf(id: string): string {
  return id.split('/')[0] ?? id
}

const HOOKS: Readonly<Record<Hook, string>> = {
  second: 'another driver of the same place, but here each driver is a place of its own',
  denied: 'the credentials of somebody who may do nothing',
  manageOnly: 'the credentials of somebody who may do all but read',
  outOfBand: 'the vendor’s own client beside the adapter',
  faults: 'a backend that fails on demand',
  unreachable: 'an address where nobody listens, but this type has no address',
}

function printReport({ driver, passed, failed, skipped, cases, problems, seed, ok }: DriverReport): void {
  const areas = [...Map.groupBy(cases, ({ id }) => areaOf(id))]
  const count = (some: readonly CaseReport[], outcome: CaseReport['outcome']): number => some.filter(one => one.outcome === outcome).length
  say(`${driver?.kind ?? 'no driver'}: ${driver?.location ?? 'no location'}\n`)
  printTable(
    ['AREA', 'PASSED', 'FAILED', 'SKIPPED'],
    areas.map(([area, some]) => [area, count(some, 'passed'), count(some, 'failed'), count(some, 'skipped')]),
  )
  for (const { id, outcome, reason = '' } of cases) if (outcome === 'failed') say(`\nFAILED ${id}\n${indented(reason)}`)
  if (skipped.length > 0) say(`\nskipped, since`)
  for (const [reason, some] of Map.groupBy(skipped, one => one.reason))
    say(`  ${whyText(reason)}: ${some.length === 1 ? some[0]?.id : `${some.length} cases`}`)
  for (const problem of problems) say(`\nPROBLEM ${problem}`)
  say(`\n${passed} passed, ${failed} failed, ${skipped.length} skipped: ${ok ? 'what was asked is kept' : 'not conformant'} (seed ${seed})`)
}

/** The kit's own words, and of a hook what it would be. */
function whyText(reason: string): string {
  const hook = /^the harness has no (\w+) hook$/.exec(reason)?.[1]
  return hook === undefined ? reason : `no ${hook} hook: it needs ${HOOKS[hook as Hook]}`
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '  ')
}

/** A driver's text could move the cursor. */
function say(text: string): void {
  process.stdout.write(`${text.replaceAll(/[^\n\P{C}]/gu, '·')}\n`)
}
