import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { all, failureOf, innerCodeOf, startVault, type ApiVersion, type TestVault } from './vault.ts'

// What the official SDK makes of the emulator, at each version of the interface that the SDK has a name for.

let vault: TestVault
beforeAll(async () => {
  vault = await startVault({ recoverableDays: 90 })
})
afterAll(async () => vault.stop())

describe.each<ApiVersion>(['7.5', '7.6', '2025-07-01'])('api-version %s', version => {
  const prefix = `sdk-${version.replaceAll('.', '-')}`
  const client = (): ReturnType<TestVault['client']> => vault.client(vault.token, version)

  it('sets, gets and updates', async () => {
    const name = `${prefix}-set`
    const before = Math.floor(Date.now() / 1000) * 1000
    const expiresOn = new Date('2031-01-01T00:00:00Z')
    const notBefore = new Date('2001-01-01T00:00:00Z')
    const made = await client().setSecret(name, 'ä value', { tags: { a: '1' }, contentType: 'text/plain', expiresOn, notBefore })
    expect(made).toMatchObject({ name, value: 'ä value' })
    expect(made.properties).toMatchObject({
      id: `${vault.vaultUrl}/secrets/${name}/${made.properties.version}`,
      vaultUrl: vault.vaultUrl,
      enabled: true,
      expiresOn,
      notBefore,
      contentType: 'text/plain',
      tags: { a: '1' },
      recoveryLevel: 'Recoverable+Purgeable',
      recoverableDays: 90,
    })
    expect(made.properties.version).toMatch(/^[0-9a-f]{32}$/)
    expect(made.properties.createdOn?.getTime()).toBeGreaterThanOrEqual(before)
    expect(made.properties.updatedOn).toEqual(made.properties.createdOn)
    expect(await client().getSecret(name)).toEqual(made)

    const second = await client().setSecret(name, 'two')
    expect(second.properties).toMatchObject({ tags: undefined, contentType: undefined, expiresOn: undefined })
    expect((await client().getSecret(name)).value).toBe('two')
    expect(await client().getSecret(name, { version: made.properties.version as string })).toEqual(made)

    const updated = await client().updateSecretProperties(name, made.properties.version as string, { tags: { b: '2' } })
    expect(updated).toMatchObject({ tags: { b: '2' }, contentType: 'text/plain', expiresOn, enabled: true })
    expect((await client().getSecret(name, { version: made.properties.version as string })).properties.tags).toEqual({ b: '2' })
    expect((await client().getSecret(name)).properties.tags).toBeUndefined()
  })

  it('refuses the value of a disabled version, and lets it be enabled again', async () => {
    const name = `${prefix}-off`
    const { properties } = await client().setSecret(name, 'x', { enabled: false })
    const refused = await failureOf(client().getSecret(name))
    expect([refused.statusCode, refused.code, innerCodeOf(refused)]).toEqual([403, 'Forbidden', 'SecretDisabled'])
    await client().updateSecretProperties(name, properties.version as string, { enabled: true })
    expect((await client().getSecret(name)).value).toBe('x')
    const newest = await client().setSecret(name, 'y')
    await client().updateSecretProperties(name, newest.properties.version as string, { enabled: false })
    expect(innerCodeOf(await failureOf(client().getSecret(name)))).toBe('SecretDisabled')
    expect((await client().getSecret(name, { version: properties.version as string })).value).toBe('x')
  })

  it('gives a value outside of its time', async () => {
    const name = `${prefix}-time`
    await client().setSecret(name, 'x', { expiresOn: new Date('2001-01-01T00:00:00Z'), notBefore: new Date('2031-01-01T00:00:00Z') })
    expect((await client().getSecret(name)).value).toBe('x')
  })

  it('takes an empty value', async () => {
    await client().setSecret(`${prefix}-empty`, '')
    expect((await client().getSecret(`${prefix}-empty`)).value).toBe('')
  })

  it('lists secrets and versions over many pages', async () => {
    const names = Array.from({ length: 27 }, (_, index) => `${prefix}-list-${String(index).padStart(2, '0')}`)
    for (const name of names) await client().setSecret(name, 'secret value', { tags: { of: name } })
    const listed = await all(client().listPropertiesOfSecrets())
    const mine = listed.filter(({ name }) => name.startsWith(`${prefix}-list-`))
    expect(mine.map(({ name, tags, version: none }) => [name, tags, none])).toEqual(names.map(name => [name, { of: name }, undefined]))
    expect(JSON.stringify(listed)).not.toContain('secret value')
    const pages = await all(client().listPropertiesOfSecrets().byPage({ maxPageSize: 10 }))
    expect(pages.every(page => page.length <= 10)).toBe(true)
    expect(pages.flat().map(({ name }) => name)).toEqual(listed.map(({ name }) => name))

    for (let count = 0; count < 30; count += 1) await client().setSecret(`${prefix}-versions`, 'v')
    const versions = await all(client().listPropertiesOfSecretVersions(`${prefix}-versions`))
    const ids = versions.map(({ version: id }) => String(id))
    expect(new Set(ids).size).toBe(30)
    expect(ids).toEqual(ids.toSorted())
    expect(await all(client().listPropertiesOfSecretVersions(`${prefix}-none`))).toEqual([])
  })

  it('deletes, lists what is deleted, recovers, purges', async () => {
    const name = `${prefix}-gone`
    await client().setSecret(name, 'one')
    await client().setSecret(name, 'two', { tags: { t: '1' } })
    const deleted = await (await client().beginDeleteSecret(name, { intervalInMs: 1 })).pollUntilDone()
    expect(deleted).toMatchObject({ name, value: undefined, recoveryId: `${vault.vaultUrl}/deletedsecrets/${name}` })
    expect(deleted.properties.tags).toEqual({ t: '1' })
    expect((deleted.scheduledPurgeDate?.getTime() ?? 0) - (deleted.deletedOn?.getTime() ?? 0)).toBe(90 * 86_400_000)
    expect((await failureOf(client().getSecret(name))).code).toBe('SecretNotFound')
    expect((await failureOf(client().beginDeleteSecret(name))).code).toBe('SecretNotFound')
    expect(innerCodeOf(await failureOf(client().setSecret(name, 'three')))).toBe('ObjectIsDeletedButRecoverable')
    expect((await all(client().listDeletedSecrets())).map(secret => secret.name)).toContain(name)
    expect((await all(client().listPropertiesOfSecrets())).map(secret => secret.name)).not.toContain(name)
    expect(await all(client().listPropertiesOfSecretVersions(name))).toEqual([])

    await (await client().beginRecoverDeletedSecret(name, { intervalInMs: 1 })).pollUntilDone()
    expect((await client().getSecret(name)).value).toBe('two')
    expect(await all(client().listPropertiesOfSecretVersions(name))).toHaveLength(2)

    await client().beginDeleteSecret(name)
    await client().purgeDeletedSecret(name)
    expect((await failureOf(client().getDeletedSecret(name))).code).toBe('SecretNotFound')
    expect((await failureOf(client().purgeDeletedSecret(name))).code).toBe('SecretNotFound')
    await client().setSecret(name, 'again')
    expect(await all(client().listPropertiesOfSecretVersions(name))).toHaveLength(1)
  })

  it('restores a backup only where the name is free', async () => {
    const name = `${prefix}-backup`
    const second = 'the second of two values'
    await client().setSecret(name, 'one')
    await client().setSecret(name, second)
    const backup = await client().backupSecret(name)
    if (backup === undefined) throw new Error('no backup')
    expect(Buffer.from(backup).toString('latin1')).not.toContain(second)
    expect((await failureOf(client().restoreSecretBackup(backup))).code).toBe('Conflict')
    await client().beginDeleteSecret(name)
    expect((await failureOf(client().restoreSecretBackup(backup))).statusCode).toBe(409)
    await client().purgeDeletedSecret(name)
    await client().restoreSecretBackup(backup)
    expect((await client().getSecret(name)).value).toBe(second)
    expect(await all(client().listPropertiesOfSecretVersions(name))).toHaveLength(2)
    expect((await failureOf(client().restoreSecretBackup(new Uint8Array(64)))).code).toBe('Malformed backup blob')
  })
})

