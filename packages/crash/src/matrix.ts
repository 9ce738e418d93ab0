import { seeded } from '@strongroom/testbed'
import type { Backend } from './backends/backend.ts'
import { Lane } from './lane.ts'
import { runScenario, type Result } from './run-scenario.ts'
import type { Finding } from './invariants.ts'
import type { Scenario } from './scenarios.ts'

export interface MatrixOptions {
  readonly seed: number
  readonly knockOut?: string | undefined
  /** Backends at work at once. */
  readonly jobs: number
  readonly onResult?: ((result: Result) => void) | undefined
  /** Whether to go on, asked after each result. */
  readonly until?: ((result: Result) => boolean) | undefined
}

export interface MatrixResult {
  readonly results: readonly Result[]
  /** What no single scenario is to blame for. */
  readonly findings: readonly Finding[]
}

/** Runs scenarios: each backend's one by one, in an order that the seed gives, and several backends at once. */
export async function runMatrix(scenarios: readonly Scenario[], options: MatrixOptions): Promise<MatrixResult> {
  const { jobs, until, onResult } = options
  const results: Result[] = []
  const findings: Finding[] = []
  let over = false
  const waiting = [...Map.groupBy(shuffled(scenarios, options.seed), ({ backend }) => backend)]
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && !over; next = waiting.shift()) {
      const [backend, own] = next
      await inLane(backend, async lane => {
        for (const [number, scenario] of own.entries()) {
          if (over) return
          const result = await runScenario(lane, scenario, number, options)
          results.push(result)
          onResult?.(result)
          over ||= until?.(result) === true
        }
        if (options.knockOut === undefined) findings.push(...(await lane.neighbours()))
      })
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  return { results, findings }
}

async function inLane(backend: Backend, work: (lane: Lane) => Promise<void>): Promise<void> {
  const lane = await Lane.start(backend)
  try {
    await work(lane)
  } finally {
    await lane.stop()
  }
}

function shuffled<T>(items: readonly T[], seed: number): readonly T[] {
  const random = seeded(seed)
  return items
    .map(item => ({ item, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
