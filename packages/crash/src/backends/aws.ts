import { awsDriver, type AwsOptions } from '@strongroom/aws'
import { missingProgram, moto as motoBinary, startMoto } from '@strongroom/testbed'
import { looks, wireOf, writes, type Backend, type Found, type Meddling, type Running } from './backend.ts'
import { proxied } from './proxied.ts'

const credentials = { accessKeyId: 'crash', secretAccessKey: 'only-for-tests' }

const AWS: Pick<Backend, 'requests' | 'reads' | 'promotes' | 'proves' | 'detaches' | 'driver'> = {
  requests: {
    create: writes('CreateSecret'),
    append: writes('PutSecretValue'),
    promote: writes('UpdateSecretVersionStage'),
    versions: looks('DescribeSecret', 'ListSecretVersionIds'),
    remove: writes('DeleteSecret'),
    destroyVersion: [...looks('DescribeSecret'), ...writes('UpdateSecretVersionStage')],
  },
  reads: looks('GetSecretValue'),
  promotes: true,
  proves: true,
  detaches: true,
  driver: config => awsDriver(config as AwsOptions),
}

/** Our emulator. */
export const aws: Backend = {
  ...AWS,
  name: 'aws',
  start: async () => {
    const { startAwsEmulator } = await import('@strongroom/emulators/aws')
    const emulator = await startAwsEmulator()
    const { url: endpoint, region, accountId, controls } = emulator
    const config = { endpoint, region, accountId, credentials } satisfies AwsOptions
    const { close, ...outsider } = await outside(config)
    const stop = async (): Promise<void> => {
      close()
      await emulator.stop()
    }
    return { config, ...outsider, wire: wireOf(controls), advance: ms => controls.clock.advance(ms), stop }
  },
}

/** moto, by other hands, behind a proxy that breaks the wire. Its clock is the machine's. */
export const moto: Backend = {
  ...AWS,
  name: 'moto',
  missing: () => missingProgram(motoBinary, 'moto'),
  start: async () => {
    const server = await startMoto()
    const { url, wire, stop: stopProxy } = await proxied(server.url, ({ headers }) => String(headers['x-amz-target']).replace('secretsmanager.', ''))
    const where = { region: 'eu-west-1', accountId: '123456789012', credentials }
    const { close, ...outsider } = await outside({ ...where, endpoint: server.url, isMoto: true })
    const stop = async (): Promise<void> => {
      close()
      await stopProxy()
      await server.stop()
    }
    return { config: { ...where, endpoint: url } satisfies AwsOptions, ...outsider, wire, advance: () => {}, stop }
  },
}

/**
 * The official SDK. A put after a label was moved leaves two versions with AWSCURRENT in moto, which forgets the move
 * (https://github.com/getmoto/moto/blob/5.2.5/moto/secretsmanager/models.py): there its value is put under a label of its own, and AWSCURRENT moved to it.
 */
async function outside({
  endpoint,
  region,
  isMoto = false,
}: {
  readonly endpoint: string
  readonly region: string
  readonly isMoto?: boolean
}): Promise<Pick<Running, 'look' | 'plant' | 'meddle'> & { readonly close: () => void }> {
  const sdk = await import('@aws-sdk/client-secrets-manager')
  const client = new sdk.SecretsManagerClient({ endpoint, region, credentials })

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
            versions.push({
              version,
              served: stages.length > 0,
              current: stages.includes('AWSCURRENT'),
              value: read?.SecretString ?? read?.SecretBinary,
            })
          }
        }
        found.push({ path, deleted, versions })
      }
    }
    return found
  }

  const label: Meddling['label'] = async (path, version) => {
    const { VersionIdsToStages: stages = {} } = await client.send(new sdk.DescribeSecretCommand({ SecretId: path }))
    const [holder] = Object.entries(stages).find(([, labels]) => labels.includes('AWSCURRENT')) ?? []
    const move = { SecretId: path, VersionStage: 'AWSCURRENT', MoveToVersionId: version, RemoveFromVersionId: holder }
    await client.send(new sdk.UpdateSecretVersionStageCommand(move))
  }
  const put: Meddling['put'] = async (path, value) => {
    const stages = isMoto ? { VersionStages: ['OUTSIDER'] } : {}
    const { VersionId } = await client.send(new sdk.PutSecretValueCommand({ SecretId: path, SecretString: value, ...stages }))
    if (isMoto) await label(path, VersionId ?? '')
  }

  return {
    look,
    meddle: { put, label },
    plant: async (path, value) => void (await client.send(new sdk.CreateSecretCommand({ Name: path, SecretString: value }))),
    close: () => client.destroy(),
  }
}
