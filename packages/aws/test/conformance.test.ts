import { GetSecretValueCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { describeDriver } from '@strongroom/conformance/vitest'
import type { DriverHarness, OutOfBand } from '@strongroom/conformance'
import type { SecretDriver } from '@strongroom/core'
import { afterAll, beforeAll, describe } from 'vitest'
import { awsDriver } from '../src/index.ts'
import { awsError, startFaultProxy } from './fault-proxy.ts'
import { accountId, credentials, isMoto, noBackend, region, signed, startAws, suite, type AwsServer } from './moto.ts'

const missing = noBackend()

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

describe.skipIf(missing !== undefined)(suite('AWS Secrets Manager', missing), () => {
  let aws: AwsServer

  beforeAll(async () => {
    aws = await startAws()
  })
  afterAll(() => aws?.stop())

  const start = async (): Promise<DriverHarness> => {
    const [open, closed, halfOpen] = await Promise.all([startFaultProxy(aws.endpoint), startFaultProxy(aws.endpoint), startFaultProxy(aws.endpoint)])
    closed.deny([])
    halfOpen.deny(['GetSecretValue', 'BatchGetSecretValue'])
    const driver = driverAt(open.endpoint)
    const second = driverAt(open.endpoint)
    const denied = driverAt(closed.endpoint)
    const manageOnly = driverAt(halfOpen.endpoint)
    const client = new SecretsManagerClient({ region, endpoint: aws.endpoint, ...signed })
    return {
      driver,
      second,
      denied,
      manageOnly,
      outOfBand: outOfBand(client),
      faults: {
        loseNextResponse: async () => open.next({ kind: 'lose' }),
        throttleNext: async (count, retryAfterMs) => {
          const headers = { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }
          open.next({ kind: 'answer', status: 400, body: awsError('ThrottlingException', 'Rate exceeded'), headers }, count)
        },
        requests: async () => open.requests(),
        stallNext: async () => open.next({ kind: 'stall' }),
      },
      dispose: async () => {
        client.destroy()
        await Promise.all([driver, second, denied, manageOnly].map(one => one.close()))
        await Promise.all([open, closed, halfOpen].map(proxy => proxy.stop()))
      },
    }
  }

  describeDriver('aws', start, {
    require: ['second', 'denied', 'manageOnly', 'outOfBand', 'faults'],
    where: 'moto 5.2.5 on loopback; denials from a proxy',
    deviations,
  })
})

function driverAt(endpoint: string): SecretDriver {
  return awsDriver({ region, accountId, endpoint, credentials })
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
