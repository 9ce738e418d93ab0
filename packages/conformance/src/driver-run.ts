import { randomBytes } from 'node:crypto'
import type { NativePath, SecretDriver } from '@strongroom/core'
import { within } from '@strongroom/core/driver-support'
import { CaseContext, SkipCase } from './case-context.ts'
import { driverCases } from './cases/index.ts'
import { isHook, whyNot, type DriverCase } from './driver-case.ts'
import { hookNames, type DriverHarness, type Hook, type StartHarness } from './harness.ts'
import { observedDriver } from './observed-driver.ts'
import { settingsOf, type ConformanceOptions, type Settings } from './options.ts'
import { kitVersion, reportFile, writeReport, type CaseReport, type DriverReport } from './report.ts'
import { tidy } from './tidy.ts'

export interface CaseResult extends CaseReport {
  /** Why it failed, for the runner to show. */
  readonly error?: Error
}

const REASON_LENGTH = 2_000

/** One backend's run, whichever runner drives it: `start`, `execute` for each case, `finish`, `dispose`. */
export class DriverRun {
  readonly #label: string
  readonly #start: StartHarness
  readonly #options: ConformanceOptions
  readonly settings: Settings
  readonly #runId = randomBytes(4).toString('hex')
  readonly #results: CaseReport[] = []
  readonly #used = new Set<Hook>()
  readonly #leftBehind: string[] = []
  readonly #cutShort: string[] = []
  readonly #calls: Record<string, number> = {}
  readonly #learned = new Map<string, number>()
  #harness: DriverHarness | undefined
  #started = 0
  #finished: DriverReport | undefined

  constructor(label: string, start: StartHarness, options: ConformanceOptions = {}) {
    this.#label = label
    this.#start = start
    this.#options = options
    this.settings = settingsOf(options)
  }

  async start(): Promise<void> {
    const startedAt = performance.now()
    try {
      this.#harness = await this.#startOne()
    } catch (error) {
      this.#results.push({ id: 'start', outcome: 'failed', reason: reasonOf(error), durationMs: since(startedAt) })
      throw error
    }
  }

  /** Never rejects: what went wrong is in the result. */
  async execute(driverCase: DriverCase): Promise<CaseResult> {
    const startedAt = performance.now()
    const result = await this.#outcome(driverCase)
    const { error, ...rest } = result
    const report: CaseReport = { id: driverCase.id, ...rest, durationMs: since(startedAt) }
    this.#results.push(report)
    return error === undefined ? report : { ...report, error }
  }

  /** What was to be run and was not: the run may then not be called green. */
  cutShort(reason: string): void {
    this.#cutShort.push(reason)
  }

  /** Cleans up, judges the run and writes the report. Look at `ok` and `problems`. */
  async finish(): Promise<DriverReport> {
    if (this.#finished !== undefined) return this.#finished
    const harness = this.#harness
    if (harness !== undefined) this.#leftBehind.push(...(await tidy(harness.driver, [], this.#prefix(1))))
    const report = this.#report()
    this.#finished = report
    const file = reportFile(this.#label, this.#options)
    if (file !== undefined) writeReport(file, report)
    return report
  }

  /** Ends the run, whatever has become of it. */
  async dispose(): Promise<void> {
    await this.finish()
    const harness = this.#harness
    this.#harness = undefined
    await harness?.dispose()
  }

  async #outcome(driverCase: DriverCase): Promise<{ outcome: CaseReport['outcome']; reason?: string; error?: Error }> {
    const harness = this.#harness
    if (harness === undefined) return { outcome: 'failed', reason: 'the backend did not start', error: new Error('the backend did not start') }
    const missing = whyNot(driverCase, harness)
    if (missing !== undefined) return { outcome: 'skipped', reason: missing.reason }
    const link = this.#options.deviations?.[driverCase.id]
    try {
      await this.#run(driverCase, harness)
    } catch (error) {
      if (error instanceof SkipCase) return { outcome: 'skipped', reason: error.message }
      this.#use(driverCase)
      if (link !== undefined) return { outcome: 'deviated', reason: link }
      return { outcome: 'failed', reason: reasonOf(error), error: this.#explained(driverCase, error) }
    }
    this.#use(driverCase)
    if (link === undefined) return { outcome: 'passed' }
    const error = new Error(`${driverCase.id} is declared as a deviation (${link}) and passes: take the declaration out`)
    return { outcome: 'failed', reason: error.message, error }
  }

  async #run(driverCase: DriverCase, harness: DriverHarness): Promise<void> {
    const made = new Set<NativePath>()
    const others: DriverHarness[] = []
    const context = new CaseContext({
      driver: tracked(harness.driver, made),
      harness,
      settings: this.settings,
      prefix: `${this.#prefix(1)}c${String(this.#results.length).padStart(3, '0')}-`,
      fresh: async () => {
        const other = await this.#startOne()
        others.push(other)
        return other
      },
      calls: this.#calls,
      learned: this.#learned,
    })
    try {
      const { caseTimeoutMs } = this.settings
      await within(caseTimeoutMs, driverCase.run(context), () => new Error(`the case did not end within ${caseTimeoutMs} ms`))
    } finally {
      this.#leftBehind.push(...(await tidy(harness.driver, [...made], context.prefix)))
      for (const other of others) await other.dispose()
    }
  }

  async #startOne(): Promise<DriverHarness> {
    this.#started += 1
    return await this.#start({ runId: `${this.#runId}${this.#started}`, prefix: this.#prefix(this.#started) })
  }

