import { ListSecretVersionIdsCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import {
  accountId as account,
  createSecretReader,
  createSecretRegistry,
  unsafeAllowEveryone,
  type SecretReader,
  type SecretRegistry,
  type VersionId,
} from '@strongroom/core'
import { sqliteMetadata } from '@strongroom/sqlite'
import type { FaultProxy } from '@strongroom/emulators'
import { suiteTitle } from '@strongroom/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { awsDriver, awsSecretStore } from '../src/index.ts'
import { accountId, noBackend, region, signed, startAws, startAwsProxy, type AwsServer } from './aws-server.ts'
import { readByPython } from './python.ts'

// The registry on SQLite and AWS: what goes over the wire, and what other clients find at the path that the metadata names.

const missing = noBackend()
const ALICE = { id: 'alice', type: 'user' } as const
const VALUES = {
  text: 'sk-1',
  unicode: 'pässwörd 🔑\r\n\tlast line ',
  json: '{"user":"a","password":"\\"b"}',
  binary: Uint8Array.from({ length: 256 }, (_, byte) => byte),
}

describe.skipIf(missing !== undefined)(suiteTitle('a registry on AWS', missing), () => {
  let server: AwsServer
  let proxy: FaultProxy
  let registry: SecretRegistry
  let reader: SecretReader
  let raw: SecretsManagerClient

  beforeAll(async () => {
    server = await startAws()
    proxy = await startAwsProxy(server.endpoint)
    raw = new SecretsManagerClient({ region, endpoint: server.endpoint, ...signed })
    const main = awsDriver({ region, endpoint: proxy.url, accountId, ...signed })
    const shared = { id: 'main', metadata: sqliteMetadata({ path: ':memory:' }), stores: { main }, authorize: unsafeAllowEveryone }
    registry = await createSecretRegistry({ ...shared, writeTo: 'main', policy: { prefix: server.prefix } })
    reader = await createSecretReader(shared)
  })
  afterAll(async () => {
    await reader?.close()
    await registry?.close()
    raw?.destroy()
    await proxy?.stop()
    await server?.stop()
  })

  const secrets = (): ReturnType<SecretRegistry['account']> => registry.account(account('acme'), ALICE)
  const read = async (key: string): Promise<Uint8Array> => (await reader.account(account('acme'), ALICE).read({ key })).value.revealBytes()

  it.each(Object.entries(VALUES))('%s: boto3 reads it byte for byte at the path that the metadata names', async (key, value) => {
    const { cloudSecretPath } = await secrets().create({ key, value })
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
    const found = await readByPython({ endpoint: server.endpoint, region, name: cloudSecretPath })
    expect(found).toMatchObject({ text: typeof value === 'string', bytes })
    expect(await read(key)).toEqual(bytes)
  })

  it('a value that another client puts at that path is read byte for byte by the store; the reader keeps to what was committed', async () => {
    const { cloudSecretPath } = await secrets().create({ key: 'outside', value: 'committed' })
    const bytes = VALUES.binary
    await raw.send(new PutSecretValueCommand({ SecretId: cloudSecretPath, SecretBinary: bytes }))
    await using store = awsSecretStore({ region, endpoint: server.endpoint, ...signed }, { naming: 'native' })
    expect((await store.get(cloudSecretPath)).value.revealBytes()).toEqual(bytes)
    expect(new TextDecoder().decode(await read('outside'))).toBe('committed')
  })

  it('a rollback moves AWSCURRENT back, also to a version that has no label any more', async () => {
    const shared = { id: 'three', metadata: sqliteMetadata({ path: ':memory:' }), authorize: unsafeAllowEveryone }
    const stores = { main: awsDriver({ region, endpoint: proxy.url, accountId, ...signed }) }
    await using own = await createSecretRegistry({ ...shared, stores, writeTo: 'main', policy: { prefix: server.prefix, keepVersions: 3 } })
    await using ownReader = await createSecretReader({ ...shared, stores })
    const mine = own.account(account('acme'), ALICE)
    const { id, cloudSecretPath } = await mine.create({ key: 'rolled-back', value: 'one' })
    for (const value of ['two', 'three']) await mine.update(id, { value })
    const [third, second, first] = await mine.versions(id)
    if (first === undefined || second === undefined || third === undefined) throw new Error('three are kept')
    const labels = async (): Promise<Readonly<Record<string, readonly string[]>>> => {
      const { Versions = [] } = await raw.send(new ListSecretVersionIdsCommand({ SecretId: cloudSecretPath, IncludeDeprecated: true }))
      const all = Versions.map(({ VersionId = '', VersionStages = [] }) => [VersionId, VersionStages.filter(label => label.startsWith('AWS'))])
      return Object.fromEntries(all) as Readonly<Record<string, readonly string[]>>
    }
    expect(await labels()).toEqual({ [first.version]: [], [second.version]: ['AWSPREVIOUS'], [third.version]: ['AWSCURRENT'] })

    expect(await mine.rollback(id, second.version)).toMatchObject({ outsiders: 'follow', record: { revision: 4 } })
    expect(await labels()).toEqual({ [first.version]: [], [second.version]: ['AWSCURRENT'], [third.version]: ['AWSPREVIOUS'] })
    expect(await mine.rollback(id, first.version)).toMatchObject({ outsiders: 'follow', record: { revision: 5 } })
    expect(await labels()).toEqual({ [first.version]: ['AWSCURRENT'], [second.version]: ['AWSPREVIOUS'], [third.version]: [] })
    const readers = ownReader.account(account('acme'), ALICE)
    expect((await readers.read({ id })).value.revealText()).toBe('one')
    expect(await own.maintain()).toMatchObject({ destroyed: 0, backlog: 0 })
    expect(await mine.rollback(id, third.version)).toMatchObject({ outsiders: 'follow' })
    expect((await readers.read({ id })).value.revealText()).toBe('three')
  })

  it('calls the cloud as often as said: create 1, describe, list, description and versions 0, value at most 2, rollback 3, read 1', async () => {
    const calls: Record<string, number> = {}
    const counted = async <T>(name: string, act: () => Promise<T>): Promise<T> => {
      const before = proxy.requests()
      const answer = await act()
      calls[name] = proxy.requests() - before
      return answer
    }
    const { id } = await counted('create', () => secrets().create({ key: 'counted', value: 'one' }))
    await counted('describe', () => secrets().describe(id))
    await counted('list', () => secrets().list())
    await counted('description', () => secrets().update(id, { description: 'changed' }))
    await counted('value', () => secrets().update(id, { value: 'two' }))
    const [, before] = await counted('versions', () => secrets().versions(id))
    await counted('rollback', () => secrets().rollback(id, before?.version ?? ('' as VersionId)))
    await counted('read', () => read('counted'))
    await counted('delete', () => secrets().delete(id))
    expect(calls).toEqual({ create: 1, describe: 0, list: 0, description: 0, value: 2, versions: 0, rollback: 3, read: 1, delete: 1 })
  })
})
