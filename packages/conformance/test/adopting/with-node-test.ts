import { memoryMetadata } from '@strongroom/core'
import { describeDriver, describeMetadata } from '@strongroom/conformance/node-test'
import { adopted } from './start.ts'

const { start, options } = adopted()
describeDriver('adopted', start, options)

describeMetadata('memory', async clock => ({ store: memoryMetadata({ clock }), dispose: async () => {} }))