  #prefix(start: number): string {
    return `${this.#options.prefix ?? ''}srk-${this.#runId}s${start}-`
  }

  #use({ needs }: DriverCase): void {
    for (const need of needs) if (isHook(need)) this.#used.add(need)
  }

  #explained({ id }: DriverCase, error: unknown): Error {
    const { seed } = this.settings
    const explained = new Error(`${id}: ${reasonOf(error)}\n(seed ${seed}: STRONGROOM_SEED=${seed} repeats it)`, { cause: error })
    if (error instanceof Error && error.stack !== undefined) explained.stack = `${explained.message}\n${framesOf(error.stack)}`
    return explained
  }

  #report(): DriverReport {
    const { where, deviations = {} } = this.#options
    const driver: SecretDriver | undefined = this.#harness?.driver
    const results = this.#results
    const count = (outcome: CaseReport['outcome']): number => results.filter(result => result.outcome === outcome).length
    const problems = this.#problems()
    return {
      backend: this.#label,
      ...(where === undefined ? {} : { where }),
      ok: count('failed') === 0 && problems.length === 0,
      passed: count('passed'),
      failed: count('failed'),
      skipped: results.filter(result => result.outcome === 'skipped').map(({ id, reason = '' }) => ({ id, reason })),
      notExercised: this.#notExercised(),
      deviations: results.filter(result => result.outcome === 'deviated').map(({ id }) => ({ id, link: deviations[id] ?? '' })),
      problems,
      kit: kitVersion,
      node: process.version,
      driver: driver === undefined ? undefined : { kind: driver.kind, location: driver.location },
      capabilities: driver?.capabilities,
      calls: this.#calls,
      seed: this.settings.seed,
      cases: results,
    }
  }

  #notExercised(): readonly { readonly hook: Hook; readonly reason: string }[] {
    const unused = hookNames.filter(hook => !this.#used.has(hook))
    return unused.map(hook => ({
      hook,
      reason: this.#harness?.[hook] === undefined ? `the harness has no ${hook} hook` : `no case that uses ${hook} was run`,
    }))
  }

  #problems(): readonly string[] {
    const { require = [], deviations = {} } = this.#options
    const unused = new Map(this.#notExercised().map(({ hook, reason }) => [hook, reason]))
    const ids = new Set(driverCases.map(({ id }) => id))
    return [
      ...(this.#harness === undefined ? ['the backend did not start'] : []),
      ...this.#cutShort,
      ...require.filter(hook => unused.has(hook)).map(hook => `${hook} is required: ${unused.get(hook)}`),
      ...Object.keys(deviations)
        .filter(id => !ids.has(id))
        .map(id => `deviation ${id}: there is no such case`),
      ...Object.entries(deviations)
        .filter(([, link]) => !isLink(link))
        .map(([id]) => `deviation ${id}: needs an https link that says why`),
      ...this.#leftBehind.map(path => `left behind, could not be purged: ${path}`),
    ]
  }
}

/** Remembers each path that a case writes to, so that the kit can purge what it made. */
function tracked(driver: SecretDriver, made: Set<NativePath>): SecretDriver {
  return observedDriver(driver, ({ operation, request }) => {
    if (operation === 'create') made.add((request as { readonly path: NativePath }).path)
    return undefined
  })
}

function isLink(link: string): boolean {
  return URL.canParse(link) && new URL(link).protocol === 'https:'
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, REASON_LENGTH)
}

function framesOf(stack: string): string {
  return stack
    .split('\n')
    .filter(line => /^\s+at /.test(line))
    .join('\n')
}

function since(startedAt: number): number {
  return Math.round(performance.now() - startedAt)
}
