import { shortestViolation } from './linearizable.ts'
import type { History, Round } from './place.ts'
import type { Result } from './run.ts'
import { secretModel, type Kept, type SecretOperation, type Seen } from './secret-model.ts'

const COUNTED = [
  'rounds',
  'histories',
  'operations',
  'rollbacks',
  'repeats',
  'unknown',
  'lost answers',
  'kills',
  'not linearizable',
  'undecided',
  'seconds',
]
const COLUMNS = ['backend', 'database', ...COUNTED]

/** A table of places, and the line that says it all. */
export function reportOf(results: readonly Result[]): string {
  const lines = [row(COLUMNS)]
  for (const { backend, database, rounds, seconds } of results) {
    const { histories, operations, notLinearizable, undecided } = countsOf(rounds)
    const sums = (['rollbacks', 'repeats', 'unknown', 'lost'] as const).map(name => rounds.reduce((sum, round) => sum + round[name], 0))
    const kills = rounds.filter(({ killed }) => killed).length
    const counts = [rounds.length, histories, operations, ...sums, kills, notLinearizable, undecided, Math.round(seconds)]
    lines.push(row([backend, database, ...counts.map(String)]))
  }
  return [...lines, '', summaryOf(results)].join('\n')
}

/** `histories N, operations M, not linearizable 0, undecided 0` */
export function summaryOf(results: readonly Result[]): string {
  const { histories, operations, notLinearizable, undecided } = countsOf(results.flatMap(({ rounds }) => rounds))
  return `histories ${histories}, operations ${operations}, not linearizable ${notLinearizable}, undecided ${undecided}`
}

/** The shortest part of a history that shows the violation, in the order of time. */
export function violationOf(round: Round, { key, intervals }: History): string {
  const { history, unexplained } = shortestViolation(secretModel, intervals)
  const first = Math.min(...history.map(({ call }) => call))
  const ms = (at: number | undefined): string => (at === undefined ? '…' : ((at - first) / 1e6).toFixed(2)).padStart(8)
  const lines = history.map(interval => {
    const { operation, call, end } = interval
    return `  ${ms(call)} – ${ms(end)}  ${operation.by.padEnd(8)} ${textOf(operation)}${interval === unexplained ? '   ← no order explains this answer' : ''}`
  })
  return [`${round.name}, key ${key}: not linearizable. Milliseconds from call to answer, operation, what was done:`, ...lines].join('\n')
}

export function notLinearizable({ histories }: Round): readonly History[] {
  return histories.filter(({ verdict }) => verdict.result === 'not linearizable')
}

function countsOf(rounds: readonly Round[]): {
  readonly histories: number
  readonly operations: number
  readonly notLinearizable: number
  readonly undecided: number
} {
  const histories = rounds.flatMap(round => round.histories)
  return {
    histories: histories.length,
    operations: rounds.reduce((sum, { operations }) => sum + operations, 0),
    notLinearizable: histories.filter(({ verdict }) => verdict.result === 'not linearizable').length,
    undecided: histories.filter(({ verdict }) => verdict.result === 'undecided').length,
  }
}

function textOf(operation: SecretOperation): string {
  const { kind, answer, seen } = operation
  const of = 'of' in operation && operation.of !== undefined ? ` the record of ${operation.of}` : ''
  const parts = 'value' in operation && operation.value !== undefined ? ['value'] : []
  if ('description' in operation && operation.description !== undefined) parts.push('description')
  const what = kind === 'update' ? ` ${parts.join(' and ')} of` : kind === 'rollback' || kind === 'versions' ? ' of' : ''
  const to = kind === 'rollback' ? ` to the version of ${operation.to ?? 'nobody'}` : ''
  const condition = 'ifRevision' in operation && operation.ifRevision !== undefined ? ` if revision ${operation.ifRevision}` : ''
  const told = kind === 'versions' && operation.kept !== undefined ? `: ${operation.kept.map(keptText).join(', ')}` : ''
  const record = seen === undefined ? told : `: ${recordText(seen)}`
  return `${kind}${what}${of}${to}${condition}${requestText(operation)} → ${answer === 'unknown' ? 'no answer yet' : answer}${record}`
}

/** Which call of several with one idempotency key. */
function requestText(operation: SecretOperation): string {
  const request = 'request' in operation ? operation.request : undefined
  if (request === undefined) return ''
  if (operation.answer === 'mismatch') return ` with that idempotency key, as ${request.call}`
  return ` with its idempotency key${request.call === operation.by ? '' : ` again, as ${request.call}`}`
}

function keptText({ put, by, revision }: Kept): string {
  return `version of ${put ?? 'nobody'}, revision ${revision} by ${by}`
}

function recordText({ by, last, revision, value }: Seen): string {
  return `record of ${by}, revision ${revision}${last === null ? '' : ` by ${last}`}${value === undefined ? '' : `, ‘${value}’`}`
}

const WIDTHS = COLUMNS.map(name => Math.max(name.length, 8))

function row(cells: readonly string[]): string {
  return cells.map((cell, index) => (index < 2 ? cell.padEnd(WIDTHS[index] ?? 0) : cell.padStart(WIDTHS[index] ?? 0))).join('  ')
}
