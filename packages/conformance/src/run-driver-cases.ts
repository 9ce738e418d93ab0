import type { CaseReport, DriverReport } from './report.ts'
import { driverCases } from './cases/index.ts'
import { DriverRun } from './driver-run.ts'
import type { DriverCase } from './driver-case.ts'
import type { StartHarness } from './harness.ts'
import type { ConformanceOptions } from './options.ts'

/** Of a run without a test runner. */
export interface RunOptions extends ConformanceOptions {
  /** Only the cases with these ids, or of these areas: `create/first-version-is-current`, `create`. */
  readonly only?: readonly string[]
  /** Told of each case when it has ended, in order: `done` of `total` are then over. For progress; what it throws ends the run. */
  readonly onCase?: (result: CaseReport, progress: { readonly done: number; readonly total: number }) => void
  /** Ends the run after the case that is under way. What was made is purged all the same, and `problems` says where it ended. */
  readonly signal?: AbortSignal
}

/**
 * Runs the cases without any test runner. It does not throw for a failing driver: look at `ok` in the report.
 * @throws whatever the first `start` throws
 */
export async function runDriverCases(label: string, start: StartHarness, options: RunOptions = {}): Promise<DriverReport> {
  const { only, onCase, signal } = options
  const cases = selectedCases(only)
  const run = new DriverRun(label, start, options)
  try {
    await run.start()
    let done = 0
    for (const driverCase of cases) {
      if (signal?.aborted === true) {
        run.cutShort(`interrupted after ${done} of ${cases.length} cases`)
        break
      }
      const { error: _error, ...result } = await run.execute(driverCase)
      done += 1
      onCase?.(result, { done, total: cases.length })
    }
    return await run.finish()
  } finally {
    await run.dispose()
  }
}

/** The cases that `only` names, in the order in which they are run; all without it. */
export function selectedCases(only: readonly string[] | undefined): readonly DriverCase[] {
  if (only === undefined) return driverCases
  return driverCases.filter(({ id }) => only.some(one => id === one || id.startsWith(`${one}/`)))
}
