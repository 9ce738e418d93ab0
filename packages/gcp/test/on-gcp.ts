import type { ConformanceOptions, DriverHarness, Hook, StartHarness } from '@strongroom/conformance'
import type { SecretDriver } from '@strongroom/core'
import type { Lag } from '@strongroom/emulators/gcp'
import { freePort } from '@strongroom/testbed'
import { afterAll, beforeAll } from 'vitest'
import { gcpDriver, type GcpOptions } from '../src/index.ts'
import { faultsOf, isReal, outOfBand, startGcp, type GcpPlace } from './place.ts'

const REAL_HOOKS: readonly Hook[] = ['second', 'outOfBand']
const EVERY_HOOK: readonly Hook[] = [...REAL_HOOKS, 'denied', 'manageOnly', 'faults', 'unreachable']
/** What a registry needs: no access to values. */
export const MANAGE: readonly string[] = [
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

export interface Run {
  readonly label: string
  readonly transport: 'grpc' | 'rest'
  readonly more?: Partial<GcpOptions>
  readonly options?: ConformanceOptions
  /** By how much the emulator's answers are behind. */
  readonly lag?: Partial<Lag>
}

/** What the kit is given for a run on the emulator, or on the project of the environment; for the inside of a suite, which starts the place. */
export function onGcp({ label, transport, more, options, lag = {} }: Run): [label: string, start: StartHarness, options: ConformanceOptions] {
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

    Object.assign(controls.lag, lag)
    controls.permit('owner')
    controls.permit('nobody', { operations: [] })
    controls.permit('manager', { operations: MANAGE })
    const manageOnly = open('manager')
    const others = { manageOnly, denied: open('nobody'), unreachable: gcpDriver({ ...gcp.options(transport), ...more, endpoint: await nowhere() }) }
    return {
      ...drivers,
      ...others,
      ...outside,
      faults: faultsOf(controls, () => controls.requests),
      dispose: dispose(...Object.values({ ...drivers, ...others })),
    }
  }

  const asked: ConformanceOptions = {
    require: isReal ? REAL_HOOKS : EVERY_HOOK,
    where: isReal ? 'a project of Google Cloud' : 'our emulator',
    ...options,
    ...(isReal ? { settleMs: 300_000, caseTimeoutMs: 600_000 } : {}),
  }
  return [label, start, asked]
}

/** An endpoint where nobody listens. */
export async function nowhere(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`
}
