import { azureDriver, type AzureOptions } from '@strongroom/azure'
import { looks, wireOf, writes, type Backend, type Found, type FoundVersion, type Running } from './backend.ts'

interface Config {
  readonly vaultUrl: string
  readonly ca: string
  readonly token: string
}

const YEARS_MS = 100 * 8_760 * 3_600_000
/** A deletion and a purge go on after their answers, as in the service. */
const UNDER_WAY_MS = 3_000

export const azure: Backend = {
  name: 'azure',
  requests: {
    // At a path that is new nothing is looked for.
    create: writes('SetSecret'),
    append: [...looks('GetSecretVersions'), ...writes('SetSecret')],
    versions: looks('GetSecretVersions'),
    remove: writes('DeleteSecret', 'PurgeDeletedSecret'),
    destroyVersion: writes('UpdateSecret'),
  },
  reads: looks('GetSecret'),
  promotes: false,
  proves: true,
  detaches: false,
  driver: config => azureDriver(optionsOf(config as Config)),
  start,
}

function optionsOf({ vaultUrl, ca, token }: Config): AzureOptions {
  return { vaultUrl, credential: credentialOf(token), tls: { ca }, disableChallengeResourceVerification: true }
}

function credentialOf(token: string): { readonly getToken: () => Promise<{ readonly token: string; readonly expiresOnTimestamp: number }> } {
  return { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + YEARS_MS }) }
}

async function start(): Promise<Running> {
  const { startAzureEmulator } = await import('@strongroom/emulators/azure')
  const { SecretClient } = await import('@azure/keyvault-secrets')
  const emulator = await startAzureEmulator({ deleteDelayMs: UNDER_WAY_MS, purgeDelayMs: UNDER_WAY_MS })
  const { vaultUrl, ca, controls } = emulator
  const token = emulator.issueToken('owner', { expiresInMs: YEARS_MS })
  const client = new SecretClient(vaultUrl, credentialOf(token), {
    serviceVersion: '7.6',
    disableChallengeResourceVerification: true,
    tlsOptions: { ca },
  })

  const versionsOf = async (path: string): Promise<readonly FoundVersion[]> => {
    const versions: FoundVersion[] = []
    // The vault counts in seconds, so that which one is the newest is asked of itself; a disabled one is refused.
    const current = await client.getSecret(path).then(
      secret => secret.properties.version,
      () => undefined,
    )
    for await (const { version = '', enabled: served = false } of client.listPropertiesOfSecretVersions(path)) {
      const read = served ? await client.getSecret(path, { version }) : undefined
      const isBinary = read?.properties.contentType === 'application/octet-stream;base64'
      const value = isBinary ? Buffer.from(read.value ?? '', 'base64') : read?.value
      versions.push({ version, served, current: version === current, value })
    }
    return versions
  }

  return {
    config: { vaultUrl, ca, token } satisfies Config,
    wire: wireOf(controls),
    look: async prefix => {
      const found: Found[] = []
      for await (const { name: path } of client.listPropertiesOfSecrets()) {
        if (path.startsWith(prefix)) found.push({ path, deleted: false, versions: await versionsOf(path) })
      }
      for await (const { name: path } of client.listDeletedSecrets()) {
        if (path.startsWith(prefix)) found.push({ path, deleted: true, versions: [] })
      }
      return found
    },
    plant: async (path, value) => void (await client.setSecret(path, value)),
    advance: ms => controls.clock.advance(ms),
    stop: () => emulator.stop(),
  }
}
