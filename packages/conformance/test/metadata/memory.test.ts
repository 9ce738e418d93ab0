import { memoryMetadata } from '@strongroom/core'
import { describeMetadata } from '@strongroom/conformance/vitest'

describeMetadata('memory', async clock => ({ store: memoryMetadata({ clock }), dispose: async () => {} }))
