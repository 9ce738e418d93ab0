import { startAzureEmulator } from '@strongroom/emulators/azure'
import { expect, it } from 'vitest'
import { all, failureOf, innerCodeOf, startVault, type TestVault } from './vault.ts'

// The windows, by the emulator's clock: nothing here waits.

const DAY = 86_400_000
const DELAYS = { deleteDelayMs: 10_000, recoverDelayMs: 20_000, purgeDelayMs: 5_000 }

const codeOf = async (answer: ReturnType<TestVault['ask']>): Promise<string> => {
  const { status, body } = await answer
  return status < 300 ? `${status}` : `${status} ${body.error.innererror?.code ?? body.error.code}`
}

/** What each request about a name meets. */
const viewOf = async (vault: TestVault, name: string): Promise<Readonly<Record<string, string>>> => ({
  get: await codeOf(vault.ask('GET', `/secrets/${name}`)),
  getDeleted: await codeOf(vault.ask('GET', `/deletedsecrets/${name}`)),
  listed: String((await vault.ask('GET', '/secrets')).body.value.length),
  listedDeleted: String((await vault.ask('GET', '/deletedsecrets')).body.value.length),
  versions: String((await vault.ask('GET', `/secrets/${name}/versions`)).body.value.length),
})

const NOWHERE = { get: '404 SecretNotFound', getDeleted: '404 SecretNotFound', listed: '0', listedDeleted: '0', versions: '0' }
const ACTIVE = { ...NOWHERE, get: '200', listed: '1', versions: '2' }
const DELETED = { ...NOWHERE, getDeleted: '200', listedDeleted: '1' }

async function startWithOne(options: Parameters<typeof startVault>[0]): Promise<TestVault> {
  const vault = await startVault(options)
  for (const value of ['one', 'two']) await vault.ask('PUT', '/secrets/a', { body: { value } })
  return vault
}

const set = (vault: TestVault): Promise<string> => codeOf(vault.ask('PUT', '/secrets/a', { body: { value: 'x' } }))
const remove = (vault: TestVault): Promise<string> => codeOf(vault.ask('DELETE', '/secrets/a'))
const purge = (vault: TestVault): Promise<string> => codeOf(vault.ask('DELETE', '/deletedsecrets/a'))
const recover = (vault: TestVault): Promise<string> => codeOf(vault.ask('POST', '/deletedsecrets/a/recover'))

it('being deleted: neither there nor deleted, and the name is taken', async () => {
  const vault = await startWithOne(DELAYS)
  expect(await viewOf(vault, 'a')).toEqual(ACTIVE)
  expect(await remove(vault)).toBe('200')
  for (const ms of [9_000, 1_000]) {
    expect(await viewOf(vault, 'a')).toEqual(NOWHERE)
    expect(await set(vault)).toBe('409 ObjectIsBeingDeleted')
    expect(await remove(vault)).toBe('404 SecretNotFound')
    expect(await purge(vault)).toBe('409 ObjectIsBeingDeleted')
    expect(await recover(vault)).toBe('409 ObjectIsBeingDeleted')
    vault.controls.clock.advance(ms)
  }
  expect(await viewOf(vault, 'a')).toEqual(DELETED)
  expect(await set(vault)).toBe('409 ObjectIsDeletedButRecoverable')
  await vault.stop()
})

it('being recovered: neither there nor deleted, and the name is taken', async () => {
  const vault = await startWithOne(DELAYS)
  await remove(vault)
  vault.controls.clock.advance(10_000)
  expect(await recover(vault)).toBe('200')
  for (const ms of [19_000, 1_000]) {
    expect(await viewOf(vault, 'a')).toEqual(NOWHERE)
    expect(await set(vault)).toBe('409 ObjectIsBeingRecovered')
    expect(await purge(vault)).toBe('409 ObjectIsBeingRecovered')
    expect(await recover(vault)).toBe('409 ObjectIsBeingRecovered')
    vault.controls.clock.advance(ms)
  }
  expect(await viewOf(vault, 'a')).toEqual(ACTIVE)
  vault.controls.clock.advance(100 * DAY)
  expect((await vault.ask('GET', '/secrets/a', { token: vault.issueToken() })).status).toBe(200)
  await vault.stop()
})

it('being purged: neither there nor deleted, and the name is taken', async () => {
  const vault = await startWithOne(DELAYS)
  const backup = (await vault.ask('POST', '/secrets/a/backup')).body
  await remove(vault)
  vault.controls.clock.advance(10_000)
  expect(await purge(vault)).toBe('204')
  for (const ms of [4_000, 1_000]) {
    expect(await viewOf(vault, 'a')).toEqual(NOWHERE)
    expect(await set(vault)).toBe('409 ObjectIsBeingDeleted')
    expect(await recover(vault)).toBe('409 ObjectIsBeingDeleted')
    expect(await codeOf(vault.ask('POST', '/secrets/restore', { body: backup }))).toBe('409 Conflict')
    vault.controls.clock.advance(ms)
  }
  expect(await viewOf(vault, 'a')).toEqual(NOWHERE)
  expect(await recover(vault)).toBe('404 SecretNotFound')
  expect(await set(vault)).toBe('200')
  expect((await viewOf(vault, 'a'))['versions']).toBe('1')
  await vault.stop()
})

