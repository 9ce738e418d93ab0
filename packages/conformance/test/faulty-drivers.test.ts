import assert from 'node:assert/strict'
import { driverCases, runDriverCases } from '@strongroom/conformance'
import { describe, test } from 'vitest'
import { faultyDrivers } from './faulty/index.ts'
import { memoryHarness } from './memory-harness.ts'

// These runs are about the kit: `npm test` tells of backends.
delete process.env['STRONGROOM_REPORTS']

describe('every faulty driver is caught by its case', () => {
  for (const { name, catches, capabilities = {}, mutate } of faultyDrivers) {
    test(`${name}: ${catches}`, async () => {
      assert.ok(
        driverCases.some(({ id }) => id === catches),
        'the case exists',
      )
      const options = { only: [catches], caseTimeoutMs: 3_000 }
      const faulty = await runDriverCases(name, memoryHarness({ capabilities, mutate }), options)
      assert.equal(faulty.cases[0]?.outcome, 'failed', 'the case fails with it')
    })
  }
})
