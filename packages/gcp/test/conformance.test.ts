import { describeDriver } from '@strongroom/conformance/vitest'
import type { DriverHarness } from '@strongroom/conformance'
import type { SecretDriver } from '@strongroom/core'
import { drongo, missingProgram, startDrongo, suiteTitle, type TestServer } from '@strongroom/testbed'
import { afterAll, beforeAll, describe } from 'vitest'
import { gcpDriver } from '../src/index.ts'
import { nowhere, onGcp, type Run } from './on-gcp.ts'
import { isReal, officialOverRest, outOfBand } from './place.ts'

const runs: readonly Run[] = [
  // More than a page.
  { label: 'gcp-grpc', transport: 'grpc', options: { pagingItems: 110 } },
  { label: 'gcp-rest', transport: 'rest' },
]

describe.each(runs)('$label', run => describeDriver(...onGcp(run)))

/** drongo 0.8.0 drops annotations: `create_secret` takes replication and labels alone. */
const DRONGO = 'https://github.com/proxyroot/drongo'
const missing = isReal ? 'the environment names a project' : missingProgram(drongo, 'drongo')

describe.skipIf(missing !== undefined)(suiteTitle('drongo', missing), () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startDrongo()
  })
  afterAll(() => server?.stop())

  const start = async (): Promise<DriverHarness> => {
    const projectId = 'strongroom-test'
    const open = (endpoint: string): SecretDriver => gcpDriver({ projectId, transport: 'rest', endpoint })
    const drivers = { driver: open(server.url), second: open(server.url), unreachable: open(await nowhere()) }
    const official = officialOverRest(projectId, server.url)
    const dispose = async (): Promise<void> => void (await Promise.all([...Object.values(drivers), official].map(one => one.close())))
    return { ...drivers, outOfBand: outOfBand(official, `projects/${projectId}`), dispose }
  }

  describeDriver('gcp-drongo', start, {
    require: ['second', 'outOfBand', 'unreachable'],
    where: 'drongo 0.8.0 on loopback',
    deviations: { 'list/eight-labels': DRONGO, 'append/keeps-labels': DRONGO, 'list/labels-round-trip': DRONGO },
  })
})
