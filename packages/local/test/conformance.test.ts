import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeDriver } from '@strongroom/conformance/vitest'
import { localDriver } from '../src/index.ts'
import { OutOfBandStore } from './out-of-band.ts'

describeDriver(
  'local',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'strongroom-local-kit-'))
    const path = join(directory, 'store')
    const driver = localDriver({ path })
    const second = localDriver({ path })
    return {
      driver,
      second,
      outOfBand: new OutOfBandStore(path),
      dispose: async () => {
        await driver.close()
        await second.close()
        await rm(directory, { recursive: true, force: true })
      },
    }
  },
  // More than one page of 100.
  { require: ['second', 'outOfBand'], where: 'a temporary directory', pagingItems: 120 },
)
