import { readFileSync } from 'node:fs'
import { accountId, createSecretReader, createSecretRegistry, unsafeAllowEveryone, type SecretReader, type SecretRegistry } from '@strongroom/core'
import { startAzureEmulator, type AzureEmulator } from '@strongroom/emulators/azure'
import { sqliteMetadata } from '@strongroom/sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { azureDriver, azureSecretStore } from '../src/index.ts'
import { asked, optionsAt, PRINCIPALS } from './vault.ts'

// The README's table of requests, counted at the vault. A version is made a second after the other, so that dates tell them apart.

const ALICE = { id: 'alice', type: 'user' } as const
let vault: AzureEmulator
let store: ReturnType<typeof azureSecretStore>
let registry: SecretRegistry
let reader: SecretReader

beforeAll(async () => {
  vault = await startAzureEmulator()
  store = azureSecretStore(optionsAt(vault), { prefix: 'store-' })
  const shared = {
    id: 'main',
    metadata: sqliteMetadata({ path: ':memory:' }),
    stores: { main: azureDriver(optionsAt(vault)) },
    authorize: unsafeAllowEveryone,
  }
  registry = await createSecretRegistry({ ...shared, writeTo: 'main' })
  reader = await createSecretReader(shared)
  await store.put('warm', 'x')
  await registry.account(accountId('acme'), ALICE).list()
})
afterAll(async () => {
  await reader?.close()
  await registry?.close()
  await store?.close()
  await vault?.stop()
})

function documented(): Readonly<Record<string, readonly string[]>> {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const [, section = ''] = readme.split('## Calls and permissions')
  const lines = (section.split('\n## ')[0] ?? '').split('\n').filter(line => line.startsWith('|'))
  const rows = lines.slice(2).map(line => line.split('|').map(cell => cell.trim()))
  return Object.fromEntries(
    rows.map(([, operation = '', requests = '']) => [operation.replaceAll('`', ''), requests.replaceAll('`', '').split(', ')]),
  )
}

test('the requests of each operation are those of the README', async () => {
  const counted: Record<string, readonly string[]> = {}
  const count = async <Answer>(operation: string, act: () => Promise<Answer>): Promise<Answer> => {
    vault.controls.clock.advance(1_000)
    asked(vault)
    const answer = await act()
    counted[operation] = asked(vault)
    return answer
  }
  const secrets = registry.account(accountId('acme'), ALICE)
  const { version } = await count('put to a new name', () => store.put('a', 'one'))
  await count('put', () => store.put('a', 'two'))
  await count('put with ifAbsent', () => store.put('b', 'one', { ifAbsent: 'unsafe-check-then-write', labels: { owner: 'x' } }))
  await count('get', () => store.get('a'))
  await count('getMany of 3', () => store.getMany(['a', 'b', 'missing']))
  await count('versions', () => Array.fromAsync(store.versions('a')))
  await count('list', () => Array.fromAsync(store.list({ withLabels: true })))
  await count('destroyVersion', () => store.destroyVersion('a', version))
  await count('delete', () => store.delete('a'))
  await count('restore', () => store.restore('a'))
  await count('delete with purge', () => store.delete('a', { purge: true }))
  // A registry's own driver and its reader's make their probes here.
  const { id } = await secrets.create({ key: 'first', value: 'x' })
  await reader.account(accountId('acme'), ALICE).read({ key: 'first' })
  await count('registry create', () => secrets.create({ key: 'counted', value: 'one' }))
  await count('registry update, value', () => secrets.update(id, { value: 'two' }))
  const [, before] = await secrets.versions(id)
  if (before === undefined) throw new Error('nothing is kept')
  await count('registry rollback', () => secrets.rollback(id, before.version))
  await count('reader read', () => reader.account(accountId('acme'), ALICE).read({ key: 'counted' }))
  await count('registry delete', () => secrets.delete(id))
  expect(counted).toEqual(documented())
})

test('a list asks once for 25 secrets of the vault, whatever its prefix', async () => {
  const before = (await Array.fromAsync(azureSecretStore(optionsAt(vault), { naming: 'native' }).list())).length
  for (let index = before; index < 30; index += 1) await store.put(`many${index}`, 'x')
  asked(vault)
  await Array.fromAsync(azureSecretStore(optionsAt(vault), { prefix: 'nothing-' }).list())
  expect(asked(vault)).toEqual(['GetSecrets', 'GetSecrets'])
})

test('a client’s first call has one request more, an empty probe', async () => {
  await using fresh = azureSecretStore(optionsAt(vault), { prefix: 'store-' })
  asked(vault)
  await fresh.get('b')
  await fresh.get('b')
  expect(vault.controls.journal.map(({ operation, answered }) => [operation, answered])).toEqual([
    ['GetSecret', 401],
    ['GetSecret', 200],
    ['GetSecret', 200],
  ])
})

test('versions of one second cost one read more, which who may not read is refused', async () => {
  const { clock } = vault.controls
  const now = clock.now()
  clock.now = () => now
  await store.put('twice', 'one')
  const { version } = await store.put('twice', 'two')
  asked(vault)
  const listed = await Array.fromAsync(store.versions('twice'))
  expect(listed.find(({ current }) => current)?.version).toBe(version)
  expect(asked(vault)).toEqual(['GetSecretVersions', 'GetSecret'])
  vault.controls.permit(PRINCIPALS.owner)
  vault.controls.permit(PRINCIPALS.manager, { operations: ['GetSecretVersions'] })
  await using manager = azureSecretStore(optionsAt(vault, PRINCIPALS.manager), { prefix: 'store-' })
  expect((await Array.fromAsync(manager.versions('twice'))).map(({ current }) => current)).toEqual([false, false])
})
