import assert from 'node:assert/strict'
import type { DriverCase } from './driver-case.ts'
import type { ConformanceOptions } from './options.ts'
import type { DriverReport } from './report.ts'

/** What a runner shows of a case; a deviation is visible there too. */
export function titleOf({ id, title }: DriverCase, { deviations = {} }: ConformanceOptions): string {
  const link = deviations[id]
  return link === undefined ? `${id}: ${title}` : `${id}: ${title} (deviates: ${link})`
}

/** The last test of a run: nothing required is missing, and what the run says of itself is true. */
export function assertComplete({ problems }: DriverReport): void {
  assert.ok(problems.length === 0, `the run is not complete:\n${problems.map(problem => `- ${problem}`).join('\n')}`)
}
