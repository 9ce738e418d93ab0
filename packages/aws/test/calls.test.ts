import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SecretStore, VersionId } from '@strongroom/core'
import { describe, expect, it } from 'vitest'
import { startEmulator, storeOn } from './emulated.ts'

// What an operation of a store costs, counted by the emulator, and the same in the README.

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

const names = Array.from({ length: 50 }, (_, index) => `n${index}`)

/** Each on an account of its own, with a secret `a` of two versions. */
const rows: readonly Row[] = [
  { operation: '`get`', when: 'current', act: store => store.get('a'), requests: ['GetSecretValue'] },
  { operation: '`get`', when: 'of a version', act: (store, { first }) => store.get('a', { version: first }), requests: ['GetSecretValue'] },
  { operation: '`getMany`', when: 'of 20', act: store => store.getMany(names.slice(0, 20)), requests: ['BatchGetSecretValue'] },
  { operation: '`getMany`', when: 'of 50', act: store => store.getMany(names), requests: Array(3).fill('BatchGetSecretValue') },
  { operation: '`put`', when: 'there is one', act: store => store.put('a', 'x'), requests: ['PutSecretValue'] },
  { operation: '`put`', when: 'the name is new', act: store => store.put('b', 'x'), requests: ['PutSecretValue', 'CreateSecret'] },
  { operation: '`put` with `ifAbsent`', when: 'absent', act: store => store.put('b', 'x', { ifAbsent: true }), requests: ['CreateSecret'] },
  {
    operation: '`put` with `ifAbsent`',
    when: 'with labels',
    act: store => store.put('b', 'x', { ifAbsent: true, labels: { owner: 'ops' } }),
    requests: ['CreateSecret'],
  },
  {
    operation: '`put` with `ifVersion`',
    when: 'it is current',
    act: (store, { second }) => store.put('a', 'x', { ifVersion: second }),
    requests: ['PutSecretValue', 'UpdateSecretVersionStage'],
  },
  {
    operation: '`put` with `ifVersion`',
    when: 'someone was faster',
    act: (store, { first }) => store.put('a', 'x', { ifVersion: first }).catch(() => {}),
    // The look at who holds the label, then the tidying of what was staged.
    requests: ['PutSecretValue', 'UpdateSecretVersionStage', 'DescribeSecret', 'DescribeSecret', 'UpdateSecretVersionStage'],
  },
  {
    operation: '`versions`',
    when: 'of two',
    act: store => Array.fromAsync(store.versions('a')),
    requests: ['DescribeSecret', 'ListSecretVersionIds'],
  },
  { operation: '`list`', when: 'of one', act: store => Array.fromAsync(store.list()), requests: ['ListSecrets'] },
  { operation: '`list`', when: 'with labels', act: store => Array.fromAsync(store.list({ withLabels: true })), requests: ['ListSecrets'] },
  {
    operation: '`destroyVersion`',
    when: 'with one label',
    act: (store, { first }) => store.destroyVersion('a', first),
    requests: ['DescribeSecret', 'UpdateSecretVersionStage'],
  },
  { operation: '`delete`', when: 'with a window', act: store => store.delete('a'), requests: ['DeleteSecret'] },
  { operation: '`delete`', when: 'for good', act: store => store.delete('a', { purge: true }), requests: ['DeleteSecret'] },
  {
    operation: '`restore`',
    when: 'after the delete',
    act: async store => {
      await store.delete('a')
      await store.restore('a')
    },
    requests: ['DeleteSecret', 'RestoreSecret'],
  },
]

describe('requests of an operation', () => {
  it.each(rows)('$operation, $when', async ({ act, requests }) => {
    const emulator = await startEmulator()
    const store = storeOn(emulator)
    const { version: first } = await store.put('a', 'one')
    const { version: second } = await store.put('a', 'two')
    const before = emulator.controls.requests
    await act(store, { first, second })
    expect(emulator.controls.journal.slice(before).map(({ operation }) => operation)).toEqual(requests)
  })

  it('the README has the same', () => {
    const table = readmeTable()
    expect([...table.keys()]).toEqual([...new Set(rows.map(({ operation }) => operation))])
    for (const [operation, cell] of table) {
      const counted = rows.filter(row => row.operation === operation)
      const own = operation === '`restore`' ? counted.map(row => row.requests.slice(1)) : counted.map(row => row.requests)
      expect(
        [...cell.matchAll(/`([A-Z]\w+)`/g)].map(match => match[1]),
        operation,
      ).toEqual([...new Set(own.flat())])
      const number = /^\d+/.exec(cell)?.[0]
      if (number !== undefined) expect(Number(number), operation).toBe(own[0]?.length)
    }
  })
})

/** Operation to requests, as the README says them. */
function readmeTable(): ReadonlyMap<string, string> {
  const [, section = ''] = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8').split('## Calls and permissions')
  const lines = (section.split('\n## ')[0] ?? '').split('\n').filter(line => line.startsWith('| `'))
  return new Map(lines.map(line => line.split('|').map(cell => cell.trim())).map(([, operation = '', requests = '']) => [operation, requests]))
}
