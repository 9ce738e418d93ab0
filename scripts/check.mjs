// `npm run check`: everything that can be said without running the code. All steps run, so that one run tells all.
import process from 'node:process'
import { ensureInstalled, fail, root, run, say } from './workspace.mjs'

/** @type {[string, string, string[]][]} */
const STEPS = [
  ['format', 'oxfmt', ['--check', '.']],
  ['lint, with types', 'oxlint', ['--type-aware', '--deny-warnings', '.']],
  ['types and build', 'turbo', ['run', 'typecheck', 'build', '--output-logs=errors-only', '--ui=stream']],
  ['unused code and dependencies', 'knip', []],
  ['packages as published', 'node', [`${root}/scripts/check-packages.mjs`]],
]

try {
  await ensureInstalled()
  const failed = []
  for (const [name, tool, args] of STEPS) {
    say(`\n── ${name}`)
    if ((await run(tool, args)) !== 0) failed.push(name)
  }
  say(failed.length === 0 ? `\nall ${STEPS.length} checks passed` : `\nfailed: ${failed.join('; ')}`)
  process.exitCode = failed.length === 0 ? 0 : 1
} catch (error) {
  fail(error)
}
