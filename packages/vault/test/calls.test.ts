import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SecretStore, VersionId } from '@strongroom/core'
import { startFaultProxy, type FaultProxy } from '@strongroom/emulators'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { vaultSecretStore } from '../src/index.ts'
import { missing, proxied, startVault, suite, type Vault } from './vault.ts'

// What an operation of a store costs, counted on the wire to a real server, and the same in the README.

interface Made {
  readonly first: VersionId
  readonly second: VersionId
}

interface Row {
  /** The operation as the README's table has it. */
  readonly operation: string
  readonly when: string
  readonly act: (store: SecretStore, made: Made) => Promise<unknown>
  readonly requests: readonly string[]
}

/** Each with a secret `a` of two versions, by a store that has been used. */
const rows: readonly Row[] = [
  { operation: '`get`', when: 'current', act: store => store.get('a'), requests: ['ReadData'] },
  { operation: '`get`', when: 'of a version', act: (store, { first }) => store.get('a', { version: first }), requests: ['ReadData'] },
  { operation: '`getMany`', when: 'of one', act: store => store.getMany(['a']), requests: ['ReadData'] },
  { operation: '`put`', when: 'there is one', act: store => store.put('a', 'x'), requests: ['ReadMetadata', 'WriteData'] },
  { operation: '`put`', when: 'the name is new', act: store => store.put('b', 'x'), requests: ['ReadMetadata', 'WriteData', 'WriteMetadata'] },
  {
    operation: '`put` with `ifAbsent`',
    when: 'absent',
    act: store => store.put('b', 'x', { ifAbsent: true }),
    requests: ['WriteData', 'WriteMetadata'],
  },
  {
    operation: '`put` with `ifAbsent`',
    when: 'with labels',
    act: store => store.put('b', 'x', { ifAbsent: true, labels: { owner: 'ops' } }),
    requests: ['WriteData', 'WriteMetadata'],
  },
  {
    operation: '`put` with `ifAbsent`',
    when: 'there is one',
    act: store => store.put('a', 'x', { ifAbsent: true }).catch(() => {}),
    requests: ['WriteData'],
  },
  {
    operation: '`put` with `ifVersion`',
    when: 'it is current',
    act: (store, { second }) => store.put('a', 'x', { ifVersion: second }),
    requests: ['ReadMetadata', 'WriteData'],
  },
  {
    operation: '`put` with `ifVersion`',
    when: 'someone was faster',
    act: (store, { first }) => store.put('a', 'x', { ifVersion: first }).catch(() => {}),
    requests: ['ReadMetadata'],
  },
  { operation: '`versions`', when: 'of two', act: store => Array.fromAsync(store.versions('a')), requests: ['ReadMetadata'] },
  { operation: '`list`', when: 'of one', act: store => Array.fromAsync(store.list()), requests: ['ListMetadata'] },
  {
    operation: '`list` with labels',
    when: 'of one',
    act: store => Array.fromAsync(store.list({ withLabels: true })),
    requests: ['ListMetadata', 'ReadMetadata'],
  },
  {
    operation: '`destroyVersion`',
    when: 'an old one',
    act: (store, { first }) => store.destroyVersion('a', first),
    requests: ['DestroyVersions'],
  },
  { operation: '`delete`', when: 'for good', act: store => store.delete('a', { purge: true }), requests: ['DeleteMetadata'] },
]

describe.skipIf(missing !== undefined)(suite('requests of an operation'), () => {
  let vault: Vault
  let proxy: FaultProxy
  const asked: string[] = []
  beforeAll(async () => {
    vault = await startVault()
    const operationOf: NonNullable<typeof proxied.operationOf> = request => {
      asked.push(proxied.operationOf?.(request) ?? '')
      return ''
    }
    proxy = await startFaultProxy(vault.url, { ...proxied, operationOf })
  })
  afterAll(async () => {
    await proxy?.stop()
    await vault?.stop()
  })
  const store = async (): Promise<SecretStore> =>
    vaultSecretStore({ address: proxy.url, mount: await vault.mount(), auth: { method: 'token', token: vault.token } }, { attempts: 1 })

  it.each(rows)('$operation, $when', async ({ act, requests }) => {
    await using used = await store()
    const { version: first } = await used.put('a', 'one')
    const { version: second } = await used.put('a', 'two')
    asked.length = 0
    await act(used, { first, second })
    expect(asked).toEqual(requests)
  })

  it('a driver asks once what is mounted, before its first request', async () => {
    await using fresh = await store()
    asked.length = 0
    await fresh.getMany(['a', 'b', 'c'])
    await fresh.getMany(['a'])
    expect(asked).toEqual(['ReadMount', ...Array(4).fill('ReadData')])
  })

  it('a denial costs one request more, to tell it from a bad token', async () => {
    const token = await vault.tokenFor({ 'somewhere/else': ['read'] })
    await using denied = vaultSecretStore({ address: proxy.url, mount: await vault.mount(), auth: { method: 'token', token } })
    asked.length = 0
    await denied.get('a').catch(() => {})
    expect(asked).toEqual(['ReadMount', 'ReadData', 'LookupSelf'])
  })
})

describe('the README', () => {
  it('has the same', () => {
    const table = readmeTable()
    expect([...table.keys()]).toEqual([...new Set(rows.map(({ operation }) => operation))])
    for (const [operation, cell] of table) {
      const counted = rows.filter(row => row.operation === operation).map(row => row.requests)
      expect(new Set([...cell.matchAll(/`([A-Z]\w+)`/g)].map(match => match[1])), operation).toEqual(new Set(counted.flat()))
      const number = /^\d+/.exec(cell)?.[0]
      if (number !== undefined) expect(Number(number), operation).toBe(counted[0]?.length)
    }
  })
})

/** Operation to requests, as the README says them. */
function readmeTable(): ReadonlyMap<string, string> {
  const [, section = ''] = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8').split('## Calls and permissions')
  const lines = (section.split('\n## ')[0] ?? '').split('\n').filter(line => line.startsWith('| `'))
  return new Map(lines.map(line => line.split('|').map(cell => cell.trim())).map(([, operation = '', requests = '']) => [operation, requests]))
}
