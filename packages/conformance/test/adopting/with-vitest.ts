import { describeDriver } from '@strongroom/conformance/vitest'
import { adopted } from './start.ts'

const { start, options } = adopted()
describeDriver('adopted', start, options)
