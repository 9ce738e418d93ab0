import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import {
  isSecretError,
  type DriverVersion,
  type NativePath,
  type SecretError,
  type SecretErrorCode,
  type SecretStore,
  type VersionId,
} from '@strongroom/core'
import { SkipCase, type CaseContext } from '../case-context.ts'
import type { DriverCase, Need } from '../driver-case.ts'
import { expectRefusal } from '../expect.ts'
import type { WireFault } from '../harness.ts'
import { LeakSearch } from '../leak-search.ts'

const DEADLINE_MS = 400
const ATTEMPTS = 3
/** What a machine under load may take to notice that a deadline has passed. */
const GRACE_MS = 2_000
const STORM = 1_000
/** A request that was forwarded before its client went away is applied within this. */
const STRAGGLERS_MS = 50
const CODES: readonly SecretErrorCode[] = ['unavailable', 'throttled', 'corrupt', 'deadline_exceeded']
/** What answers with a page in place of a success may be taken for something else than the backend. */
const CODES_OF_A_PAGE: readonly SecretErrorCode[] = [...CODES, 'misconfigured']

const wireFaults: readonly WireFault[] = ['reset', 'stall', 'throttle', 'html', 'html_ok', 'server_error', 'lose', 'cut', 'slow']

interface Stage {
  readonly context: CaseContext
  readonly store: SecretStore
  readonly name: string
  /** All that the store has. */
  readonly names: readonly string[]
  readonly path: NativePath
  readonly first: VersionId
  /** The value that is written while the wire is bad. */
  readonly fresh: string
}

/** `done`: the store says so. An error says whether it may have been done. */
type End = { readonly done: true; readonly answer: unknown } | { readonly done: false; readonly error: SecretError }

interface Operation {
  readonly name: string
  readonly needs?: readonly Need[]
  /** The first version has been replaced by `two`. */
  readonly replaced?: true
  /** What must be seen before the wire is bad. */
  readonly before?: (context: CaseContext, path: NativePath) => Promise<void>
  readonly act: (stage: Stage) => Promise<unknown>
  /** Looks, over a wire that is good again, whether the end was true. */
  readonly isTrue: (stage: Stage, end: End) => Promise<void>
}

