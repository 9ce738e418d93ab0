// What `get` costs beside the SDK's own call, each by a client of its own with the same settings, against the same server: the bare
// call, and one that has a deadline as ours has. Two at a time, since of two clients the one that is used less is slower.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { awsSecretStore } from '@strongroom/aws'
import { alternately, deadlined, print, ratioRow, type Row } from './measure.ts'

const GOAL = 1.03

export async function awsGet({ rounds = 6_000, warmUp = 6_000 }: { readonly rounds?: number; readonly warmUp?: number } = {}): Promise<
  readonly Row[]
> {
  const server = fork(new URL('secrets-server.ts', import.meta.url), { execArgv: [] })
  const [port] = (await once(server, 'message')) as [number]
  const settings = {
    region: 'eu-west-1',
    endpoint: `http://127.0.0.1:${port}`,
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'only-for-tests' },
  }
  const sockets = { keepAlive: true, maxSockets: 128 }
  const client = new SecretsManagerClient({
    ...settings,
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 3_000, socketTimeout: 10_000, httpAgent: sockets, httpsAgent: sockets },
  })
  const store = awsSecretStore({ ...settings, accountId: '123456789012' })
  const ours = (): Promise<unknown> => store.get('benchmark')
  try {
    const beside = await alternately({ bare: deadlined(abortSignal => client.send(command(), { abortSignal })), ours }, { rounds, warmUp })
    const bare = await alternately({ bare: () => client.send(command()), ours }, { rounds, warmUp })
    return [
      ratioRow('AWS: get, beside the SDK with a deadline', beside.ours, beside.bare, GOAL),
      ratioRow('AWS: get, beside the bare SDK', bare.ours, bare.bare, GOAL),
    ]
  } finally {
    await store.close()
    client.destroy()
    server.kill()
  }
}

function command(): GetSecretValueCommand {
  return new GetSecretValueCommand({ SecretId: 'benchmark', VersionStage: 'AWSCURRENT' })
}

if (import.meta.main) print(await awsGet())
