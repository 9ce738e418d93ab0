import { after, before, describe, test } from 'node:test'
import { driverCases } from './cases/index.ts'
import { DriverRun } from './driver-run.ts'
import type { StartHarness } from './harness.ts'
import { metadataCases } from './metadata/cases/index.ts'
import type { StartMetadata } from './metadata/harness.ts'
import { CASE_TIMEOUT_MS, runCase, type MetadataOptions } from './metadata/run.ts'
import type { ConformanceOptions } from './options.ts'
import { assertComplete, titleOf } from './runner-text.ts'

const START_MS = 120_000
const MORE_THAN_THE_CASE_MS = 30_000

/** Registers a `node:test` test for each case of the driver contract, and a last one that judges the run as a whole. */
export function describeDriver(label: string, start: StartHarness, options: ConformanceOptions = {}): void {
  void describe(`${label} keeps the driver contract`, { concurrency: 1 }, () => {
    const run = new DriverRun(label, start, options)
    const timeout = run.settings.caseTimeoutMs + MORE_THAN_THE_CASE_MS
    before(() => run.start(), { timeout: START_MS })
    after(() => run.dispose(), { timeout: START_MS })
    for (const driverCase of driverCases) {
      void test(titleOf(driverCase, options), { timeout }, async context => {
        const { outcome, reason, error } = await run.execute(driverCase)
        if (outcome === 'skipped') context.skip(reason)
        if (error !== undefined) throw error
      })
    }
    void test('the run is complete', { timeout: START_MS }, async () => assertComplete(await run.finish()))
  })
}

/** Registers a `node:test` test for each case of the metadata contract. */
export function describeMetadata(label: string, start: StartMetadata, { caseTimeoutMs = CASE_TIMEOUT_MS }: MetadataOptions = {}): void {
  void describe(`${label} keeps the metadata contract`, { concurrency: 1 }, () => {
    for (const metadataCase of metadataCases) {
      const { id, title } = metadataCase
      void test(`${id}: ${title}`, { timeout: caseTimeoutMs + MORE_THAN_THE_CASE_MS }, () => runCase(metadataCase, start, caseTimeoutMs))
    }
  })
}
