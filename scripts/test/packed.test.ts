import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as core from '@strongroom/core'
import { pack } from '../pack.mjs'

// What users get: the packed packages, installed by npm into an empty folder, without the workspace. `npm test` builds first.

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-packed-'))
  const tarballs = pack(folder).map(({ tarball }) => tarball)
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--silent', ...tarballs], { cwd: folder, stdio: 'ignore' })
}, 300_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A folder within the one where the packages are, and what is run there by the Node of that program. */
function place(path: string, program: string) {
  const env = { PATH: `${dirname(program)}${delimiter}${process.env['PATH']}` }
  const run = (command: string, args: readonly string[], input = ''): string => {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: path, env, input, encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    return stdout
  }
  const quiet = '--disable-warning=ExperimentalWarning'
  return {
    path,
    run,
    kit: (file: string): string => run('node', [quiet, '--test-reporter=tap', file]),
    node: (code: string): string => run('node', [quiet, '--input-type=module', '--eval', code]),
  }
}

async function manifestOf(name: string): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse(await readFile(join(folder, `node_modules/@strongroom/${name}/package.json`), 'utf8')) as Record<string, unknown>
}

describe('the packed packages in an empty folder', () => {
  const node = (code: string): string => place(folder, process.execPath).node(code)

  it.each(['core', 'sqlite', 'postgres', 'local', 'aws', 'gcp', 'azure', 'vault', 'http', 'emulators', 'conformance'])(
    'nothing of %s says where its source was',
    async name => {
      expect(JSON.stringify(await manifestOf(name))).not.toContain('@strongroom/source')
    },
  )

  it('core alone has no dependency', async () => {
    const manifest = await manifestOf('core')
    expect(manifest['dependencies']).toBeUndefined()
    expect(manifest['peerDependencies']).toBeUndefined()
  })

  it('core exports what its source does, and what its migrator needs of it under names that nobody means', () => {
    const code = "import * as it from '@strongroom/core'; console.log(JSON.stringify(Object.keys(it).filter(name => name.length > 2)))"
    expect((JSON.parse(node(code)) as string[]).toSorted()).toEqual(Object.keys(core).toSorted())
  })

  it('core loads its migrator when one is made', () => {
    const code = "import { createSecretMigrator } from '@strongroom/core'; await createSecretMigrator({}).catch(({ code }) => console.log(code))"
    expect(node(code).trim()).toBe('invalid_argument')
  })

  it('says which package to install for a store whose adapter is not there', async () => {
    const adapter = join(folder, 'node_modules/@strongroom/aws')
    await rename(adapter, `${adapter}-away`)
    try {
      const output = node(`
        import { openStrongroom } from 'strongroom'
        console.log((await openStrongroom({ stores: { main: 'aws://eu-west-1' } }).catch(error => error)).message)
      `)
      expect(output).toContain('stores.main.type: found a type whose package is not installed: npm install @strongroom/aws')
    } finally {
      await rename(`${adapter}-away`, adapter)
    }
  })

  it.each([
    ['aws', `awsDriver({ region: 'eu-west-1' })`, /@aws-sdk|@smithy/],
    ['gcp', `gcpDriver({ projectId: 'my-project' })`, /@google-cloud|google-gax|@grpc/],
    ['azure', `azureDriver({ vaultUrl: 'https://my-vault.vault.azure.net', credential: { kind: 'azure_cli' } })`, /@azure/],
    ['vault', `vaultDriver({ address: 'http://127.0.0.1:8200', auth: { method: 'token', token: 'x' } })`, /node-vault|axios/],
  ])('importing the adapter %s and making a driver loads nothing of the SDK', (name, make, sdk) => {
    const loaded = node(`
      import { registerHooks } from 'node:module'
      const loaded = []
      registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
      const { ${make.split('(')[0]} } = await import('@strongroom/${name}')
      ${make}
      console.log(JSON.stringify(loaded))
    `)
    const urls = JSON.parse(loaded) as string[]
    expect(urls.some(url => url.includes(`@strongroom/${name}`))).toBe(true)
    expect(urls.filter(url => sdk.test(url))).toEqual([])
  })

  it('importing postgres and making a store loads nothing of pg', () => {
    const loaded = node(`
      import { registerHooks } from 'node:module'
      const loaded = []
      registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
      const { postgresMetadata } = await import('@strongroom/postgres')
      const store = postgresMetadata({ connectionString: 'postgres://127.0.0.1:1/none' })
      const before = loaded.filter(url => url.includes('/node_modules/pg')).length
      const { code } = await store.references({ registry: 'r' }, {}).catch(error => error)
      await store.close()
      console.log(before, loaded.some(url => url.includes('/node_modules/pg/')), code)
    `)
    expect(loaded.trim()).toBe('0 true unavailable')
  })

  it('types are found by a program outside the workspace', async () => {
    await writeFile(
      join(folder, 'program.ts'),
      `import { createSecretStore, memoryDriver, type SecretStore } from '@strongroom/core'
       import { awsSecretStore } from '@strongroom/aws'
       const store: SecretStore = createSecretStore(memoryDriver())
       const other: SecretStore = awsSecretStore({ region: 'eu-west-1' }, { prefix: 'prod/' })
       export const values: Promise<string>[] = [store, other].map(async one => (await one.get('a')).value.revealText())`,
    )
    const tsc = join(import.meta.dirname, '..', '..', 'node_modules', '.bin', 'tsc')
    const types = join(import.meta.dirname, '..', '..', 'node_modules', '@types')
    const options = [
      '--strict',
      '--noEmit',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--lib',
      'es2024,esnext.disposable',
      '--types',
      'node',
      '--typeRoots',
      types,
    ]
    expect(execFileSync(tsc, [...options, 'program.ts'], { cwd: folder, encoding: 'utf8' })).toBe('')
  })
})

