import { within } from '@strongroom/core/driver-support'
import { metadataCases } from './cases/index.ts'
import type { StartMetadata } from './harness.ts'
import type { MetadataCase } from './metadata-case.ts'
import { World } from './world.ts'

/** Of a run of the metadata cases. */
export interface MetadataOptions {
  /** How long one case may take, with the making of its store; 30,000 by default. */
  readonly caseTimeoutMs?: number
}

/** Of a run without a test runner. */
export interface RunMetadataOptions extends MetadataOptions {
  /** Only the cases with these ids. */
  readonly only?: readonly string[]
}

/** What became of each case that was run. */
export interface MetadataReport {
  /** Whether all cases were asked, and none failed. */
  readonly ok: boolean
  readonly passed: number
  readonly failed: number
  readonly cases: readonly { readonly id: string; readonly outcome: 'passed' | 'failed'; readonly reason?: string }[]
}

export const CASE_TIMEOUT_MS = 30_000

/** One case on a store of its own. @throws whatever the case throws, and an error for one that does not end */
export async function runCase(metadataCase: MetadataCase, start: StartMetadata, caseTimeoutMs: number = CASE_TIMEOUT_MS): Promise<void> {
  const world = await World.make(start)
  try {
    await within(caseTimeoutMs, metadataCase.run(world), () => new Error(`${metadataCase.id} is not over after ${caseTimeoutMs} ms`))
  } finally {
    await world.dispose()
  }
}

/** Runs the cases without any test runner. It does not throw for a store that fails: look at `ok` in the report. */
export async function runMetadataCases(start: StartMetadata, { caseTimeoutMs, only }: RunMetadataOptions = {}): Promise<MetadataReport> {
  const cases: MetadataReport['cases'][number][] = []
  for (const metadataCase of metadataCases) {
    const { id } = metadataCase
    if (only !== undefined && !only.includes(id)) continue
    try {
      await runCase(metadataCase, start, caseTimeoutMs)
      cases.push({ id, outcome: 'passed' })
    } catch (error) {
      cases.push({ id, outcome: 'failed', reason: error instanceof Error ? error.message : 'something was thrown that is no error' })
    }
  }
  const failed = cases.filter(({ outcome }) => outcome === 'failed').length
  return { ok: failed === 0 && cases.length === metadataCases.length, passed: cases.length - failed, failed, cases }
}