it('the pollers of the SDK wait for it', async () => {
  const vault = await startWithOne(DELAYS)
  const client = vault.client()
  const deletion = await client.beginDeleteSecret('a', { intervalInMs: 1 })
  expect(deletion.isDone()).toBe(false)
  vault.controls.clock.advance(10_000)
  expect((await deletion.pollUntilDone()).name).toBe('a')
  const recovery = await client.beginRecoverDeletedSecret('a', { intervalInMs: 1 })
  expect(recovery.isDone()).toBe(false)
  vault.controls.clock.advance(20_000)
  expect((await recovery.pollUntilDone()).name).toBe('a')
  await vault.stop()
})

it.each([7, 89, 90])('after %i days a deleted secret is gone by itself', async recoverableDays => {
  const vault = await startWithOne({ recoverableDays, purgeProtection: true })
  await remove(vault)
  const { body } = await vault.ask('GET', '/deletedsecrets/a')
  expect(body.scheduledPurgeDate - body.deletedDate).toBe((recoverableDays * DAY) / 1000)
  expect(body.attributes).toMatchObject({ recoverableDays, recoveryLevel: recoverableDays === 90 ? 'Recoverable' : 'CustomizedRecoverable' })
  // The time of the clock's own running is in it too.
  vault.controls.clock.advance(recoverableDays * DAY - 30_000)
  const token = vault.issueToken()
  expect((await vault.ask('GET', '/deletedsecrets/a', { token })).status).toBe(200)
  vault.controls.clock.advance(30_000)
  expect((await vault.ask('GET', '/deletedsecrets/a', { token })).status).toBe(404)
  expect((await vault.ask('POST', '/deletedsecrets/a/recover', { token })).status).toBe(404)
  expect((await vault.ask('PUT', '/secrets/a', { token, body: { value: 'new' } })).status).toBe(200)
  expect((await vault.ask('GET', '/secrets/a/versions', { token })).body.value).toHaveLength(1)
  await vault.stop()
})

it('with purge protection nobody purges, and the error has no inner code', async () => {
  const vault = await startWithOne({ purgeProtection: true, vaultName: 'guarded' })
  await remove(vault)
  const refused = await failureOf(vault.client().purgeDeletedSecret('a'))
  expect([refused.statusCode, refused.code, innerCodeOf(refused)]).toEqual([403, 'Forbidden', undefined])
  expect(refused.details?.error?.message).toMatch(/purge protection is enabled for this vault.*\r\nVault: guarded;/)
  expect(await viewOf(vault, 'a')).toEqual(DELETED)
  await vault.stop()
})

it('lists lag, and nothing else does', async () => {
  const vault = await startVault()
  const client = vault.client()
  const { clock, lag } = vault.controls
  lag.lists = 60_000
  const view = async (): Promise<readonly unknown[]> => [
    (await all(client.listPropertiesOfSecrets())).map(({ name, tags }) => [name, tags]),
    (await all(client.listPropertiesOfSecretVersions('a'))).map(({ tags }) => String(tags?.['t'])).toSorted(),
    (await all(client.listDeletedSecrets())).map(({ name }) => name),
  ]
  const one = await client.setSecret('a', 'one', { tags: { t: '1' } })
  expect((await client.getSecret('a')).value).toBe('one')
  expect(await view()).toEqual([[], [], []])
  clock.advance(60_000)
  expect(await view()).toEqual([[['a', { t: '1' }]], ['1'], []])

  await client.updateSecretProperties('a', one.properties.version as string, { tags: { t: '2' } })
  await client.setSecret('a', 'two', { tags: { t: '3' } })
  expect(await view()).toEqual([[['a', { t: '1' }]], ['1'], []])
  clock.advance(60_000)
  expect(await view()).toEqual([[['a', { t: '3' }]], ['2', '3'], []])

  await client.beginDeleteSecret('a')
  expect((await client.getDeletedSecret('a')).name).toBe('a')
  expect(await view()).toEqual([[['a', { t: '3' }]], ['2', '3'], []])
  clock.advance(60_000)
  expect(await view()).toEqual([[], [], ['a']])

  await client.purgeDeletedSecret('a')
  expect(await view()).toEqual([[], [], ['a']])
  clock.advance(60_000)
  expect(await view()).toEqual([[], [], []])
  lag.lists = 0
  await client.setSecret('a', 'three')
  expect((await view())[0]).toEqual([['a', undefined]])
  await vault.stop()
})

it.each([{ recoverableDays: 6 }, { recoverableDays: 91 }, { recoverableDays: 7.5 }, { deleteDelayMs: -1 }, { purgeDelayMs: Number.NaN }])(
  'does not start with %o',
  async options => {
    await expect(startAzureEmulator(options)).rejects.toThrow(RangeError)
  },
)
