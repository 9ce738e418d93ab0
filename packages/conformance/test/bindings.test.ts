import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { driverCases, type DriverReport } from '@strongroom/conformance'
import { metadataCases } from '@strongroom/conformance/metadata'
import { afterAll, describe, test } from 'vitest'

const adopting = join(import.meta.dirname, 'adopting')
const directory = mkdtempSync(join(tmpdir(), 'strongroom-bindings-'))
afterAll(() => rmSync(directory, { recursive: true }))

const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
const runners: Readonly<Record<string, readonly string[]>> = {
  'node --test': ['--conditions=@strongroom/source', '--test', '--test-reporter=spec', 'with-node-test.ts'],
  vitest: [vitest, 'run', '--config', 'vitest.config.ts', '--reporter=verbose'],
}

interface Ended {
  readonly code: number | null
  readonly output: string
  readonly report: DriverReport
}

async function adopt(runner: string, mode: string): Promise<Ended> {
  const reports = join(directory, `${runner} ${mode}`.replaceAll(/\W+/g, '-'))
  // The variables by which this test's own runner tells its children that they are children are left out.
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:VITEST|NODE_TEST|NODE_OPTIONS|NODE_V8)/.test(name)))
  const child = spawn(process.execPath, [...(runners[runner] ?? [])], {
    cwd: adopting,
    env: { ...environment, STRONGROOM_ADOPT: mode, STRONGROOM_REPORTS: reports, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', part => (output += String(part)))
  child.stderr.on('data', part => (output += String(part)))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return { code, output, report: JSON.parse(readFileSync(join(reports, 'adopted.json'), 'utf8')) as DriverReport }
}

for (const runner of Object.keys(runners)) {
  // The two bindings side by side, one child of each at a time.
  describe.concurrent(`the binding to ${runner}`, { timeout: 180_000 }, () => {
    test(
      'a good driver passes: a test for each case, what does not apply skipped and why, a deviation with its link',
      { concurrent: false },
      async () => {
        const { code, output, report } = await adopt(runner, 'good')
        assert.equal(code, 0, output)
        for (const { id } of [...driverCases, ...metadataCases]) assert.ok(output.includes(`${id}: `), `${id} is a test`)
        assert.ok(output.includes('the harness has no manageOnly hook'), 'the reason is shown')
        assert.ok(output.includes('the faults hook has no wire'), 'also one that is found while the case runs')
        assert.ok(output.includes('(deviates: https://example.com/why)'), 'the deviation is shown')
        assert.deepEqual([report.ok, report.failed, report.where], [true, 0, 'this process'])
        assert.equal(report.cases.length, driverCases.length)
        assert.equal(report.passed + report.skipped.length + 1, driverCases.length)
        assert.deepEqual(report.deviations, [{ id: 'versions/have-plausible-dates', link: 'https://example.com/why' }])
        assert.deepEqual(report.notExercised, [{ hook: 'manageOnly', reason: 'the harness has no manageOnly hook' }])
      },
    )

    for (const [mode, problem] of [
      ['faulty', /STRONGROOM_SEED=\d+ repeats it/],
      ['stale deviation', /take the declaration out/],
      ['incomplete', /denied is required[^]*there is no such case/],
      ['not starting', /no server/],
    ] as const) {
      test(`${mode}: the run fails and says why`, { concurrent: false }, async () => {
        const { code, output, report } = await adopt(runner, mode)
        assert.notEqual(code, 0)
        assert.match(output, problem)
        assert.equal(report.ok, false)
      })
    }
  })
}
