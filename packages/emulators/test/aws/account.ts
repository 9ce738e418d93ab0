import { once } from 'node:events'
import { request } from 'node:http'
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  type CreateSecretCommandInput,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { afterEach } from 'vitest'
import { startAwsEmulator, type AwsEmulator, type AwsEmulatorOptions } from '../../src/aws/index.ts'
import { clientOf } from './client.ts'

const open: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

/** A new emulator and the official SDK, for one test. */
export class Account {
  readonly emulator: AwsEmulator
  readonly client: SecretsManagerClient

  constructor(emulator: AwsEmulator, client: SecretsManagerClient) {
    this.emulator = emulator
    this.client = client
  }

  as(accessKeyId: string): SecretsManagerClient {
    const client = clientOf(this.emulator.url, accessKeyId)
    open.push(async () => client.destroy())
    return client
  }

  async create(Name: string, more: Partial<CreateSecretCommandInput> = {}): Promise<{ readonly ARN: string; readonly VersionId: string }> {
    const { ARN = '', VersionId = '' } = await this.client.send(new CreateSecretCommand({ Name, SecretString: 'one', ...more }))
    return { ARN, VersionId }
  }

  async put(SecretId: string, SecretString: string, VersionStages?: string[]): Promise<string> {
    const input = { SecretId, SecretString, ...(VersionStages === undefined ? {} : { VersionStages }) }
    return (await this.client.send(new PutSecretValueCommand(input))).VersionId ?? ''
  }

  async read(SecretId: string, client: SecretsManagerClient = this.client): Promise<string | undefined> {
    return (await client.send(new GetSecretValueCommand({ SecretId }))).SecretString
  }
}

export async function newAccount(options: AwsEmulatorOptions = {}): Promise<Account> {
  const emulator = await startAwsEmulator(options)
  const account = new Account(emulator, clientOf(emulator.url))
  open.push(async () => {
    account.client.destroy()
    await emulator.stop()
  })
  return account
}

/** The name of the error that a call fails with, or `success`. */
export async function nameOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => 'success',
    (error: unknown) => (error instanceof Error ? error.name : String(error)),
  )
}

/** A plain request, such as the SDK would never send. */
export async function plain(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<{ readonly status: number; readonly body: string }> {
  const outgoing = request(url, { method: 'POST', headers })
  outgoing.end(body)
  const [incoming] = (await once(outgoing, 'response')) as [AsyncIterable<Buffer> & { readonly statusCode: number }]
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  return { status: incoming.statusCode, body: Buffer.concat(chunks).toString() }
}
