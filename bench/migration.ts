// How many secrets a second a migration moves between two emulators, beside the SDK's client of the target that does what has to be done
// there for each: put it, and read it back. Both with the same number of calls under way.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SecretClient } from '@azure/keyvault-secrets'
import { SecretManagerServiceClient } from '@google-cloud/secret-manager'
import { awsDriver } from '@strongroom/aws'
import { azureDriver } from '@strongroom/azure'
import { accountId, createSecretMigrator, createSecretRegistry, unsafeAllowEveryone, type SecretDriver } from '@strongroom/core'
import { gcpDriver } from '@strongroom/gcp'
import { sqliteMetadata } from '@strongroom/sqlite'
import { GoogleAuth, googleAuthLibrary, grpc } from 'google-gax'
import { NONE, print, rateRow, type Row } from './measure.ts'

const GOAL = 0.7
const CONCURRENCY = 16
const ACTOR = { id: 'operator', type: 'user' } as const
const VALUE = '{"user":"application","password":"correct horse battery staple"}'
/** Without a network every call is computing, for which both sides share two cores; in a cloud it is waiting. */
const LATENCIES_MS = [0, 10] as const

interface Sizes {
  readonly secrets?: number
  readonly rounds?: number
}

/** A target, and its SDK's own client, which answers where the version that it has put is to be read. */
interface Target {
  readonly name: string
  readonly driver: SecretDriver
  readonly put: (name: string) => Promise<string>
  readonly read: (name: string, version: string) => Promise<unknown>
  readonly close?: () => Promise<unknown>
}

const targets: Readonly<Record<string, (answer: unknown) => Target>> = {
  azure(answer) {
    const { vaultUrl, ca, token } = answer as Readonly<Record<'vaultUrl' | 'ca' | 'token', string>>
    const credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) }
    const tls = { ca }
    const shared = { disableChallengeResourceVerification: true } as const
    const client = new SecretClient(vaultUrl, credential, { ...shared, serviceVersion: '7.6', tlsOptions: tls, retryOptions: { maxRetries: 0 } })
    return {
      name: 'Azure',
      driver: azureDriver({ vaultUrl, credential, tls, ...shared }),
      put: async name => (await client.setSecret(name, VALUE)).properties.version ?? '',
      read: async (name, version) => await client.getSecret(name, { version }),
    }
  },
  gcp(answer) {
    const { grpcPort: port, projectId } = answer as { readonly grpcPort: number; readonly projectId: string }
    const parent = `projects/${projectId}`
    // Or it would look for Google's metadata server.
    const auth = new GoogleAuth({ authClient: new googleAuthLibrary.PassThroughClient() })
    const sslCreds = grpc.credentials.createInsecure()
    const client = (): SecretManagerServiceClient => new SecretManagerServiceClient({ apiEndpoint: '127.0.0.1', port, sslCreds, projectId, auth })
    const [raw, lent] = [client(), client()]
    const once = { timeout: 60_000, retry: null }
    return {
      name: 'Google',
      driver: gcpDriver({ projectId, client: lent }),
      async put(name) {
        await raw.createSecret({ parent, secretId: name, secret: { replication: { automatic: {} } } }, once)
        const [{ name: version }] = await raw.addSecretVersion({ parent: `${parent}/secrets/${name}`, payload: { data: Buffer.from(VALUE) } }, once)
        return version ?? ''
      },
      read: async (_, version) => await raw.accessSecretVersion({ name: version }, once),
      close: async () => await Promise.all([raw.close(), lent.close()]),
    }
  },
}

export async function migration({ secrets = 10_000, rounds = 5 }: Sizes = {}): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const target of Object.keys(targets)) {
    for (const latencyMs of LATENCIES_MS) rows.push(...(await between(target, secrets, rounds, latencyMs)))
  }
  return rows
}

async function between(kind: string, secrets: number, rounds: number, latencyMs: number): Promise<readonly Row[]> {
  const source = await emulator('aws', latencyMs)
  const target = await emulator(kind, latencyMs)
  const { name, driver, put, read, close } = (targets[kind] as (typeof targets)[string])(target.answer)
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-bench-'))
  const { url: endpoint, region, accountId: account } = source.answer as Readonly<Record<'url' | 'region' | 'accountId', string>>
  const stores = {
    aws: awsDriver({ endpoint, region, accountId: account, credentials: { accessKeyId: 'bench', secretAccessKey: 'only-for-tests' } }),
    target: driver,
  }
  const metadata = sqliteMetadata({ path: join(folder, 'meta.db') })
  const registry = await createSecretRegistry({ id: 'bench', metadata, stores, writeTo: 'aws', authorize: unsafeAllowEveryone })
  const migrator = await createSecretMigrator({ id: 'bench', metadata, stores, actor: ACTOR })
  const each = Math.floor(secrets / rounds)
  let ours = 0
  let puts = 0
  let putsAndReads = 0
  try {
    for (let round = 0; round < rounds; round += 1) {
      await parallel(each, index => registry.account(accountId('acme'), ACTOR).create({ key: `key-${round}-${index}`, value: VALUE }))
      const works = [
        async () => void (ours += await timed(() => migrate(migrator, each))),
        async () => void (puts += await timed(() => parallel(each, index => put(`raw-${round}-${index}`)))),
        async () =>
          void (putsAndReads += await timed(() =>
            parallel(each, async index => await read(`both-${round}-${index}`, await put(`both-${round}-${index}`))),
          )),
      ]
      for (let turn = 0; turn < works.length; turn += 1) await works[(round + turn) % works.length]?.()
    }
  } finally {
    await migrator.close()
    await registry.close()
    await close?.()
    source.child.kill()
    target.child.kill()
    await rm(folder, { recursive: true })
  }
  const rate = (time: number): number => (each * rounds) / time
  const what = `migration of ${each * rounds} secrets, AWS to ${name}, ${latencyMs === 0 ? 'no latency' : `${latencyMs} ms a request`}`
  return [
    rateRow(`${what}, beside put and read back`, rate(ours), rate(putsAndReads), GOAL),
    { ...rateRow(`${what}, beside put alone`, rate(ours), rate(puts), undefined), goal: NONE },
  ]
}

async function migrate(migrator: Awaited<ReturnType<typeof createSecretMigrator>>, expected: number): Promise<void> {
  let moved = 0
  for await (const { outcome } of migrator.migrate({ from: 'aws', to: 'target', concurrency: CONCURRENCY, measure: false }))
    if (outcome === 'moved') moved += 1
  if (moved !== expected) throw new Error(`${moved} of ${expected} were moved`)
}

async function parallel(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await work((next += 1) - 1)
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

async function emulator(kind: string, latencyMs: number): Promise<{ readonly child: ChildProcess; readonly answer: unknown }> {
  const child = fork(new URL('./emulator-server.ts', import.meta.url), [kind, String(latencyMs)])
  const [answer] = (await once(child, 'message')) as [unknown]
  return { child, answer }
}

if (import.meta.main) print(await migration({ secrets: Number(process.argv[2] ?? 10_000) }))
