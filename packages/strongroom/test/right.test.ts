import { mkdtempSync, rmSync, writeFileSync, chmodSync, readdirSync, readFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { accountId, isSecretError, memoryDriver, unsafeAllowEveryone, type Actor, type SecretRegistry } from '@strongroom/core'
import { startAwsEmulator } from '@strongroom/emulators/aws'
import { startVaultEmulator } from '@strongroom/emulators/vault'
import { startPostgres } from '@strongroom/testbed'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { configJsonSchema } from '../src/config/json-schema.ts'
import { loadConfig } from '../src/config/load.ts'
import { ConfigError, openStrongroom, type CustomStore, type Strongroom } from '../src/index.ts'

const ACCOUNT = accountId('acme')
const ADA: Actor = { id: 'ada', type: 'user' }
const allowed = { authorize: unsafeAllowEveryone, environment: {} }

let folder = ''
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'strongroom-config-'))))
afterEach(() => rmSync(folder, { recursive: true }))

const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
/** Ends with its block. */
async function started<Server extends { stop(): Promise<void> }>(starting: Promise<Server>): Promise<Server & AsyncDisposable> {
  const server = await starting
  return Object.assign(server, { [Symbol.asyncDispose]: () => server.stop() })
}
const failure = async (work: Promise<unknown>): Promise<unknown> =>
  await work.then(
    () => undefined,
    (error: unknown) => error,
  )
const create = async (registry: SecretRegistry, key: string, value: string) => await registry.account(ACCOUNT, ADA).create({ key, value })
const read = async (room: Strongroom, key: string) => (await (await room.reader()).account(ACCOUNT, ADA).read({ key })).value.revealText()

describe('the minimal file', () => {
  const minimal = `stores: { main: { type: local, path: ./store } }\nwriteTo: main\nmetadata: { type: sqlite, path: ./meta.db }\n`

  it('gives stores, registry and reader, and what was written is there the next time', async () => {
    const file = write('strongroom.yaml', minimal)
    {
      await using room = await openStrongroom(file, allowed)
      expect(room.config).toEqual({ id: 'main', stores: ['main'], writeTo: 'main' })
      const record = await create(await room.registry(), 'db', 'v1')
      expect(record.cloudSecretPath).toContain(join(folder, 'store'))
      await room.store().put('direct', 'v2')
    }
    await using room = await openStrongroom(file, allowed)
    expect(await read(room, 'db')).toBe('v1')
    expect((await room.store('main').get('direct')).value.revealText()).toBe('v2')
    expect((await room.source().get('direct')).value.revealText()).toBe('v2')
  })

  it('needs to know who may do what before there is a registry, and not for a store', async () => {
    await using room = await openStrongroom(write('strongroom.yaml', minimal), { environment: {} })
    await room.store().put('direct', 'v')
    expect(await failure(room.registry())).toMatchObject({ problems: [{ path: 'authorization' }] })
    expect(await failure(room.reader())).toMatchObject({ problems: [{ path: 'authorization' }] })
  })
})

