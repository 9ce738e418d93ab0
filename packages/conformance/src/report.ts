import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DriverCapabilities } from '@strongroom/core'
import type { Hook } from './harness.ts'
import type { ConformanceOptions } from './options.ts'

/** `deviated`: failed, as declared. */
export type Outcome = 'passed' | 'failed' | 'skipped' | 'deviated'

/** What became of a case. `reason`: why it did not pass; `durationMs`: milliseconds. */
export interface CaseReport {
  readonly id: string
  readonly outcome: Outcome
  readonly reason?: string
  readonly durationMs: number
}

/** What a run found, as it is written to the report file. */
export interface DriverReport {
  readonly backend: string
  readonly where?: string
  /** Whether the run may be called green: nothing failed, and nothing that was required is missing. */
  readonly ok: boolean
  readonly passed: number
  readonly failed: number
  readonly skipped: readonly { readonly id: string; readonly reason: string }[]
  readonly notExercised: readonly { readonly hook: Hook; readonly reason: string }[]
  readonly deviations: readonly { readonly id: string; readonly link: string }[]
  /** What is wrong with the run itself: required hooks that were not used, deviations that name no case, things left behind. */
  readonly problems: readonly string[]
  readonly kit: string
  readonly node: string
  readonly driver: { readonly kind: string; readonly location: string | undefined } | undefined
  readonly capabilities: DriverCapabilities | undefined
  /** Requests that each operation of a store makes, once the connection stands; empty where the harness cannot count. */
  readonly calls: Readonly<Record<string, number>>
  readonly seed: number
  readonly cases: readonly CaseReport[]
}

/** The version of this package. */
export const kitVersion: string = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { readonly version: string })
  .version

/** Where the report goes, if anywhere. */
export function reportFile(label: string, options: ConformanceOptions): string | undefined {
  if (options.report !== undefined) return options.report
  const directory = process.env['STRONGROOM_REPORTS']
  if (directory === undefined || directory === '') return undefined
  const slug = label.toLowerCase().replaceAll(/[^a-z0-9.]+/g, '-')
  return join(directory, `${slug}.json`)
}

export function writeReport(file: string, report: DriverReport): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`)
}
