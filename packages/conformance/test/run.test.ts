import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { driverCases, runDriverCases, selectedCases, type ConformanceOptions, type DriverReport } from '@strongroom/conformance'
import { memoryDriver, type SecretDriver } from '@strongroom/core'
import { afterAll, describe, test } from 'vitest'
import { memoryHarness } from './memory-harness.ts'

// These runs are about the kit: `npm test` tells of backends.
delete process.env['STRONGROOM_REPORTS']

const directory = mkdtempSync(join(tmpdir(), 'strongroom-kit-'))
afterAll(() => rmSync(directory, { recursive: true }))

const blind = (driver: SecretDriver): SecretDriver => ({ ...driver, read: (request, call) => driver.read({ ...request, version: undefined }, call) })
const PINNED = 'read/exact-version-after-more-writes'

const hanging = (driver: SecretDriver): SecretDriver => ({ ...driver, versions: () => new Promise(() => {}) })

const start = async (): Promise<never> => {
  throw new Error('no server')
}

const keeping = (inner: SecretDriver): SecretDriver => ({
  ...inner,
  remove: async () => {
    throw new Error('purge protection')
  },
})

describe('the engine', () => {
  test('every case has an id of its area, a title, and is there once', () => {
    const ids = driverCases.map(({ id }) => id)
    assert.equal(new Set(ids).size, ids.length)
    for (const { id, title } of driverCases) {
      assert.match(id, /^[a-z]+(?:-[a-z]+)*\/[a-z0-9]+(?:-[a-z0-9]+)*$/i, id)
      assert.ok(title.length > 10 && !title.endsWith('.'), id)
    }
  })

  test('a deviation that fails is told and not counted as a failure', async () => {
    const report = await runDriverCases('deviating', memoryHarness({ mutate: blind }), {
      only: [PINNED],
      deviations: { [PINNED]: 'https://example.com/why' },
    })
    assert.deepEqual([report.ok, report.failed, report.passed], [true, 0, 0])
    assert.deepEqual(report.deviations, [{ id: PINNED, link: 'https://example.com/why' }])
  })

  test('a deviation that passes fails the run', async () => {
    const report = await runDriverCases('stale', memoryHarness(), { only: [PINNED], deviations: { [PINNED]: 'https://example.com/why' } })
    assert.deepEqual([report.ok, report.failed], [false, 1])
    assert.match(report.cases[0]?.reason ?? '', /declared as a deviation/)
  })

  test('a deviation needs a case and an https link', async () => {
    const deviations = {
      'read/no-such-case': 'https://example.com/',
      [PINNED]: 'http://example.com/',
    } as unknown as ConformanceOptions['deviations'] & {}
    const report = await runDriverCases('badly declared', memoryHarness({ mutate: blind }), { only: [PINNED], deviations })
    assert.equal(report.ok, false)
    assert.equal(report.problems.length, 2)
  })

  test('a required hook that is missing, or that nothing used, fails the run', async () => {
    const missing = await runDriverCases('missing', memoryHarness({ without: ['denied'] }), { require: ['denied'], only: ['errors/denied-read'] })
    assert.deepEqual([missing.ok, missing.problems], [false, ['denied is required: the harness has no denied hook']])
    const unused = await runDriverCases('unused', memoryHarness(), { require: ['denied'], only: [PINNED] })
    assert.deepEqual([unused.ok, unused.problems], [false, ['denied is required: no case that uses denied was run']])
    const used = await runDriverCases('used', memoryHarness(), { require: ['denied'], only: ['errors/denied-read'] })
    assert.deepEqual([used.ok, used.problems], [true, []])
  })

  test('a case that hangs fails, and the run goes on', async () => {
    const options = { only: ['versions/missing-is-not-found', PINNED], caseTimeoutMs: 50 }
    const report = await runDriverCases('hanging', memoryHarness({ mutate: hanging }), options)
    assert.deepEqual(
      report.cases.map(({ id, outcome }) => [id, outcome]),
      [
        [PINNED, 'passed'],
        ['versions/missing-is-not-found', 'failed'],
      ],
    )
    assert.match(report.cases[1]?.reason ?? '', /did not end within 50 ms/)
  })

  test('a backend that does not start fails the run, which is reported all the same', async () => {
    const file = join(directory, 'not-started.json')
    await assert.rejects(runDriverCases('not started', start, { report: file }), /no server/)
    const report = JSON.parse(readFileSync(file, 'utf8')) as DriverReport
    assert.deepEqual([report.ok, report.failed, report.cases[0]?.reason], [false, 1, 'no server'])
  })

  test('what the kit made is gone afterwards, and what it cannot purge is told', async () => {
    const driver = memoryDriver()
    const place = async (): Promise<{ driver: SecretDriver; dispose: () => Promise<void> }> => ({ driver, dispose: async () => {} })
    await runDriverCases('clean', place, { pagingItems: 5 })
    const call = { signal: new AbortController().signal, attempt: 1 }
    assert.deepEqual((await driver.list({ prefix: '', withLabels: false, page: undefined }, call)).items, [])
    const report = await runDriverCases('keeping', memoryHarness({ mutate: keeping }), { only: [PINNED] })
    assert.equal(report.ok, false)
    assert.match(report.problems[0] ?? '', /^left behind, could not be purged: srk-/)
  })

  test('areas, a prefix before everything, and who is told of each case', async () => {
    const paths = new Set<string>()
    const noting = (driver: SecretDriver): SecretDriver => ({
      ...driver,
      create: (request, call) => {
        paths.add(request.path)
        return driver.create(request, call)
      },
    })
    const told: string[] = []
    const report = await runDriverCases('areas', memoryHarness({ mutate: noting }), {
      only: ['append', PINNED],
      prefix: 'prod/',
      onCase: ({ id, outcome }, { done, total }) => void told.push(`${id} ${outcome} ${done}/${total}`),
    })
    assert.equal(report.ok, true)
    assert.equal(told.length, selectedCases(['append']).length + 1)
    assert.equal(told.at(-1), `${PINNED} passed ${told.length}/${told.length}`)
    assert.ok(told.slice(0, -1).every(line => line.startsWith('append/')))
    assert.ok(paths.size > 5 && [...paths].every(path => path.startsWith('prod/srk-')))
    assert.deepEqual(selectedCases(['appen', 'no/such']), [])
  })

  test('a run that is stopped ends after its case, is tidied, and is not green', async () => {
    const stopping = new AbortController()
    const driver = memoryDriver()
    const report = await runDriverCases('stopped', async () => ({ driver, dispose: async () => {} }), {
      signal: stopping.signal,
      onCase: (_, { done }) => (done === 3 ? stopping.abort() : undefined),
    })
    assert.deepEqual([report.ok, report.cases.length, report.problems], [false, 3, [`interrupted after 3 of ${driverCases.length} cases`]])
    const call = { signal: new AbortController().signal, attempt: 1 }
    assert.deepEqual((await driver.list({ prefix: '', withLabels: false, page: undefined }, call)).items, [])
  })

  test('the report is written where the options or the environment say, and has all of the run in it', async () => {
    process.env['STRONGROOM_REPORTS'] = directory
    try {
      await runDriverCases('Memory, with faults', memoryHarness({ without: ['second'] }), {
        only: [PINNED, 'errors/denied-read', 'location/same-for-second'],
        where: 'this process',
        seed: 7,
      })
    } finally {
      delete process.env['STRONGROOM_REPORTS']
    }
    const report = JSON.parse(readFileSync(join(directory, 'memory-with-faults.json'), 'utf8')) as DriverReport
    assert.deepEqual(
      [report.backend, report.where, report.ok, report.passed, report.failed, report.seed],
      ['Memory, with faults', 'this process', true, 2, 0, 7],
    )
    assert.deepEqual(report.skipped, [{ id: 'location/same-for-second', reason: 'the harness has no second hook' }])
    assert.deepEqual(
      report.notExercised.map(({ hook }) => hook),
      ['second', 'manageOnly', 'outOfBand', 'faults', 'unreachable'],
    )
    assert.equal(report.driver?.kind, 'memory')
    assert.equal(report.capabilities?.current, 'on_promote')
    assert.match(report.kit, /^\d+\.\d+\.\d+/)
    assert.equal(report.node, process.version)
    assert.deepEqual(Object.keys(report.cases.find(({ outcome }) => outcome === 'passed') ?? {}), ['id', 'outcome', 'durationMs'])
  })

  test('the seed comes from the environment, and a failure names it', async () => {
    process.env['STRONGROOM_SEED'] = '42'
    try {
      const report = await runDriverCases('seeded', memoryHarness(), { only: ['values/random-texts-round-trip'] })
      assert.deepEqual([report.seed, report.ok], [42, true])
    } finally {
      delete process.env['STRONGROOM_SEED']
    }
  })
})
