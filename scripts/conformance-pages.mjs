// The committed reports in docs/conformance and the tables of docs/backends.md, from what the conformance runs wrote.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** @param {string} root @returns {any[]} the committed reports, by backend */
export function committedReports(root) {
  return readReports(join(root, 'docs', 'conformance'))
}

/** @param {string} folder @returns {any[]} the reports of a run, by backend */
export function readReports(folder) {
  const files = existsSync(folder) ? readdirSync(folder).filter(file => file.endsWith('.json')) : []
  return files.map(file => JSON.parse(readFileSync(join(folder, file), 'utf8'))).toSorted((a, b) => (a.backend < b.backend ? -1 : 1))
}

/** What of a report is the same on every machine. @param {any} report */
function lasting({ backend, where, passed, failed, skipped, notExercised, deviations, problems, kit, driver, capabilities, calls, cases }) {
  const outcomes = Object.fromEntries(cases.map(({ id, outcome }) => [id, outcome]))
  return { backend, passed, failed, skipped, notExercised, deviations, problems, where, kit, kind: driver.kind, capabilities, calls, cases: outcomes }
}

/**
 * @param {string} root @param {any[]} reports
 * @throws Error when a committed report has no successor: a server that could not be had is no reason to forget what was found on it
 */
export function writePages(root, reports) {
  const folder = join(root, 'docs', 'conformance')
  const lost = committedReports(root).filter(({ backend }) => reports.every(report => report.backend !== backend))
  if (lost.length > 0) {
    const files = lost.map(({ backend }) => `docs/conformance/${backend}.json`).join(' and ')
    throw new Error(`this run has nothing in place of ${files}: if the suite is gone for good, remove its report first`)
  }
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const report of reports) writeFileSync(join(folder, `${report.backend}.json`), `${JSON.stringify(lasting(report), undefined, 2)}\n`)
  const page = join(root, 'docs', 'backends.md')
  writeFileSync(page, withTables(readFileSync(page, 'utf8'), readReports(folder)))
}

/**
 * Where the committed pages say something else than a run has found. Where a backend ran is left out: one machine has a
 * container engine, another has not.
 * @param {string} root @param {any[]} reports @returns {string[]}
 */
export function outdatedPages(root, reports) {
  const committed = new Map(committedReports(root).map(report => [report.backend, report]))
  const same = (a, b) => JSON.stringify({ ...a, where: '' }) === JSON.stringify({ ...b, where: '' })
  const found = reports
    .filter(report => !same(lasting(report), committed.get(report.backend)))
    .map(({ backend }) => `docs/conformance/${backend}.json`)
  if (committed.size === 0) return ['docs/conformance']
  const text = readFileSync(join(root, 'docs', 'backends.md'), 'utf8')
  return squeezed(withTables(text, [...committed.values()])) === squeezed(text) ? found : [...found, 'docs/backends.md']
}

/** The formatter pads tables. @param {string} text */
function squeezed(text) {
  return text.replaceAll(/-{3,}/g, '---').replaceAll(/ +/g, ' ')
}

/** @param {string} text @param {any[]} reports */
function withTables(text, reports) {
  const tables = { capabilities: capabilities(reports), calls: calls(reports), results: results(reports) }
  return Object.entries(tables).reduce((page, [name, rows]) => {
    const marked = new RegExp(`(<!-- generated: ${name} -->\n)[\\s\\S]*?(<!-- end -->)`)
    if (!marked.test(page)) throw new Error(`docs/backends.md has no place for the table ${name}`)
    return page.replace(marked, (_, start, end) => `${start}\n${rows.map(row => `| ${row.join(' | ')} |`).join('\n')}\n\n${end}`)
  }, text)
}

/** One column for each driver and each way in which it is used: reports with the same capabilities share one. */
function columns(reports, field) {
  const groups = new Map()
  for (const report of reports) {
    const key = JSON.stringify([report.kind, report[field]])
    groups.set(key, { ...report, names: [...(groups.get(key)?.names ?? []), report.backend] })
  }
  // More than two names make a column too wide; then the driver's own says it.
  return [...groups.values()].map(group => ({ ...group, title: group.names.length > 2 ? group.kind : group.names.join(', ') }))
}

function capabilities(reports) {
  const groups = columns(reports, 'capabilities')
  const fields = Object.keys(groups[0].capabilities).flatMap(field =>
    field === 'maxValueBytes' ? ['maxValueBytes.text', 'maxValueBytes.binary'] : [field],
  )
  const cell = (group, field) => {
    const value = field.split('.').reduce((object, key) => object[key], group.capabilities)
    return typeof value === 'number' ? value.toLocaleString('en') : `\`${value}\``
  }
  return [
    ['', ...groups.map(({ title }) => title)],
    ['---', ...groups.map(() => '---')],
    ...fields.map(field => [`\`${field}\``, ...groups.map(group => cell(group, field))]),
  ]
}

function calls(reports) {
  const groups = columns(
    reports.filter(report => Object.keys(report.calls).length > 0),
    'calls',
  )
  const operations = [...new Set(groups.flatMap(group => Object.keys(group.calls)))]
  return [
    ['operation', ...groups.map(({ title }) => title)],
    ['---', ...groups.map(() => '---')],
    ...operations.map(operation => [operation, ...groups.map(group => group.calls[operation] ?? '–')]),
  ]
}

function results(reports) {
  const row = ({ backend, where, passed, failed, skipped, deviations, notExercised }) => [
    `[${backend}](conformance/${backend}.json)`,
    where,
    passed,
    failed,
    skipped.length,
    deviations.length,
    notExercised.length,
  ]
  const head = ['backend', 'where it ran', 'passed', 'failed', 'skipped', 'known deviations', 'not exercised']
  return [head, head.map(() => '---'), ...reports.map(row)]
}
