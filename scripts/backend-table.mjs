import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The backends whose suites must have run, by the `kind` of their driver. */
const EXPECTED = {
  memory: 'in this process',
  local: 'files in a temporary folder',
  aws: 'moto and our emulator',
  gcp: 'our emulator and drongo',
  azure: 'our emulator',
  vault: 'OpenBao',
}

/**
 * The table that `npm test` ends with, from the reports that the conformance runs wrote.
 * @param {string} folder where the reports are
 * @param {object} python what `provisionPython` answered: with a `reason`, moto and OpenBao could not be had
 * @returns {{ text: string, incomplete: string[] }} `incomplete`: expected backends that did not run, or not wholly, with the reason
 */
export function backendTable(folder, python) {
  /** @type {Readonly<Record<string, string>>} */
  const missing = 'reason' in python ? { aws: String(python.reason), vault: String(python.reason) } : {}
  const files = existsSync(folder) ? readdirSync(folder).filter(file => file.endsWith('.json')) : []
  const reports = files.map(file => JSON.parse(readFileSync(join(folder, file), 'utf8')))
  const incomplete = []
  const rows = reports.map(report => {
    if (!report.ok) incomplete.push(`${report.backend}: ${report.problems.join('; ') || `${report.failed} cases failed`}`)
    return [
      report.backend,
      report.where ?? '',
      report.passed,
      report.failed,
      report.skipped.length,
      report.deviations.length,
      report.notExercised.length,
    ]
  })
  for (const [kind, where] of Object.entries(EXPECTED)) {
    if (reports.some(report => report.driver?.kind === kind)) continue
    const reason = missing[kind] ?? 'its suite did not run'
    incomplete.push(`${kind}: ${reason}`)
    rows.push([kind, `NOT RUN (${where}): ${reason}`, 0, 0, '-', '-', '-'])
  }
  const head = ['backend', 'where it ran', 'passed', 'failed', 'skipped', 'known deviations', 'not exercised']
  return { text: [...lines([head, ...rows]), ...reports.flatMap(reasons)].join('\n'), incomplete }
}

function lines(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map(row => String(row[column]).length)))
  const line = row => row.map((cell, column) => (column < 2 ? String(cell).padEnd(widths[column]) : String(cell).padStart(widths[column]))).join('  ')
  return [line(rows[0]), widths.map(width => '─'.repeat(width)).join('  '), ...rows.slice(1).map(line)]
}

/** The same reason once, with how many cases it kept from running. */
function reasons({ backend, skipped, notExercised, deviations }) {
  const counts = new Map()
  for (const { reason } of skipped) counts.set(`skipped: ${reason}`, (counts.get(`skipped: ${reason}`) ?? 0) + 1)
  for (const { hook, reason } of notExercised) counts.set(`not exercised: ${hook}, ${reason}`, 1)
  for (const { id, link } of deviations) counts.set(`known deviation: ${id}, ${link}`, 1)
  if (counts.size === 0) return []
  return ['', backend, ...[...counts].map(([reason, count]) => `  ${reason}${count > 1 ? ` (${count} cases)` : ''}`)]
}
