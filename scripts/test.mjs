// `npm test`: installs, provisions the backends that it can, runs every suite, and tells what ran where.
import { readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import process from 'node:process'
import { backendTable } from './backend-table.mjs'
import { committedReports, outdatedPages, readReports } from './conformance-pages.mjs'
import { provisionPython } from './provision-python.mjs'
import { ensureInstalled, environment, fail, root, run, say } from './workspace.mjs'

const reports = join(root, '.reports')
/** More files than that did not fail because the machine was busy. */
const AGAIN_AT_MOST = 8
const required = process.env.STRONGROOM_REQUIRE_BACKENDS === 'all'

try {
  await ensureInstalled()
  rmSync(reports, { recursive: true, force: true })
  const python = await provisionPython({ log: say })
  // The packed packages are tested too, so they are built.
  const built = await run('turbo', ['run', 'build', '--output-logs=errors-only', '--ui=stream'])
  if (built !== 0) throw new Error('the build failed')
  const first = await suites('vitest.json', process.argv.slice(2))
  const few = first.failedFiles.length > 0 && first.failedFiles.length <= AGAIN_AT_MOST
  const again = few ? await suites('vitest-again.json', ['--maxWorkers=1', ...first.failedFiles]) : undefined
  const { results, failedFiles } = again === undefined ? first : merged(first, again)
  const tests = results.flatMap(({ assertionResults }) => assertionResults)
  const count = status => tests.filter(test => test.status === status).length

  const found = readReports(join(reports, 'backends'))
  const { text, incomplete } = backendTable(found, committedReports(root), python)
  process.stdout.write(`\n${text}\n`)
  const whole = incomplete.length === 0 && process.argv.length === 2
  const outdated = whole ? outdatedPages(root, found) : []
  for (const file of outdated) say(`${file} is not what this run found: npm run conformance`)
  const unmet = required ? incomplete : []
  for (const line of unmet) say(`required, and not run: ${line}`)
  if (again !== undefined) process.stdout.write(failures('failed beside others, and then ran alone', first.results))
  process.stdout.write(failures('failed', results))
  // A suite that could not even be loaded has no failed test of its own, nor has an error outside of every test.
  const { code } = again ?? first
  const failed = Math.max(count('failed'), failedFiles.length, code === 0 ? 0 : 1) + unmet.length + outdated.length
  const skipped = count('pending') + count('skipped')
  process.stdout.write(`\n${count('passed')} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`)
  process.exitCode = failed === 0 ? 0 : 1
} catch (error) {
  fail(error)
  process.stdout.write('\n0 passed, 1 failed\n')
}

/** Runs suites; those named, or all. */
async function suites(name, args) {
  const summary = join(reports, name)
  rmSync(summary, { force: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${summary}`]
  const code = await run('vitest', ['run', ...reporters, ...args], { env: { ...environment, STRONGROOM_REPORTS: join(reports, 'backends') } })
  const { testResults: results } = JSON.parse(readFileSync(summary, 'utf8'))
  const failedFiles = results.filter(({ status }) => status === 'failed').map(file => relative(root, file.name))
  return { code, results, failedFiles }
}

/**
 * A file that failed runs once more, with nothing beside it: a busy machine is told from a fault, and both are told to the reader. What
 * fails twice has failed.
 */
function merged(first, again) {
  const second = new Map(again.results.map(file => [file.name, file]))
  return { results: first.results.map(file => second.get(file.name) ?? file), failedFiles: again.failedFiles }
}

/** What failed, once more and last: in a log of which only the end is kept, it is what is looked for. */
function failures(how, files) {
  const firstLine = text => text?.split('\n')[0].slice(0, 300) ?? ''
  const lines = files
    .filter(({ status }) => status === 'failed')
    .flatMap(({ name, message, assertionResults }) => {
      const file = relative(root, name)
      const failed = assertionResults.filter(({ status }) => status === 'failed')
      if (failed.length === 0) return [`${how}: ${file}: ${firstLine(message)}`]
      return failed.map(({ fullName, failureMessages }) => `${how}: ${file}: ${fullName}\n    ${firstLine(failureMessages[0])}`)
    })
  return lines.length === 0 ? '' : `\n${lines.join('\n')}\n`
}
