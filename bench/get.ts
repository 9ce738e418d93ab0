// What `get` costs beside the official client's own call of the same kind, against the same server on loopback; on Azure each by a client
// of its own, as users have them.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { SecretClient } from '@azure/keyvault-secrets'
import { SecretManagerServiceClient } from '@google-cloud/secret-manager'
import { azureSecretStore } from '@strongroom/azure'
import { gcpSecretStore } from '@strongroom/gcp'
import { openBaoBinary, ROOT_TOKEN, startOpenBao } from '@strongroom/testbed'
import { vaultSecretStore } from '@strongroom/vault'
import { GoogleAuth, googleAuthLibrary, grpc } from 'google-gax'
import { alternately, deadlined, print, ratioRow, type Row } from './measure.ts'

const VALUE = '{"user":"application","password":"correct horse battery staple"}'
const NAME = 'benchmark'
const ROUNDS = { rounds: 3_000, warmUp: 3_000 }

interface Contest {
  readonly what: string
  readonly goal: number
  readonly ours: () => Promise<unknown>
  readonly bare: () => Promise<unknown>
}

export async function gets(): Promise<readonly Row[]> {
  return [...(await google()), ...(await azure()), ...(await vault())]
}

async function google(): Promise<readonly Row[]> {
  const { child, answer } = await emulator('gcp')
  const { grpcPort: port, projectId } = answer as { readonly grpcPort: number; readonly projectId: string }
  // Or it would look for Google's metadata server.
  const auth = new GoogleAuth({ authClient: new googleAuthLibrary.PassThroughClient() })
  const client = new SecretManagerServiceClient({ apiEndpoint: '127.0.0.1', port, sslCreds: grpc.credentials.createInsecure(), projectId, auth })
  const store = gcpSecretStore({ projectId, client })
  const { version } = await store.put(NAME, VALUE)
  const name = `projects/${projectId}/secrets/${NAME}/versions/${version}`
  try {
    const bare = (): Promise<unknown> => client.accessSecretVersion({ name }, { timeout: 60_000, retry: null })
    return [await contest({ what: 'Google over gRPC: get of a version, beside the SDK', goal: 1.03, ours: () => store.get(NAME, { version }), bare })]
  } finally {
    await store.close()
    await client.close()
    child.kill()
  }
}

async function azure(): Promise<readonly Row[]> {
  const { child, answer } = await emulator('azure')
  const { vaultUrl, ca, token } = answer as { readonly vaultUrl: string; readonly ca: string; readonly token: string }
  const credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) }
  const client = new SecretClient(vaultUrl, credential, {
    disableChallengeResourceVerification: true,
    serviceVersion: '7.6',
    tlsOptions: { ca },
    retryOptions: { maxRetries: 0 },
  })
  const store = azureSecretStore({ vaultUrl, credential, disableChallengeResourceVerification: true, tls: { ca } })
  await store.put(NAME, VALUE)
  const ours = (): Promise<unknown> => store.get(NAME)
  const deadline = deadlined(abortSignal => client.getSecret(NAME, { abortSignal }))
  try {
    return [
      await contest({ what: 'Azure: get, beside the SDK with a deadline', goal: 1.03, ours, bare: deadline }),
      await contest({ what: 'Azure: get, beside the bare SDK', goal: 1.03, ours, bare: () => client.getSecret(NAME) }),
    ]
  } finally {
    await store.close()
    child.kill()
  }
}

async function vault(): Promise<readonly Row[]> {
  if (openBaoBinary === undefined) return []
  process.env['STRONGROOM_OPENBAO'] = 'process'
  const server = await startOpenBao()
  const store = vaultSecretStore({ address: server.url, auth: { method: 'token', token: ROOT_TOKEN } })
  await store.put(NAME, VALUE)
  const url = `${server.url}/v1/secret/data/${NAME}`
  const headers = { 'x-vault-token': ROOT_TOKEN }
  const bare = async (): Promise<unknown> => await (await fetch(url, { headers })).json()
  try {
    return [await contest({ what: 'Vault: get, beside a bare fetch', goal: 1.1, ours: () => store.get(NAME), bare })]
  } finally {
    await store.close()
    await server.stop()
  }
}

async function contest({ what, goal, ours, bare }: Contest): Promise<Row> {
  const medians = await alternately({ bare, ours }, ROUNDS)
  return ratioRow(what, medians.ours, medians.bare, goal)
}

async function emulator(kind: string): Promise<{ readonly child: ChildProcess; readonly answer: unknown }> {
  const child = fork(new URL('emulator-server.ts', import.meta.url), [kind], { execArgv: [] })
  const [answer] = (await once(child, 'message')) as [unknown]
  return { child, answer }
}

if (import.meta.main) print(await gets())
