import { describe, expect, it } from 'vitest'
import { FAULTS, flavours, operations, runEveryStep } from './support/crash-matrix.ts'

describe.each(flavours)('on a backend like %s', flavour => {
  describe.each(operations)('%s', operation => {
    it.each(FAULTS)('%s, at any step: done wholly or undone wholly, nothing left', async fault => {
      const runs = await runEveryStep(flavour, operation, fault)
      expect(runs.length).toBeGreaterThan(operation === 'describe' || operation === 'delete' ? 0 : 2)
    })
  })
})
