import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn as spawnTerminal } from '@lydell/node-pty'
import { accountId, unsafeAllowEveryone, type NativePath, type SecretDriver } from '@strongroom/core'
import { awsDriver } from '@strongroom/aws'
import { startFaultProxy } from '@strongroom/emulators'
import { startAwsEmulator, type AwsEmulator } from '@strongroom/emulators/aws'
import { startAzureEmulator, type AzureEmulator } from '@strongroom/emulators/azure'
import { startGcpEmulator, type GcpEmulator } from '@strongroom/emulators/gcp'
import { startVaultEmulator, type VaultEmulator } from '@strongroom/emulators/vault'
import {
  missingProgram,
  moto,
  openBaoBinary,
  ROOT_TOKEN,
  startMoto,
  startOpenBao,
  startPostgres,
  suiteTitle,
  type TestServer,
} from '@strongroom/testbed'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DoctorReport, Operation, StoreReport } from '../src/cli/doctor/report.ts'
import { openStrongroom } from '../src/index.ts'
import { commandLine, endOf, MAIN, startCommand } from './support/command-line.ts'

// The command as built, against servers: what it says of permissions is compared with what the server was told to allow.

vi.setConfig({ testTimeout: 120_000 })

let folder = ''
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'strongroom-doctor-'))))
afterAll(() => rmSync(folder, { recursive: true }))

const configure = (text: string): void => writeFileSync(join(folder, 'strongroom.yaml'), text)
const keys = { KEY_ID: 'AKIAIOSFODNN7EXAMPLE', SECRET: 'only-for-tests' }
const awsStore = (endpoint: string, more = ''): string =>
  `{ type: aws, region: eu-west-1, accountId: "123456789012", prefix: prod/, endpoint: "${endpoint}", credentials: { accessKeyId: { env: KEY_ID }, secretAccessKey: { env: SECRET } }${more} }`

async function doctor(args: readonly string[] = [], environment: NodeJS.ProcessEnv = keys, code = 0): Promise<DoctorReport> {
  const answer = await commandLine(folder, ['doctor', '--json', ...args], { environment: environment })
  expect({ code: answer.code, err: answer.err }, answer.out).toEqual({ code, err: '' })
  for (const [name, value] of Object.entries(environment)) if (!['HOME', 'WHERE'].includes(name)) expect(answer.out).not.toContain(value)
  return JSON.parse(answer.out) as DoctorReport
}

const only = ({ stores }: DoctorReport): StoreReport => stores[0] ?? expect.fail('no store')
const outcomes = (report: DoctorReport): Readonly<Record<string, string>> =>
  Object.fromEntries(only(report).operations.map(({ operation, outcome }) => [operation, outcome]))
const denied = (report: DoctorReport): readonly Operation[] =>
  only(report)
    .operations.filter(({ outcome }) => outcome === 'denied')
    .map(({ operation }) => operation)
const missing = (report: DoctorReport): readonly string[] =>
  report.findings.filter(({ code }) => code === 'permission_denied').map(({ wrong }) => /missing: ([^;]*)/.exec(wrong)?.[1] ?? wrong)
const codes = (report: DoctorReport): readonly string[] => report.findings.map(({ code }) => code)
const allowedBut = (none: readonly Operation[]): Readonly<Record<Operation, string>> => {
  const all = ['list', 'read', 'versions', 'create', 'append', 'promote', 'destroyVersion', 'remove', 'restore', 'purge'] as const
  return Object.fromEntries(all.map(one => [one, none.includes(one) ? 'unsupported' : 'allowed'])) as Record<Operation, string>
}
const everyPath = async (driver: SecretDriver): Promise<readonly NativePath[]> =>
  (await driver.list({ prefix: '', withLabels: false, page: undefined }, { signal: new AbortController().signal, attempt: 1 })).items.map(
    ({ path }) => path,
  )

