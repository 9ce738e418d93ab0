import assert from 'node:assert/strict'
import type { SecretStore, VersionId } from '@strongroom/core'
import type { CaseContext } from '../case-context.ts'
import type { DriverCase } from '../driver-case.ts'

const MANY = 50

interface Counted {
  readonly name: string
  /** Why this backend has no such operation. */
  readonly lacks?: (context: CaseContext) => boolean
  readonly act: (store: SecretStore, made: { readonly first: VersionId; readonly second: VersionId }, context: CaseContext) => Promise<unknown>
}

/** In this order, each on a secret of its own with two versions. */
const counted: readonly Counted[] = [
  { name: 'get', act: async store => await store.get('shared') },
  { name: 'get of a version', act: async (store, { first }) => await store.get('shared', { version: first }) },
  { name: `getMany of ${MANY}`, act: async store => await store.getMany(Array.from({ length: MANY }, (_, index) => `missing${index}`)) },
  { name: 'put', act: async store => await store.put('shared', 'three') },
  { name: 'put to a new name', act: async store => await store.put('fresh', 'one') },
  {
    name: 'put with ifAbsent',
    act: async (store, _, { capabilities }) =>
      await store.put('absent', 'one', { ifAbsent: capabilities.create === 'atomic' ? true : 'unsafe-check-then-write' }),
  },
  {
    name: 'put with ifVersion',
    lacks: ({ capabilities }) => capabilities.appendAfter === 'ignored' && capabilities.current === 'on_append',
    act: async (store, { second }) => await store.put('shared', 'three', { ifVersion: second }),
  },
  { name: 'versions', act: async store => await Array.fromAsync(store.versions('shared')) },
  { name: 'list', act: async store => await Array.fromAsync(store.list()) },
  { name: 'list with labels', act: async store => await Array.fromAsync(store.list({ withLabels: true })) },
  { name: 'destroyVersion', act: async (store, { first }) => await store.destroyVersion('shared', first) },
  { name: 'delete', lacks: ({ capabilities }) => capabilities.remove === 'immediate', act: async store => await store.delete('shared') },
  {
    name: 'delete and restore',
    lacks: ({ capabilities }) => capabilities.remove === 'immediate',
    act: async store => {
      await store.delete('shared')
      await store.restore('shared')
    },
  },
  { name: 'purge', act: async store => await store.delete('shared', { purge: true }) },
]

export const callsCases: readonly DriverCase[] = [
  {
    id: 'calls/counted',
    title: 'every operation of a store makes a number of requests that is the same each time; the report tells it',
    needs: ['faults'],
    async run(context) {
      for (const { name, lacks, act } of counted) {
        if (lacks?.(context) === true) continue
        const once = await requestsOf(context, `${context.prefix}a-`, act)
        const again = await requestsOf(context, `${context.prefix}b-`, act)
        assert.equal(again, once, `${name}: the same number of requests each time`)
        context.calls[name] = once
      }
      // A read may itself be more than one request.
      const most = Math.ceil(MANY / context.capabilities.maxBatch) * (context.calls['get'] ?? 1)
      assert.ok((context.calls[`getMany of ${MANY}`] ?? 0) <= most, `getMany asks for ${context.capabilities.maxBatch} at once`)
    },
  },
]

async function requestsOf(context: CaseContext, prefix: string, act: Counted['act']): Promise<number> {
  const { faults } = context.hooks
  const path = `${prefix}${context.name()}-`
  const store = context.store({ prefix: path })
  const { version: first } = await store.put('shared', 'one')
  const { version: second } = await store.put('shared', 'two')
  await store.get('shared')
  const before = await faults.requests()
  await act(store, { first, second }, context)
  return (await faults.requests()) - before
}