const operations: readonly Operation[] = [
  {
    name: 'get',
    act: async ({ store, name }) => (await store.get(name)).value.revealText(),
    isTrue: async (_, end) => void (end.done && assert.equal(end.answer, 'one', 'the value that is stored')),
  },
  {
    name: 'get-many',
    act: async ({ store, name }) => await store.getMany([name, 'not-there']),
    isTrue: async (_, end) => {
      if (!end.done) return
      const [found, missing] = end.answer as Awaited<ReturnType<SecretStore['getMany']>>
      assert.ok(found !== undefined && missing !== undefined && !missing.ok, 'an outcome for each')
      if (found.ok) assert.equal(found.secret.value.revealText(), 'one')
      else assert.notEqual(found.error.code, 'not_found', 'a fault is not taken for a secret that is missing')
    },
  },
  { name: 'put', act: async ({ store, name, fresh }) => (await store.put(name, fresh)).version, isTrue: writtenOnce },
  {
    name: 'put-if-version',
    act: async ({ context, store, name, first, fresh }) => {
      const { appendAfter, current } = context.capabilities
      if (appendAfter === 'ignored' && current === 'on_append') context.skip('the backend cannot compare versions')
      return (await store.put(name, fresh, { ifVersion: first })).version
    },
    isTrue: writtenOnce,
  },
  {
    name: 'put-if-absent',
    act: async ({ context, store, name, fresh }) => {
      const ifAbsent = context.capabilities.create === 'atomic' ? true : 'unsafe-check-then-write'
      return (await store.put(`new-${name}`, fresh, { ifAbsent })).version
    },
    isTrue: async ({ context, name, fresh }, end) => {
      const path = context.path(`new-${name}`)
      const versions = await versionsOf(context, path)
      assert.ok(versions.length <= 1, `one version at most, not ${versions.length}`)
      if (end.done) assert.equal(await context.readText(path, end.answer as VersionId), fresh)
      else if (end.error.effect === 'none') assert.equal(versions.length, 0, 'nothing was written, it said')
    },
  },
  {
    name: 'list',
    before: (context, path) => context.settled(async () => assert.ok((await context.list()).some(entry => entry.path === path))),
    act: async ({ store }) => await Array.fromAsync(store.list(), ({ name }) => name),
    isTrue: async ({ names }, end) => void (end.done && assert.deepEqual((end.answer as readonly string[]).toSorted(), names)),
  },
  {
    name: 'versions',
    act: async ({ store, name }) => await Array.fromAsync(store.versions(name), ({ version }) => version),
    isTrue: async ({ first }, end) => void (end.done && assert.ok((end.answer as readonly VersionId[]).includes(first))),
  },
  {
    name: 'destroy-version',
    replaced: true,
    act: async ({ store, name, first }) => await store.destroyVersion(name, first),
    isTrue: async ({ context, path, first }, end) => {
      const found = (await context.versions(path)).find(({ version }) => version === first)
      const usable = found?.state === 'usable'
      if (end.done) assert.ok(!usable, 'it is destroyed')
      // What AWS prunes, and what was replaced there, counts as destroyed without anybody's call.
      else if (end.error.effect === 'none' && context.capabilities.destroyVersion !== 'detached') assert.ok(usable, 'nothing was done, it said')
    },
  },
  {
    name: 'purge',
    replaced: true,
    act: async ({ store, name }) => await store.delete(name, { purge: true }),
    isTrue: async ({ context, path }, end) => {
      if (end.done) await context.settled(async () => void (await expectRefusal(context.driver, context.read(path), 'not_found')))
      else await isWholeOrGone(context, path, end.error)
    },
  },
  {
    name: 'delete',
    replaced: true,
    needs: ['capability:remove=recoverable'],
    act: async ({ store, name }) => await store.delete(name),
    isTrue: async ({ context, path }, end) => {
      if (end.done) await context.settled(async () => void (await expectRefusal(context.driver, context.read(path), 'not_found')))
      else await isWholeOrGone(context, path, end.error)
    },
  },
]

/** On a bad wire every operation ends in time, as a success that is true or as a coded error, and writes once at most. */
export const wireCases: readonly DriverCase[] = [
  ...wireFaults.flatMap(fault =>
    operations.flatMap(operation => [
      wireCase(
        `wire/${fault.replace('_', '-')}-${operation.name}`,
        `a ${operation.name} that meets one ${fault} ends in time and says what is true`,
        operation,
        fault,
        1,
      ),
      wireCase(
        `wire/${fault.replace('_', '-')}-storm-${operation.name}`,
        `a ${operation.name} that meets only ${fault} ends in time and says what is true`,
        operation,
        fault,
        STORM,
      ),
    ]),
  ),
  ...operations.flatMap(operation => [eachRequest(operation, 'reset'), eachRequest(operation, 'lose')]),
  ...(['read', 'versions', 'list'] as const).map((operation): DriverCase => ({
    id: `wire/unreachable-${operation}`,
    title: `a ${operation} where nobody answers is unavailable, retryable, and has no effect`,
    needs: ['unreachable'],
    async run(context) {
      const driver = context.hooks.unreachable
      const path = context.path()
      const call = context.call(AbortSignal.timeout(5_000))
      const calls = {
        read: () => driver.read({ path, version: undefined }, call),
        versions: () => driver.versions({ path, after: undefined, page: undefined }, call),
        list: () => driver.list({ prefix: path, withLabels: false, page: undefined }, call),
      }
      const failure = await expectRefusal(driver, calls[operation](), 'unavailable')
      assert.equal(failure.retryable, true)
    },
  })),
]

function wireCase(id: string, title: string, operation: Operation, fault: WireFault, count: number): DriverCase {
  return {
    id,
    title,
    needs: ['faults', ...(operation.needs ?? [])],
    run: async context => void (await meet(context, operation, fault, { count, after: 0, names: ['shared'] })),
  }
}

