import { join } from 'node:path'
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { awsDriver } from '@strongroom/aws'
import type { SecretDriver } from '@strongroom/core'
import { localDriver } from '@strongroom/local'
import { startMoto } from '@strongroom/testbed'

/** Where the demo keeps its values. */
export interface Place {
  readonly name: string
  readonly described: string
  readonly driver: SecretDriver
  /** Reads a value without Strongroom; undefined where only Strongroom can. */
  readonly readOutside: { readonly call: string; readonly read: (path: string) => Promise<string> } | undefined
  stop(): Promise<void>
}

export function localPlace(folder: string): Place {
  const driver = localDriver({ path: join(folder, 'store') })
  return { name: 'local', described: 'encrypted files (JWE, A256GCM)', driver, readOutside: undefined, stop: async () => {} }
}

/** The official AWS SDK against moto, an emulator of AWS in another process on the loopback. */
export async function awsPlace(): Promise<Place> {
  const server = await startMoto()
  const endpoint = server.url
  const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'only-for-the-demo' }
  const region = 'eu-west-1'
  const raw = new SecretsManagerClient({ region, endpoint, credentials })
  const driver = awsDriver({ region, endpoint, credentials, accountId: '123456789012' })
  // AWS serves AWSCURRENT by default; moto forgets that a label was moved unless it is named.
  const read = async (path: string): Promise<string> =>
    (await raw.send(new GetSecretValueCommand({ SecretId: path, VersionStage: 'AWSCURRENT' }))).SecretString ?? ''
  const stop = async (): Promise<void> => {
    raw.destroy()
    await server.stop()
  }
  return {
    name: 'aws',
    described: `AWS Secrets Manager by the official SDK, served by moto at ${endpoint}`,
    driver,
    readOutside: { call: "new GetSecretValueCommand({ SecretId: record.cloudSecretPath, VersionStage: 'AWSCURRENT' })", read },
    stop,
  }
}
