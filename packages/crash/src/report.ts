import type { Finding } from './invariants.ts'
import type { MatrixResult } from './matrix.ts'
import { WRITES, type Operation } from './scenarios.ts'
import { isReconcile, isUpkeep } from './upkeep/operations.ts'

const COLUMNS = [...WRITES, 'maintain', 'reconcile'] as const
const KINDS = ['lost', 'dangling', 'orphan', 'unexplained'] as const

/** A table of backends and operations, what was found, and the line that says it all. */
export function reportOf({ results, findings }: MatrixResult): string {
  const lines = [row(['backend', 'database', ...COLUMNS, 'killed', 'drift', 'found', 'seconds'])]
  const places = Map.groupBy(results, ({ scenario }) => `${scenario.backend.name} ${scenario.database.name}`)
  for (const [place, own] of [...places].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const [backend = '', database = ''] = place.split(' ')
    const counts = COLUMNS.map(column => own.filter(({ scenario }) => columnOf(scenario.operation) === column).length)
    const killed = own.filter(({ end }) => end.startsWith('SIGKILL')).length
    const drift = own.filter(one => one.drift > 0).length
    const found = own.reduce((sum, one) => sum + one.findings.length, 0)
    const seconds = Math.round(own.reduce((sum, { ms }) => sum + ms, 0) / 1_000)
    lines.push(row([backend, database, ...counts, killed, drift, found, seconds].map(String)))
  }
  for (const { scenario, findings: own } of results) for (const { kind, text } of own) lines.push('', scenario.name, `  ${kind}: ${text}`)
  for (const { kind, text } of findings) lines.push('', `  ${kind}: ${text}`)
  return [...lines, '', summaryOf({ results, findings })].join('\n')
}

/** `scenarios N, lost 0, dangling 0, orphans 0, unexplained 0` */
export function summaryOf({ results, findings }: MatrixResult): string {
  const all: readonly Finding[] = [...results.flatMap(result => result.findings), ...findings]
  const [lost, dangling, orphans, unexplained] = KINDS.map(kind => all.filter(finding => finding.kind === kind).length)
  return `scenarios ${results.length}, lost ${lost}, dangling ${dangling}, orphans ${orphans}, unexplained ${unexplained}`
}

function columnOf(operation: Operation): string {
  return isUpkeep(operation) ? (isReconcile(operation) ? 'reconcile' : 'maintain') : operation
}

const WIDTHS = [9, 9, 7, 13, 19, 9, 7, 9, 10, 7, 6, 6, 8]

function row(cells: readonly string[]): string {
  return cells.map((cell, index) => (index < 2 ? cell.padEnd(WIDTHS[index] ?? 0) : cell.padStart(WIDTHS[index] ?? 0))).join(' ')
}
