import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Failure, NativePath, SecretDriver } from '@strongroom/core'
import type { CaseContext } from '../../case-context.ts'
import type { DriverCase } from '../../driver-case.ts'
import { assertFailure } from '../../expect.ts'
import { LeakSearch } from '../../leak-search.ts'
import { mishaps, type Mishap } from './mishaps.ts'
import { added, look, type Seen } from './seen.ts'
import { LABELS, writes, type Scene, type Write } from './writes.ts'

/** A request that was forwarded before its client went away is applied within this. */
const STRAGGLERS_MS = 50
/** A throttled request of the wire is asked to wait for the shortest time, and Retry-After is whole seconds in HTTP. */
const SHORTEST_WAIT_MS = 1_000
/** For the backend to see a request, or a host that is not there to refuse one: never waited for on a machine that is well. */
const LATE_MS = 10_000
/** For what was forwarded to be seen, on a machine under load. */
const STRAGGLERS_LIMIT_MS = 2_000

/** How a try ended: with an answer, or with what `classify` says. */
type End = { readonly answer: unknown } | { readonly failure: Failure }

/**
 * Below the store's retries: whatever happens to any one request of a call that writes, what the driver says of it is true of the
 * backend, and a repeat that the contract allows ends it, once.
 */
export const effectsCases: readonly DriverCase[] = [
  ...writes.flatMap(write => mishaps.map(mishap => mishapCase(write, mishap))),
  ...writes.map(unreachableCase),
]

function mishapCase(write: Write, mishap: Mishap): DriverCase {
  return {
    id: `effects/${write.name}-${mishap.name}`,
    title: `${write.name}: when any one of its requests ${mishap.title}, what the driver says is true, and a repeat does not double it`,
    needs: ['faults', ...(write.needs ?? [])],
    async run(context) {
      const settled: NativePath[] = []
      for (let after = 0; after < (context.learned.get(write.name) ?? Number.POSITIVE_INFINITY); after += 1) {
        await told(`request ${after + 1}`, () => meet(context, write, mishap, after, settled))
      }
      await isListed(context, write, settled)
    },
  }
}

/** Does the call once, with the mishap at one of its requests; a call that makes no such request tells how many it makes. */
async function meet(context: CaseContext, write: Write, mishap: Mishap, after: number, settled: NativePath[]): Promise<void> {
  const { faults } = context.hooks
  const scene = await prepared(context, write, context.path())
  const before = await look(context, scene.path)
  const requests = await faults.requests()
  await arm(context, mishap, after)
  let end: End
  try {
    end = await ended(write, mishap, scene, async () => (await faults.requests()) > requests + after)
  } finally {
    await faults.wire?.(mishap.fault, 0) // or the looks would meet what is left
  }
  const made = (await faults.requests()) - requests
  if (faults.wire === undefined) context.learned.set(write.name, 1)
  if (made <= after) {
    context.learned.set(write.name, made)
    assert.ok('answer' in end, 'a call that meets no fault succeeds')
  } else if (mishap.aborted) await delay(STRAGGLERS_MS)
  await isTrue(write, mishap, { scene, before, end, after })
  if (await ends(write, scene, before, end)) settled.push(scene.path)
}

/** A hook without `wire` knows two of the mishaps, at the first request. */
async function arm(context: CaseContext, { fault }: Mishap, after: number): Promise<void> {
  const { faults } = context.hooks
  if (faults.wire !== undefined) return await faults.wire(fault, 1, after)
  if (fault === 'lose') return await faults.loseNextResponse()
  if (fault === 'throttle') return await faults.throttleNext(1, 1)
  context.skip('the faults hook has no wire')
}

async function prepared(context: CaseContext, write: Write, path: NativePath): Promise<Scene> {
  return { context, path, token: randomUUID(), value: `fresh-${randomUUID()}`, ...(await write.prepare(context, path)) }
}

async function ended(write: Write, { aborted }: Mishap, scene: Scene, isSeen: () => Promise<boolean>): Promise<End> {
  const { context, value } = scene
  const controller = new AbortController()
  const end = endOf(context.driver, value, write.act(context.driver, scene, context.call(controller.signal)))
  if (aborted) {
    const isOver = end.then(() => true)
    await within(LATE_MS, async () => (await Promise.race([isOver, delay(1, false)])) || (await isSeen()))
    controller.abort()
  }
  return await end
}

async function endOf(driver: SecretDriver, value: string, work: Promise<unknown>): Promise<End> {
  try {
    return { answer: await work }
  } catch (error) {
    const failure = driver.classify(error)
    assertFailure(failure)
    assert.equal(new LeakSearch(value).find(failure, 'failure'), undefined, 'the failure does not tell the value')
    return { failure }
  }
}

