import { parseKeyVaultSecretIdentifier, type SecretClient } from '@azure/keyvault-secrets'
import { accountId, createSecretReader, createSecretRegistry, unsafeAllowEveryone, type SecretReader, type SecretRegistry } from '@strongroom/core'
import { startAzureEmulator, type AzureEmulator } from '@strongroom/emulators/azure'
import { sqliteMetadata } from '@strongroom/sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { azureDriver, azureSecretStore } from '../src/index.ts'
import { asked, officialClient, optionsAt, PRINCIPALS } from './vault.ts'

// The registry on SQLite and Azure: what the official client finds at the path that the metadata names. Its principal may not read.

const ALICE = { id: 'alice', type: 'user' } as const
const VALUES = {
  text: 'sk-1',
  unicode: 'pässwörd 🔑\r\n\tlast line ',
  json: '{"user":"a","password":"\\"b"}',
  binary: Uint8Array.from({ length: 256 }, (_, byte) => byte),
}

describe('a registry on Azure', () => {
  let vault: AzureEmulator
  let registry: SecretRegistry
  let reader: SecretReader
  let official: SecretClient

  beforeAll(async () => {
    vault = await startAzureEmulator()
    const { controls } = vault
    controls.permit(PRINCIPALS.owner)
    controls.permit('reader', { operations: ['GetSecret'] })
    controls.permit(PRINCIPALS.manager, {
      operations: ['SetSecret', 'GetSecretVersions', 'UpdateSecret', 'DeleteSecret', 'PurgeDeletedSecret'],
    })
    official = officialClient(vault)
    const metadata = sqliteMetadata({ path: ':memory:' })
    const shared = { id: 'main', metadata, authorize: unsafeAllowEveryone }
    const policy = { prefix: 'registry-' }
    registry = await createSecretRegistry({
      ...shared,
      stores: { main: azureDriver(optionsAt(vault, PRINCIPALS.manager)) },
      writeTo: 'main',
      policy,
    })
    reader = await createSecretReader({ ...shared, stores: { main: azureDriver(optionsAt(vault, 'reader')) } })
  })
  afterAll(async () => {
    await reader?.close()
    await registry?.close()
    await vault?.stop()
  })

  const secrets = (): ReturnType<SecretRegistry['account']> => registry.account(accountId('acme'), ALICE)
  const read = async (key: string): Promise<Uint8Array> => (await reader.account(accountId('acme'), ALICE).read({ key })).value.revealBytes()
  const outside = async (cloudSecretPath: string): Promise<Uint8Array> => {
    const { vaultUrl, name } = parseKeyVaultSecretIdentifier(cloudSecretPath)
    expect(vaultUrl).toBe(vault.vaultUrl)
    const { value = '', properties } = await official.getSecret(name)
    return properties.contentType === undefined ? new TextEncoder().encode(value) : new Uint8Array(Buffer.from(value, 'base64'))
  }

  it.each(Object.entries(VALUES))('%s: the official client reads it byte for byte at the path that the metadata names', async (key, value) => {
    const { cloudSecretPath } = await secrets().create({ key, value })
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
    expect(await outside(cloudSecretPath)).toEqual(bytes)
    expect(await read(key)).toEqual(bytes)
  })

  const versionsAt = async (cloudSecretPath: string) => {
    const { name } = parseKeyVaultSecretIdentifier(cloudSecretPath)
    const versions = await Array.fromAsync(official.listPropertiesOfSecretVersions(name))
    return versions.toSorted((a, b) => (a.createdOn?.getTime() ?? 0) - (b.createdOn?.getTime() ?? 0))
  }

  it('an update keeps the labels and the version before, blocks the one before that, and reads the new one', async () => {
    const { id, cloudSecretPath } = await secrets().create({ key: 'updated', value: 'zero' })
    for (const value of ['one', 'two']) {
      vault.controls.clock.advance(1_000)
      await secrets().update(id, { value })
    }
    await registry.maintain()
    const versions = await versionsAt(cloudSecretPath)
    expect(versions.map(({ enabled }) => enabled)).toEqual([false, true, true])
    for (const { tags } of versions) {
      expect(tags).toMatchObject({ 'strongroom-registry': 'main', 'strongroom-account': 'acme', 'strongroom-secret': id })
    }
    expect(new TextDecoder().decode(await read('updated'))).toBe('two')
  })

  it('a rollback is read at once; outsiders see the newest until the next update', async () => {
    const { id, cloudSecretPath } = await secrets().create({ key: 'rolled-back', value: 'one' })
    vault.controls.clock.advance(1_000)
    await secrets().update(id, { value: 'two' })
    const [, before] = await secrets().versions(id)
    if (before === undefined) throw new Error('nothing is kept')
    expect(await secrets().rollback(id, before.version)).toMatchObject({ outsiders: 'see_newest' })
    expect(new TextDecoder().decode(await read('rolled-back'))).toBe('one')
    expect(new TextDecoder().decode(await outside(cloudSecretPath))).toBe('two')
    vault.controls.clock.advance(1_000)
    await secrets().update(id, { value: 'three' })
    await registry.maintain()
    expect(new TextDecoder().decode(await outside(cloudSecretPath))).toBe('three')
    expect((await versionsAt(cloudSecretPath)).map(({ enabled }) => enabled)).toEqual([true, false, true])
  })

  it('a value that another client puts at that path is read by the store; the reader keeps to what was committed', async () => {
    const { cloudSecretPath } = await secrets().create({ key: 'outside', value: 'committed' })
    const { name } = parseKeyVaultSecretIdentifier(cloudSecretPath)
    await official.setSecret(name, 'from outside', { contentType: 'text/plain' })
    await using store = azureSecretStore(optionsAt(vault), { naming: 'native' })
    expect((await store.get(name)).value.revealText()).toBe('from outside')
    expect(new TextDecoder().decode(await read('outside'))).toBe('committed')
  })

  it('a delete purges, and frees the name', async () => {
    const { id, cloudSecretPath } = await secrets().create({ key: 'gone', value: 'one' })
    await secrets().delete(id)
    const { name } = parseKeyVaultSecretIdentifier(cloudSecretPath)
    await expect(official.getSecret(name)).rejects.toMatchObject({ statusCode: 404 })
    await expect(official.getDeletedSecret(name)).rejects.toMatchObject({ statusCode: 404 })
  })

  it('a write whose answer is lost ends as exactly one version', async () => {
    const { id, cloudSecretPath } = await secrets().create({ key: 'lost', value: 'one' })
    vault.controls.clock.advance(1_000)
    vault.controls.inject({ kind: 'lose' }, { operations: ['SetSecret'] })
    await secrets().update(id, { value: 'two' })
    expect(new TextDecoder().decode(await read('lost'))).toBe('two')
    const { name } = parseKeyVaultSecretIdentifier(cloudSecretPath)
    expect(await Array.fromAsync(official.listPropertiesOfSecretVersions(name))).toHaveLength(2)
  })

  it('never reads a value', async () => {
    asked(vault)
    const { id } = await secrets().create({ key: 'unread', value: 'one' })
    vault.controls.clock.advance(1_000)
    await secrets().update(id, { value: 'two' })
    const [, before] = await secrets().versions(id)
    if (before !== undefined) await secrets().rollback(id, before.version)
    await registry.maintain()
    await secrets().delete(id)
    await registry.maintain()
    expect(asked(vault)).not.toContain('GetSecret')
  })
})
