import { GetSecretValueCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { describeDriver } from '@strongroom/conformance/vitest'
import { hookNames, type DriverHarness, type Faults, type OutOfBand } from '@strongroom/conformance'
import type { SecretDriver } from '@strongroom/core'
import { wireFaults, type Fault } from '@strongroom/emulators'
import { startAwsEmulator } from '@strongroom/emulators/aws'
import { freePort, suiteTitle } from '@strongroom/testbed'
import { afterAll, beforeAll, describe } from 'vitest'
import { awsDriver, type AwsCredentials } from '../src/index.ts'
import { accountId, credentials, deny, isMoto, noBackend, region, signed, startAws, startAwsProxy, type AwsServer } from './aws-server.ts'

const missing = noBackend()
const WIRE_FAULTS = wireFaults('InternalServiceError', 0)
/** More than a page of AWS's. */
const PAGING_ITEMS = 110
const READS = ['GetSecretValue', 'BatchGetSecretValue']
const NOT_READS = [
  'CreateSecret',
  'DeleteSecret',
  'DescribeSecret',
  'ListSecrets',
  'ListSecretVersionIds',
  'PutSecretValue',
  'RestoreSecret',
  'TagResource',
  'UpdateSecretVersionStage',
]

/** What moto does otherwise than AWS. */
const MOTO_DEVIATIONS = {
  // moto says ResourceExistsException where AWS says InvalidRequestException.
  'remove/holds-the-name': 'https://github.com/localstack/localstack/issues/6530',
  'capabilities/recoverable-remove-is-used': 'https://github.com/localstack/localstack/issues/6530',
  // moto takes a new value for a secret that is scheduled for deletion.
  'append/removed-is-refused': 'https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html',
  // moto takes AWSCURRENT away before it looks whether the version to move it to is there.
  'promote/unknown-version-moves-nothing': 'https://github.com/getmoto/moto/blob/5.2.5/moto/secretsmanager/models.py',
} as const
const deviations = (await isMoto()) ? MOTO_DEVIATIONS : {}

describe.skipIf(missing !== undefined)(suiteTitle('AWS Secrets Manager', missing), () => {
  let aws: AwsServer

  beforeAll(async () => {
    aws = await startAws()
  })
  afterAll(() => aws?.stop())

  const start = async (): Promise<DriverHarness> => {
    const [open, closed, halfOpen] = await Promise.all([startAwsProxy(aws.endpoint), startAwsProxy(aws.endpoint), startAwsProxy(aws.endpoint)])
    deny(closed)
    deny(halfOpen, READS)
    const proxies = [open, closed, halfOpen]
    const drivers = {
      driver: driverAt(open.url),
      second: driverAt(open.url),
      denied: driverAt(closed.url),
      manageOnly: driverAt(halfOpen.url),
      unreachable: driverAt(await nowhere()),
    }
    const client = new SecretsManagerClient({ region, endpoint: aws.endpoint, ...signed })
    return {
      ...drivers,
      outOfBand: outOfBand(client),
      faults: faultsOf(open, () => open.requests()),
      dispose: async () => {
        client.destroy()
        await Promise.all(Object.values(drivers).map(driver => driver.close()))
        await Promise.all(proxies.map(proxy => proxy.stop()))
      },
    }
  }

  describeDriver('aws-moto', start, {
    require: hookNames,
    where: 'moto 5.2.5 on loopback; denials from a proxy',
    pagingItems: PAGING_ITEMS,
    deviations,
  })
})

describe("AWS Secrets Manager as this workspace's emulator imitates it", () => {
  const start = async (): Promise<DriverHarness> => {
    const emulator = await startAwsEmulator({ accountId, region })
    const { url, controls } = emulator
    for (const id of ['open', 'outside']) controls.permit(id)
    controls.permit('closed', { operations: [] })
    controls.permit('manager', { operations: NOT_READS })
    const drivers = {
      driver: driverAt(url, keyOf('open')),
      second: driverAt(url, keyOf('open')),
      denied: driverAt(url, keyOf('closed')),
      manageOnly: driverAt(url, keyOf('manager')),
      unreachable: driverAt(await nowhere()),
    }
    const client = new SecretsManagerClient({ region, endpoint: url, credentials: keyOf('outside') })
    return {
      ...drivers,
      outOfBand: outOfBand(client),
      faults: faultsOf(controls, () => controls.requests),
      dispose: async () => {
        client.destroy()
        await Promise.all(Object.values(drivers).map(driver => driver.close()))
        await emulator.stop()
      },
    }
  }

  describeDriver('aws-emulator', start, { require: hookNames, where: '@strongroom/emulators/aws', pagingItems: PAGING_ITEMS })
})

function driverAt(endpoint: string, identity: AwsCredentials | undefined = credentials): SecretDriver {
  return awsDriver({ region, accountId, endpoint, credentials: identity })
}

function keyOf(accessKeyId: string): { readonly accessKeyId: string; readonly secretAccessKey: string } {
  return { accessKeyId, secretAccessKey: 'only-for-tests' }
}

/** An endpoint where nobody listens. */
async function nowhere(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`
}

interface Faulty {
  inject(fault: Fault, options?: { readonly count?: number; readonly after?: number | undefined }): void
  clearFaults(): void
}

function faultsOf(faulty: Faulty, requests: () => number): Faults {
  return {
    loseNextResponse: async () => faulty.inject({ kind: 'lose' }),
    throttleNext: async (count, retryAfterMs) => faulty.inject({ kind: 'throttle', retryAfterMs }, { count }),
    requests: async () => requests(),
    stallNext: async () => faulty.inject({ kind: 'stall' }),
    wire: async (fault, count, after) => (count === 0 ? faulty.clearFaults() : faulty.inject(WIRE_FAULTS[fault], { count, after })),
  }
}

function outOfBand(client: SecretsManagerClient): OutOfBand {
  return {
    read: async path => {
      try {
        const { SecretString, SecretBinary } = await client.send(new GetSecretValueCommand({ SecretId: path, VersionStage: 'AWSCURRENT' }))
        return SecretBinary ?? new TextEncoder().encode(SecretString)
      } catch (error) {
        if (error instanceof Error && ['ResourceNotFoundException', 'InvalidRequestException'].includes(error.name)) return undefined
        throw error
      }
    },
    write: async (path, bytes) => {
      await client.send(new PutSecretValueCommand({ SecretId: path, SecretString: new TextDecoder().decode(bytes) }))
    },
  }
}