describe('memory and local', () => {
  it('are looked at without a trace, and tried on a secret that is gone afterwards', async () => {
    configure('stores: { main: { type: local, path: ./store }, other: "memory:" }\nwriteTo: main\nmetadata: { type: sqlite, path: ./meta.db }')
    const before = await doctor()
    expect(before).toMatchObject({ ok: true, written: false, database: { opens: null, schema: null } })
    expect(Object.values(outcomes(before)).every(outcome => outcome === 'untested')).toBe(true)
    expect(before.stores[1]?.operations.slice(0, 4).map(({ outcome }) => outcome)).toEqual(['allowed', 'allowed', 'allowed', 'untested'])
    const { stdout } = { stdout: execFileSync('ls', [folder]).toString() }
    expect(stdout).toBe('strongroom.yaml\n')
    const after = await doctor(['--write'])
    expect(after.stores.map(({ operations }) => operations.every(({ outcome }) => outcome === 'allowed'))).toEqual([true, true])
    expect(only(after)).toMatchObject({
      reachable: true,
      authenticated: true,
      leftovers: { removed: [], left: [] },
      clock: { by: 'created_version' },
    })
    expect(only(after).packages.map(({ name }) => name)).toEqual(['@strongroom/local', 'jose'])
    await using room = await openStrongroom(join(folder, 'strongroom.yaml'), { authorize: unsafeAllowEveryone })
    expect(await Array.fromAsync(room.store('main').list())).toEqual([])
  })
})