/** What of the contracts is kept by what Node has, and not by an SDK. */
const KIT = `
  import { describeDriver, describeMetadata } from '@strongroom/conformance/node-test'
  import { localDriver } from '@strongroom/local'
  import { sqliteMetadata } from '@strongroom/sqlite'
  let turn = 0
  describeDriver('local', async () => {
    const path = './kit-store-' + turn++
    const [driver, second] = [localDriver({ path }), localDriver({ path })]
    return { driver, second, dispose: async () => void (await Promise.all([driver.close(), second.close()])) }
  }, { where: 'a folder', require: ['second'] })
  describeMetadata('sqlite', async clock => {
    const path = './kit-' + turn++ + '.db'
    return { store: sqliteMetadata({ path, clock }), second: async () => sqliteMetadata({ path, clock }), dispose: async () => {} }
  })
`

/** By the name of a Node, what its program is. The oldest is the first of those that the packages say they work on. */
const PROGRAMS = {
  'this Node': async (): Promise<string> => process.execPath,
  'the oldest Node that they are for': async (): Promise<string> => {
    const { engines } = (await manifestOf('core')) as { readonly engines: { readonly node: string } }
    const version = `${engines.node.replace('>=', '')}.0`
    const apart = join(folder, 'oldest')
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--silent', '--prefix', apart, `node@${version}`], { stdio: 'ignore' })
    const program = join(apart, 'node_modules/node/bin/node')
    expect(execFileSync(program, ['--version'], { encoding: 'utf8' }).trim()).toBe(`v${version}`)
    return program
  },
}

