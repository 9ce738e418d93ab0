import { describeDriver } from '@strongroom/conformance/vitest'
import { memoryHarness } from './memory-harness.ts'

describeDriver('memory', memoryHarness(), {
  require: ['denied', 'manageOnly', 'outOfBand', 'faults', 'second', 'unreachable'],
  where: 'in this process',
})
