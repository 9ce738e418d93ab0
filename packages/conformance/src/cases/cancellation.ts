import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { DriverCall, NativePath, SecretDriver, SecretStore, VersionId } from '@strongroom/core'
import { text, type CaseContext } from '../case-context.ts'
import type { DriverCase } from '../driver-case.ts'
import { expectError, expectRefusal, failureOf } from '../expect.ts'
import { observedDriver } from '../observed-driver.ts'

const PROMPT_MS = 1_500
const DEADLINE_MS = 80

type DriverAct = (driver: SecretDriver, path: NativePath, version: VersionId, call: DriverCall) => Promise<unknown>

const acts: readonly (readonly [operation: string, act: DriverAct])[] = [
  ['append', (driver, path, _, call) => driver.append({ path, payload: text('late'), token: randomUUID(), after: undefined, staged: false }, call)],
  ['read', (driver, path, version, call) => driver.read({ path, version }, call)],
  ['versions', (driver, path, _, call) => driver.versions({ path, after: undefined, page: undefined }, call)],
  ['list', (driver, path, _, call) => driver.list({ prefix: path, withLabels: false, page: undefined }, call)],
  ['destroyVersion', (driver, path, version, call) => driver.destroyVersion({ path, version }, call)],
  ['remove', (driver, path, _, call) => driver.remove({ path, purge: true }, call)],
]

