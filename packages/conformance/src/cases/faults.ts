import assert from 'node:assert/strict'
import { isSecretError, type Failure, type OperationEvent } from '@strongroom/core'
import type { CaseContext } from '../case-context.ts'
import type { DriverCase } from '../driver-case.ts'
import { expectError, expectRefusal, failureOf } from '../expect.ts'

const RETRY_AFTER_MS = 200
/** Retry-After is whole seconds in HTTP. */
const UNIT_MS = 1_000

export const faultsCases: readonly DriverCase[] = [
  {
    id: 'faults/throttled-is-classified',
    title: 'a throttled call fails as throttled, retryable and without effect',
    needs: ['faults'],
    async run(context) {
      const { path } = await context.create('one')
      const failures = [
        await throttled(context, () => context.read(path)),
        await throttled(context, () => context.append(path, 'two')),
        await throttled(context, () => context.create('another')),
        await throttled(context, () => context.versions(path)),
        await throttled(context, () => context.list()),
      ]
      for (const failure of failures) assert.equal(failure.retryable, true)
      assert.equal((await context.versions(path)).length, 1, 'nothing was written')
    },
  },
  {
    id: 'faults/retry-after-is-passed-on',
    title: 'the time that the backend asks to wait is in retryAfterMs',
    needs: ['faults'],
    async run(context) {
      const { path } = await context.create('one')
      const { retryAfterMs } = await throttled(context, () => context.read(path))
      assert.ok(retryAfterMs !== undefined, 'retryAfterMs is there')
      assert.ok(retryAfterMs >= RETRY_AFTER_MS && retryAfterMs <= RETRY_AFTER_MS + UNIT_MS, `about ${RETRY_AFTER_MS} ms, not ${retryAfterMs}`)
    },
  },
  {
    id: 'faults/driver-never-retries',
    title: 'a throttled call sends its requests once: retries are core’s',
    needs: ['faults'],
    async run(context) {
      const { faults } = context.hooks
      const { path } = await context.create('one')
      await context.read(path) // whatever is done once is done now
      const count = async (work: () => Promise<unknown>): Promise<number> => {
        const before = await faults.requests()
        await work().catch(() => {})
        return (await faults.requests()) - before
      }
      const good = await count(() => context.read(path))
      await faults.throttleNext(1, 50)
      const bad = await count(() => context.read(path))
      assert.ok(bad >= 1 && bad <= good, `a read takes ${good} requests, a throttled one ${bad}`)
      const goodAppend = await count(() => context.append(path, 'two'))
      await faults.throttleNext(1, 50)
      const badAppend = await count(() => context.append(path, 'three'))
      assert.ok(badAppend >= 1 && badAppend <= goodAppend, `an append takes ${goodAppend} requests, a throttled one ${badAppend}`)
    },
  },
  {
    id: 'faults/store-waits-and-retries',
    title: 'a throttled get of a store waits as long as the backend asks, and succeeds',
    needs: ['faults'],
    async run(context) {
      const { faults } = context.hooks
      await context.create('one', { path: context.path('shared') })
      const events: OperationEvent[] = []
      let asked = 0
      const { store, requests } = context.recorded({
        onOperation: event => void events.push(event),
        unsafeOnRawError: error => void (asked = context.driver.classify(error).retryAfterMs ?? 0),
      })
      await faults.throttleNext(1, RETRY_AFTER_MS)
      const startedAt = performance.now()
      assert.equal((await store.get('shared')).value.revealText(), 'one')
      assert.ok(performance.now() - startedAt >= asked - 5, 'it waited as long as the driver says')
      assert.deepEqual([requests.length, events[0]?.attempts, events[0]?.code], [2, 2, 'ok'])
    },
  },
  {
    id: 'faults/store-retries-a-throttled-put',
    title: 'a throttled put of a store succeeds, as exactly one version',
    needs: ['faults'],
    async run(context) {
      const { path, version: first } = await context.create('one', { path: context.path('shared') })
      await context.hooks.faults.throttleNext(1, 50)
      const { version } = await context.store().put('shared', 'two')
      assert.equal(await context.readText(path), 'two')
      assert.deepEqual(new Set((await context.versions(path)).map(found => found.version)), new Set([first, version]))
    },
  },
  {
    id: 'faults/store-gives-up-in-the-end',
    title: 'a store that stays throttled fails as throttled after its attempts, and says that nothing was written',
    needs: ['faults'],
    async run(context) {
      const { path } = await context.create('one', { path: context.path('shared') })
      const { store, requests } = context.recorded({ attempts: 2 })
      await context.hooks.faults.throttleNext(2, 20)
      const error = await expectError(store.put('shared', 'two'), 'throttled')
      assert.deepEqual([error.effect, error.retryable, requests.length], ['none', true, 2])
      assert.equal(await context.readText(path), 'one')
    },
  },
  {
    id: 'faults/failed-first-call-is-forgotten',
    title: 'a driver whose very first call failed works at the second',
    needs: ['faults'],
    async run(context: CaseContext) {
      const { driver, faults } = await context.fresh()
      if (faults === undefined) context.skip('the second harness has no faults hook')
      const path = context.path()
      await faults.throttleNext(1, 20)
      await expectRefusal(driver, driver.read({ path, version: undefined }, context.call()), 'throttled')
      await expectRefusal(driver, driver.read({ path, version: undefined }, context.call()), 'not_found')
    },
  },
  {
    id: 'faults/lost-answers-are-retryable',
    title: 'a read whose answer is lost is retryable',
    needs: ['faults'],
    async run(context) {
      const { path } = await context.create('one')
      await context.hooks.faults.loseNextResponse()
      const failure = await failureOf(context.driver, context.read(path))
      assert.equal(failure.retryable, true)
      assert.equal(await context.readText(path), 'one')
    },
  },
  {
    id: 'faults/store-get-survives-a-lost-answer',
    title: 'a get of a store whose answer is lost succeeds',
    needs: ['faults'],
    async run(context) {
      await context.create('one', { path: context.path('shared') })
      await context.hooks.faults.loseNextResponse()
      assert.equal((await context.store().get('shared')).value.revealText(), 'one')
    },
  },
  {
    id: 'faults/store-put-is-never-doubled',
    title: 'a put of a store with any one of its answers lost ends as one new version, or with effect unknown',
    needs: ['faults'],
    run: context =>
      eachAnswerLost(context, async (name, losing) => {
        const { path, version: first } = await context.create('one', { path: context.path(name) })
        const outcome = await outcomeOf(losing(() => context.store().put(name, 'two')))
        const added = (await context.versions(path)).filter(({ version }) => version !== first)
        assert.ok(added.length <= 1, `one version is added, not ${added.length}`)
        if (context.capabilities.versionProof === 'token') assert.equal(outcome, added[0]?.version, 'a token proves that it was done')
        else assert.ok(outcome === added[0]?.version || outcome === 'effect unknown', `its version or effect unknown, not ${outcome}`)
        // Where a version is made current by a call of its own, that call does not come after an answer that was lost.
        const mayBeOld = outcome === 'effect unknown' && (context.capabilities.current === 'on_promote' || added.length === 0)
        assert.ok(['two', ...(mayBeOld ? ['one'] : [])].includes(await context.readText(path)), 'the new value is current')
      }),
  },
  {
    id: 'faults/store-create-is-never-doubled',
    title: 'a put with ifAbsent with any one of its answers lost ends as one version, or with effect unknown',
    needs: ['faults', 'capability:create=atomic'],
    run: context =>
      eachAnswerLost(context, async (name, losing) => {
        const outcome = await outcomeOf(losing(() => context.store().put(name, 'one', { ifAbsent: true })))
        const versions = await context.versions(context.path(name)).catch((error: unknown) => {
          assert.deepEqual([context.driver.classify(error).code, outcome], ['not_found', 'effect unknown'])
          return []
        })
        assert.ok(versions.length <= 1, `one version, not ${versions.length}`)
        if (context.capabilities.versionProof === 'token') assert.equal(outcome, versions[0]?.version, 'a token proves that it was done')
        else assert.ok(outcome === versions[0]?.version || outcome === 'effect unknown', `its version or effect unknown, not ${outcome}`)
      }),
  },
  {
    id: 'faults/store-put-to-a-new-name-with-a-lost-answer',
    title: 'a put to a new name with any one of its answers lost ends as one version, or with effect unknown',
    needs: ['faults'],
    run: context =>
      eachAnswerLost(context, async (name, losing) => {
        const outcome = await outcomeOf(losing(() => context.store().put(name, 'one')))
        if (outcome === 'effect unknown') return
        const versions = await context.versions(context.path(name))
        assert.deepEqual(
          versions.map(({ version }) => version),
          [outcome],
        )
      }),
  },
  {
    id: 'faults/store-purge-survives-a-lost-answer',
    title: 'a purge of a store with any one of its answers lost succeeds',
    needs: ['faults'],
    run: context =>
      eachAnswerLost(context, async (name, losing) => {
        const { path } = await context.create('one', { path: context.path(name) })
        await losing(() => context.store().delete(name, { purge: true }))
        await context.settled(async () => void (await expectRefusal(context.driver, context.read(path), 'not_found')))
      }),
  },
]