/** Whether the end is what an independent look shows. */
async function isTrue(
  write: Write,
  mishap: Mishap,
  { scene, before, end, after }: { readonly scene: Scene; readonly before: Seen; readonly end: End; readonly after: number },
): Promise<void> {
  const { context, path } = scene
  if ('answer' in end) return await isDone(write, scene, before, end.answer)
  const { code, effect, retryAfterMs } = end.failure
  assert.ok(mishap.codes.includes(code), `fails as ${mishap.codes.join(' or ')}, not as ${code}`)
  if (code === 'throttled') {
    assert.ok(retryAfterMs !== undefined && retryAfterMs <= SHORTEST_WAIT_MS, `the wait that the backend asked for is passed on, not ${retryAfterMs}`)
  }
  if (effect === 'none') {
    await context.settled(async () => assert.deepEqual(await look(context, path, before), before, 'nothing was written, it said'))
    return
  }
  assert.ok(!(mishap.refused && after === 0), 'a first request that the backend itself refuses has written nothing, and the driver says so')
  isSound(write, scene, before, await look(context, path, before))
  // A backend that lags shows nothing of what is there.
  if (!mishap.applied || context.settings.settleMs > 0) return
  const hasChanged = await within(
    STRAGGLERS_LIMIT_MS,
    async () => !isDeepStrictEqual(await look(context, path, before), before) || (await isHidden(scene, before)),
  )
  assert.ok(hasChanged, 'what was answered changed nothing that can be seen: a call that has only looked says that nothing was written')
}

/** Made, without a version yet. */
async function isHidden({ context, path }: Scene, { current }: Seen): Promise<boolean> {
  return current === 'not_found' && (await context.list(path)).some(entry => entry.path === path)
}

/** Whether it comes true in this time. */
async function within(milliseconds: number, check: () => Promise<boolean>): Promise<boolean> {
  for (const until = performance.now() + milliseconds; ;) {
    if (await check()) return true
    if (performance.now() >= until) return false
  }
}

async function isDone(write: Write, scene: Scene, before: Seen, answer: unknown): Promise<void> {
  const { context, path } = scene
  await context.settled(async () => write.isDone(scene, before, await look(context, path, before), answer))
}

/** Done, not done, or half done: never twice, and nobody reads anything but the old value and the new one. */
function isSound({ between = [] }: Write, { first, second, value }: Scene, before: Seen, seen: Seen): void {
  const more = added(before, seen).filter(({ version }) => version !== first && version !== second)
  assert.ok(more.length <= 1, `one version at most is added, not ${more.length}`)
  const sound = [before.current, value, ...between]
  assert.ok(sound.includes(seen.current), `what readers get is the old value, the new one, or none, not ${seen.current}`)
}

/** Repeats a call that failed, as far as the contract lets its caller do so, until it is done; false when the caller must not. */
async function ends(write: Write, scene: Scene, before: Seen, end: End): Promise<boolean> {
  const { context } = scene
  if ('answer' in end) return true
  const allowed = end.failure.effect === 'none' ? 'again' : write.afterUnknown(context)
  if (allowed === 'never') return false
  if (allowed === 'unless-done' && (await isAlreadyDone(write, scene, before))) return true
  const again = await write.act(context.driver, scene, context.call()).catch((error: unknown) => {
    assert.fail(`the repeat fails as ${context.driver.classify(error).code}`)
  })
  await told('the repeat', () => isDone(write, scene, before, again))
  return true
}

async function isAlreadyDone(write: Write, scene: Scene, before: Seen): Promise<boolean> {
  const seen = await look(scene.context, scene.path, before)
  try {
    write.isDone(scene, before, seen, undefined)
    return true
  } catch {
    return false // half done, or not at all: the repeat decides
  }
}

/** Lists may lag, so there is one look for all tries of a case. What a backend keeps of labels at all is other cases' matter. */
async function isListed(context: CaseContext, { removes }: Write, paths: readonly NativePath[]): Promise<void> {
  if (paths.length === 0) return
  const undisturbed = removes ? undefined : (await context.create('one', { labels: LABELS })).path
  await context.settled(async () => {
    const entries = await context.list(context.prefix, true)
    const found = entries.filter(({ path }) => paths.includes(path))
    assert.equal(found.length, removes ? 0 : paths.length, 'whether each is listed, once')
    if (undisturbed === undefined) return
    const whole = entries.find(({ path }) => path === undisturbed)
    assert.ok(whole !== undefined, 'a secret that met nothing is listed')
    for (const { labels } of found) assert.deepEqual(labels, whole.labels, 'the labels are those of a secret that met nothing')
  })
}

function unreachableCase(write: Write): DriverCase {
  return {
    id: `effects/${write.name}-unreachable`,
    title: `${write.name}: where nobody answers it is unavailable, can be repeated, and has no effect`,
    needs: ['unreachable', ...(write.needs ?? [])],
    async run(context) {
      const { unreachable } = context.hooks
      const path = context.path()
      const scene = await prepared(context, write, path)
      const before = await look(context, path)
      const act = write.act(unreachable, scene, context.call(AbortSignal.timeout(LATE_MS)))
      const end = await endOf(unreachable, scene.value, act)
      assert.ok('failure' in end, 'nobody can have answered')
      assert.deepEqual([end.failure.code, end.failure.retryable, end.failure.effect], ['unavailable', true, 'none'])
      await context.settled(async () => assert.deepEqual(await look(context, path, before), before, 'nothing was written'))
      assert.ok(await ends(write, scene, before, end))
    },
  }
}

/** A failure says which try it was. */
async function told<T>(which: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof assert.AssertionError) error.message = `${which}: ${error.message}`
    throw error
  }
}
