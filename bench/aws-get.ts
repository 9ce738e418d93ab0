// What `get` costs beside the SDK's own call with the same settings, against the same server: the bare call, and one that has a
// deadline as ours has.
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
  // The same client for both: two have each their own sockets, and the one used less is slower by as much as is measured here.
  const store = awsSecretStore({ region: settings.region, accountId: '123456789012', client })
  const withDeadline = deadlined(abortSignal => client.send(command(), { abortSignal }))
  try {
    const medians = await alternately({ bare: () => client.send(command()), withDeadline, ours: () => store.get('benchmark') }, { rounds, warmUp })
    return [
      ratioRow('AWS: get, beside the SDK with a deadline', medians.ours, medians.withDeadline, GOAL),
      ratioRow('AWS: get, beside the bare SDK', medians.ours, medians.bare, GOAL),
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