describe('forms', () => {
  const object = { stores: { main: { type: 'local', path: './store', prefix: 'prod/' } }, metadata: { type: 'sqlite', path: './meta.db' } }
  it.each([
    ['YAML', 'a.yaml', `stores: { main: { type: local, path: ./store, prefix: prod/ } }\nmetadata: { type: sqlite, path: ./meta.db }`],
    ['YAML with shorthands', 'a.yml', `stores: { main: "local:./store?prefix=prod/" }\nmetadata: sqlite:./meta.db`],
    ['JSON', 'a.json', JSON.stringify(object)],
    ['TypeScript', 'strongroom.config.ts', `const config: object = ${JSON.stringify(object)}\nexport default config`],
    ['JavaScript', 'strongroom.config.mjs', `export default ${JSON.stringify(object)}`],
  ])('%s', async (_, name, text) => {
    await using room = await openStrongroom(write(name, text), allowed)
    const { cloudSecretPath } = await create(await room.registry(), 'k', 'v')
    expect(cloudSecretPath).toContain(`local:${join(folder, 'store')}#prod/main-`)
  })

  it('each shorthand is its object form', async () => {
    const forms: readonly (readonly [string, object])[] = [
      ['memory:', { type: 'memory' }],
      ['local:///tmp/somewhere', { type: 'local', path: '/tmp/somewhere' }],
      ['aws://eu-west-1?endpoint=https://aws.example.com', { type: 'aws', region: 'eu-west-1', endpoint: 'https://aws.example.com' }],
      ['gcp://my-project', { type: 'gcp', projectId: 'my-project' }],
      ['gcp://my-project/europe-west3?transport=rest', { type: 'gcp', projectId: 'my-project', region: 'europe-west3', transport: 'rest' }],
      ['azure://my-vault.vault.azure.net', { type: 'azure', vaultUrl: 'https://my-vault.vault.azure.net' }],
      [
        'vault://vault.example.com:8200/team/kv?namespace=a/b&maxVersions=20&auth.method=kubernetes&auth.role=app',
        {
          type: 'vault',
          address: 'https://vault.example.com:8200',
          mount: 'team/kv',
          namespace: 'a/b',
          maxVersions: 20,
          auth: { method: 'kubernetes', role: 'app' },
        },
      ],
      [
        'aws://eu-west-1?endpoint=http://aws.example.com&unsafePlainHttp=true',
        { type: 'aws', region: 'eu-west-1', endpoint: 'http://aws.example.com', unsafePlainHttp: true },
      ],
      [
        'gcp://my-project?endpoint=http://gcp.example.com&unsafePlainHttp=true',
        { type: 'gcp', projectId: 'my-project', endpoint: 'http://gcp.example.com', unsafePlainHttp: true },
      ],
      [
        'vault+http://127.0.0.1:8200?auth.method=kubernetes&auth.role=app',
        { type: 'vault', address: 'http://127.0.0.1:8200', auth: { method: 'kubernetes', role: 'app' } },
      ],
    ]
    for (const [url, object] of forms) {
      await using short = await openStrongroom({ stores: { main: url } }, allowed)
      await using long = await openStrongroom({ stores: { main: object } }, allowed)
      expect(short.store().location, url).toBe(long.store().location)
      expect(short.store().capabilities, url).toEqual(long.store().capabilities)
    }
  })

  it('each URL that the docs and the help show is taken', async () => {
    const texts = [new URL('../../../docs/configuration.md', import.meta.url), new URL('help/init.txt', import.meta.url)].map(url =>
      readFileSync(url, 'utf8'),
    )
    const urls = texts.join('\n').match(/(?:aws|gcp|azure|vault|vault\+http):\/\/[^`\s|]+/g) ?? []
    expect(urls.length).toBeGreaterThanOrEqual(6)
    for (const url of urls.map(one => one.replace(/"$/, ''))) {
      await using room = await openStrongroom({ stores: { main: url } }, { environment: { VAULT_TOKEN: 'x' } })
      expect(room.store().location, url).toBeDefined()
    }
  })

  it('the environment alone', async () => {
    const environment = { STRONGROOM_STORE: `local://${folder}/store`, STRONGROOM_METADATA: `sqlite:${folder}/meta.db`, STRONGROOM_ID: 'team' }
    await using room = await openStrongroom(undefined, { authorize: unsafeAllowEveryone, environment })
    expect(room.config).toEqual({ id: 'team', stores: ['main'], writeTo: 'main' })
    await create(await room.registry(), 'k', 'v')
    await using again = await openStrongroom(undefined, {
      authorize: unsafeAllowEveryone,
      environment: { STRONGROOM_CONFIG: write('x.yaml', `id: team\nstores: { main: local:./store }\nmetadata: sqlite:./meta.db`) },
    })
    expect(await read(again, 'k')).toBe('v')
  })

  it('the environment alone, with PostgreSQL: its URL, or the usual variables', async () => {
    const server = await startPostgres()
    try {
      const { hostname, port, username, password, pathname } = new URL(server.url)
      const parts = { PGHOST: hostname, PGPORT: port, PGUSER: username, PGPASSWORD: decodeURIComponent(password), PGDATABASE: pathname.slice(1) }
      const open = async (metadata: string, more: NodeJS.ProcessEnv = {}): Promise<number> => {
        const environment = { STRONGROOM_STORE: `local://${folder}/store`, STRONGROOM_ID: 'pg', STRONGROOM_METADATA: metadata, ...more }
        await using room = await openStrongroom(undefined, { authorize: unsafeAllowEveryone, environment })
        const secrets = (await room.registry()).account(ACCOUNT, ADA)
        await secrets.create({ key: `k-${randomUUID()}`, value: 'v' })
        return (await secrets.list()).total
      }
      expect(await open(server.url)).toBe(1)
      expect(await open('postgres', { DATABASE_URL: server.url })).toBe(2)
      // These are for the client of the database, which knows the process's variables alone.
      for (const [name, value] of Object.entries(parts)) vi.stubEnv(name, value)
      expect(await open('postgres')).toBe(3)
      const error = await failure(open('mysql://u:hunter2@h/db'))
      expect(error).toMatchObject({ problems: [{ path: 'STRONGROOM_METADATA', allowed: expect.stringContaining('postgres://') }] })
      expect(String(error)).not.toContain('hunter2')
    } finally {
      vi.unstubAllEnvs()
      await server.stop()
    }
  }, 120_000)

  it('variables, with defaults', async () => {
    const file = write('v.yaml', 'stores: { main: { type: local, path: "./${WHERE:-here}", prefix: "${STAGE}-$$-" } }\nmetadata: "memory:"')
    await using room = await openStrongroom(file, { authorize: unsafeAllowEveryone, environment: { STAGE: 'dev' } })
    expect((await create(await room.registry(), 'k', 'v')).cloudSecretPath).toContain(`${join(folder, 'here')}#dev-$-main-`)
  })

  it('a variable is a number, or true or false, where the field is one, and text elsewhere', async () => {
    const file = write(
      'v.yaml',
      `stores:
  main: { type: vault, address: "https://v.example.com", namespace: "\${SPACE}", maxVersions: "\${VERSIONS:-20}", readOnly: "\${FALSE}",
    rate: { writes: "\${RATE}" }, auth: { method: kubernetes, role: "\${ROLE}" } }
  other: { type: memory, readOnly: "\${TRUE}" }
  mine: { type: mine, readOnly: "\${TRUE}", label: "\${SPACE}" }
policy: { attempts: "\${ATTEMPTS:-3}", deadlineMs: "\${DEADLINE}" }
cache: { pointerTtlMs: "\${TTL}" }`,
    )
    const environment = { SPACE: '123', VERSIONS: '30', FALSE: 'false', TRUE: 'true', RATE: '2.5', ROLE: 'true', DEADLINE: '2000', TTL: '0' }
    const schemes = { mine: () => memoryDriver() }
    const { checked } = await loadConfig(file, environment, schemes)
    expect(checked).toMatchObject({
      stores: {
        main: { namespace: '123', maxVersions: 30, readOnly: false, rate: { writes: 2.5 }, auth: { role: 'true' } },
        other: { readOnly: true },
        mine: { readOnly: true, label: '123' },
      },
      writeTo: 'main',
      policy: { attempts: 3, deadlineMs: 2000 },
      cache: { pointerTtlMs: 0 },
    })
    await using room = await openStrongroom(file, { environment, schemes })
    expect(room.rates).toMatchObject({ main: { writes: 2.5 } })
  })

  it('the query of a URL is what the object form has, whatever it looks like', async () => {
    const load = async (url: string) => (await loadConfig({ stores: { main: url } }, {})).checked.stores['main']
    expect(await load('aws://eu-west-1?tags.cost=1234&tags.final=true&recoveryWindowDays=7&accountId=123456789012')).toEqual({
      type: 'aws',
      region: 'eu-west-1',
      tags: { cost: '1234', final: 'true' },
      recoveryWindowDays: 7,
      accountId: '123456789012',
    })
    expect(await load('gcp://my-project?versionAlias=1&confirmReads=true')).toMatchObject({ versionAlias: '1', confirmReads: true })
    expect(await load('vault://v.example.com/kv?namespace=123&maxVersions=20')).toMatchObject({ namespace: '123', maxVersions: 20 })
    expect(await load('memory:?rate.writes=0.5&readOnly=false')).toMatchObject({ rate: { writes: 0.5 }, readOnly: false })
  })

  it('the JSON Schema for editors is the one that is published', () => {
    const published: unknown = JSON.parse(readFileSync(new URL('../config.schema.json', import.meta.url), 'utf8'))
    expect(published, 'npm run generate').toEqual(configJsonSchema())
  })
})

describe('credentials', () => {
  it('come from a variable or a file, and a file that everyone may read is warned about', async () => {
    await using emulator = await started(startVaultEmulator())
    const token = emulator.rootToken
    const warnings: string[] = []
    const open = (auth: object, environment: NodeJS.ProcessEnv = {}) =>
      openStrongroom(
        { stores: { main: { type: 'vault', address: emulator.url, auth } } },
        { ...allowed, environment, onWarning: one => void warnings.push(one) },
      )
    for (const mode of [0o600, 0o644]) {
      const file = write('token', `${token}\n`)
      chmodSync(file, mode)
      await using room = await open({ method: 'token', token: { file } })
      await room.store().put(`k-${mode}`, 'v')
    }
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('stores.main.auth.token: everyone on this machine may read')
    await using room = await open({ method: 'token', token: { env: 'MY_TOKEN' } }, { MY_TOKEN: token })
    expect((await room.store().get('k-384')).value.revealText()).toBe('v')
    expect(await failure(open({ method: 'token', token: { env: 'MY_TOKEN' } }))).toMatchObject({
      problems: [{ path: 'stores.main.auth.token', found: 'the environment variable MY_TOKEN, which is not set' }],
    })
    expect(await failure(open({ method: 'token', token: { file: join(folder, 'none') } }))).toBeInstanceOf(ConfigError)
  })
})

describe('variables that a program gives', () => {
  const value = Buffer.alloc(32, 5).toString('base64')
  it.each([
    ['of its own', { type: 'local', path: './store', key: { env: 'MY_KEY' } }, { MY_KEY: value }],
    ['by default', { type: 'local', path: './store' }, { STRONGROOM_LOCAL_KEY: value }],
  ])('are where a local store’s key is, in a variable %s', async (_, store, environment) => {
    const config = { stores: { main: { ...store, path: join(folder, 'store') } } }
    {
      await using room = await openStrongroom(config, { environment })
      await room.store().put('k', 'v')
    }
    expect(readdirSync(join(folder, 'store'))).not.toContain('key')
    await using other = await openStrongroom(config, { environment: { MY_KEY: Buffer.alloc(32, 6).toString('base64') } })
    expect(isSecretError(await failure(other.store().get('k')), 'misconfigured')).toBe(true)
    await using without = await openStrongroom(config, { environment: {} })
    expect(isSecretError(await failure(without.store().get('k')), 'misconfigured')).toBe(true)
    await using again = await openStrongroom(config, { environment })
    expect((await again.store().get('k')).value.revealText()).toBe('v')
  })

  it('hold Vault’s token', async () => {
    await using emulator = await started(startVaultEmulator())
    const config = { stores: { main: `${emulator.url.replace('http:', 'vault+http:')}/secret` } }
    await using room = await openStrongroom(config, { environment: { VAULT_TOKEN: emulator.rootToken } })
    await room.store().put('k', 'v')
  })
})

describe('idempotency keys', () => {
  it('need the registry’s own, which come from the environment', async () => {
    const config = { stores: { main: 'memory:' }, metadata: 'memory:', requestKeys: [{ env: 'REQUEST_KEY' }] }
    const open = (key: string) => openStrongroom(config, { authorize: unsafeAllowEveryone, environment: { REQUEST_KEY: key } })
    await using room = await open(Buffer.alloc(32, 7).toString('base64'))
    const secrets = (await room.registry()).account(ACCOUNT, ADA)
    const first = await secrets.create({ key: 'k', value: 'v' }, { idempotencyKey: 'one' })
    expect(await secrets.create({ key: 'k', value: 'v' }, { idempotencyKey: 'one' })).toEqual(first)
    for (const bad of [Buffer.alloc(31, 7).toString('base64'), 'not base64 at all, but long enough to be taken for it']) {
      await using other = await open(bad)
      const error = await failure(other.registry())
      expect(error).toMatchObject({ problems: [{ path: 'requestKeys[0]', found: 'text (not shown)' }] })
      expect(String(error)).not.toContain(bad)
    }
  })
})

describe('one line swaps the cloud', () => {
  it('local, then AWS, then Vault: old secrets are read where they are, new ones go to the new store', async () => {
    await using aws = await started(startAwsEmulator())
    await using vault = await started(startVaultEmulator())
    const environment = { ID: 'AKIA', SECRET: 'secret', TOKEN: vault.rootToken }
    const file = (writeTo: string) =>
      write(
        'strongroom.yaml',
        `
stores:
  local: local:./store
  aws: { type: aws, region: eu-west-1, accountId: "${aws.accountId}", endpoint: "${aws.url}", credentials: { accessKeyId: { env: ID }, secretAccessKey: { env: SECRET } } }
  vault: { type: vault, address: "${vault.url}", auth: { method: token, token: { env: TOKEN } } }
writeTo: ${writeTo}
metadata: sqlite:./meta.db
`,
      )
    for (const writeTo of ['local', 'aws', 'vault']) {
      await using room = await openStrongroom(file(writeTo), { authorize: unsafeAllowEveryone, environment })
      await create(await room.registry(), `in-${writeTo}`, `value-${writeTo}`)
      expect(await read(room, 'in-local')).toBe('value-local')
      expect(await read(room, `in-${writeTo}`)).toBe(`value-${writeTo}`)
    }
    // Without the store that holds it, nothing starts.
    const without = write('strongroom.yaml', 'stores: { other: "memory:" }\nmetadata: sqlite:./meta.db')
    await using room = await openStrongroom(without, { authorize: unsafeAllowEveryone, environment })
    const error = await failure(room.registry())
    expect(isSecretError(error, 'misconfigured')).toBe(true)
    const row = (store: string): string => `"${store}" (1 record: "in-${store}" of "acme")`
    expect(String(error)).toContain(['aws', 'local', 'vault'].map(row).join(', '))
  })
})

describe('what was opened', () => {
  const config = { stores: { main: 'memory:' }, metadata: 'memory:' }

  it('may be closed by itself, and opened again: the others go on', async () => {
    await using room = await openStrongroom(config, allowed)
    await create(await room.registry(), 'k', 'v')
    for (let time = 0; time < 3; time += 1) {
      await using migrator = await room.migrator(ADA)
      expect((await migrator.references('main')).records).toBe(1)
    }
    expect(await read(room, 'k')).toBe('v')
    const first = await room.registry()
    await first.close()
    expect(isSecretError(await failure(first.account(ACCOUNT, ADA).list()), 'closed')).toBe(true)
    expect((await (await room.registry()).account(ACCOUNT, ADA).list()).total).toBe(1)
    expect(await read(room, 'k')).toBe('v')
    const left = await room.migrator(ADA)
    await room.close()
    expect(isSecretError(await failure(left.references('main')), 'closed')).toBe(true)
  })

  it('is not held once it is closed, or could not be opened', async () => {
    await using room = await openStrongroom({ ...config, requestKeys: [{ env: 'NOT_SET' }] }, allowed)
    const kept: WeakRef<object>[] = []
    const openOnce = async (): Promise<void> => {
      const migrator = await room.migrator(ADA)
      kept.push(new WeakRef(migrator))
      await migrator.close()
      kept.push(new WeakRef((await failure(room.registry())) as object))
    }
    for (let time = 0; time < 3; time += 1) await openOnce()
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    for (let time = 0; time < 20 && kept.some(one => one.deref() !== undefined); time += 1) {
      await new Promise(done => setTimeout(done, 10))
      collect()
    }
    expect(kept.filter(one => one.deref() !== undefined)).toEqual([])
  })
})

describe('rates of a migration', () => {
  const writes = async (url: string): Promise<number | undefined> => {
    await using room = await openStrongroom({ stores: { main: url } }, { environment: { VAULT_TOKEN: 'x' } })
    return room.rates['main']?.writes
  }
  it.each([
    ['aws://eu-west-1', 40],
    ['aws://eu-west-1?endpoint=https://vpce-1.secretsmanager.eu-west-1.vpce.amazonaws.com', 40],
    ['gcp://my-project?endpoint=https://secretmanager.europe-west3.rep.googleapis.com', 4],
    ['azure://my-vault.vault.azure.net', 24],
    ['aws://eu-west-1?endpoint=https://vpce-1.secretsmanager.eu-west-1.vpce.amazonaws.com&rate.writes=100', 100],
    ['aws://eu-west-1?endpoint=http://127.0.0.1:4566', undefined],
    ['gcp://my-project?endpoint=http://localhost:8085', undefined],
    ['azure://localhost:8443', undefined],
    ['aws://eu-west-1?endpoint=http://[::1]:4566', undefined],
    ['aws://eu-west-1?endpoint=https://localhost.example.com', 40],
    ['vault://vault.example.com/kv', undefined],
  ])('%s: %s writes a second', async (url, expected) => expect(await writes(url)).toBe(expected))
})

describe('what a program adds', () => {
  it('a type of its own', async () => {
    const schemes = { mine: (store: CustomStore) => memoryDriver({ name: String(store['label']) }) }
    await using room = await openStrongroom({ stores: { main: { type: 'mine', label: 'x' } } }, { ...allowed, schemes })
    expect(room.store().location).toBe('memory:x')
    const wrong = openStrongroom({ stores: { main: { type: 'mien' } } }, { ...allowed, schemes })
    expect(String(await failure(wrong))).toMatch(/did you mean mine\?.*vault, mine/)
  })

  it('a module that fails says so without its message', async () => {
    const file = write('strongroom.config.mjs', `throw new Error('hunter2')`)
    const error = await failure(openStrongroom(file))
    expect(error).toBeInstanceOf(ConfigError)
    expect(String(error)).not.toContain('hunter2')
    expect(await failure(import(pathToFileURL(file).href))).toBeInstanceOf(Error)
  })
})

it('rules allow what they name, and nothing else', async () => {
  const authorization = [
    { actors: ['ada'], accounts: ['acme'], actions: ['secret.create', 'secret.read_value'] },
    { actors: ['*'], accounts: ['*'], actions: ['secret.list'] },
  ]
  await using room = await openStrongroom({ stores: { main: 'memory:' }, metadata: 'memory:', authorization }, { environment: {} })
  const registry = await room.registry()
  await create(registry, 'k', 'v')
  expect(await read(room, 'k')).toBe('v')
  expect((await registry.account(accountId('other'), { id: 'bob', type: 'user' }).list()).total).toBe(0)
  expect(
    isSecretError(await failure(registry.account(ACCOUNT, { id: 'bob', type: 'user' }).create({ key: 'l', value: 'v' })), 'permission_denied'),
  ).toBe(true)
  expect(isSecretError(await failure(registry.account(accountId('other'), ADA).create({ key: 'l', value: 'v' })), 'permission_denied')).toBe(true)
})
