import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { VersionId } from '@strongroom/core'
import { text } from '../case-context.ts'
import { strangeErrors } from '../data/strange-errors.ts'
import type { DriverCase } from '../driver-case.ts'
import { assertFailure, expectError, expectRefusal, rejectionOf } from '../expect.ts'

export const errorsCases: readonly DriverCase[] = [
  {
    id: 'errors/missing-through-the-store',
    title: 'every operation of a store on a missing secret fails as not_found, with its name and operation',
    needs: [],
    async run(context) {
      const { version } = await context.create('elsewhere')
      const store = context.store()
      const recoverable = context.capabilities.remove === 'recoverable'
      const calls: readonly (readonly [operation: string, call: () => Promise<unknown>])[] = [
        ['get', () => store.get('missing')],
        ['get', () => store.get('missing', { version })],
        ['versions', async () => await Array.fromAsync(store.versions('missing'))],
        ...(recoverable ? ([['delete', () => store.delete('missing')]] as const) : []),
        ...(recoverable ? ([['restore', () => store.restore('missing')]] as const) : []),
      ]
      for (const [operation, call] of calls) {
        const error = await expectError(call(), 'not_found')
        assert.deepEqual([error.operation, error.secretName, error.effect, error.retryable], [operation, 'missing', 'none', false])
      }
    },
  },
  {
    id: 'errors/missing-is-final',
    title: 'what is missing is not retryable',
    needs: [],
    async run(context) {
      const failure = await expectRefusal(context.driver, context.read(context.path()), 'not_found')
      assert.equal(failure.retryable, false)
    },
  },
  {
    id: 'errors/existing-is-final',
    title: 'what exists already is not retryable',
    needs: [],
    async run(context) {
      const { path } = await context.create()
      const failure = await expectRefusal(context.driver, context.create('another', { path }), 'already_exists')
      assert.equal(failure.retryable, false)
    },
  },
  {
    id: 'errors/bad-version-is-refused-before-the-call',
    title: 'a bad version is refused as invalid_argument, and the driver is not asked',
    needs: [],
    async run(context) {
      const { store, requests } = context.recorded()
      const bad = ['', 'nul\0', 'line\nbreak', 'x'.repeat(257), '\ud800', 7, {}, []] as unknown[] as VersionId[]
      for (const version of bad) {
        await expectError(store.get('a', { version }), 'invalid_argument')
        await expectError(store.destroyVersion('a', version), 'invalid_argument')
        await expectError(store.put('a', 'a value', { ifVersion: version }), 'invalid_argument')
      }
      assert.deepEqual(requests, [])
    },
  },
  {
    id: 'errors/classify-takes-anything',
    title: 'classify never throws, and for what it does not know answers unknown with effect unknown',
    needs: [],
    async run(context) {
      for (const [what, error] of strangeErrors()) {
        let failure
        try {
          failure = context.driver.classify(error)
        } catch {
          assert.fail(`classify throws for ${what}`)
        }
        assertFailure(failure)
        assert.deepEqual([failure.code, failure.effect], ['unknown', 'unknown'], what)
      }
    },
  },
  {
    id: 'errors/classify-says-the-same-twice',
    title: 'classify answers the same for the same error, and leaves the error as it is',
    needs: [],
    async run(context) {
      const path = context.path()
      const error = await rejectionOf(context.read(path))
      assert.deepEqual(context.driver.classify(error), context.driver.classify(error))
      if (typeof error === 'object' && error !== null) assert.deepEqual(context.driver.classify(Object.freeze(error)), context.driver.classify(error))
    },
  },
  {
    id: 'errors/a-rejection-never-a-throw',
    title: 'a driver’s calls reject, they do not throw before they give a promise',
    needs: [],
    async run(context) {
      const path = context.path()
      const call = context.call(AbortSignal.abort())
      const started = [
        () => context.driver.read({ path, version: undefined }, call),
        () => context.driver.create({ path, payload: text('x'), labels: {}, token: randomUUID() }, call),
        () => context.driver.append({ path, payload: text('x'), token: randomUUID(), after: undefined, staged: false }, call),
        () => context.driver.list({ prefix: path, withLabels: false, page: undefined }, call),
        () => context.driver.remove({ path, purge: true }, call),
      ].map(start => start())
      await Promise.allSettled(started)
    },
  },
]
