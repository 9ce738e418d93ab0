import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startAwsEmulator } from '@strongroom/emulators/aws'
import { startAzureEmulator } from '@strongroom/emulators/azure'
import { startGcpEmulator } from '@strongroom/emulators/gcp'
import { startVaultEmulator } from '@strongroom/emulators/vault'
import { openBaoBinary, ROOT_TOKEN, startOpenBao } from '@strongroom/testbed'

/** Clouds on this machine, each as one line of a configuration, and what its `{ env: … }` names. */
export interface Clouds {
  readonly stores: Readonly<Record<'memory' | 'aws' | 'gcp' | 'azure' | 'vault', string>>
  readonly environment: Readonly<Record<string, string>>
  /** What answers as Vault. */
  readonly vault: string
  stop(): Promise<void>
}

export async function startClouds(folder: string): Promise<Clouds> {
  const [aws, gcp, azure, vault] = await Promise.all([startAwsEmulator(), startGcpEmulator(), startAzureEmulator(), startVault()])
  gcp.controls.permit('a-google-token')
  await writeFile(join(folder, 'azure-ca.pem'), azure.ca)
  const environment = {
    AWS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    AWS_SECRET: 'only-for-the-example',
    GOOGLE_TOKEN: 'a-google-token',
    AZURE_TOKEN: azure.issueToken(),
    VAULT_TOKEN: vault.token,
  }
  return {
    stores: {
      memory: '{ type: memory }',
      aws: `{ type: aws, region: ${aws.region}, accountId: "${aws.accountId}", endpoint: "${aws.url}", credentials: { accessKeyId: { env: AWS_KEY_ID }, secretAccessKey: { env: AWS_SECRET } } }`,
      gcp: `{ type: gcp, projectId: ${gcp.projectId}, endpoint: "http://127.0.0.1:${gcp.grpcPort}", accessToken: { env: GOOGLE_TOKEN } }`,
      azure: `{ type: azure, vaultUrl: "${azure.vaultUrl}", credential: { kind: access_token, token: { env: AZURE_TOKEN } }, tls: { ca: { file: azure-ca.pem } }, disableChallengeResourceVerification: true, rate: { reads: 1000, writes: 1000 } }`,
      vault: `{ type: vault, address: "${vault.url}", auth: { method: token, token: { env: VAULT_TOKEN } } }`,
    },
    environment,
    vault: vault.name,
    stop: async () => void (await Promise.all([aws.stop(), gcp.stop(), azure.stop(), vault.stop()])),
  }
}

/** The real server where it is installed, and our emulator elsewhere. */
async function startVault(): Promise<{ readonly name: string; readonly url: string; readonly token: string; readonly stop: () => Promise<void> }> {
  if (openBaoBinary !== undefined) {
    const server = await startOpenBao()
    return { name: server.where, url: server.url, token: ROOT_TOKEN, stop: () => server.stop() }
  }
  const emulator = await startVaultEmulator()
  return { name: 'our emulator of Vault', url: emulator.url, token: emulator.rootToken, stop: () => emulator.stop() }
}