export const cancellationCases: readonly DriverCase[] = [
  ...acts.map(([operation, act]): DriverCase => ({
    id: `cancellation/aborted-before-${operation}`,
    title: `a ${operation} whose signal has aborted already is not done, and fails as aborted`,
    needs: [],
    async run(context) {
      const { path, version } = await context.create('one')
      const startedAt = performance.now()
      const failure = await failureOf(context.driver, act(context.driver, path, version, context.call(AbortSignal.abort())))
      assert.equal(failure.code, 'aborted')
      assert.ok(performance.now() - startedAt < PROMPT_MS, 'it ends promptly')
      assert.equal(await context.readText(path), 'one')
      assert.equal((await context.versions(path)).length, 1)
    },
  })),
  {
    id: 'cancellation/aborted-before-create',
    title: 'a create whose signal has aborted already makes nothing, and fails as aborted',
    needs: [],
    async run(context) {
      const path = context.path()
      const request = { path, payload: text('late'), labels: {}, token: randomUUID() }
      const failure = await failureOf(context.driver, context.driver.create(request, context.call(AbortSignal.abort())))
      assert.equal(failure.code, 'aborted')
      await expectRefusal(context.driver, context.read(path), 'not_found')
    },
  },
  {
    id: 'cancellation/aborted-before-read-many',
    title: 'a batch whose signal has aborted already fails as aborted, as a whole',
    needs: ['capability:maxBatch>1'],
    async run(context) {
      const { path } = await context.create('one')
      const other = await context.create('two')
      const work = context.driver.readMany({ paths: [path, other.path] }, context.call(AbortSignal.abort()))
      assert.equal((await failureOf(context.driver, work)).code, 'aborted')
    },
  },
  {
    id: 'cancellation/aborted-while-under-way',
    title: 'calls that are aborted right after their start end promptly, done or aborted, and the driver works on',
    needs: [],
    async run(context) {
      const { path, version } = await context.create('one')
      for (const [operation, act] of acts.slice(0, 4)) {
        const controller = new AbortController()
        const startedAt = performance.now()
        const work = act(context.driver, path, version, context.call(controller.signal)).then(
          () => 'done',
          (error: unknown) => context.driver.classify(error).code,
        )
        controller.abort()
        const outcome = await work
        assert.ok(outcome === 'done' || outcome === 'aborted', `${operation}: done or aborted, not ${outcome}`)
        assert.ok(performance.now() - startedAt < PROMPT_MS, `${operation} ends promptly`)
      }
      assert.equal(await context.readText(path, version), 'one')
    },
  },
  {
    id: 'cancellation/aborted-while-the-backend-is-silent',
    title: 'a call that waits for a silent backend ends when its signal aborts',
    needs: ['faults'],
    async run(context: CaseContext) {
      const { faults } = context.hooks
      if (faults.stallNext === undefined) context.skip('the faults hook has no stallNext')
      const { path, version } = await context.create('one')
      const controller = new AbortController()
      await faults.stallNext()
      const work = failureOf(context.driver, context.driver.read({ path, version }, context.call(controller.signal)))
      await delay(50)
      const startedAt = performance.now()
      controller.abort()
      assert.equal((await work).code, 'aborted')
      assert.ok(performance.now() - startedAt < PROMPT_MS, 'it ends promptly')
      assert.equal(await context.readText(path), 'one')
    },
  },
  {
    id: 'cancellation/deadline-while-the-backend-is-silent',
    title: 'a store’s deadline ends a call to a silent backend, and the next call works',
    needs: ['faults'],
    async run(context: CaseContext) {
      const { faults } = context.hooks
      if (faults.stallNext === undefined) context.skip('the faults hook has no stallNext')
      const { path } = await context.create('one', { path: context.path('shared') })
      await faults.stallNext()
      const startedAt = performance.now()
      await expectError(context.store({ deadlineMs: 150 }).get('shared'), 'deadline_exceeded')
      assert.ok(performance.now() - startedAt < PROMPT_MS, 'it ends at the deadline')
      assert.equal(await context.readText(path), 'one')
    },
  },
  {
    id: 'cancellation/aborted-first-call-is-forgotten',
    title: 'a driver whose very first call was aborted works at the second',
    needs: [],
    async run(context) {
      const { driver } = await context.fresh()
      const path = context.path()
      await failureOf(driver, driver.read({ path, version: undefined }, context.call(AbortSignal.abort())))
      await expectRefusal(driver, driver.read({ path, version: undefined }, context.call()), 'not_found')
    },
  },
  {
    id: 'cancellation/store-aborted-before',
    title: 'a store whose caller has aborted already answers aborted, with no effect, and does not ask its driver',
    needs: [],
    async run(context) {
      const { store, requests } = context.recorded()
      const signal = AbortSignal.abort()
      for (const call of [store.get('a', { signal }), store.put('a', 'a value', { signal }), store.getMany(['a'], { signal })]) {
        assert.equal((await expectError(call, 'aborted')).effect, 'none')
      }
      assert.deepEqual(requests, [])
    },
  },
  {
    id: 'cancellation/store-aborted-during',
    title: 'a store ends with aborted when its caller aborts, even if the driver does not listen',
    needs: [],
    async run(context) {
      for (const [operation, call, effect] of storeCalls) {
        const controller = new AbortController()
        const work = call(context.store({}, deaf(context.driver)), controller.signal)
        await delay(5)
        const startedAt = performance.now()
        controller.abort()
        const error = await expectError(work, 'aborted')
        assert.ok(performance.now() - startedAt < PROMPT_MS, `${operation} ends promptly`)
        assert.equal(error.effect, effect, `${operation} says whether it may have been applied`)
        assert.equal(error.retryable, false)
      }
    },
  },
  {
    id: 'cancellation/store-deadline',
    title: 'a store ends at its deadline, even if the driver does not listen, and says whether a write may have happened',
    needs: [],
    async run(context) {
      await Promise.all(
        storeCalls.map(async ([operation, call, effect]) => {
          const startedAt = performance.now()
          const error = await expectError(call(context.store({ deadlineMs: DEADLINE_MS }, deaf(context.driver)), undefined), 'deadline_exceeded')
          const took = performance.now() - startedAt
          assert.ok(took >= DEADLINE_MS - 5 && took < DEADLINE_MS + PROMPT_MS, `${operation} ends at the deadline, not after ${took} ms`)
          assert.equal(error.effect, effect, `${operation} says whether it may have been applied`)
        }),
      )
    },
  },
]

type StoreCall = (store: SecretStore, signal: AbortSignal | undefined) => Promise<unknown>

const storeCalls: readonly (readonly [operation: string, call: StoreCall, effect: 'none' | 'unknown'])[] = [
  ['get', (store, signal) => store.get('a', { signal }), 'none'],
  ['put', (store, signal) => store.put('a', 'a value', { signal }), 'unknown'],
  ['destroyVersion', (store, signal) => store.destroyVersion('a', 'v' as VersionId, { signal }), 'unknown'],
  ['delete', (store, signal) => store.delete('a', { purge: true, signal }), 'unknown'],
]

/** The driver behind a wall: its calls neither answer nor hear their signal. */
function deaf(driver: CaseContext['driver']): SecretDriver {
  return observedDriver(driver, () => new Promise(() => {}))
}
