import assert from 'node:assert/strict'
import type { AppendRequest, DriverCapabilities, SecretDriver } from '@strongroom/core'
import type { CaseContext } from '../case-context.ts'
import { portableBytes } from '../data/values.ts'
import type { DriverCase } from '../driver-case.ts'
import { expectError } from '../expect.ts'
import { driverOperations, type DriverRequest } from '../observed-driver.ts'

const WORDS = {
  create: ['atomic', 'checked'],
  appendAfter: ['compared', 'ignored'],
  current: ['on_promote', 'on_append'],
  versionProof: ['token', 'position'],
  destroyVersion: ['erased', 'blocked', 'detached'],
  remove: ['recoverable', 'immediate'],
} as const satisfies Partial<Record<keyof DriverCapabilities, readonly string[]>>

export const capabilitiesCases: readonly DriverCase[] = [
  {
    id: 'capabilities/is-a-v1-driver',
    title: 'the driver says its specification and kind, and has every operation',
    needs: [],
    async run({ driver }) {
      assert.equal(driver.specification, 'v1')
      assert.match(driver.kind, /^[a-z][a-z0-9-]{0,31}$/, 'kind is a short name')
      for (const operation of [...driverOperations, 'classify', 'close'] as const) assert.equal(typeof driver[operation], 'function', operation)
    },
  },
  {
    id: 'capabilities/are-of-the-contract',
    title: 'every capability has one of its values, and the limits are whole numbers',
    needs: [],
    async run({ capabilities }) {
      for (const [field, words] of Object.entries(WORDS)) {
        const value = capabilities[field as keyof typeof WORDS]
        assert.ok(
          words.some(word => word === value),
          `${field} is one of ${words.join(', ')}, not ${value}`,
        )
      }
      const { maxPathLength, maxValueBytes, maxBatch } = capabilities
      for (const [field, value] of Object.entries({ maxPathLength, maxBatch, text: maxValueBytes.text, binary: maxValueBytes.binary })) {
        assert.ok(Number.isSafeInteger(value) && value >= 1, `${field} is a whole number of at least 1, not ${String(value)}`)
      }
    },
  },
  {
    id: 'capabilities/hold-the-portable-floor',
    title: 'values of the portable size fit, so that a later swap of clouds cannot fail',
    needs: [],
    async run({ capabilities: { maxValueBytes } }) {
      assert.ok(maxValueBytes.text >= portableBytes.text, `${portableBytes.text} bytes of text, not ${maxValueBytes.text}`)
      assert.ok(maxValueBytes.binary >= portableBytes.binary, `${portableBytes.binary} bytes of binary, not ${maxValueBytes.binary}`)
    },
  },
  {
    id: 'capabilities/do-not-change',
    title: 'capabilities, kind and location are the same before and after use',
    needs: [],
    async run(context) {
      const before = tell(context.driver)
      const { path } = await context.create()
      await context.append(path, 'more')
      await context.read(path)
      await context.driver.read({ path: context.path(), version: undefined }, context.call()).catch(() => {})
      assert.equal(tell(context.driver), before)
    },
  },
  {
    id: 'capabilities/same-for-second',
    title: 'two drivers on one place say the same of it',
    needs: ['second'],
    async run({ driver, hooks }) {
      assert.deepEqual(hooks.second.capabilities, driver.capabilities)
      assert.equal(hooks.second.kind, driver.kind)
    },
  },
  {
    id: 'capabilities/create-checked-is-refused',
    title: 'where create only checks, ifAbsent is unsupported and the driver is not asked; the unsafe name is taken',
    needs: ['capability:create=checked'],
    async run(context) {
      const { store, requests } = context.recorded()
      assert.equal((await expectError(store.put('a', 'a value', { ifAbsent: true }), 'unsupported')).effect, 'none')
      assert.deepEqual(requests, [])
      await store.put('a', 'a value', { ifAbsent: 'unsafe-check-then-write' })
      await expectError(store.put('a', 'another', { ifAbsent: 'unsafe-check-then-write' }), 'already_exists')
      assert.equal((await store.get('a')).value.revealText(), 'a value')
    },
  },
  {
    id: 'capabilities/create-atomic-is-used',
    title: 'where create is atomic, ifAbsent makes a secret once, labels included',
    needs: ['capability:create=atomic'],
    async run(context) {
      const { store, requests } = context.recorded()
      await store.put('a', 'a value', { ifAbsent: true, labels: { owner: 'payments' } })
      assert.deepEqual(operations(requests), ['create'])
      await expectError(store.put('a', 'another', { ifAbsent: true }), 'already_exists')
      assert.equal((await store.get('a')).value.revealText(), 'a value')
    },
  },
  {
    id: 'capabilities/if-version-is-refused',
    title: 'where versions can be compared in no way, ifVersion is unsupported and the driver is not asked',
    needs: ['capability:appendAfter=ignored', 'capability:current=on_append'],
    async run(context) {
      const { version } = await context.store().put('a', 'one')
      const { store, requests } = context.recorded()
      assert.equal((await expectError(store.put('a', 'two', { ifVersion: version }), 'unsupported')).effect, 'none')
      assert.deepEqual(requests, [])
    },
  },
  {
    id: 'capabilities/if-version-by-comparing',
    title: 'where appends are compared, ifVersion takes the newest version and refuses an older one as conflict',
    needs: ['capability:appendAfter=compared'],
    run: ifVersionCompares,
  },
  {
    id: 'capabilities/if-version-by-promoting',
    title: 'where a version can be staged, ifVersion takes the current version and refuses another as conflict',
    needs: ['capability:appendAfter=ignored', 'capability:current=on_promote'],
    run: ifVersionCompares,
  },
  {
    id: 'capabilities/after-only-where-compared',
    title: 'core gives `after` only to a driver that compares it',
    needs: ['capability:appendAfter=ignored'],
    async run(context) {
      const { store, requests } = context.recorded()
      const { version } = await store.put('a', 'one')
      await store.put('a', 'two')
      await store.put('a', 'three', { ifVersion: version }).catch(() => {})
      for (const request of appends(requests)) assert.equal(request.after, undefined)
    },
  },
  {
    id: 'capabilities/staged-only-on-promote',
    title: 'core stages nothing and promotes nothing where the newest version is current at once',
    needs: ['capability:current=on_append'],
    async run(context) {
      const { store, requests } = context.recorded()
      const { version } = await store.put('a', 'one')
      await store.put('a', 'two')
      await store.put('a', 'three', { ifVersion: version }).catch(() => {})
      for (const request of appends(requests)) assert.equal(request.staged, false)
      assert.ok(!operations(requests).includes('promote'))
    },
  },
  {
    id: 'capabilities/newest-is-current-on-append',
    title: 'where the newest version is current at once, every append is what readers get',
    needs: ['capability:current=on_append'],
    async run(context) {
      const { path } = await context.create('one')
      for (const value of ['two', 'three']) {
        const version = await context.append(path, value)
        assert.equal((await context.read(path)).version, version)
        assert.equal(await context.readText(path), value)
      }
    },
  },
  {
    id: 'capabilities/immediate-remove-is-refused',
    title: 'where a removal cannot be taken back, delete without purge and restore are unsupported, and the driver is not asked',
    needs: ['capability:remove=immediate'],
    async run(context) {
      await context.store().put('a', 'a value')
      const { store, requests } = context.recorded()
      await expectError(store.delete('a'), 'unsupported')
      await expectError(store.restore('a'), 'unsupported')
      assert.deepEqual(requests, [])
      assert.equal((await context.store().get('a')).value.revealText(), 'a value')
    },
  },
  {
    id: 'capabilities/recoverable-remove-is-used',
    title: 'where a removal can be taken back, a store deletes and restores',
    needs: ['capability:remove=recoverable'],
    async run(context) {
      const store = context.store()
      await store.put('a', 'a value')
      await store.delete('a')
      await context.settled(async () => void (await expectError(store.get('a'), 'not_found', 'name_held')))
      await expectError(store.put('a', 'another'), 'name_held', 'not_found')
      await store.restore('a')
      await context.settled(async () => assert.equal((await store.get('a')).value.revealText(), 'a value'))
    },
  },
  {
    id: 'capabilities/no-batch-is-never-asked-for',
    title: 'where there is no batch, getMany reads one by one',
    needs: ['capability:maxBatch=1'],
    async run(context) {
      const { store, requests } = context.recorded()
      await store.put('a', 'a value')
      requests.length = 0
      const [a, b] = await store.getMany(['a', 'b'])
      assert.ok(a?.ok === true && b?.ok === false && b.error.code === 'not_found')
      assert.ok(operations(requests).every(operation => operation === 'read'))
    },
  },
  {
    id: 'capabilities/batches-fit',
    title: 'where there is a batch, getMany asks for at most maxBatch secrets at once',
    needs: ['capability:maxBatch>1'],
    async run(context) {
      const { store, requests } = context.recorded()
      await store.put('name-0', 'a value')
      requests.length = 0
      const names = Array.from({ length: context.capabilities.maxBatch + 1 }, (_, index) => `name-${index}`)
      const outcomes = await store.getMany(names)
      assert.deepEqual(
        outcomes.map(({ ok }) => ok),
        names.map(name => name === 'name-0'),
      )
      const sizes = requests.flatMap(({ operation, request }) =>
        operation === 'readMany' ? [(request as { readonly paths: readonly string[] }).paths.length] : [],
      )
      assert.ok(sizes.length >= 1, 'the batch is used')
      assert.ok(sizes.every(size => size <= context.capabilities.maxBatch))
    },
  },
]

function tell({ specification, kind, location, capabilities }: SecretDriver): string {
  return JSON.stringify({ specification, kind, location, capabilities })
}

async function ifVersionCompares(context: CaseContext): Promise<void> {
  const store = context.store()
  const { version: first } = await store.put('a', 'one')
  const { version: second } = await store.put('a', 'two', { ifVersion: first })
  assert.equal((await store.get('a')).version, second)
  assert.equal((await expectError(store.put('a', 'three', { ifVersion: first }), 'conflict')).effect, 'none')
  assert.equal((await store.get('a')).value.revealText(), 'two')
  const { version: third } = await store.put('a', 'three', { ifVersion: second })
  const read = await store.get('a')
  assert.deepEqual([read.version, read.value.revealText()], [third, 'three'])
}

function operations(requests: readonly DriverRequest[]): readonly string[] {
  return requests.map(({ operation }) => operation)
}

function appends(requests: readonly DriverRequest[]): readonly AppendRequest[] {
  return requests.flatMap(({ operation, request }) => (operation === 'append' ? [request as AppendRequest] : []))
}
