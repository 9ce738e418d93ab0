import { fork } from 'node:child_process'
import { once } from 'node:events'
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { awsSecretStore } from '@strongroom/aws'
import { alternately } from './measure.ts'
const server = fork(new URL('secrets-server.ts', import.meta.url), { execArgv: [] })
const [port] = (await once(server, 'message')) as [number]
const settings = { region: 'eu-west-1', endpoint: `http://127.0.0.1:${port}`, credentials: { accessKeyId: 'A', secretAccessKey: 'B' } }
const sockets = { keepAlive: true, maxSockets: 128 }
const client = new SecretsManagerClient({ ...settings, maxAttempts: 1, requestHandler: { connectionTimeout: 3_000, socketTimeout: 10_000, httpAgent: sockets, httpsAgent: sockets } })
const accountId = '123456789012'
const withSignal = awsSecretStore({ region: 'eu-west-1', accountId, client })
const without = awsSecretStore({ region: 'eu-west-1', accountId, client: { send: command => client.send(command as GetSecretValueCommand) } })
const cmd = () => new GetSecretValueCommand({ SecretId: 'benchmark', VersionStage: 'AWSCURRENT' })
for (let i = 0; i < 3; i++) {
const r = await alternately({ bare: () => client.send(cmd()), bareSignal: () => client.send(cmd(), { abortSignal: new AbortController().signal }), without: () => without.get('benchmark'), withSignal: () => withSignal.get('benchmark') }, { rounds: 3500, warmUp: i === 0 ? 1500 : 100 })
console.log(Object.entries(r).map(([k, v]) => `${k} ${(v * 1000).toFixed(1)} ${(v / r.bare).toFixed(3)}`).join('   '))
}
client.destroy(); server.kill()
