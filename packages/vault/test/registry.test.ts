import {
  accountId as account,
  createSecretReader,
  createSecretRegistry,
  unsafeAllowEveryone,
  type SecretReader,
  type SecretRegistry,
} from '@strongroom/core'
import { startFaultProxy, type FaultProxy } from '@strongroom/emulators'
import { sqliteMetadata } from '@strongroom/sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { vaultDriver, vaultSecretStore } from '../src/index.ts'
import { missing, proxied, startVault, suite, type Vault } from './vault.ts'

// The registry on SQLite and a real server: what goes over the wire, and what others find at the path that the metadata names.

const ALICE = { id: 'alice', type: 'user' } as const
const VALUES = {
  text: 'sk-1',
  unicode: 'pässwörd 🔑\r\n\tlast line ',
  json: '{"user":"a","password":"\\"b"}',
  binary: Uint8Array.from({ length: 256 }, (_, byte) => byte),
}

describe.skipIf(missing !== undefined)(suite('a registry on Vault'), () => {
  let vault: Vault
  let mount: string
  let proxy: FaultProxy
  let registry: SecretRegistry
  let reader: SecretReader

  beforeAll(async () => {
    vault = await startVault()
    mount = await vault.mount()
    proxy = await startFaultProxy(vault.url, proxied)
    // Each with the policy of its README: the registry may not read a value, the reader may do nothing else.
    const writes = await vault.tokenFor({
      [`${mount}/data/*`]: ['create', 'update'],
      [`${mount}/metadata/*`]: ['create', 'read', 'update', 'delete', 'list'],
      [`${mount}/destroy/*`]: ['update'],
    })
    const reads = await vault.tokenFor({ [`${mount}/data/*`]: ['read'] })
    const driver = (token: string) => vaultDriver({ address: proxy.url, mount, auth: { method: 'token', token } })
    const shared = { id: 'main', metadata: sqliteMetadata({ path: ':memory:' }), authorize: unsafeAllowEveryone }
    registry = await createSecretRegistry({ ...shared, stores: { main: driver(writes) }, writeTo: 'main', policy: { prefix: 'registry/' } })
    reader = await createSecretReader({ ...shared, stores: { main: driver(reads) } })
  })
  afterAll(async () => {
    await reader?.close()
    await registry?.close()
    await proxy?.stop()
    await vault?.stop()
  })

  const secrets = (): ReturnType<SecretRegistry['account']> => registry.account(account('acme'), ALICE)
  const read = async (key: string): Promise<Uint8Array> => (await reader.account(account('acme'), ALICE).read({ key })).value.revealBytes()
  /** Plain HTTP, as anybody would, at the path that the metadata names. */
  const outside = async (path: string): Promise<{ bytes: Uint8Array; encoding: string | undefined }> => {
    const { body } = await vault.ask('GET', path)
    const { value, encoding } = (body.data as { readonly data: { readonly value: string; readonly encoding?: string } }).data
    return { bytes: new Uint8Array(Buffer.from(value, encoding === undefined ? 'utf8' : 'base64')), encoding }
  }

  it.each(Object.entries(VALUES))('%s: fetch reads it byte for byte at the path that the metadata names', async (key, value) => {
    const { cloudSecretPath, id } = await secrets().create({ key, value })
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
    expect(cloudSecretPath).toBe(`${mount}/data/registry/main-${id}`)
    expect(await outside(cloudSecretPath)).toEqual({ bytes, encoding: typeof value === 'string' ? undefined : 'base64' })
    expect(await read(key)).toEqual(bytes)
    const { data } = (await vault.ask('GET', cloudSecretPath.replace('/data/', '/metadata/'))).body as { data: { custom_metadata: object } }
    expect(data.custom_metadata).toMatchObject({ 'strongroom-registry': 'main', 'strongroom-account': 'acme', 'strongroom-secret': id })
  })

  it('a value that another client puts at that path is read byte for byte by a store; the reader keeps to what was committed', async () => {
    const { cloudSecretPath, id } = await secrets().create({ key: 'outside', value: 'committed' })
    for (let index = 1; index <= 25; index += 1) await vault.admin('POST', cloudSecretPath, { data: { value: `outsider ${index}` } })
    await using store = vaultSecretStore({ address: vault.url, mount, auth: { method: 'token', token: vault.token } }, { naming: 'native' })
    const path = cloudSecretPath.replace(`${mount}/data/`, '')
    expect((await store.get(path)).value.revealText()).toBe('outsider 25')
    expect(new TextDecoder().decode(await read('outside'))).toBe('committed')
    await secrets().update(id, { value: 'committed again' })
    expect(new TextDecoder().decode(await read('outside'))).toBe('committed again')
    expect((await store.get(path)).value.revealText()).toBe('committed again')
  })

  it('twenty updates leave two versions that are not destroyed, the committed one and the one before', async () => {
    const { cloudSecretPath, id } = await secrets().create({ key: 'updated', value: 'value 0' })
    for (let index = 1; index <= 20; index += 1) await secrets().update(id, { value: `value ${index}` })
    for (let pass = 0; pass < 10; pass += 1) await registry.maintain({ maxItems: 100 })
    expect(new TextDecoder().decode(await read('updated'))).toBe('value 20')
    const { data } = (await vault.ask('GET', cloudSecretPath.replace('/data/', '/metadata/'))).body as {
      data: { versions: Record<string, { destroyed: boolean }> }
    }
    expect(
      Object.entries(data.versions)
        .filter(([, { destroyed }]) => !destroyed)
        .map(([number]) => number),
    ).toEqual(['20', '21'])
  })

  it('a rollback is read at once; outsiders see the newest until the next update', async () => {
    const { cloudSecretPath, id } = await secrets().create({ key: 'rolled-back', value: 'one' })
    await secrets().update(id, { value: 'two' })
    const [, before] = await secrets().versions(id)
    if (before === undefined) throw new Error('nothing is kept')
    expect(await secrets().rollback(id, before.version)).toMatchObject({ outsiders: 'see_newest' })
    const seen = async (): Promise<readonly string[]> =>
      [await read('rolled-back'), (await outside(cloudSecretPath)).bytes].map(bytes => new TextDecoder().decode(bytes))
    expect(await seen()).toEqual(['one', 'two'])
    await secrets().update(id, { value: 'three' })
    await registry.maintain()
    expect(await seen()).toEqual(['three', 'three'])
  })

  it('refuses to roll back to a version that the server has dropped, as it does when somebody takes its room away', async () => {
    const { cloudSecretPath, id } = await secrets().create({ key: 'pruned', value: 'one' })
    await secrets().update(id, { value: 'two' })
    const [, before] = await secrets().versions(id)
    if (before === undefined) throw new Error('nothing is kept')
    await vault.admin('POST', cloudSecretPath.replace('/data/', '/metadata/'), { max_versions: 1 })
    await vault.admin('POST', cloudSecretPath, { data: { value: 'an outsider’s' } })
    await expect(secrets().rollback(id, before.version)).rejects.toMatchObject({ code: 'version_unusable', effect: 'none' })
    expect(await secrets().describe(id)).toMatchObject({ revision: 2 })
  })

  it('calls the cloud as often as said: create 2, describe, list and description 0, value 2, read 1, delete 1', async () => {
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
    await counted('read', () => read('counted'))
    await counted('delete', () => secrets().delete(id))
    expect(calls).toEqual({ create: 2, describe: 0, list: 0, description: 0, value: 2, read: 1, delete: 1 })
  })
})
