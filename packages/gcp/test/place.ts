import { SecretManagerServiceClient } from '@google-cloud/secret-manager'
import type { Faults, OutOfBand } from '@strongroom/conformance'
import { wireFaults, type Fault, type InjectOptions } from '@strongroom/emulators'
import { startGcpEmulator, type Controls } from '@strongroom/emulators/gcp'
import { googleAuthLibrary } from 'google-gax'
import type { GcpAuthClient, GcpOptions } from '../src/index.ts'

/** A project that the user has, asked with application default credentials; without it, the emulator. */
const project = process.env['STRONGROOM_GCP_PROJECT'] ?? ''
const endpoint = process.env['STRONGROOM_GCP_ENDPOINT'] ?? ''

export const isReal: boolean = project !== ''

export interface GcpPlace {
  readonly projectId: string
  /** What answers: for reports. */
  readonly where: string
  /** Of the emulator; undefined for a real project. */
  readonly controls: Controls | undefined
  /** For whoever has that token, which only the emulator asks for. */
  readonly options: (transport: 'grpc' | 'rest', token?: string) => GcpOptions
  /** The official client, which is the caller's to close. */
  readonly official: () => SecretManagerServiceClient
  readonly stop: () => Promise<void>
}

/** The emulator on the loopback, or the project that the environment names. */
export async function startGcp(): Promise<GcpPlace> {
  if (isReal) {
    const at = endpoint === '' ? {} : { endpoint }
    const host = endpoint === '' ? {} : { apiEndpoint: new URL(endpoint).hostname }
    return {
      projectId: project,
      where: 'the project of the environment',
      controls: undefined,
      options: transport => ({ projectId: project, transport, ...at }),
      official: () => new SecretManagerServiceClient({ projectId: project, ...host }),
      stop: async () => {},
    }
  }
  const { projectId, url, grpcPort, controls, stop } = await startGcpEmulator()
  return {
    projectId,
    where: 'the emulator of this workspace',
    controls,
    options: (transport, token = 'owner') => ({
      projectId,
      transport,
      endpoint: transport === 'grpc' ? `http://127.0.0.1:${grpcPort}` : url,
      authClient: bearer(token),
    }),
    official: () => officialOverRest(projectId, url),
    stop,
  }
}

export function bearer(token: string): GcpAuthClient {
  return { getRequestHeaders: async () => new Headers({ authorization: `Bearer ${token}` }) }
}

/** Google's own client, for a server on the loopback. */
export function officialOverRest(projectId: string, url: string): SecretManagerServiceClient {
  const { hostname, port } = new URL(url)
  const authClient = new googleAuthLibrary.OAuth2Client()
  authClient.setCredentials({ access_token: 'owner' })
  const options = { projectId, fallback: true, protocol: 'http', apiEndpoint: hostname, port: Number(port), authClient }
  return new SecretManagerServiceClient(options as ConstructorParameters<typeof SecretManagerServiceClient>[0])
}

const NOT_FOUND = 5
const FAILED_PRECONDITION = 9

/** A version's value, or why it cannot be read; undefined where there is none. */
type Accessed = Uint8Array | Error | undefined

function bytesOf(accessed: Accessed): Uint8Array | undefined {
  if (accessed instanceof Error) throw accessed
  return accessed
}

/** What someone with Google's client does, who takes the newest version for the current one, or the one with the alias. */
export function outOfBand(client: SecretManagerServiceClient, parent: string, alias?: string): OutOfBand {
  const secret = (path: string): string => `${parent}/secrets/${path}`
  const access = async (name: string): Promise<Accessed> => {
    try {
      const [{ payload }] = await client.accessSecretVersion({ name })
      return new Uint8Array(Buffer.from(payload?.data ?? ''))
    } catch (error) {
      const { code } = error as { readonly code?: unknown }
      if (code === NOT_FOUND) return undefined
      if (code === FAILED_PRECONDITION) return error as Error
      throw error
    }
  }
  return {
    read: async path => {
      if (alias !== undefined) return bytesOf(await access(`${secret(path)}/versions/${alias}`))
      // `latest` may be behind; an access by number is not.
      let newest: Accessed
      for (let number = 1; ; number += 1) {
        const found = await access(`${secret(path)}/versions/${number}`)
        if (found === undefined) return bytesOf(newest)
        newest = found
      }
    },
    write: async (path, bytes) => {
      const [{ name }] = await client.addSecretVersion({ parent: secret(path), payload: { data: bytes } })
      if (alias === undefined) return
      const versionAliases = { [alias]: Number(name?.split('/').at(-1)) }
      await client.updateSecret({ secret: { name: secret(path), versionAliases }, updateMask: { paths: ['version_aliases'] } })
    },
  }
}

interface Injectable {
  inject(fault: Fault, options?: InjectOptions): void
  clearFaults(): void
}

/** What the kit asks for, by the faults of the emulator or of a proxy. */
export function faultsOf(faulty: Injectable, requests: () => number): Faults {
  return {
    loseNextResponse: async () => faulty.inject({ kind: 'lose' }),
    throttleNext: async (count, retryAfterMs) => faulty.inject({ kind: 'throttle', retryAfterMs }, { count }),
    requests: async () => requests(),
    stallNext: async () => faulty.inject({ kind: 'stall' }),
    wire: async (fault, count, after) => (count === 0 ? faulty.clearFaults() : faulty.inject(WIRE[fault], { count, after })),
  }
}

const WIRE = wireFaults('INTERNAL', 1)
