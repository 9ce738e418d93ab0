import assert from 'node:assert/strict'
import type { NativePath, ReadOutcome } from '@strongroom/core'
import type { CaseContext } from '../case-context.ts'
import { binary } from '../case-context.ts'
import type { DriverCase } from '../driver-case.ts'
import { assertBytes, assertFailure } from '../expect.ts'

export const readManyCases: readonly DriverCase[] = [
  {
    id: 'read-many/an-outcome-for-every-path',
    title: 'a full batch has an outcome for each path: its value, or why not',
    needs: ['capability:maxBatch>1'],
    async run(context) {
      const made = [await context.create('one'), await context.create('two')]
      const missing = Array.from({ length: context.capabilities.maxBatch - made.length }, () => context.path())
      const outcomes = await readMany(context, [...missing, ...made.map(({ path }) => path)])
      for (const { path, version } of made) {
        const outcome = outcomes.get(path)
        assert.ok(outcome !== undefined && 'payload' in outcome, 'a secret that exists has its value in the batch')
        assert.equal(outcome.version, version)
      }
      for (const path of missing) {
        const outcome = outcomes.get(path)
        assert.ok(outcome !== undefined && 'failure' in outcome, 'a missing secret is an outcome')
        assertFailure(outcome.failure)
        assert.equal(outcome.failure.code, 'not_found')
      }
    },
  },
  {
    id: 'read-many/reads-current-versions',
    title: 'a batch has current versions: after an append the new one, and never a staged one',
    needs: ['capability:maxBatch>1'],
    async run(context) {
      const { path } = await context.create('one')
      const other = await context.create('elsewhere')
      const version = await context.append(path, 'two')
      if (context.capabilities.current === 'on_promote') await context.append(path, 'three', { staged: true })
      const outcome = (await readMany(context, [path, other.path])).get(path)
      assert.ok(outcome !== undefined && 'payload' in outcome)
      assert.equal(outcome.version, version)
      assertBytes(outcome.payload.bytes, new TextEncoder().encode('two'), 'the current value')
    },
  },
  {
    id: 'read-many/binary-and-text',
    title: 'a batch gives binary and text back as they were',
    needs: ['capability:maxBatch>1'],
    async run(context) {
      const bytes = Uint8Array.from([0, 255, 254, 10, 13, 0])
      const one = await context.create(binary(bytes))
      const other = await context.create('text')
      const outcomes = await readMany(context, [one.path, other.path])
      const first = outcomes.get(one.path)
      const second = outcomes.get(other.path)
      assert.ok(first !== undefined && 'payload' in first && second !== undefined && 'payload' in second)
      assertBytes(first.payload.bytes, bytes, 'binary')
      assert.equal(first.payload.text, false)
      assertBytes(second.payload.bytes, new TextEncoder().encode('text'), 'text')
      assert.equal(second.payload.text, true)
    },
  },
  {
    id: 'read-many/removed-is-not-a-value',
    title: 'a removed secret in a batch is an outcome without a value',
    needs: ['capability:maxBatch>1', 'capability:remove=recoverable'],
    async run(context) {
      const { path } = await context.create('one')
      const other = await context.create('other')
      await context.driver.remove({ path, purge: false }, context.call())
      await context.settled(async () => {
        const outcome = (await readMany(context, [path, other.path])).get(path)
        assert.ok(outcome !== undefined && 'failure' in outcome, 'a removed secret is not read')
        assert.ok(['not_found', 'name_held'].includes(outcome.failure.code), `not_found or name_held, not ${outcome.failure.code}`)
      })
    },
  },
  {
    id: 'read-many/through-the-store',
    title: 'getMany answers in the order of the names, an outcome for each',
    needs: [],
    async run(context) {
      const store = context.store()
      const names = ['Alpha', 'beta', 'missing', 'Gamma/delta', 'Alpha']
      for (const name of ['Alpha', 'beta', 'Gamma/delta']) await store.put(name, `value of ${name}`)
      const outcomes = await store.getMany(names)
      assert.deepEqual(
        outcomes.map(({ name }) => name),
        names,
      )
      for (const outcome of outcomes) {
        if (outcome.name === 'missing') assert.equal(outcome.ok ? 'a value' : outcome.error.code, 'not_found')
        else assert.equal(outcome.ok ? outcome.secret.value.revealText() : outcome.error.code, `value of ${outcome.name}`)
      }
    },
  },
]

async function readMany(context: CaseContext, paths: readonly NativePath[]): Promise<Map<NativePath, ReadOutcome>> {
  const outcomes = await context.driver.readMany({ paths }, context.call())
  const byPath = new Map(outcomes.map(outcome => [outcome.path, outcome]))
  assert.equal(outcomes.length, paths.length, 'as many outcomes as paths')
  assert.deepEqual(new Set(byPath.keys()), new Set(paths), 'an outcome for each path, and for no other')
  return byPath
}