describe.each(['this Node', 'the oldest Node that they are for'] as const)('the packed packages on %s', name => {
  let at: ReturnType<typeof place>

  beforeAll(async () => {
    at = place(await mkdtemp(join(folder, 'place-')), await PROGRAMS[name]())
  }, 300_000)

  it.each(['core', 'sqlite', 'postgres', 'local', 'aws', 'gcp', 'azure', 'vault', 'http', 'emulators', 'conformance'])('%s is loaded', name => {
    expect(at.node(`import * as it from '@strongroom/${name}'; console.log(Object.keys(it).length > 0)`).trim()).toBe('true')
  })

  it('does the main job: create, list, read, rotate, audit, delete', () => {
    const output = at.node(`
      import { accountId, createSecretReader, createSecretRegistry, unsafeAllowEveryone, verifyAudit } from '@strongroom/core'
      import { localDriver } from '@strongroom/local'
      import { sqliteMetadata } from '@strongroom/sqlite'
      const shared = { id: 'main', metadata: sqliteMetadata({ path: './meta.db' }), stores: { main: localDriver({ path: './store' }) }, authorize: unsafeAllowEveryone }
      const registry = await createSecretRegistry({ ...shared, writeTo: 'main' })
      const reader = await createSecretReader(shared)
      const secrets = registry.account(accountId('acme'), { id: 'alice', type: 'user' })
      const values = reader.account(accountId('acme'), { id: 'api', type: 'service_account' })
      const { id } = await secrets.create({ key: 'api-key', value: 'one' })
      await secrets.update(id, { value: 'two' })
      await secrets.update(id, { value: 'three' })
      const lines = [(await secrets.list()).total, (await values.read({ key: 'api-key' })).value.revealText(), (await registry.maintain()).destroyed]
      await secrets.delete(id)
      lines.push((await secrets.list()).total, (await verifyAudit(secrets.audit())).ok)
      await reader.close()
      await registry.close()
      console.log(lines.join(' '))
    `)
    expect(output.trim()).toBe('1 three 1 0 true')
  })

  it('has a command that works by a file alone', async () => {
    await writeFile(join(at.path, 'strongroom.yaml'), 'stores: { main: local:./cli-store }\nmetadata: sqlite:./cli-meta.db\n')
    const strongroom = (args: readonly string[], input?: string): string => at.run(join(folder, 'node_modules', '.bin', 'strongroom'), args, input)
    expect(strongroom(['--help'])).toContain('Usage: strongroom')
    strongroom(['create', 'api-key', '--account', 'acme'], 'from a pipe\n')
    expect(strongroom(['read', 'api-key', '--account', 'acme'])).toBe('from a pipe')
  })

  it('serves the HTTP API, which the typed client speaks', () => {
    const output = at.node(`
      import { createHash } from 'node:crypto'
      import { createSecretRegistry, memoryDriver, unsafeAllowEveryone } from '@strongroom/core'
      import { apiKeyAuthentication, createSecretsApp } from '@strongroom/http'
      import { createSecretsClient } from '@strongroom/http/client'
      import { startSecretsServer } from '@strongroom/http/node'
      import { sqliteMetadata } from '@strongroom/sqlite'
      const metadata = sqliteMetadata({ path: './served.db' })
      const registry = await createSecretRegistry({ id: 'main', metadata, stores: { main: memoryDriver() }, writeTo: 'main', authorize: unsafeAllowEveryone })
      const sha256 = createHash('sha256').update('key').digest('hex')
      const authenticate = apiKeyAuthentication([{ sha256, identity: { id: 'ada', type: 'user' }, accounts: ['acme'] }])
      const server = await startSecretsServer({ fetch: createSecretsApp(registry, { authenticate }).fetch })
      const client = createSecretsClient({ baseUrl: server.url, apiKey: 'key', account: 'acme' })
      const { id } = await client.create({ key: 'api-key', value: 'one' })
      const keys = await Array.fromAsync(client.all(), ({ key }) => key)
      await client.delete(id)
      await server.stop()
      await registry.close()
      console.log(keys.join())
    `)
    expect(output.trim()).toBe('api-key')
  })

  it('the same program works on every cloud; what changes is the line that makes the store', () => {
    const output = at.node(`
      import { awsSecretStore } from '@strongroom/aws'
      import { azureSecretStore } from '@strongroom/azure'
      import { gcpSecretStore } from '@strongroom/gcp'
      import { localSecretStore } from '@strongroom/local'
      import { vaultSecretStore } from '@strongroom/vault'
      import { startAwsEmulator } from '@strongroom/emulators/aws'
      import { startAzureEmulator } from '@strongroom/emulators/azure'
      import { startGcpEmulator } from '@strongroom/emulators/gcp'
      import { startVaultEmulator } from '@strongroom/emulators/vault'
      const [aws, azure, gcp, vault] = await Promise.all([startAwsEmulator(), startAzureEmulator(), startGcpEmulator(), startVaultEmulator()])
      const token = azure.issueToken()
      const stores = [
        localSecretStore({ path: './every-cloud' }),
        awsSecretStore({ region: aws.region, endpoint: aws.url, credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'only-for-tests' } }),
        azureSecretStore({ vaultUrl: azure.vaultUrl, tls: { ca: azure.ca }, disableChallengeResourceVerification: true, credential: { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) } }),
        gcpSecretStore({ projectId: gcp.projectId, endpoint: 'http://127.0.0.1:' + gcp.grpcPort }),
        gcpSecretStore({ projectId: gcp.projectId, endpoint: gcp.url, transport: 'rest' }, { prefix: 'rest-' }),
        vaultSecretStore({ address: vault.url, auth: { method: 'token', token: vault.rootToken } }),
      ]
      const lines = []
      for (const store of stores) {
        await store.put('a', 'one')
        await store.put('a', 'two')
        const names = await Array.fromAsync(store.list(), ({ name }) => name)
        lines.push((await store.get('a')).value.revealText() + ' ' + names)
        await store.delete('a', { purge: true })
        await store.close()
      }
      await Promise.all([aws, azure, gcp, vault].map(emulator => emulator.stop()))
      console.log(JSON.stringify(lines))
    `)
    expect(JSON.parse(output)).toEqual(Array.from({ length: 6 }, () => 'two a'))
  })

  // On this Node the suite of each says so.
  it.skipIf(name === 'this Node')('the kit finds that the local store and SQLite keep their contracts', { timeout: 600_000 }, async () => {
    await writeFile(join(at.path, 'kit.mjs'), KIT)
    const told = at.kit('kit.mjs')
    expect(told).toMatch(/^# pass [1-9]/m)
    expect(told).toMatch(/^# fail 0$/m)
  })
})
