import { seeded } from '@strongroom/testbed'
import type { Finding } from '../invariants.ts'
import { play } from '../run-scenario.ts'
import { MoveLane } from './lane.ts'
import { MOVE_OPERATIONS, type MoveScenario } from './scenarios.ts'
import { MoveStage } from './stage.ts'

export interface MoveResult {
  readonly scenario: MoveScenario
  readonly findings: readonly Finding[]
  readonly end: string
  /** Requests that put the value into the target, all processes together. */
  readonly puts: number
  readonly ms: number
}

/** Runs migrations that are disturbed: those of a pair of backends one by one, in an order that the seed gives, and several pairs at once. */
export async function runMoves(
  scenarios: readonly MoveScenario[],
  { seed, jobs, onResult }: { readonly seed: number; readonly jobs: number; readonly onResult?: (result: MoveResult) => void },
): Promise<readonly MoveResult[]> {
  const random = seeded(seed)
  const order = scenarios.map(scenario => ({ scenario, at: random() })).toSorted((a, b) => a.at - b.at)
  const waiting = [...Map.groupBy(order, ({ scenario }) => scenario.pair.map(({ name }) => name).join()).values()]
  const results: MoveResult[] = []
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const pair = next[0]?.scenario.pair
      if (pair === undefined) continue
      const lane = await MoveLane.start(pair)
      try {
        for (const [number, { scenario }] of next.entries()) {
          const result = await run(lane, scenario, number, seed)
          results.push(result)
          onResult?.(result)
        }
      } finally {
        await lane.stop()
      }
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  return results
}

async function run(lane: MoveLane, scenario: MoveScenario, number: number, seed: number): Promise<MoveResult> {
  const startedAt = performance.now()
  const result = (end: string, puts: number, findings: readonly Finding[]): MoveResult => ({
    scenario,
    findings,
    end,
    puts,
    ms: performance.now() - startedAt,
  })
  let stage: MoveStage | undefined
  try {
    stage = await MoveStage.set(lane, scenario, number, seed)
    const end = await play(stage)
    return result(end, await stage.close(), stage.findings)
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return result('error', 0, [...(stage?.findings ?? []), { kind: 'unexplained', text }])
  } finally {
    await stage?.strike()
  }
}

const KINDS = ['lost', 'dangling', 'orphan', 'unexplained'] as const

/** A table of pairs and operations, what was found, and the line that says it all. */
export function moveReportOf(results: readonly MoveResult[]): string {
  const cells = (texts: readonly (string | number)[]): string =>
    texts.map((text, index) => (index < 2 ? String(text).padEnd(index === 0 ? 18 : 9) : String(text).padStart(index < 6 ? 24 : 8))).join(' ')
  const lines = [cells(['from, to', 'database', ...MOVE_OPERATIONS, 'killed', 'again', 'found', 'seconds'])]
  const places = Map.groupBy(results, ({ scenario: { pair, database } }) => `${pair[0].name} to ${pair[1].name}|${database.name}`)
  for (const [place, own] of [...places].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const counts = MOVE_OPERATIONS.map(operation => own.filter(({ scenario }) => scenario.operation === operation).length)
    const killed = own.filter(({ end }) => end.startsWith('SIGKILL')).length
    const again = own.filter(({ scenario, puts }) => scenario.operation === 'migrate' && puts > 1).length
    const found = own.reduce((sum, { findings }) => sum + findings.length, 0)
    const seconds = Math.round(own.reduce((sum, { ms }) => sum + ms, 0) / 1_000)
    lines.push(cells([...place.split('|'), ...counts, killed, again, found, seconds]))
  }
  for (const { scenario, findings } of results) for (const { kind, text } of findings) lines.push('', scenario.name, `  ${kind}: ${text}`)
  const counts = KINDS.map(kind => results.flatMap(({ findings }) => findings).filter(finding => finding.kind === kind).length)
  const [lost, dangling, orphans, unexplained] = counts
  return [...lines, '', `scenarios ${results.length}, lost ${lost}, dangling ${dangling}, orphans ${orphans}, unexplained ${unexplained}`].join('\n')
}
