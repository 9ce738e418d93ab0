import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { isSecretError, type Failure, type NativePath, type OperationEvent, type SecretDriver, type StorePolicy } from '@strongroom/core'
import { text, type CaseContext } from '../case-context.ts'
import type { DriverCase, Need } from '../driver-case.ts'
import { LeakSearch } from '../leak-search.ts'
import { observedDriver } from '../observed-driver.ts'
import { outputOf } from '../output-watch.ts'

/** One way to make a write fail with the value in hand. */
interface ErrorPath {
  readonly id: string
  readonly title: string
  readonly needs?: readonly Need[]
  readonly policy?: StorePolicy
  readonly driver?: (context: CaseContext) => SecretDriver
  readonly act: (context: CaseContext, scene: Scene) => Promise<unknown>
}

interface Scene {
  readonly marker: string
  readonly store: ReturnType<CaseContext['store']>
  readonly path: NativePath
}

const errorPaths: readonly ErrorPath[] = [
  {
    id: 'create-existing',
    title: 'a create of what exists',
    needs: ['capability:create=atomic'],
    act: async (_, { store, marker }) => await store.put('shared', marker, { ifAbsent: true }),
  },
  {
    id: 'stale-version',
    title: 'a put after a version that is not current',
    needs: ['capability:appendAfter=compared'],
    async act(context, { store, marker, path }) {
      const { version } = await context.read(path)
      await context.append(path, `${marker} again`)
      return await store.put('shared', marker, { ifVersion: version })
    },
  },
  {
    id: 'denied',
    title: 'a denied put',
    needs: ['denied'],
    driver: context => context.hooks.denied,
    act: async (_, { store, marker }) => await store.put('shared', marker),
  },
  {
    id: 'throttled',
    title: 'a put that stays throttled',
    needs: ['faults'],
    policy: { attempts: 2 },
    async act(context, { store, marker }) {
      await context.hooks.faults.throttleNext(2, 20)
      return await store.put('shared', marker)
    },
  },
  {
    id: 'lost-answer',
    title: 'a put whose answer is lost',
    needs: ['faults'],
    policy: { attempts: 1 },
    async act(context, { store, marker }) {
      await context.hooks.faults.loseNextResponse()
      return await store.put('shared', marker)
    },
  },
  {
    id: 'too-large',
    title: 'a put of what is too large for a store',
    act: async (_, { store, marker }) => await store.put('shared', marker.padEnd(25_001, marker)),
  },
  {
    id: 'aborted',
    title: 'a put that its caller aborts',
    driver: context => observedDriver(context.driver, () => new Promise(() => {})),
    async act(_, { store, marker }) {
      const controller = new AbortController()
      setTimeout(() => controller.abort(), 10)
      return await store.put('shared', marker, { signal: controller.signal })
    },
  },
  {
    id: 'deadline',
    title: 'a put that does not end in time',
    driver: context => observedDriver(context.driver, () => new Promise(() => {})),
    policy: { deadlineMs: 30 },
    act: async (_, { store, marker }) => await store.put('shared', marker),
  },
  {
    id: 'read-missing-version',
    title: 'a get of a version that is not there',
    async act(context, { store, marker }) {
      await context.create(marker, { path: context.path('other') })
      await context.append(context.path('other'), marker)
      const version = await context.append(context.path('other'), marker)
      return await store.get('shared', { version })
    },
  },
]

