import { describeDriver } from '@strongroom/conformance/vitest'
import type { ConformanceOptions, DriverHarness, Hook } from '@strongroom/conformance'
import type { SecretDriver } from '@strongroom/core'
import { drongo, freePort, missingProgram, startDrongo, suiteTitle, type TestServer } from '@strongroom/testbed'
import { afterAll, beforeAll, describe } from 'vitest'
import { gcpDriver, type GcpOptions } from '../src/index.ts'
import { faultsOf, isReal, officialOverRest, outOfBand, startGcp, type GcpPlace } from './place.ts'

const PAYLOAD = 'https://cloud.google.com/secret-manager/docs/reference/rpc/google.cloud.secretmanager.v1#secretpayload'
const CONSISTENCY = 'https://cloud.google.com/secret-manager/docs/reference/consistency'
const ALIASES = 'https://cloud.google.com/secret-manager/docs/assign-alias-to-secret-version'

/** Where Google cannot do what the kit asks for. */
const DEVIATIONS = {
  // Google keeps bytes, without a word of whether they are text.
  'values/text-and-binary-are-told-apart': PAYLOAD,
} as const

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
  readonly deviations?: ConformanceOptions['deviations']
  /** Milliseconds by which lists are behind; then only the hooks whose cases wait for lists are given. */
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
    // The version is there, but the alias is moved by a request of its own, which does not come after an answer that is lost.
    deviations: { 'faults/store-put-is-never-doubled': ALIASES },
  },
  {
    label: 'gcp-lag',
    transport: 'grpc',
    more: { confirmReads: true },
    lists: 500,
    options: { settleMs: 10_000 },
    // It looks at a list without waiting for it.
    deviations: { 'list/aborts-between-pages': CONSISTENCY },
  },
]

describe.each(runs)('$label', ({ label, transport, more, options, deviations, lists = 0 }) => {
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
    if (lists > 0) return { ...drivers, manageOnly, ...outside, dispose: dispose(...Object.values(drivers), manageOnly) }
    const others = { manageOnly, denied: open('nobody'), unreachable: gcpDriver({ ...gcp.options(transport), ...more, endpoint: await nowhere() }) }
    return { ...drivers, ...others, ...outside, faults: faultsOf(controls), dispose: dispose(...Object.values({ ...drivers, ...others })) }
  }

  describeDriver(label, start, {
    require: isReal ? REAL_HOOKS : lists > 0 ? [...REAL_HOOKS, 'manageOnly'] : EVERY_HOOK,
    where: isReal ? 'a project of Google Cloud' : 'our emulator',
    deviations: { ...DEVIATIONS, ...deviations },
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
    deviations: { ...DEVIATIONS, 'list/eight-labels': DRONGO, 'append/keeps-labels': DRONGO, 'list/labels-round-trip': DRONGO },
  })
})

async function nowhere(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`
}