/** Not only the first: each request that the operation makes, one after the other. */
function eachRequest(operation: Operation, fault: WireFault): DriverCase {
  return {
    id: `wire/each-${fault}-${operation.name}`,
    title: `a ${operation.name} of which any one request meets ${fault} ends in time and says what is true`,
    needs: ['faults', ...(operation.needs ?? [])],
    async run(context) {
      const names: string[] = []
      for (let after = 1; ; after += 1) {
        const name = `shared-${after}`
        names.push(name)
        const made = await meet(context, operation, fault, { count: 1, after, names })
        if (made <= after) {
          if (after === 1) context.skip('the operation makes one request')
          return
        }
      }
    },
  }
}

/** Does the operation on the last of the names over the bad wire, looks whether its end was true, and answers how many requests it made. */
async function meet(
  context: CaseContext,
  { replaced, before, act, isTrue }: Operation,
  fault: WireFault,
  { count, after, names }: { readonly count: number; readonly after: number; readonly names: readonly string[] },
): Promise<number> {
  const { faults } = context.hooks
  const wire = faults.wire?.bind(faults) ?? context.skip('the faults hook has no wire')
  const name = names.at(-1) as string
  const { path, version: first } = await context.create('one', { path: context.path(name) })
  if (replaced) await context.append(path, 'two')
  await before?.(context, path)
  const store = context.store({ deadlineMs: DEADLINE_MS, attempts: ATTEMPTS })
  const stage: Stage = { context, store, name, names, path, first, fresh: `fresh-${randomUUID()}` }
  const requests = await faults.requests()
  await wire(fault, count, after)
  const startedAt = performance.now()
  let end: End
  try {
    end = await endOf(act(stage), fault === 'html_ok' ? CODES_OF_A_PAGE : CODES)
  } finally {
    await wire(fault, 0) // or the next cases would meet what is left
  }
  const took = performance.now() - startedAt
  const made = (await faults.requests()) - requests
  await delay(STRAGGLERS_MS)
  assert.ok(took < DEADLINE_MS + GRACE_MS, `it ends with its deadline of ${DEADLINE_MS} ms, not after ${Math.round(took)} ms`)
  if (!end.done) assert.equal(new LeakSearch(stage.fresh).find(end.error, 'error'), undefined, 'the error does not tell the value')
  await isTrue(stage, end)
  return made
}

async function endOf(work: Promise<unknown>, codes: readonly SecretErrorCode[]): Promise<End> {
  try {
    return { done: true, answer: await work }
  } catch (error) {
    if (error instanceof SkipCase) throw error
    assert.ok(isSecretError(error), 'a store throws only SecretErrors')
    assert.ok(codes.includes(error.code), `a bad wire is ${codes.join(', ')}, not ${error.code}`)
    return { done: false, error }
  }
}

async function writtenOnce({ context, path, first, fresh }: Stage, end: End): Promise<void> {
  const added = (await context.versions(path)).filter(({ version, state }) => version !== first && state === 'usable')
  assert.ok(added.length <= 1, `one version at most, not ${added.length}`)
  const current = await context.readText(path)
  assert.ok(current === 'one' || current === fresh, 'what readers get is the old value or the new one')
  if (end.done) assert.deepEqual([added[0]?.version, current], [end.answer, fresh], 'it was written, it said')
  else if (end.error.effect === 'none') assert.deepEqual([added.length, current], [0, 'one'], 'nothing was written, it said')
}

/** A removal that was cut off leaves the current value or none; an older one would come back to life. */
async function isWholeOrGone(context: CaseContext, path: NativePath, { effect }: SecretError): Promise<void> {
  const left = await context.readText(path).catch((error: unknown) => context.driver.classify(error).code)
  if (effect === 'none') assert.equal(left, 'two', 'nothing was done, it said')
  else assert.ok(['two', 'not_found', 'name_held', 'version_unusable'].includes(left), `what is left is the current value or none, not ${left}`)
}

async function versionsOf(context: CaseContext, path: NativePath): Promise<readonly DriverVersion[]> {
  try {
    return await context.versions(path)
  } catch (error) {
    if (context.driver.classify(error).code === 'not_found') return []
    throw error
  }
}
