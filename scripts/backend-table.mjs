import process from 'node:process'

/** The backends whose server is in `.venv`. */
const IN_PYTHON = new Set(['aws-moto', 'example-object-store', 'gcp-drongo', 'vault'])
/** The variables that name a place of the user's own, by the kind of driver: some of its suites then do not run. */
const OWN_PLACE = { azure: 'STRONGROOM_AZURE_VAULT_URL', gcp: 'STRONGROOM_GCP_PROJECT' }

/**
 * The table that `npm test` ends with, from the reports that the conformance runs wrote.
 * @param {any[]} reports of this run
 * @param {any[]} committed the reports in `docs/conformance`: each has to have a successor of the same name
 * @param {object} python what `provisionPython` answered: with a `reason`, the servers of `.venv` could not be had
 * @returns {{ text: string, incomplete: string[] }} `incomplete`: expected backends that did not run, or not wholly, with the reason
 */
export function backendTable(reports, committed, python) {
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
  for (const { backend, kind, where } of committed) {
    if (reports.some(report => report.backend === backend)) continue
    const own = reports.some(report => report.driver.kind === kind) && process.env[OWN_PLACE[kind]] ? OWN_PLACE[kind] : undefined
    const unprovided = 'reason' in python && IN_PYTHON.has(backend) ? String(python.reason) : undefined
    const reason = own === undefined ? (unprovided ?? 'its suite did not run') : `${own} names another place`
    if (own === undefined) incomplete.push(`${backend}: ${reason}`)
    rows.push([backend, `NOT RUN (${where}): ${reason}`, 0, 0, '-', '-', '-'])
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
