import { printTable } from '../output.ts'
import { OPERATIONS, type DatabaseReport, type DoctorReport, type Finding, type OperationReport, type StoreReport } from './report.ts'

const WIDEST = 100

/** The report for a person: what was found as tables, then what is wrong, each with what mends it. */
export function printReport(report: DoctorReport): void {
  const { configuration, stores, database, findings, node, strongroom, written } = report
  paragraph(`strongroom ${strongroom}, Node ${node}; configuration: ${configuration.source}`)
  if (configuration.variables.length > 0)
    paragraph(`variables: ${configuration.variables.map(({ name, set }) => (set ? name : `${name} (not set)`)).join(', ')}`)
  if (stores.length > 0) {
    say('')
    printTable(
      ['STORE', 'TYPE', 'REACHABLE', 'AUTHENTICATED', 'LATENCY', 'CLOCK'],
      stores.map(store => [store.name, store.type, yesNo(store.reachable), yesNo(store.authenticated), latencyText(store), clockText(store)]),
    )
    for (const { name, location, packages } of stores) {
      const versions = packages.map(one => `${one.name} ${one.version}`).join(', ')
      paragraph(`${name}: ${[location ?? 'no location', ...(versions === '' ? [] : [versions])].join('; ')}`)
    }
    say('')
    printTable(
      ['OPERATION', ...stores.map(({ name }) => name)],
      OPERATIONS.map(operation => [operation, ...stores.map(({ operations }) => resultText(operations.find(one => one.operation === operation)))]),
    )
    for (const { name, operations } of stores) for (const note of notesOf(operations)) paragraph(`${name}: ${note}`)
    for (const { name, leftovers } of stores)
      for (const path of leftovers.removed) paragraph(`${name}: removed ${path}, which an earlier run had left`)
  }
  if (database !== null) {
    say('')
    printDatabase(database)
  }
  say('')
  for (const finding of findings) printFinding(finding)
  const problems = findings.filter(({ level }) => level === 'problem').length
  const warnings = findings.length - problems
  const counted = [...(problems > 0 ? [count(problems, 'problem')] : []), ...(warnings > 0 ? [count(warnings, 'warning')] : [])]
  const untried = written || stores.length === 0 ? '' : '; what writes was not tried: --write does, on a secret of its own'
  paragraph(`${counted.length === 0 ? 'nothing is wrong' : counted.join(', ')}${untried}`)
}

function printDatabase({ type, opens, schema, mode, pending }: DatabaseReport): void {
  const version = schema === null ? '' : `${schema.version}${schema.version === schema.newest ? '' : ` of ${schema.newest}`}`
  printTable(
    ['DATABASE', 'OPENS', 'SCHEMA', 'MODE', 'UNDER WAY', 'QUEUED', 'ATTENTION'],
    [[type, opens === null ? 'not there yet' : yesNo(opens), version, mode, pending?.intents, pending?.tasks, pending?.attention]],
  )
}

function printFinding({ level, where, wrong, mend, lines = [] }: Finding): void {
  paragraph(`${level === 'problem' ? 'PROBLEM' : 'warning'} ${where}: ${wrong}`)
  paragraph(mend, '  ')
  for (const line of lines) say(`    ${line}`)
  say('')
}

function yesNo(value: boolean | null): string {
  return value === null ? '?' : value ? 'yes' : 'no'
}

function latencyText({ latency }: StoreReport): string {
  return latency === null ? 'not measured' : `${latency.medianMs} ms`
}

function clockText({ clock }: StoreReport): string {
  if (clock === null) return 'not measured'
  const { aheadMs, withinMs } = clock
  const unit = (ms: number): string => (Math.abs(ms) >= 1_000 ? `${(ms / 1_000).toFixed(1)} s` : `${ms} ms`)
  return Math.abs(aheadMs) <= withinMs ? `same ±${unit(withinMs)}` : `${aheadMs > 0 ? '+' : ''}${unit(aheadMs)} ±${unit(withinMs)}`
}

function resultText(report: OperationReport | undefined): string {
  if (report === undefined) return ''
  const { outcome, needed, code } = report
  if (outcome === 'denied') return needed ? 'DENIED' : 'denied'
  if (outcome === 'failed') return `FAILED ${code ?? ''}`.trim()
  return { allowed: 'allowed', untested: 'not tried', unsupported: 'none' }[outcome]
}

/** What the words of the table leave open, each reason once. */
function notesOf(operations: readonly OperationReport[]): readonly string[] {
  const told = new Map<string, string[]>()
  for (const one of operations) {
    const why = noteOf(one)
    if (why !== undefined) told.set(why, [...(told.get(why) ?? []), one.operation])
  }
  return [...told].map(([why, names]) => `${names.length === operations.length ? 'everything' : names.join(', ')}: ${why}`)
}

function noteOf({ outcome, needed, reason }: OperationReport): string | undefined {
  if (outcome === 'denied') return needed ? undefined : 'denied, and not needed'
  if (outcome === 'untested') return `not tried, ${reason ?? ''}`
  return outcome === 'allowed' ? reason : undefined
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`
}

/** Broken between words where the terminal ends; what is to be copied stays whole. */
function paragraph(text: string, indent: string = ''): void {
  const width = (process.stdout.columns ?? WIDEST) - indent.length
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      say(indent + line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  say(indent + line)
}

/** Text of a file or a server could move the cursor. */
function say(line: string): void {
  process.stdout.write(`${line.replaceAll(/\p{C}/gu, '·')}\n`)
}