describe('AWS', () => {
  let aws: AwsEmulator
  beforeAll(async () => void (aws = await startAwsEmulator()))
  afterAll(() => aws.stop())
  const ACTIONS = [
    'ListSecrets',
    'GetSecretValue',
    'DescribeSecret',
    'ListSecretVersionIds',
    'CreateSecret',
    'TagResource',
    'PutSecretValue',
    'UpdateSecretVersionStage',
    'DeleteSecret',
    'RestoreSecret',
  ]
  const DENIED: Readonly<Record<string, readonly Operation[]>> = {
    ListSecrets: ['list'],
    GetSecretValue: ['read'],
    DescribeSecret: ['versions', 'destroyVersion'],
    ListSecretVersionIds: ['versions'],
    CreateSecret: ['create'],
    TagResource: ['create'],
    PutSecretValue: ['append'],
    UpdateSecretVersionStage: ['promote', 'destroyVersion'],
    DeleteSecret: ['remove', 'purge'],
    RestoreSecret: ['restore'],
  }
  beforeEach(() => configure(`stores: { main: ${awsStore(aws.url)} }`))

  it.each(ACTIONS)('without %s: says which operations are denied, and the action that is missing', async action => {
    aws.controls.permit(keys.KEY_ID, { operations: ACTIONS.filter(one => one !== action) })
    const report = await doctor(['--write'], keys, 1)
    expect(denied(report)).toEqual(DENIED[action])
    expect(missing(report)).toEqual([`secretsmanager:${action}`])
    expect(report.findings[0]?.lines?.[0]).toContain(`"Action": "secretsmanager:${action}"`)
    aws.controls.permit(keys.KEY_ID)
    await using driver = {
      ...awsDriver({ region: 'eu-west-1', endpoint: aws.url, credentials: { accessKeyId: keys.KEY_ID, secretAccessKey: keys.SECRET } }),
      [Symbol.asyncDispose]: async () => {},
    }
    expect(await everyPath(driver)).toEqual([])
  })

  it('with everything allowed nothing is wrong, and a registry is not asked to read', async () => {
    aws.controls.permit(keys.KEY_ID)
    expect(outcomes(await doctor(['--write']))).toEqual(allowedBut([]))
    aws.controls.permit(keys.KEY_ID, { operations: ACTIONS.filter(one => one !== 'GetSecretValue') })
    expect(await doctor(['--write', '--for', 'registry'])).toMatchObject({ ok: true, power: 'registry', findings: [] })
    aws.controls.permit(keys.KEY_ID, { operations: ['GetSecretValue'] })
    expect(await doctor(['--for', 'reader'])).toMatchObject({ ok: true, findings: [] })
    const { code, out } = await commandLine(folder, ['doctor', '--for', 'reader'], { environment: keys })
    expect(code).toBe(0)
    expect(out).toContain('list, versions: denied, and not needed')
    aws.controls.permit(keys.KEY_ID)
  })

  it('versions are looked at on a secret that is there; without one, what AWS says of nothing does not show all', async () => {
    aws.controls.permit(keys.KEY_ID, { operations: ACTIONS.filter(one => one !== 'ListSecretVersionIds') })
    expect(outcomes(await doctor())).toMatchObject({ list: 'allowed', read: 'allowed', versions: 'untested' })
    await using room = await openStrongroom(join(folder, 'strongroom.yaml'), { environment: keys })
    await room.store().put('main-x', 'v')
    const report = await doctor([], keys, 1)
    await room.store().delete('main-x', { purge: true })
    expect([denied(report), missing(report)]).toEqual([['versions'], ['secretsmanager:ListSecretVersionIds']])
    aws.controls.permit(keys.KEY_ID)
  })

  it('another region than the endpoint’s, and credentials that nobody knows', async () => {
    aws.controls.permit(keys.KEY_ID)
    configure(`stores: { main: ${awsStore(aws.url).replace('eu-west-1', 'us-east-2')} }`)
    const elsewhere = await doctor([], keys, 1)
    expect(only(elsewhere)).toMatchObject({ reachable: true, authenticated: false })
    expect(elsewhere.findings[0]?.mend).toContain('another region than us-east-2')
    configure(`stores: { main: ${awsStore(aws.url)} }`)
    const unknown = await doctor(['--write'], { ...keys, KEY_ID: 'AKIANOBODY' }, 1)
    expect(only(unknown)).toMatchObject({ reachable: true, authenticated: false })
    expect(codes(unknown)).toEqual(['unauthenticated'])
    const unset = await doctor([], { SECRET: keys.SECRET }, 1)
    expect(unset.configuration.variables).toEqual([
      { name: 'KEY_ID', set: false },
      { name: 'SECRET', set: true },
    ])
    expect(unset.findings[0]?.wrong).toContain('KEY_ID, which is not set')
  })

  it('an endpoint where nobody listens', async () => {
    configure(`stores: { main: ${awsStore('http://127.0.0.1:1')} }`)
    const report = await doctor(['--write'], keys, 1)
    expect(only(report)).toMatchObject({ reachable: false, authenticated: null, latency: null, clock: null })
    expect(report.findings).toMatchObject([{ code: 'unavailable', mend: expect.stringContaining('127.0.0.1:1') }])
    expect(Object.values(outcomes(report)).filter(outcome => outcome === 'failed')).toHaveLength(1)
  })

  it('a server that takes connections and never answers', async () => {
    const server = createServer(() => {}).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    configure(`stores: { main: ${awsStore(`http://127.0.0.1:${port}`)} }\npolicy: { deadlineMs: 500 }`)
    const report = await doctor(['--write'], keys, 1)
    server.close()
    expect(only(report)).toMatchObject({ reachable: false, authenticated: null })
    expect(codes(report)).toEqual(['deadline_exceeded'])
  })

  it('a clock that is off', async () => {
    aws.controls.permit(keys.KEY_ID)
    const proxy = await startFaultProxy(aws.url)
    proxy.answerWith(() => ({
      status: 400,
      headers: { 'content-type': 'application/x-amz-json-1.1', date: new Date(Date.now() - 3_600_000).toUTCString() },
      body: JSON.stringify({ __type: 'ResourceNotFoundException' }),
    }))
    configure(`stores: { main: ${awsStore(proxy.url)} }`)
    const report = await doctor([], keys, 1)
    await proxy.stop()
    expect(codes(report)).toContain('clock')
    expect(Math.round((only(report).clock?.aheadMs ?? 0) / 60_000)).toBe(-60)
  })

  it('a run that is interrupted tidies before it ends, also when a write is under way', async () => {
    for (const operation of ['CreateSecret', 'PutSecretValue', 'UpdateSecretVersionStage']) {
      let held = (): void => {}
      const isHeld = new Promise<void>(done => (held = done))
      let release = (): void => {}
      const released = new Promise<void>(done => (release = done))
      const wait = async (): Promise<void> => {
        held()
        await released
      }
      aws.controls.inject({ kind: 'hold', applied: false, release: wait }, { operations: [operation] })
      const child = startCommand(folder, ['doctor', '--write', '--json'], keys)
      child.stdin.end()
      const end = endOf(child)
      await isHeld
      child.kill('SIGINT')
      // A create is waited for, since it could land after the tidying; the others are not.
      setTimeout(release, 300)
      expect((await end).code, operation).toBe(130)
      await using driver = {
        ...awsDriver({ region: 'eu-west-1', endpoint: aws.url, credentials: { accessKeyId: keys.KEY_ID, secretAccessKey: keys.SECRET } }),
        [Symbol.asyncDispose]: async () => {},
      }
      expect(await everyPath(driver), operation).toEqual([])
    }
  })

  it('what a killed run has left is named, and removed by a run with --write once it is an hour old', async () => {
    const driver = awsDriver({ region: 'eu-west-1', endpoint: aws.url, credentials: { accessKeyId: keys.KEY_ID, secretAccessKey: keys.SECRET } })
    const call = { signal: new AbortController().signal, attempt: 1 }
    let release = (): void => {}
    const released = new Promise<void>(done => (release = done))
    const isHeld = new Promise<void>(done => {
      const wait = async (): Promise<void> => {
        done()
        await released
      }
      aws.controls.inject({ kind: 'hold', applied: false, release: wait }, { operations: ['PutSecretValue'] })
    })
    const child = startCommand(folder, ['doctor', '--write'], keys)
    await isHeld
    child.kill('SIGKILL')
    await new Promise(done => child.once('close', done))
    release()
    const [young, ...rest] = await everyPath(driver)
    expect(young).toMatch(/^prod\/main-doctor-\d{13}-[0-9a-f]{8}$/)
    expect(rest).toEqual([])
    const old = `prod/main-doctor-${Date.now() - 3_700_000}-0123abcd` as NativePath
    const others = [`prod/main-doctor-${Date.now() - 3_700_000}-0123abcd-x`, 'prod/main-doctor-notes'] as NativePath[]
    for (const path of [old, ...others])
      await driver.create({ path, payload: { bytes: new TextEncoder().encode('x'), text: true }, labels: {}, token: crypto.randomUUID() }, call)
    const looked = await doctor()
    expect(only(looked).leftovers).toEqual({ removed: [], left: [old] })
    expect(looked.findings).toMatchObject([{ level: 'warning', code: 'leftover' }])
    expect(only(await doctor(['--write'])).leftovers).toEqual({ removed: [old], left: [] })
    expect((await everyPath(driver)).toSorted()).toEqual([String(young), ...others].toSorted())
    for (const path of [young ?? old, ...others]) await driver.remove({ path, purge: true }, call)
    await driver.close()
  })
})

const noMoto = missingProgram(moto, 'moto')
describe.skipIf(noMoto !== undefined)(suiteTitle('moto', noMoto), () => {
  it('allows everything, and keeps nothing', async () => {
    const server = await startMoto()
    configure(`stores: { main: ${awsStore(server.url)} }`)
    const report = await doctor(['--write'])
    await server.stop()
    expect(outcomes(report)).toEqual(allowedBut([]))
    expect(only(report).leftovers).toEqual({ removed: [], left: [] })
  })
})

describe('Google', () => {
  let gcp: GcpEmulator
  beforeAll(async () => void (gcp = await startGcpEmulator()))
  afterAll(() => gcp.stop())
  const token = { GOOGLE: 'a-google-token' }
  const OPERATIONS = [
    'ListSecrets',
    'AccessSecretVersion',
    'ListSecretVersions',
    'GetSecretVersion',
    'CreateSecret',
    'AddSecretVersion',
    'DestroySecretVersion',
    'DeleteSecret',
  ]
  beforeEach(() =>
    configure(
      `stores: { main: { type: gcp, projectId: ${gcp.projectId}, endpoint: "http://127.0.0.1:${gcp.grpcPort}", accessToken: { env: GOOGLE } } }`,
    ),
  )

  it.each([
    ['ListSecrets', ['list'], 'secretmanager.secrets.list'],
    ['AccessSecretVersion', ['read'], 'secretmanager.versions.access'],
    ['ListSecretVersions', ['versions'], 'secretmanager.versions.list'],
    ['GetSecretVersion', ['versions'], 'secretmanager.versions.get'],
    ['CreateSecret', ['create'], 'secretmanager.secrets.create'],
    ['AddSecretVersion', ['create', 'append'], 'secretmanager.versions.add'],
    ['DestroySecretVersion', ['destroyVersion'], 'secretmanager.versions.destroy'],
    ['DeleteSecret', ['purge'], 'secretmanager.secrets.delete'],
  ] as const)('without %s', async (operation, expected, permission) => {
    gcp.controls.permit(token.GOOGLE, { operations: OPERATIONS.filter(one => one !== operation) })
    const report = await doctor(['--write'], token, 1)
    expect([denied(report), missing(report)]).toEqual([expected, [permission]])
  })

  it('with all of them, and nothing is left', async () => {
    gcp.controls.permit(token.GOOGLE)
    expect(outcomes(await doctor(['--write'], token))).toEqual(allowedBut(['promote', 'remove', 'restore']))
    const listed = await fetch(`${gcp.url}/v1/projects/${gcp.projectId}/secrets`, { headers: { authorization: `Bearer ${token.GOOGLE}` } })
    expect([listed.status, await listed.json()]).toEqual([200, {}])
  })

  it('a token that has expired', async () => {
    gcp.controls.permit(token.GOOGLE, { expiresInMs: 0 })
    const report = await doctor([], token, 1)
    gcp.controls.permit(token.GOOGLE)
    expect(only(report)).toMatchObject({ reachable: true, authenticated: false })
    expect(codes(report)).toEqual(['unauthenticated'])
  })
})

describe('Azure', () => {
  let azure: AzureEmulator
  beforeAll(async () => {
    azure = await startAzureEmulator()
    writeFileSync(join(folder, 'ca.pem'), azure.ca)
  })
  afterAll(() => azure.stop())
  const ALL = [
    'GetSecrets',
    'GetSecret',
    'GetSecretVersions',
    'SetSecret',
    'UpdateSecret',
    'DeleteSecret',
    'PurgeDeletedSecret',
    'RecoverDeletedSecret',
    'GetDeletedSecret',
  ]
  const store = (vaultUrl: string): string =>
    `{ type: azure, vaultUrl: "${vaultUrl}", credential: { kind: access_token, token: { env: AZURE } }, tls: { ca: { file: ca.pem } }, disableChallengeResourceVerification: true }`
  beforeEach(() => configure(`stores: { main: ${store(azure.vaultUrl)} }`))
  const token = (): { readonly AZURE: string } => ({ AZURE: azure.issueToken() })

  it.each([
    ['GetSecret', ['read'], 'secrets/get'],
    ['SetSecret', ['create'], 'secrets/set'],
    ['UpdateSecret', ['destroyVersion'], 'secrets/set'],
    ['DeleteSecret', ['remove', 'purge'], 'secrets/delete'],
    ['PurgeDeletedSecret', ['purge'], 'secrets/purge'],
    ['RecoverDeletedSecret', ['restore'], 'secrets/recover'],
  ] as const)('without %s', async (operation, expected, permission) => {
    azure.controls.permit('emulator-user', { operations: ALL.filter(one => one !== operation) })
    const report = await doctor(['--write'], token(), 1)
    expect([denied(report), missing(report)]).toEqual([expected, [permission]])
  })

  it('with all of them', async () => {
    azure.controls.permit('emulator-user')
    const report = await doctor(['--write'], token())
    expect(outcomes(report)).toEqual(allowedBut(['promote']))
    expect(only(report)).toMatchObject({ clock: { withinMs: expect.any(Number) }, leftovers: { left: [] } })
  })

  it('a vault under purge protection keeps the probe, and says until when', async () => {
    const keeping = await startAzureEmulator({ purgeProtection: true, recoverableDays: 7 })
    writeFileSync(join(folder, 'ca.pem'), keeping.ca)
    configure(`stores: { main: ${store(keeping.vaultUrl)} }`)
    const report = await doctor(['--write'], { AZURE: keeping.issueToken() })
    await keeping.stop()
    writeFileSync(join(folder, 'ca.pem'), azure.ca)
    expect(report.findings).toMatchObject([
      { level: 'warning', code: 'leftover', wrong: expect.stringMatching(/keeps what is purged until 20\d\d-/) },
    ])
    expect(only(report).leftovers.left).toHaveLength(1)
  })

  it('a certificate that is not trusted, and a token that has expired', async () => {
    configure(`stores: { main: ${store(azure.vaultUrl).replace('tls: { ca: { file: ca.pem } }, ', '')} }`)
    expect(codes(await doctor([], token(), 1))).toEqual(['misconfigured'])
    configure(`stores: { main: ${store(azure.vaultUrl)} }`)
    const report = await doctor([], { AZURE: azure.issueToken('emulator-user', { expiresInMs: 0 }) }, 1)
    expect(only(report)).toMatchObject({ reachable: true, authenticated: false })
  })
})

describe('Vault’s emulator', () => {
  let vault: VaultEmulator
  beforeAll(async () => void (vault = await startVaultEmulator()))
  afterAll(() => vault.stop())

  it('a mount that is not there, a sealed vault, and no token at all', async () => {
    const token = { TOKEN: vault.rootToken }
    const at = (more = ''): string =>
      `stores: { main: { type: vault, address: "${vault.url}", auth: { method: token, token: { env: TOKEN } }${more} } }`
    configure(at(', mount: elsewhere'))
    expect(codes(await doctor([], token, 1))).toEqual(['misconfigured'])
    configure(at())
    vault.seal()
    const sealed = await doctor(['--write'], token, 1)
    vault.unseal()
    expect(codes(sealed)).toEqual(['unavailable'])
    expect(sealed.findings[0]?.mend).toContain('sealed')
    configure(`stores: { main: { type: vault, address: "${vault.url}" } }`)
    const report = await doctor([], { HOME: folder }, 1)
    expect(report.findings[0]?.wrong).toContain('.vault-token')
  })
})

const noBao = missingProgram(openBaoBinary, 'OpenBao')
describe.skipIf(noBao !== undefined)(suiteTitle('OpenBao', noBao), () => {
  let bao: TestServer
  beforeAll(async () => void (bao = await startOpenBao()))
  afterAll(() => bao.stop())
  const admin = async (method: string, path: string, json: object): Promise<{ readonly auth?: { readonly client_token: string } }> => {
    const answer = await fetch(`${bao.url}/v1/${path}`, { method, headers: { 'X-Vault-Token': ROOT_TOKEN }, body: JSON.stringify(json) })
    const text = await answer.text()
    expect(answer.status, text).toBeLessThan(300)
    return text === '' ? {} : (JSON.parse(text) as { readonly auth?: { readonly client_token: string } })
  }
  const RULES = {
    'secret/data/prod/main-*': ['create', 'update', 'read'],
    'secret/metadata/prod/main-*': ['create', 'read', 'update', 'delete'],
    'secret/metadata/prod/*': ['list'],
    'secret/destroy/prod/main-*': ['update'],
  } as const
  const tokenWithout = async (path = '', capability = '', more: object = {}): Promise<string> => {
    const rules = Object.entries(RULES).map(([rule, capabilities]) => {
      const left = capabilities.filter(one => !(rule === path && one === capability))
      return left.length === 0 ? '' : `path "${rule}" { capabilities = ${JSON.stringify(left)} }`
    })
    const name = `doctor-${path}-${capability}`.replaceAll(/[^a-z-]/g, '-')
    await admin('POST', `sys/policies/acl/${name}`, { policy: rules.join('\n') })
    return (await admin('POST', 'auth/token/create', { policies: [name], ...more })).auth?.client_token ?? ''
  }
  beforeEach(() =>
    configure(`stores: { main: { type: vault, address: "${bao.url}", prefix: prod/, auth: { method: token, token: { env: TOKEN } } } }`),
  )

  it.each([
    ['secret/data/prod/main-*', 'create', ['create']],
    ['secret/data/prod/main-*', 'update', ['append']],
    ['secret/data/prod/main-*', 'read', ['read']],
    ['secret/metadata/prod/main-*', 'read', ['versions', 'append']],
    ['secret/metadata/prod/main-*', 'update', ['create', 'append']],
    ['secret/metadata/prod/main-*', 'delete', ['purge']],
    ['secret/metadata/prod/*', 'list', ['list']],
    ['secret/destroy/prod/main-*', 'update', ['destroyVersion']],
  ] as const)('a policy whose %s lacks %s', async (path, capability, expected) => {
    const report = await doctor(['--write'], { TOKEN: await tokenWithout(path, capability) }, 1)
    expect([denied(report), missing(report)]).toEqual([expected, [`${capability} on ${path}`]])
    expect(report.findings[0]?.lines).toEqual([`path "${path}" { capabilities = ["${capability}"] }`])
    const listed = await fetch(`${bao.url}/v1/secret/metadata/prod?list=true`, { headers: { 'X-Vault-Token': ROOT_TOKEN } })
    expect(listed.status, 'nothing is left').toBe(404)
  })

  it('the whole policy is enough, and a token that has ended is told from a denial', async () => {
    expect(outcomes(await doctor(['--write'], { TOKEN: await tokenWithout() }))).toEqual(allowedBut(['promote', 'remove', 'restore']))
    const ended = await tokenWithout('', '', { ttl: '1s', explicit_max_ttl: '1s' })
    await expect
      .poll(async () => (await fetch(`${bao.url}/v1/auth/token/lookup-self`, { headers: { 'X-Vault-Token': ended } })).status, { timeout: 20_000 })
      .toBe(403)
    const report = await doctor([], { TOKEN: ended }, 1)
    expect(only(report)).toMatchObject({ reachable: true, authenticated: false })
    expect(codes(report)).toEqual(['unauthenticated'])
  })
})

it('its help', async () => {
  const { code, out } = await commandLine(folder, ['doctor', '--help'])
  expect(code).toBe(0)
  await expect(out).toMatchFileSnapshot('help/doctor.txt')
})

/** What takes the progress away. */
const CLEARED = '\x1b[2K'

it('fits a terminal, but for lines that are to be copied', async () => {
  const aws = await startAwsEmulator()
  aws.controls.permit(keys.KEY_ID, { operations: ['DescribeSecret'] })
  configure(`stores: { main: ${awsStore(aws.url)}, "a-store-with-a-long-name": "memory:" }\nwriteTo: main`)
  const terminal = spawnTerminal(process.execPath, [MAIN, 'doctor'], { cwd: folder, env: { ...keys, NO_COLOR: '1' }, cols: 64, rows: 60 })
  let screen = ''
  terminal.onData(data => (screen += data))
  const code = await new Promise<number>(done => terminal.onExit(({ exitCode }) => done(exitCode)))
  await aws.stop()
  const report = screen.slice(screen.lastIndexOf(CLEARED) + CLEARED.length)
  const lines = report.split(/\r?\n/)
  expect(code).toBe(1)
  expect(screen).toMatch(/doctor {2}\d+ calls {2}[\d.,]+\/s/)
  expect(lines.filter(line => line.startsWith('    { "Effect"'))).toHaveLength(2)
  expect(lines.filter(line => !line.startsWith('    { "Effect"') && line.length > 64)).toEqual([])
  expect(screen).toContain('PROBLEM main: list denied; missing: secretsmanager:ListSecrets')
  expect(report).not.toContain('\x1b')
})

describe('the database and the configuration', () => {
  const room = (text: string) => {
    configure(text)
    return openStrongroom(join(folder, 'strongroom.yaml'), { authorize: unsafeAllowEveryone })
  }
  const withDatabase = 'metadata: { type: sqlite, path: ./known.db }'

  it('schema, missing stores, work that waits, the mode of the file: and nothing is bound', async () => {
    {
      await using opened = await room(
        `stores: { main: { type: local, path: ./store }, second: { type: local, path: ./second } }\nwriteTo: second\n${withDatabase}`,
      )
      await (await opened.registry()).account(accountId('acme'), { id: 'ada', type: 'user' }).create({ key: 'k', value: 'v' })
    }
    configure(`stores: { other: "memory:" }\n${withDatabase}`)
    const report = await doctor([], {}, 1)
    expect(report.database).toMatchObject({
      type: 'sqlite',
      opens: true,
      mode: '0600',
      missingStores: [{ store: 'second', records: 1, unfinished: 0, first: [{ account: 'acme', key: 'k' }] }],
      boundElsewhere: [],
    })
    expect(report.database?.schema?.version).toBe(report.database?.schema?.newest)
    expect(codes(report)).toEqual(['missing_store'])
    // Had doctor bound it, another place of that name would be refused now.
    await using again = await room(
      `stores: { other: { type: local, path: ./elsewhere }, second: { type: local, path: ./second } }\nwriteTo: other\n${withDatabase}`,
    )
    await again.registry()
  })

  it('a name that is bound to another place, which no command starts with', async () => {
    const config = (path: string) => `stores: { main: { type: local, path: ${path} }, fresh: "memory:" }\nwriteTo: main\nmetadata: sqlite:./bound.db`
    {
      await using opened = await room(`stores: { main: { type: local, path: ./store } }\nmetadata: sqlite:./bound.db`)
      await opened.registry()
    }
    configure(config('./elsewhere'))
    const report = await doctor([], {}, 1)
    const [bound, location] = [`local:${join(folder, 'store')}`, `local:${join(folder, 'elsewhere')}`]
    expect(report.database?.boundElsewhere).toEqual([{ store: 'main', bound, location }])
    expect(codes(report)).toEqual(['bound_elsewhere'])
    expect(report.findings[0]?.wrong).toMatch(new RegExp(`"main" is bound to ${bound}, .* at ${location}`))
    await using refused = await room(config('./elsewhere'))
    await expect(refused.registry()).rejects.toThrow(`"main" is bound to ${bound} in the database, and is given as ${location}`)
    configure(config('./store'))
    expect(codes(await doctor())).toEqual([])
  })

  it('a store without a place of its own, and keys of requests that are none: no registry starts with these either', async () => {
    const aws = await startAwsEmulator()
    const without = awsStore(aws.url).replace('accountId: "123456789012", ', '')
    configure(`stores: { main: ${without} }\nrequestKeys: [{ env: KEY_OF_REQUESTS }]\nmetadata: sqlite:./none.db`)
    const report = await doctor([], keys, 1)
    configure(`stores: { main: ${without} }`)
    const alone = await doctor([], keys)
    await aws.stop()
    expect(report.findings.map(({ where, code }) => [where, code])).toEqual([
      ['configuration', 'misconfigured'],
      ['main', 'misconfigured'],
    ])
    expect(report.findings[0]?.wrong).toContain('KEY_OF_REQUESTS')
    expect(report.findings[1]?.mend).toContain('accountId')
    expect(codes(alone)).toEqual([])
  })

  it('files that others may read', async () => {
    configure(
      `stores: { main: { type: vault, address: "http://127.0.0.1:1", auth: { method: token, token: { file: token } } }, second: { type: local, path: ./second } }\nwriteTo: main\n${withDatabase}`,
    )
    writeFileSync(join(folder, 'token'), 'a-token-in-a-file')
    chmodSync(join(folder, 'token'), 0o644)
    chmodSync(join(folder, 'known.db'), 0o640)
    const report = await doctor([], {}, 1)
    chmodSync(join(folder, 'known.db'), 0o600)
    expect(report.findings.filter(({ code }) => code === 'readable')).toMatchObject([
      { where: 'configuration', wrong: expect.stringContaining('stores.main.auth.token: everyone'), mend: 'chmod 600 token' },
      { where: 'database', wrong: expect.stringContaining('0640') },
    ])
  })

  it('another program’s file, and one of an older release', async () => {
    const { DatabaseSync } = await import('node:sqlite')
    const foreign = new DatabaseSync(join(folder, 'foreign.db'))
    foreign.exec('CREATE TABLE t (x)')
    foreign.close()
    configure('stores: { main: "memory:" }\nmetadata: { type: sqlite, path: ./foreign.db }')
    const other = await doctor([], {}, 1)
    expect(other).toMatchObject({ database: { opens: false }, findings: [{}, { where: 'database', code: 'misconfigured' }] })
    const known = new DatabaseSync(join(folder, 'known.db'))
    const { user_version: newest } = known.prepare('PRAGMA user_version').get() as { readonly user_version: number }
    known.exec(`PRAGMA user_version = ${newest - 1}`)
    configure(`stores: { main: "memory:" }\n${withDatabase}`)
    const older = await doctor([], {})
    expect(older.database?.schema).toEqual({ version: newest - 1, newest })
    expect(codes(older)).toEqual(['schema'])
    expect(known.prepare('PRAGMA user_version').get(), 'it was not migrated').toEqual({ user_version: newest - 1 })
    known.exec(`PRAGMA user_version = ${newest}`)
    known.close()
  })

  it('PostgreSQL: not there, not made yet, and in use', async () => {
    configure('stores: { main: "memory:" }\nmetadata: { type: postgres, url: { env: DATABASE }, schema: doctor }')
    const away = await doctor([], { DATABASE: 'postgres://somebody:hunter2@127.0.0.1:1/none' }, 1)
    expect(away).toMatchObject({ database: { opens: false }, findings: [{ where: 'database', code: 'unavailable' }] })
    expect(JSON.stringify(away)).not.toContain('hunter2')
    const server = await startPostgres()
    try {
      const environment = { DATABASE: server.url }
      expect((await doctor([], environment)).database).toMatchObject({ type: 'postgres', opens: null, schema: { version: 0 } })
      {
        await using opened = await openStrongroom(join(folder, 'strongroom.yaml'), { authorize: unsafeAllowEveryone, environment })
        await opened.registry()
      }
      const report = await doctor([], environment)
      expect(report).toMatchObject({ ok: true, database: { opens: true, mode: null, pending: { intents: 0, tasks: 0, attention: 0 } } })
    } finally {
      await server.stop()
    }
  })

  it('a configuration that cannot be read, a store that is not in it, and variables by name', async () => {
    configure('stores: { main: { type: aws, regoin: eu-west-1 } }')
    expect(await doctor([], {}, 3)).toMatchObject({ ok: false, stores: [], configuration: { problems: [{ path: 'stores.main.region' }, {}] } })
    const text = await commandLine(folder, ['doctor'])
    expect([text.code, text.out]).toEqual([3, ''])
    expect(text.err).toContain('did you mean region')
    configure('stores: { main: { type: local, path: "./${WHERE:-store}" } }')
    expect((await doctor([], { WHERE: 'a-folder' })).configuration.variables).toEqual([{ name: 'WHERE', set: true }])
    const none = await commandLine(folder, ['doctor', '--store', 'nobody'])
    expect([none.code, none.out]).toEqual([2, ''])
    expect((await commandLine(folder, ['doctor', '--for', 'somebody'])).code).toBe(2)
  })
})