/** Runs the work while one of its answers is lost. */
type Losing = <T>(work: () => Promise<T>) => Promise<T>

/** A trial for each request that its work makes, with the answer of that one lost; for the first alone where the hook cannot aim. */
async function eachAnswerLost(context: CaseContext, trial: (name: string, losing: Losing) => Promise<void>): Promise<void> {
  const { faults } = context.hooks
  const wire = faults.wire?.bind(faults)
  for (let after = 0, made = 1; made > after; after += 1) {
    await trial(`shared-${after + 1}`, async work => {
      const before = await faults.requests()
      await (wire === undefined ? faults.loseNextResponse() : wire('lose', 1, after))
      try {
        return await work()
      } finally {
        made = wire === undefined ? 1 : (await faults.requests()) - before
        await wire?.('lose', 0)
      }
    })
  }
}

async function throttled(context: CaseContext, work: () => Promise<unknown>): Promise<Failure> {
  await context.hooks.faults.throttleNext(1, RETRY_AFTER_MS)
  return await expectRefusal(context.driver, work(), 'throttled')
}

/** A put's version, or `effect unknown`; any other failure is one. */
async function outcomeOf(put: Promise<{ readonly version: string }>): Promise<string> {
  try {
    return (await put).version
  } catch (error) {
    if (isSecretError(error) && error.effect === 'unknown') return 'effect unknown'
    throw error
  }
}
