import { describeDriver } from '@strongroom/conformance/node-test'
import { adopted } from './start.ts'

const { start, options } = adopted()
describeDriver('adopted', start, options)
