// `npm test`: installs, provisions the backends that it can, runs every suite, and tells what ran where.
import { readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import process from 'node:process'
import { backendTable } from './backend-table.mjs'
import { outdatedPages, readReports } from './conformance-pages.mjs'
import { provisionPython } from './provision-python.mjs'
import { ensureInstalled, environment, fail, root, run, say } from './workspace.mjs'

const reports = join(root, '.reports')
const required = process.env.STRONGROOM_REQUIRE_BACKENDS === 'all'

try {
  await ensureInstalled()
  rmSync(reports, { recursive: true, force: true })
  const python = await provisionPython({ log: say })
  // The packed packages are tested too, so they are built.
  const built = await run('turbo', ['run', 'build', '--output-logs=errors-only', '--ui=stream'])
  if (built !== 0) throw new Error('the build failed')
  const summary = join(reports, 'vitest.json')
  const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${summary}`, ...process.argv.slice(2)]
  const code = await run('vitest', args, { env: { ...environment, STRONGROOM_REPORTS: join(reports, 'backends') } })
  const { numPassedTests, numFailedTests, numFailedTestSuites, numPendingTests, testResults } = JSON.parse(readFileSync(summary, 'utf8'))

  const { text, incomplete } = backendTable(join(reports, 'backends'), python)
  process.stdout.write(`\n${text}\n`)
  const whole = incomplete.length === 0 && process.argv.length === 2
  const outdated = whole ? outdatedPages(root, readReports(join(reports, 'backends'))) : []
  for (const file of outdated) say(`${file} is not what this run found: npm run conformance`)
  const unmet = required ? incomplete : []
  for (const line of unmet) say(`required, and not run: ${line}`)
  // A suite that could not even be loaded has no failed test of its own.
  const failed = Math.max(numFailedTests, code === 0 ? 0 : 1, numFailedTestSuites > 0 ? 1 : 0) + unmet.length + outdated.length
  process.stdout.write(failures(testResults))
  process.stdout.write(`\n${numPassedTests} passed, ${failed} failed${numPendingTests > 0 ? `, ${numPendingTests} skipped` : ''}\n`)
  process.exitCode = failed === 0 ? 0 : 1
} catch (error) {
  fail(error)
  process.stdout.write('\n0 passed, 1 failed\n')
}

/** What failed, once more and last: in a log of which only the end is kept, it is what is looked for. */
function failures(files) {
  const firstLine = text => text?.split('\n')[0].slice(0, 300) ?? ''
  const lines = files
    .filter(({ status }) => status === 'failed')
    .flatMap(({ name, message, assertionResults }) => {
      const file = relative(root, name)
      const failed = assertionResults.filter(({ status }) => status === 'failed')
      if (failed.length === 0) return [`failed: ${file}: ${firstLine(message)}`]
      return failed.map(({ fullName, failureMessages }) => `failed: ${file}: ${fullName}\n    ${firstLine(failureMessages[0])}`)
    })
  return lines.length === 0 ? '' : `\n${lines.join('\n')}\n`
}
