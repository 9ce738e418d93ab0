import { driverCases } from './cases/index.ts'
import { DriverRun } from './driver-run.ts'
import type { StartHarness } from './harness.ts'
import type { ConformanceOptions } from './options.ts'
import type { DriverReport } from './report.ts'

export interface RunOptions extends ConformanceOptions {
  /** Only the cases with these ids. */
  readonly only?: readonly string[]
}

/** Runs the cases without any test runner. It does not throw for a failing driver: look at `ok` in the report. */
export async function runDriverCases(label: string, start: StartHarness, options: RunOptions = {}): Promise<DriverReport> {
  const { only } = options
  const run = new DriverRun(label, start, options)
  try {
    await run.start()
    for (const driverCase of driverCases) {
      if (only === undefined || only.includes(driverCase.id)) await run.execute(driverCase)
    }
    return await run.finish()
  } finally {
    await run.dispose()
  }
}
