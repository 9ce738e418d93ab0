// `npm run conformance`: runs the kit on every backend that this machine can have, and writes docs/conformance and docs/backends.md.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { backendTable } from './backend-table.mjs'
import { committedReports, readReports, writePages } from './conformance-pages.mjs'
import { provisionPython } from './provision-python.mjs'
import { ensureInstalled, environment, fail, root, run, say } from './workspace.mjs'

const reports = join(root, '.reports', 'conformance')

try {
  await ensureInstalled()
  const python = await provisionPython({ log: say })
  rmSync(reports, { recursive: true, force: true })
  // The kit's own tests also run cases, on drivers that are wrong on purpose; they leave no reports.
  const suites = ['packages', 'examples'].flatMap(testFiles).filter(file => readFileSync(join(root, file), 'utf8').includes('describeDriver('))
  const code = await run('vitest', ['run', ...suites, ...process.argv.slice(2)], { env: { ...environment, STRONGROOM_REPORTS: reports } })
  const found = readReports(reports)
  const { text, incomplete } = backendTable(found, committedReports(root), python)
  process.stdout.write(`\n${text}\n`)
  for (const line of incomplete) say(`not whole: ${line}`)
  if (code !== 0 || incomplete.length > 0) throw new Error('docs/conformance is left as it was')
  writePages(root, found)
  await run('oxfmt', ['docs/backends.md', 'docs/conformance'])
  say('docs/conformance and docs/backends.md are written')
} catch (error) {
  fail(error)
}

/** @param {string} group a folder of packages @returns {string[]} their test files, from the root */
function testFiles(group) {
  const folders = readdirSync(join(root, group)).map(name => join(group, name, 'test'))
  const files = folders
    .filter(folder => existsSync(join(root, folder)))
    .flatMap(folder => readdirSync(join(root, folder), { recursive: true }).map(file => join(folder, String(file))))
  return files.filter(file => file.endsWith('.test.ts'))
}
