import { awsDriver, type AwsOptions } from '@strongroom/aws'
import { looks, wireOf, writes, type Backend, type Found, type Running } from './backend.ts'

const credentials = { accessKeyId: 'crash', secretAccessKey: 'only-for-tests' }

export const aws: Backend = {
  name: 'aws',
  requests: {
    create: writes('CreateSecret'),
    append: writes('PutSecretValue'),
    promote: writes('UpdateSecretVersionStage'),
    versions: looks('DescribeSecret', 'ListSecretVersionIds'),
    remove: writes('DeleteSecret'),
  },
  reads: looks('GetSecretValue'),
  promotes: true,
  driver: config => awsDriver(config as AwsOptions),
  start,
}

async function start(): Promise<Running> {
  const { startAwsEmulator } = await import('@strongroom/emulators/aws')
  const sdk = await import('@aws-sdk/client-secrets-manager')
  const emulator = await startAwsEmulator()
  const { url: endpoint, region, accountId, controls } = emulator
  const client = new sdk.SecretsManagerClient({ endpoint, region, credentials })
  const config: AwsOptions = { endpoint, region, accountId, credentials }

  const look = async (prefix: string): Promise<readonly Found[]> => {
    const found: Found[] = []
    const filter = prefix === '' ? {} : { Filters: [{ Key: 'name' as const, Values: [prefix] }] }
    for await (const page of sdk.paginateListSecrets({ client }, { ...filter, IncludePlannedDeletion: true })) {
      for (const { Name: path = '', DeletedDate } of page.SecretList ?? []) {
        const deleted = DeletedDate !== undefined
        const versions: Found['versions'][number][] = []
        for await (const { Versions = [] } of sdk.paginateListSecretVersionIds({ client }, { SecretId: path, IncludeDeprecated: true })) {
          for (const { VersionId: version = '', VersionStages: stages = [] } of Versions) {
            const read = deleted ? undefined : await client.send(new sdk.GetSecretValueCommand({ SecretId: path, VersionId: version }))
            versions.push({ version, served: stages.length > 0, current: stages.includes('AWSCURRENT'), value: read?.SecretString })
          }
        }
        found.push({ path, deleted, versions })
      }
    }
    return found
  }

  return {
    config,
    wire: wireOf(controls),
    look,
    plant: async (path, value) => void (await client.send(new sdk.CreateSecretCommand({ Name: path, SecretString: value }))),
    advance: ms => controls.clock.advance(ms),
    stop: async () => {
      client.destroy()
      await emulator.stop()
    },
  }
}
