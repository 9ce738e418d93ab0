import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accountId, isSecretError, unsafeAllowEveryone, type Actor } from '@strongroom/core'
import { startAwsEmulator, type AwsEmulator } from '@strongroom/emulators/aws'
import { startAzureEmulator, type AzureEmulator } from '@strongroom/emulators/azure'
import { startGcpEmulator, type GcpEmulator } from '@strongroom/emulators/gcp'
import { missingProgram, moto, openBaoBinary, ROOT_TOKEN, startMoto, startOpenBao, type TestServer } from '@strongroom/testbed'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openStrongroom, type Strongroom } from '../src/index.ts'

// Every cloud from a file: what a configuration can say is enough to open each, to work with it, and to see it from outside.

const ACCOUNT = accountId('acme')
const ADA: Actor = { id: 'ada', type: 'user' }
const noMoto = missingProgram(moto, 'moto')
const noBao = missingProgram(openBaoBinary, 'OpenBao')

let folder = ''
let aws: AwsEmulator
let gcp: GcpEmulator
let azure: AzureEmulator
let motoServer: TestServer | undefined
let bao: TestServer | undefined
beforeAll(async () => {
  // The SDK would send what is for the loopback to a proxy.
  for (const name of ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY']) for (const one of [name, name.toLowerCase()]) vi.stubEnv(one, '')
  folder = mkdtempSync(join(tmpdir(), 'strongroom-clouds-'))
  ;[aws, gcp, azure] = await Promise.all([startAwsEmulator(), startGcpEmulator(), startAzureEmulator()])
  gcp.controls.permit('a-google-token')
  if (noMoto === undefined) motoServer = await startMoto()
  if (noBao === undefined) bao = await startOpenBao()
  writeFileSync(join(folder, 'ca.pem'), azure.ca)
  writeFileSync(join(folder, 'bao-token'), `${ROOT_TOKEN}\n`, { mode: 0o600 })
  const amazon = (endpoint: string): string =>
    `{ type: aws, region: eu-west-1, accountId: "123456789012", prefix: prod/, endpoint: "${endpoint}", credentials: { accessKeyId: { env: KEY_ID }, secretAccessKey: { env: SECRET } } }`
  const google = (transport: string, endpoint: string, more: string = ''): string =>
    `{ type: gcp, projectId: "\${PROJECT}", transport: ${transport}, prefix: ${transport}-, endpoint: "${endpoint}", accessToken: { env: GOOGLE }${more} }`
  stores = {
    aws: amazon(aws.url),
    ...(motoServer && { moto: amazon(motoServer.url).replace('eu-west-1', 'us-east-1') }),
    gcp: google('grpc', `http://127.0.0.1:${gcp.grpcPort}`),
    // Of its own region, which is a place of its own.
    'gcp-rest': google('rest', gcp.url, ', region: europe-west3, versionAlias: live'),
    azure: `{ type: azure, vaultUrl: "${azure.vaultUrl}", prefix: prod-, credential: { kind: access_token, token: { env: AZURE } }, tls: { ca: { file: ca.pem } }, disableChallengeResourceVerification: true }`,
    ...(bao && {
      vault: `{ type: vault, address: "${bao.url}", mount: secret, prefix: prod/, auth: { method: token, token: { file: bao-token } } }`,
    }),
  }
})
afterAll(async () => {
  await Promise.all([aws, gcp, azure, motoServer, bao].map(async server => await server?.stop()))
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})
let stores: Readonly<Record<string, string>> = {}

function open(writeTo: string, environment: NodeJS.ProcessEnv = {}): Promise<Strongroom> {
  const file = join(folder, 'strongroom.yaml')
  const named = Object.entries(stores).map(([name, store]) => `  ${name}: ${store}`)
  writeFileSync(file, ['stores:', ...named, `writeTo: ${writeTo}`, 'metadata: { type: sqlite, path: ./meta.db }', ''].join('\n'))
  const known = {
    KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    SECRET: 'only-for-tests',
    PROJECT: gcp.projectId,
    GOOGLE: 'a-google-token',
    AZURE: azure.issueToken(),
  }
  return openStrongroom(file, { authorize: unsafeAllowEveryone, environment: { ...known, ...environment } })
}

const LOCATIONS: Readonly<Record<string, () => string>> = {
  aws: () => 'aws:123456789012:eu-west-1',
  moto: () => 'aws:123456789012:us-east-1',
  gcp: () => `gcp:${gcp.projectId}`,
  'gcp-rest': () => `gcp:${gcp.projectId}:europe-west3`,
  azure: () => `azure:${new URL(azure.vaultUrl).host}`,
  vault: () => `vault:${bao?.url}:/secret`,
}

describe('a store of a file', () => {
  it.each(Object.keys(LOCATIONS))('%s: create, read, update, delete, by registry, reader and store', async name => {
    const missing = name === 'moto' ? noMoto : name === 'vault' ? noBao : undefined
    if (missing !== undefined) return expect.fail(missing)
    await using room = await open(name)
    expect(room.store(name).location).toBe(LOCATIONS[name]?.())
    const secrets = (await room.registry()).account(ACCOUNT, ADA)
    const reader = (await room.reader()).account(ACCOUNT, ADA)
    const read = async (): Promise<Uint8Array> => (await reader.read({ key: `of-${name}` })).value.revealBytes()
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    const made = await secrets.create({ key: `of-${name}`, value: 'größe ✓' })
    expect(new TextDecoder().decode(await read())).toBe('größe ✓')
    const updated = await secrets.update(made.id, { value: bytes })
    expect(updated).toMatchObject({ revision: 2, cloudSecretPath: made.cloudSecretPath })
    expect(await read()).toEqual(bytes)
    await room.store().put('direct', 'without a database')
    expect((await room.store().get('direct')).value.revealText()).toBe('without a database')
    await secrets.delete(made.id)
    expect(isSecretError(await read().catch((error: unknown) => error), 'not_found')).toBe(true)
    await room.store().delete('direct', { purge: true })
    const report = await (await room.registry()).maintain()
    expect(report).toMatchObject({ backlog: 0, needsAttention: [] })
    expect((await Array.fromAsync(room.store().list())).map(one => one.name)).toEqual([])
  })

  it('tokens that something else renews are read again: one that has ended, then its successor', async () => {
    const environment: NodeJS.ProcessEnv = { GOOGLE: 'nobody', AZURE: azure.issueToken('emulator-user', { expiresInMs: 0 }) }
    const file = join(folder, 'renewed.yaml')
    writeFileSync(file, `stores:\n  gcp: ${stores['gcp']}\n  azure: ${stores['azure']}\nwriteTo: gcp\n`)
    const surroundings = { PROJECT: gcp.projectId, ...environment }
    await using room = await openStrongroom(file, { environment: surroundings })
    for (const name of ['gcp', 'azure']) {
      const error = await room
        .store(name)
        .get('nothing')
        .catch((thrown: unknown) => thrown)
      expect(isSecretError(error, 'unauthenticated'), name).toBe(true)
    }
    Object.assign(surroundings, { GOOGLE: 'a-google-token', AZURE: azure.issueToken() })
    const google = await room
      .store('gcp')
      .get('nothing')
      .catch((thrown: unknown) => thrown)
    expect(isSecretError(google, 'not_found')).toBe(true)
  })
})
