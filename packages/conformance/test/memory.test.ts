import { hookNames } from '@strongroom/conformance'
import { describeDriver } from '@strongroom/conformance/vitest'
import { memoryHarness } from './memory-harness.ts'

describeDriver('memory', memoryHarness(), {
  require: hookNames,
  where: 'in this process',
})
