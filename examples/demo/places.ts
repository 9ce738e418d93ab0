import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { awsDriver } from '@strongroom/aws'
import type { SecretDriver } from '@strongroom/core'
import { localDriver } from '@strongroom/local'

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
  const port = await freePort()
  const moto = join(import.meta.dirname, '..', '..', '.venv', 'bin', 'moto_server')
  const server = spawn(moto, ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
  const kill = (): void => void server.kill('SIGKILL')
  process.once('exit', kill)
  const endpoint = `http://127.0.0.1:${port}`
  const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'only-for-the-demo' }
  const region = 'eu-west-1'
  await healthy(`${endpoint}/moto-api/data.json`)
  const raw = new SecretsManagerClient({ region, endpoint, credentials })
  const driver = awsDriver({ region, endpoint, credentials, accountId: '123456789012' })
  // AWS serves AWSCURRENT by default; moto forgets that a label was moved unless it is named.
  const read = async (path: string): Promise<string> =>
    (await raw.send(new GetSecretValueCommand({ SecretId: path, VersionStage: 'AWSCURRENT' }))).SecretString ?? ''
  const stop = async (): Promise<void> => {
    raw.destroy()
    const gone = once(server, 'exit')
    server.kill()
    await gone
    process.removeListener('exit', kill)
  }
  return {
    name: 'aws',
    described: `AWS Secrets Manager by the official SDK, served by moto at ${endpoint}`,
    driver,
    readOutside: { call: "new GetSecretValueCommand({ SecretId: record.cloudSecretPath, VersionStage: 'AWSCURRENT' })", read },
    stop,
  }
}

async function healthy(url: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      if ((await fetch(url)).ok) return
    } catch (error) {
      if (attempt === 150) throw error
    }
    await wait(100)
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}
