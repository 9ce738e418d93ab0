import assert from 'node:assert/strict'
import { hookNames, runDriverCases } from '@strongroom/conformance'
import type { DriverCapabilities } from '@strongroom/core'
import { describe, test } from 'vitest'
import { memoryHarness } from './memory-harness.ts'

// These runs are about the kit: `npm test` tells of backends.
delete process.env['STRONGROOM_REPORTS']

const variants: Readonly<Record<string, Partial<DriverCapabilities>>> = {
  'like Google': {
    appendAfter: 'ignored',
    current: 'on_append',
    versionProof: 'position',
    remove: 'immediate',
    textForm: 'inferred',
    maxBatch: 1,
    maxPathLength: 255,
  },
  'like Azure': {
    create: 'checked',
    appendAfter: 'ignored',
    current: 'on_append',
    destroyVersion: 'blocked',
    maxBatch: 1,
    maxPathLength: 127,
    maxValueBytes: { text: 25_000, binary: 18_750 },
  },
  'like AWS': { appendAfter: 'ignored', destroyVersion: 'detached' },
  'like Vault': { current: 'on_append', versionProof: 'position', remove: 'immediate', maxBatch: 1 },
}

// At the same time, because most of a run is waiting for deadlines.
describe.concurrent('the memory driver keeps the contract with other capabilities', { timeout: 180_000 }, () => {
  for (const [name, capabilities] of Object.entries(variants)) {
    test(name, async () => {
      const report = await runDriverCases(name, memoryHarness({ capabilities }), { require: hookNames, pagingItems: 16 })
      assert.deepEqual(
        report.cases.filter(({ outcome }) => outcome === 'failed'),
        [],
      )
      assert.deepEqual(report.problems, [])
      assert.equal(report.ok, true)
    })
  }
  test('without any hook, what needs one is skipped and told', async () => {
    const report = await runDriverCases('bare', memoryHarness({ without: hookNames }), { pagingItems: 8 })
    assert.equal(report.failed, 0)
    assert.equal(report.ok, true)
    assert.deepEqual(
      report.notExercised.map(({ hook }) => hook),
      hookNames,
    )
    assert.ok(report.skipped.some(({ id, reason }) => id === 'errors/denied-read' && reason.includes('no denied hook')))
  })
})
