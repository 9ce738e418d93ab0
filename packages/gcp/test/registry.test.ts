import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import {
  accountId as account,
  createSecretReader,
  createSecretRegistry,
  unsafeAllowEveryone,
  type SecretReader,
  type SecretRegistry,
} from '@strongroom/core'
import { sqliteMetadata } from '@strongroom/sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gcpDriver, gcpSecretStore } from '../src/index.ts'
import { isReal, startGcp, type GcpPlace } from './place.ts'

// The registry on SQLite and Google: what goes over the wire, and what Google's own client finds at the path that the metadata names.

const ALICE = { id: 'alice', type: 'user' } as const
const VALUES = {
  text: 'sk-1',
  unicode: 'pässwörd 🔑\r\n\tlast line ',
  json: '{"user":"a","password":"\\"b"}',
  binary: Uint8Array.from({ length: 256 }, (_, byte) => byte),
}
/** What a role has that manages secrets and may not read them. */
const MANAGE = [
  'CreateSecret',
  'GetSecret',
  'UpdateSecret',
  'DeleteSecret',
  'AddSecretVersion',
  'GetSecretVersion',
  'ListSecretVersions',
  'DestroySecretVersion',
]

describe.each([
  { alias: undefined, calls: { create: 2, describe: 0, list: 0, description: 0, value: 1, read: 1, delete: 1 } },
  { alias: 'live', calls: { create: 3, describe: 0, list: 0, description: 0, value: 3, read: 1, delete: 1 } },
])('a registry on Google, with the alias $alias', ({ alias, calls: expected }) => {
  let gcp: GcpPlace
  let registry: SecretRegistry
  let reader: SecretReader
  let official: ReturnType<GcpPlace['official']>
  const more = alias === undefined ? {} : { versionAlias: alias }

  beforeAll(async () => {
    gcp = await startGcp()
    gcp.controls?.permit('owner')
    gcp.controls?.permit('manager', { operations: MANAGE })
    gcp.controls?.permit('reader', { operations: ['AccessSecretVersion'] })
    official = gcp.official()
    const metadata = sqliteMetadata({ path: ':memory:' })
    const shared = { id: 'main', metadata, authorize: unsafeAllowEveryone }
    const policy = { prefix: `srk-${randomUUID().slice(0, 8)}-`, deadlineMs: 1_000, leaseMs: 2_100 }
    const manager = gcpDriver({ ...gcp.options('grpc', 'manager'), ...more })
    // So that the client's start is not part of the deadline of the first call.
    await manager
      .list({ prefix: 'srk-none', withLabels: false, page: undefined }, { signal: AbortSignal.timeout(30_000), attempt: 1 })
      .catch(() => {})
    registry = await createSecretRegistry({
      ...shared,
      stores: { main: manager },
      writeTo: 'main',
      policy: isReal ? { prefix: policy.prefix } : policy,
    })
    reader = await createSecretReader({ ...shared, stores: { main: gcpDriver({ ...gcp.options('rest', 'reader'), ...more }) } })
  })
  afterAll(async () => {
    if (registry !== undefined) {
      for await (const { id } of all()) await secrets().delete(id)
      await registry.maintain()
    }
    await reader?.close()
    await registry?.close()
    await official?.close()
    await gcp?.stop()
  })

  const secrets = (): ReturnType<SecretRegistry['account']> => registry.account(account('acme'), ALICE)
  const all = async function* (): AsyncGenerator<{ readonly id: Parameters<ReturnType<typeof secrets>['delete']>[0] }> {
    yield* (await secrets().list({ limit: 1_000 })).items
  }
  const read = async (key: string): Promise<Uint8Array> => (await reader.account(account('acme'), ALICE).read({ key })).value.revealBytes()
  const outside = async (cloudSecretPath: string): Promise<string> => {
    const [{ payload }] = await official.accessSecretVersion({ name: `${cloudSecretPath}/versions/${alias ?? 'latest'}` })
    return Buffer.from(payload?.data ?? '').toString()
  }

  it.each(Object.entries(VALUES))('%s: Google’s client reads it byte for byte at the path that the metadata names', async (key, value) => {
    const { cloudSecretPath } = await secrets().create({ key, value })
    const bytes = Buffer.from(value)
    const [{ payload }] = await official.accessSecretVersion({ name: `${cloudSecretPath}/versions/${alias ?? 'latest'}` })
    expect(Buffer.from(payload?.data ?? '')).toEqual(bytes)
    expect(Buffer.from(await read(key))).toEqual(bytes)
    const [{ annotations }] = await official.getSecret({ name: cloudSecretPath })
    expect(annotations).toMatchObject({ 'strongroom-registry': 'main', 'strongroom-account': 'acme' })
  })

  const version = async (cloudSecretPath: string, number: number): Promise<string> => {
    const [{ payload }] = await official.accessSecretVersion({ name: `${cloudSecretPath}/versions/${number}` })
    return Buffer.from(payload?.data ?? '').toString()
  }

  it('an update is what outsiders read afterwards, the value before is kept, and the one before that is erased', async () => {
    const { id, cloudSecretPath } = await secrets().create({ key: 'updated', value: 'one' })
    for (const value of ['two', 'three']) {
      await secrets().update(id, { value })
      expect(await outside(cloudSecretPath)).toBe(value)
      expect(new TextDecoder().decode(await read('updated'))).toBe(value)
    }
    await registry.maintain()
    expect(await version(cloudSecretPath, 2)).toBe('two')
    await expect(version(cloudSecretPath, 1)).rejects.toMatchObject({ code: 9 })
  })

  it('a rollback is read at once, outsiders follow with an alias alone, and the next update is everybody’s', async () => {
    const { id, cloudSecretPath } = await secrets().create({ key: 'rolled-back', value: 'one' })
    await secrets().update(id, { value: 'two' })
    const [, before] = await secrets().versions(id)
    if (before === undefined) throw new Error('nothing is kept')
    const { outsiders } = await secrets().rollback(id, before.version)
    expect([outsiders, await outside(cloudSecretPath)]).toEqual(alias === undefined ? ['see_newest', 'two'] : ['follow', 'one'])
    expect(new TextDecoder().decode(await read('rolled-back'))).toBe('one')
    await secrets().update(id, { value: 'three' })
    await registry.maintain()
    expect(await outside(cloudSecretPath)).toBe('three')
    expect(await version(cloudSecretPath, 1)).toBe('one')
    await expect(version(cloudSecretPath, 2)).rejects.toMatchObject({ code: 9 })
  })

  it('a value that another client puts there is read byte for byte by a store; the reader keeps to what was committed', async () => {
    const { cloudSecretPath } = await secrets().create({ key: 'outside', value: 'committed' })
    await official.addSecretVersion({ parent: cloudSecretPath, payload: { data: VALUES.binary } })
    await using store = gcpSecretStore(gcp.options('grpc'), { naming: 'native' })
    expect((await store.get(cloudSecretPath.split('/').at(-1) ?? '')).value.revealBytes()).toEqual(VALUES.binary)
    expect(new TextDecoder().decode(await read('outside'))).toBe('committed')
  })

  it.skipIf(isReal)('calls the cloud as often as said', async () => {
    const calls: Record<string, number> = {}
    const counted = async <T>(name: string, act: () => Promise<T>): Promise<T> => {
      const before = gcp.controls?.requests ?? 0
      const answer = await act()
      calls[name] = (gcp.controls?.requests ?? 0) - before
      return answer
    }
    const { id } = await counted('create', () => secrets().create({ key: 'counted', value: 'one' }))
    await counted('describe', () => secrets().describe(id))
    await counted('list', () => secrets().list())
    await counted('description', () => secrets().update(id, { description: 'changed' }))
    await counted('value', () => secrets().update(id, { value: 'two' }))
    await counted('read', () => read('counted'))
    await counted('delete', () => secrets().delete(id))
    expect(calls).toEqual(expected)
  })

  it.skipIf(isReal)('what a create leaves that died between its requests is purged', async () => {
    const { controls } = gcp
    controls?.inject({ kind: 'reset' }, { operations: ['AddSecretVersion'] })
    await expect(secrets().create({ key: 'dead', value: 'never' })).rejects.toMatchObject({ code: 'unavailable', effect: 'unknown' })
    const half = controls?.journal.findLast(({ operation }) => operation === 'CreateSecret')?.name ?? ''
    const name = `projects/${gcp.projectId}/secrets/${half}`
    await expect(official.getSecret({ name })).resolves.toBeDefined()
    await delay(2_150) // the lease
    await registry.maintain()
    await expect(official.getSecret({ name })).rejects.toMatchObject({ code: 5 })
    expect((await secrets().create({ key: 'dead', value: 'again' })).key).toBe('dead')
  })
})