export const leaksCases: readonly DriverCase[] = [
  ...errorPaths.map((path): DriverCase => ({
    id: `leaks/${path.id}`,
    title: `${path.title} tells nothing of the value: not in the error, the classification, the events or any output`,
    needs: path.needs ?? [],
    run: async context => await expectNoLeak(context, path),
  })),
  {
    id: 'leaks/append-missing',
    title: 'an append to what is missing tells nothing of the value in its classification or any output',
    needs: [],
    async run(context) {
      const marker = newMarker()
      const search = new LeakSearch(marker)
      const path = context.path()
      const output = await outputOf(async () => {
        const failure = await classified(context.driver, context.append(path, text(marker)))
        assert.equal(search.find(failure, 'failure'), undefined)
      })
      assert.ok(!search.isIn(output), 'the value is printed or published')
    },
  },
  {
    id: 'leaks/driver-over-its-maximum',
    title: 'a value that is too large for the backend is not told by the classification or any output',
    needs: [],
    async run(context) {
      const marker = newMarker()
      const search = new LeakSearch(marker)
      const { path } = await context.create()
      const payload = text(marker.padEnd(context.capabilities.maxValueBytes.text + 1, marker))
      const output = await outputOf(async () => {
        const failure = await classified(context.driver, context.append(path, payload))
        assert.equal(search.find(failure, 'failure'), undefined)
      })
      assert.ok(!search.isIn(output), 'the value is printed or published')
    },
  },
  {
    id: 'leaks/classify-keeps-quiet',
    title: 'what classify answers for an error that is full of the value has nothing of it',
    needs: [],
    async run(context) {
      const marker = newMarker()
      const search = new LeakSearch(marker)
      for (const error of errorsFullOf(marker)) {
        const failure = context.driver.classify(error)
        assert.equal(search.find(failure, 'failure'), undefined, 'the value is in the classification')
      }
    },
  },
  {
    id: 'leaks/good-calls',
    title: 'calls that succeed print and publish nothing of the value, and their versions and paths do not tell it',
    needs: [],
    async run(context) {
      const marker = newMarker()
      const search = new LeakSearch(marker)
      const output = await outputOf(async () => {
        const { path, version, fullPath } = await context.create(marker, { labels: { owner: 'a' } })
        const appended = await context.append(path, marker)
        await context.read(path)
        assert.equal(search.find({ version, fullPath, appended }, 'answer'), undefined)
        assert.equal(search.find(await context.versions(path), 'versions'), undefined)
        assert.equal(search.find(await context.list(path, true), 'list'), undefined)
      })
      assert.ok(!search.isIn(output), 'the value is printed or published')
    },
  },
  {
    id: 'leaks/driver-shows-nothing',
    title: 'printing a driver that has just written shows no value',
    needs: [],
    async run(context) {
      const marker = newMarker()
      const search = new LeakSearch(marker)
      const { path } = await context.create(marker)
      await context.read(path)
      for (const [name, subject] of Object.entries({ driver: context.driver, capabilities: context.capabilities, store: context.store() })) {
        assert.equal(search.find(subject, name), undefined)
      }
    },
  },
]

async function expectNoLeak(context: CaseContext, path: ErrorPath): Promise<void> {
  const marker = newMarker()
  const search = new LeakSearch(marker)
  const driver = path.driver?.(context) ?? context.driver
  const events: OperationEvent[] = []
  const failures: Failure[] = []
  const store = context.store(
    {
      ...path.policy,
      onOperation: event => void events.push(event),
      unsafeOnRawError: error => void failures.push(driver.classify(error)),
    },
    driver,
  )
  const existing = await context.create('something else', { path: context.path('shared') })
  let error: unknown
  const output = await outputOf(async () => {
    error = await path.act(context, { marker, store, path: existing.path }).then(
      () => undefined,
      (reason: unknown) => reason,
    )
  })
  assert.ok(isSecretError(error), 'the call must fail with a SecretError, for its error to be looked at')
  const where = search.find(error, 'error') ?? search.find(failures, 'classification') ?? search.find(events, 'events')
  assert.equal(where, undefined, `the value is in ${where}`)
  assert.ok(!search.isIn(output), 'the value is printed or published')
}

function newMarker(): string {
  return `marker${randomBytes(12).toString('hex')}`
}

async function classified(driver: SecretDriver, work: Promise<unknown>): Promise<Failure | undefined> {
  return await work.then(
    () => undefined,
    (error: unknown) => driver.classify(error),
  )
}

/** Errors in the shapes of the SDKs, with the value wherever an SDK could put it. */
function errorsFullOf(marker: string): readonly unknown[] {
  const fields = {
    name: marker,
    code: marker,
    status: marker,
    statusCode: 400,
    details: marker,
    body: { value: marker, errors: [marker] },
    request: { body: `{"value":"${marker}"}` },
    response: { statusCode: 400, body: { errors: [marker] }, headers: { 'retry-after': marker } },
    config: { data: marker },
    $metadata: { httpStatusCode: 400 },
    $response: { body: marker, headers: { 'retry-after': marker } },
  }
  return [
    new Error(marker),
    new Error(marker, { cause: new Error(marker) }),
    Object.assign(new Error(marker), fields),
    Object.assign(new Error(marker), fields, { name: 'InvalidRequestException' }),
    Object.assign(new Error(marker), fields, { name: 'ValidationException' }),
    Object.assign(new Error(marker), fields, { name: 'RestError', code: 'BadParameter', details: { error: { code: marker, message: marker } } }),
    Object.assign(new Error(marker), fields, { code: 3, details: marker }),
    Object.assign(new Error(marker), { code: 'ENOENT', path: marker }),
    Object.assign(new Error(marker), { code: 'ERR_SQLITE_ERROR', errstr: marker }),
    marker,
    fields,
  ]
}
