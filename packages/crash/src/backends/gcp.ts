import { isUtf8 } from 'node:buffer'
import { gcpDriver, type GcpOptions } from '@strongroom/gcp'
import { looks, wireOf, writes, type Backend, type Found, type Running } from './backend.ts'

interface Config {
  readonly projectId: string
  readonly endpoint: string
}

export const gcp: Backend = {
  name: 'gcp',
  requests: {
    create: writes('CreateSecret', 'AddSecretVersion'),
    append: writes('AddSecretVersion'),
    versions: looks('ListSecretVersions', 'GetSecretVersion'),
    remove: writes('DeleteSecret'),
    destroyVersion: writes('DestroySecretVersion'),
  },
  reads: looks('AccessSecretVersion'),
  promotes: false,
  proves: false,
  detaches: false,
  driver: config => gcpDriver(optionsOf(config as Config)),
  start,
}

/** Over gRPC, as in production. */
function optionsOf({ projectId, endpoint }: Config): GcpOptions {
  const authClient = { getRequestHeaders: async () => new Headers({ authorization: 'Bearer crash' }) }
  return { projectId, endpoint, transport: 'grpc', authClient }
}

async function start(): Promise<Running> {
  const { startGcpEmulator } = await import('@strongroom/emulators/gcp')
  const { SecretManagerServiceClient } = await import('@google-cloud/secret-manager')
  const { googleAuthLibrary, grpc } = await import('google-gax')
  const emulator = await startGcpEmulator()
  const { projectId, controls } = emulator
  const sslCreds = grpc.credentials.createInsecure()
  // Never asked for a token; without it the client would look for credentials of this machine.
  const authClient = new googleAuthLibrary.OAuth2Client()
  authClient.setCredentials({ access_token: 'never-sent' })
  const client = new SecretManagerServiceClient({ projectId, authClient, apiEndpoint: '127.0.0.1', port: emulator.grpcPort, sslCreds })
  const parent = `projects/${projectId}`
  const config: Config = { projectId, endpoint: `http://127.0.0.1:${emulator.grpcPort}` }

  const look = async (prefix: string): Promise<readonly Found[]> => {
    const found: Found[] = []
    const [secrets] = await client.listSecrets({ parent, ...(prefix === '' ? {} : { filter: `name:${prefix}` }) })
    for (const { name } of secrets) {
      const path = (name ?? '').split('/').at(-1) ?? ''
      if (!path.startsWith(prefix)) continue
      const [versions] = await client.listSecretVersions({ parent: name ?? '' })
      const newest = Math.max(...versions.map(version => idOf(version.name)))
      const read = versions.map(async ({ name: version, state }) => {
        const served = state === 'ENABLED'
        const [answer] = served ? await client.accessSecretVersion({ name: version ?? '' }) : []
        const value = answer === undefined ? undefined : textOrBytes(Buffer.from(answer.payload?.data ?? ''))
        return { version: String(idOf(version)), served, current: idOf(version) === newest, value }
      })
      found.push({ path, deleted: false, versions: await Promise.all(read) })
    }
    return found
  }

  return {
    config,
    wire: wireOf(controls),
    look,
    plant: async (path, value) => {
      const [secret] = await client.createSecret({ parent, secretId: path, secret: { replication: { automatic: {} } } })
      await client.addSecretVersion({ parent: secret.name ?? '', payload: { data: Buffer.from(value) } })
    },
    advance: ms => controls.clock.advance(ms),
    stop: async () => {
      await client.close()
      await emulator.stop()
    },
  }
}

/** Google has bytes alone. */
function textOrBytes(bytes: Buffer): string | Buffer {
  return isUtf8(bytes) ? bytes.toString() : bytes
}

function idOf(name: string | null | undefined): number {
  return Number((name ?? '').split('/').at(-1))
}
