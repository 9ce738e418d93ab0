import type { SecretManagerServiceClient } from '@google-cloud/secret-manager'
import { startGcpEmulator, type GcpEmulator, type GcpEmulatorOptions } from '../../src/gcp/index.ts'
import { clientOf, once, type Transport } from './clients.ts'

export const AUTOMATIC = { replication: { automatic: {} } }

/** An emulator with clients of it, and short forms of the calls that most tests make. */
export class Place {
  readonly emulator: GcpEmulator
  readonly transport: Transport
  readonly parent: string
  readonly client: SecretManagerServiceClient
  readonly #clients: SecretManagerServiceClient[] = []

  constructor(emulator: GcpEmulator, transport: Transport) {
    this.emulator = emulator
    this.transport = transport
    this.parent = `projects/${emulator.projectId}`
    this.client = this.as(undefined)
  }

  static async start(transport: Transport, options: GcpEmulatorOptions = {}): Promise<Place> {
    return new Place(await startGcpEmulator(options), transport)
  }

  /** The client of someone with this token. */
  as(token: string | undefined): SecretManagerServiceClient {
    const client = clientOf(this.emulator, this.transport, token)
    this.#clients.push(client)
    return client
  }

  name(id: string, version?: string | number): string {
    return `${this.parent}/secrets/${id}${version === undefined ? '' : `/versions/${version}`}`
  }

  async create(id: string, secret: object = AUTOMATIC): Promise<void> {
    await this.client.createSecret({ parent: this.parent, secretId: id, secret }, once)
  }

  async add(id: string, value = 'value'): Promise<string> {
    const [version] = await this.client.addSecretVersion({ parent: this.name(id), payload: { data: Buffer.from(value) } }, once)
    return version.name?.split('/').at(-1) ?? ''
  }

  async read(id: string, version: string | number = 'latest'): Promise<string> {
    const [answer] = await this.client.accessSecretVersion({ name: this.name(id, version) }, once)
    return Buffer.from(answer.payload?.data ?? '').toString()
  }

  async list(filter = ''): Promise<readonly string[]> {
    const [secrets] = await this.client.listSecrets({ parent: this.parent, filter }, once)
    return secrets.map(({ name }) => name?.split('/').at(-1) ?? '')
  }

  async listVersions(id: string, filter = ''): Promise<readonly string[]> {
    const [versions] = await this.client.listSecretVersions({ parent: this.name(id), filter }, once)
    return versions.map(({ name }) => name?.split('/').at(-1) ?? '')
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) await client.close()
    await this.emulator.stop()
  }
}

/** What a client throws. */
export interface Thrown {
  readonly code?: number
  readonly message: string
  readonly reason?: string
  readonly statusDetails?: readonly object[]
}

/** The error of a call; undefined when there was none. */
export async function thrownBy(call: Promise<unknown>): Promise<Thrown | undefined> {
  try {
    await call
    return undefined
  } catch (error) {
    return error as Thrown
  }
}

export async function codeOf(call: Promise<unknown>): Promise<number | undefined> {
  return (await thrownBy(call))?.code ?? 0
}