it('shows the secret of a certificate, and does not let it be changed', async () => {
  const version = vault.plantCertificate({ name: 'Cert', value: 'pem', tags: { of: 'cert' } })
  const client = vault.client()
  const found = await client.getSecret('cert')
  expect(found).toMatchObject({ name: 'Cert', value: 'pem' })
  expect(found.properties).toMatchObject({ managed: true, certificateKeyId: `${vault.vaultUrl}/keys/Cert/${version}`, tags: { of: 'cert' } })
  expect((await all(client.listPropertiesOfSecrets())).filter(({ managed }) => managed === true).map(({ name }) => name)).toEqual(['Cert'])
  expect((await all(client.listPropertiesOfSecretVersions('cert'))).map(({ managed }) => managed)).toEqual([true])
  for (const call of [
    client.setSecret('cert', 'x'),
    client.updateSecretProperties('cert', version, { tags: {} }),
    client.beginDeleteSecret('cert'),
  ]) {
    const refused = await failureOf(call)
    expect([refused.statusCode, refused.code, innerCodeOf(refused)]).toEqual([403, 'Forbidden', 'SecretManagedByKeyVault'])
  }
  expect(() => vault.plantCertificate({ name: 'cert' })).toThrow(RangeError)
})

it('finds a name in any case, and answers it as it was written first', async () => {
  const client = vault.client()
  await client.setSecret('Mixed-Case', 'one')
  expect((await client.setSecret('MIXED-case', 'two')).name).toBe('Mixed-Case')
  expect((await client.getSecret('mixed-case')).value).toBe('two')
  expect(await all(client.listPropertiesOfSecretVersions('mixed-CASE'))).toHaveLength(2)
  const deleted = await (await client.beginDeleteSecret('MIXED-CASE', { intervalInMs: 1 })).pollUntilDone()
  expect(deleted.name).toBe('Mixed-Case')
  await client.purgeDeletedSecret('mixed-case')
  expect((await client.setSecret('mixed-case', 'x')).name).toBe('mixed-case')
})

it('takes an address with a slash at its end', async () => {
  const client = vault.client(vault.token, '7.6', `${vault.vaultUrl}/`)
  await client.setSecret('slash', 'x')
  expect((await client.getSecret('slash')).value).toBe('x')
})

it('the client tries without a token first, and without the value', async () => {
  const { journal } = vault.controls
  const start = journal.length
  const client = vault.client()
  await client.setSecret('probe', 'x')
  await client.getSecret('probe')
  expect(journal.slice(start).map(({ operation, name, answered }) => [operation, name, answered])).toEqual([
    ['SetSecret', 'probe', 401],
    ['SetSecret', 'probe', 200],
    ['GetSecret', 'probe', 200],
  ])
})
