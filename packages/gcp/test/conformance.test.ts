import { describeDriver } from '@strongroom/conformance/vitest'
import { hookNames, type DriverHarness } from '@strongroom/conformance'
import type { SecretDriver } from '@strongroom/core'
import { drongo, missingProgram, startDrongo, suiteTitle, type TestServer } from '@strongroom/testbed'
import { afterAll, beforeAll, describe } from 'vitest'
import { gcpDriver } from '../src/index.ts'
import { startGoogleProxy } from './google-proxy.ts'
import { MANAGE, nowhere, onGcp, type Run } from './on-gcp.ts'
import { bearer, faultsOf, isReal, officialOverRest, outOfBand } from './place.ts'

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
    const proxy = await startGoogleProxy(server.url, { owner: undefined, manager: MANAGE, nobody: [] })
    const open = (token: string, endpoint: string = proxy.url): SecretDriver =>
      gcpDriver({ projectId, transport: 'rest', endpoint, authClient: bearer(token) })
    const drivers = {
      driver: open('owner'),
      second: open('owner'),
      denied: open('nobody'),
      manageOnly: open('manager'),
      unreachable: open('owner', await nowhere()),
    }
    const official = officialOverRest(projectId, server.url)
    return {
      ...drivers,
      outOfBand: outOfBand(official, `projects/${projectId}`),
      faults: faultsOf(proxy, proxy.requests),
      dispose: async () => {
        await Promise.all([...Object.values(drivers), official].map(one => one.close()))
        await proxy.stop()
      },
    }
  }

  describeDriver('gcp-drongo', start, {
    require: hookNames,
    where: 'drongo 0.8.0 on loopback; denials from a proxy',
    deviations: { 'list/eight-labels': DRONGO, 'append/keeps-labels': DRONGO, 'list/labels-round-trip': DRONGO },
  })
})
