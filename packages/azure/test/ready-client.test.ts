import { createSecretStore } from '@strongroom/core'
import { startAzureEmulator } from '@strongroom/emulators/azure'
import { expect, test } from 'vitest'
import { azureDriver } from '../src/index.ts'
import { asked, officialClient } from './vault.ts'

test('a ready client of the SDK does all that a client of the driver’s own does, and stays open', async () => {
  const vault = await startAzureEmulator({ recoverableDays: 7 })
  await using closing = new AsyncDisposableStack()
  closing.defer(() => vault.stop())
  vault.paging.limit = 2
  const client = officialClient(vault)
  const driver = azureDriver({ vaultUrl: vault.vaultUrl, client })
  const store = createSecretStore(driver)
  for (const name of ['a', 'b', 'c', 'd', 'e']) await store.put(name, name)
  const { version } = await store.put('a', 'two')
  expect((await Array.fromAsync(store.list())).map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect((await Array.fromAsync(store.versions('a'))).find(({ current }) => current)?.version).toBe(version)
  expect((await store.delete('a')).state).toBe('retained')
  asked(vault)
  await store.restore('a')
  expect(asked(vault)).toContain('RecoverDeletedSecret')
  expect((await store.get('a')).value.revealText()).toBe('two')
  expect(await store.delete('a', { purge: true })).toEqual({ state: 'gone' })
  await store.close()
  expect((await client.getSecret('b')).value).toBe('b')
})
