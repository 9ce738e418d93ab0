import { describeDriver } from '@strongroom/conformance/vitest'
import { memoryHarness } from './memory-harness.ts'

describeDriver('memory', memoryHarness(), {
  require: ['denied', 'manageOnly', 'outOfBand', 'faults', 'second'],
  where: 'in this process',
})
