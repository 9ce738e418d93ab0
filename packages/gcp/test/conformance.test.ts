import { describeDriver } from '@strongroom/conformance/vitest'
import type { ConformanceOptions, DriverHarness, Hook } from '@strongroom/conformance'
import type { SecretDriver } from '@strongroom/core'
import { drongo, freePort, missingProgram, startDrongo, suiteTitle, type TestServer } from '@strongroom/testbed'
import { afterAll, beforeAll, describe } from 'vitest'
import { gcpDriver, type GcpOptions } from '../src/index.ts'
import { faultsOf, isReal, officialOverRest, outOfBand, startGcp, type GcpPlace } from './place.ts'

const REAL_HOOKS: readonly Hook[] = ['second', 'outOfBand']
const EVERY_HOOK: readonly Hook[] = [...REAL_HOOKS, 'denied', 'manageOnly', 'faults', 'unreachable']
const MANAGE = [
  'CreateSecret',
  'GetSecret',
  'UpdateSecret',
  'DeleteSecret',
  'ListSecrets',
  'AddSecretVersion',
  'GetSecretVersion',
  'ListSecretVersions',
  'DestroySecretVersion',
]

interface Run {
  readonly label: string
  readonly transport: 'grpc' | 'rest'
  readonly more?: Partial<GcpOptions>
  readonly options?: ConformanceOptions
  /** Milliseconds by which lists are behind. */
  readonly lists?: number
}

const runs: readonly Run[] = [
  // More than a page.
  { label: 'gcp-grpc', transport: 'grpc', options: { pagingItems: 110 } },
  { label: 'gcp-rest', transport: 'rest' },
  {
    label: 'gcp-alias',
    transport: 'grpc',
    more: { versionAlias: 'live' },
  },
  {
    label: 'gcp-lag',
    transport: 'grpc',
    more: { confirmReads: true },
    lists: 500,
    options: { settleMs: 10_000 },
  },
]

describe.each(runs)('$label', ({ label, transport, more, options, lists = 0 }) => {
  let gcp: GcpPlace

  beforeAll(async () => {
    gcp = await startGcp()
  })
  afterAll(() => gcp?.stop())

  const start = async (): Promise<DriverHarness> => {
    const { controls } = gcp
    const open = (token?: string): SecretDriver => gcpDriver({ ...gcp.options(transport, token), ...more })
    const official = gcp.official()
    const drivers = { driver: open(), second: open() }
    const outside = { outOfBand: outOfBand(official, `projects/${gcp.projectId}`, more?.versionAlias) }
    const dispose =
      (...closed: readonly { close(): Promise<void> }[]) =>
      async (): Promise<void> => {
        controls?.clearFaults()
        await Promise.all([...closed, official].map(one => one.close()))
      }
    if (controls === undefined) return { ...drivers, ...outside, dispose: dispose(...Object.values(drivers)) }

    controls.lag.lists = lists
    controls.permit('owner')
    controls.permit('nobody', { operations: [] })
    controls.permit('manager', { operations: MANAGE })
    const manageOnly = open('manager')
    const others = { manageOnly, denied: open('nobody'), unreachable: gcpDriver({ ...gcp.options(transport), ...more, endpoint: await nowhere() }) }
    return { ...drivers, ...others, ...outside, faults: faultsOf(controls), dispose: dispose(...Object.values({ ...drivers, ...others })) }
  }

  describeDriver(label, start, {
    require: isReal ? REAL_HOOKS : EVERY_HOOK,
    where: isReal ? 'a project of Google Cloud' : 'our emulator',
    ...options,
    ...(isReal ? { settleMs: 300_000, caseTimeoutMs: 600_000 } : {}),
  })
})

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

async function nowhere(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`
}
