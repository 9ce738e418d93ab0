import {
  accountId,
  createSecretMigrator,
  createSecretReader,
  createSecretRegistry,
  createSecretStore,
  memoryMetadata,
  secretId,
  SecretValue,
  startMaintenance,
  unsafeAllowEveryone,
} from '@strongroom/core'
import type { SecretErrorCode } from '@strongroom/core'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { failureOf, ScriptedDriver } from './support/scripted.ts'
import { tracked } from './support/tracked.ts'

// What is refused must be refused before the network and the database, and the refusal must not quote it.

const MARKER = 'marker-7f3e'
const LONG = MARKER.repeat(1000)
const ID = '0198a000-0000-7000-8000-000000000000'
const ACTOR = { id: 'u-1', type: 'user' }
const disposed = SecretValue.from(MARKER)
disposed[Symbol.dispose]()

/** Whatever the types say: a caller may write JavaScript. */
type Loose<T> = { readonly [K in keyof T]: T[K] extends (...parameters: never[]) => infer R ? (...parameters: unknown[]) => R : T[K] }
type Case<T> = readonly [title: string, act: (target: Loose<T>) => unknown, code?: SecretErrorCode | undefined]

const loose = <T>(target: T): Loose<T> => target as Loose<T>
const drain = (items: unknown): Promise<unknown> => Array.fromAsync(items as AsyncIterable<unknown>)

const BAD_NAMES: readonly (readonly [string, unknown])[] = [
  ['no name', undefined],
  ['null', null],
  ['a number', 7],
  ['an object', { name: MARKER }],
  ['an empty name', ''],
  ['a NUL', `${MARKER}\0`],
  ['a lone surrogate', `${MARKER}\ud800`],
  ['10,000 characters', LONG.slice(0, 10_000)],
  ['a name too long once it is encoded', MARKER.toUpperCase().repeat(20)],
]
const BAD_OPTIONS: readonly (readonly [string, unknown])[] = [
  ['options: null', null],
  ['options: text', MARKER],
  ['options: a list', [MARKER]],
  ['an unknown option', { nonsense: MARKER }],
  ['a signal that is none', { signal: MARKER }],
]
const BAD_VALUES: readonly (readonly [string, unknown, SecretErrorCode?])[] = [
  ['no value', undefined],
  ['null', null],
  ['a number', 7],
  ['an object', { value: MARKER }],
  ['an ArrayBuffer', new ArrayBuffer(4)],
  ['an empty text', ''],
  ['no bytes', new Uint8Array()],
  ['a lone surrogate', `${MARKER}\ud800`],
  ['a value disposed of', disposed, 'closed'],
  ['25,001 bytes of text', 'é'.repeat(12_500) + 'x', 'too_large'],
  ['18,751 bytes of binary', new Uint8Array(18_751), 'too_large'],
]
const BAD_VERSIONS: readonly (readonly [string, unknown])[] = [
  ['a number', 1],
  ['null', null],
  ['empty', ''],
  ['a control character', `${MARKER}\n`],
  ['a lone surrogate', `${MARKER}\ud800`],
  ['257 characters', 'v'.repeat(257)],
]
const BAD_LABELS: readonly (readonly [string, unknown])[] = [
  ['text', MARKER],
  ['a list', [MARKER]],
  ['null', null],
  ['nine', Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`l${index}`, MARKER]))],
  ['a name with a colon', { 'aws:x': MARKER }],
  ['a name with a slash', { 'a/b': MARKER }],
  ['a name that ends in a dot', { 'a.': MARKER }],
  ['a name that begins with a hyphen', { '-a': MARKER }],
  ['a name of 64', { ['n'.repeat(64)]: MARKER }],
  ['an empty name', { '': MARKER }],
  ['an empty value', { a: '' }],
  ['a value of 257', { a: 'v'.repeat(257) }],
  ['a value with a quote', { a: `"${MARKER}"` }],
  ['a value beyond ASCII', { a: `é${MARKER}` }],
  ['a value that is no text', { a: 7 }],
]
const BAD_IDS: readonly (readonly [string, unknown])[] = [
  ['undefined', undefined],
  ['null', null],
  ['a number', 7],
  ['empty', ''],
  ['capitals', MARKER.toUpperCase()],
  ['a slash', `${MARKER}/x`],
  ['10,000 characters', LONG.slice(0, 10_000)],
]

/** With the code of most where none is given. */
function filled<T>(cases: readonly (readonly [string, T, (SecretErrorCode | undefined)?])[]): readonly (readonly [string, T, SecretErrorCode])[] {
  return cases.map(([title, act, code = 'invalid_argument']) => [title, act, code])
}

function expectRefused(error: unknown, code: SecretErrorCode): void {
  expect(error).toMatchObject({ kind: 'strongroom.secret-error', code, effect: 'none', retryable: false })
  const shown = inspect(error, { showHidden: true, depth: 9 }).toLowerCase()
  expect(shown, 'an argument is quoted').not.toContain(MARKER)
}

describe('SecretStore', () => {
  type Store = ReturnType<typeof createSecretStore>
  const CASES: readonly Case<Store>[] = [
    ...BAD_NAMES.flatMap(([title, name]): Case<Store>[] => [
      [`get ${title}`, store => store.get(name)],
      [`getMany ${title}`, store => store.getMany(['fine', name])],
      [`put ${title}`, store => store.put(name, MARKER)],
      [`versions ${title}`, store => drain(store.versions(name))],
      [`destroyVersion ${title}`, store => store.destroyVersion(name, '1')],
      [`delete ${title}`, store => store.delete(name)],
      [`restore ${title}`, store => store.restore(name)],
    ]),
    ...BAD_OPTIONS.flatMap(([title, options]): Case<Store>[] => [
      [`get ${title}`, store => store.get('n', options)],
      [`getMany ${title}`, store => store.getMany(['n'], options)],
      [`put ${title}`, store => store.put('n', MARKER, options)],
      [`list ${title}`, store => drain(store.list(options))],
      [`versions ${title}`, store => drain(store.versions('n', options))],
      [`destroyVersion ${title}`, store => store.destroyVersion('n', '1', options)],
      [`delete ${title}`, store => store.delete('n', options)],
      [`restore ${title}`, store => store.restore('n', options)],
    ]),
    ...BAD_VALUES.map(([title, value, code]): Case<Store> => [`put ${title}`, store => store.put('n', value), code]),
    ...BAD_VERSIONS.flatMap(([title, version]): Case<Store>[] => [
      [`get version ${title}`, store => store.get('n', { version })],
      [`put ifVersion ${title}`, store => store.put('n', MARKER, { ifVersion: version })],
      [`destroyVersion ${title}`, store => store.destroyVersion('n', version)],
    ]),
    ...BAD_LABELS.map(([title, labels]): Case<Store> => [`put labels ${title}`, store => store.put('n', MARKER, { ifAbsent: true, labels })]),
    ['put labels without ifAbsent', store => store.put('n', MARKER, { labels: { a: 'b' } })],
    ['put ifAbsent and ifVersion', store => store.put('n', MARKER, { ifAbsent: true, ifVersion: '1' })],
    ['put ifAbsent false', store => store.put('n', MARKER, { ifAbsent: false })],
    ['put ifAbsent another word', store => store.put('n', MARKER, { ifAbsent: MARKER })],
    ['getMany of no list', store => store.getMany(MARKER)],
    ['getMany of nothing', store => store.getMany()],
    ['getMany of a list with holes', store => store.getMany(Object.assign([], { length: 2 }))],
    ['list prefix a number', store => drain(store.list({ prefix: 7 }))],
    ['list prefix lone surrogate', store => drain(store.list({ prefix: `${MARKER}\ud800` }))],
    ['list prefix long', store => drain(store.list({ prefix: LONG }))],
    ['list withLabels text', store => drain(store.list({ withLabels: MARKER }))],
    ['delete purge text', store => store.delete('n', { purge: MARKER })],
    ['delete purge null', store => store.delete('n', { purge: null })],
  ]

  it.each(filled(CASES))('%s', async (_, act, code) => {
    const scripted = new ScriptedDriver({ maxPathLength: 255 })
    const store = createSecretStore(scripted.driver)
    expectRefused(await failureOf((async () => await act(loose(store)))()), code)
    expect(scripted.methods).toEqual([])
  })

  const POLICIES: readonly (readonly [string, unknown])[] = [
    ...BAD_OPTIONS.filter(([title]) => !title.startsWith('a signal')),
    ['signal', { signal: AbortSignal.abort() }],
    ['prefix a number', { prefix: 7 }],
    ['prefix with a NUL', { prefix: `${MARKER}\0` }],
    ['prefix long', { prefix: LONG }],
    ['naming', { naming: MARKER }],
    ['limits', { limits: MARKER }],
    ['deadlineMs 0', { deadlineMs: 0 }],
    ['deadlineMs text', { deadlineMs: '15000' }],
    ['deadlineMs NaN', { deadlineMs: Number.NaN }],
    ['attempts 0', { attempts: 0 }],
    ['attempts 1.5', { attempts: 1.5 }],
    ['onOperation', { onOperation: MARKER }],
    ['unsafeOnRawError', { unsafeOnRawError: {} }],
  ]
  it.each(POLICIES)('createSecretStore policy %s', async (_, policy) => {
    const { driver } = new ScriptedDriver()
    expectRefused(await failureOf((async () => createSecretStore(driver, policy as never))()), 'invalid_argument')
  })

  it.each([undefined, null, MARKER, {}, { specification: 'v2' }, { specification: 'v1', kind: MARKER }])('createSecretStore(%j)', async driver => {
    expectRefused(await failureOf((async () => createSecretStore(driver as never))()), 'misconfigured')
  })
})

/** Every face over one recorded driver and one recorded database. */
async function open() {
  const scripted = new ScriptedDriver()
  const touched: string[] = []
  const metadata = tracked(
    'metadata',
    memoryMetadata(),
    async (step, call) => {
      touched.push(step.method)
      return await call()
    },
    { next: 0 },
  )
  const asked: unknown[] = []
  const authorize = async (request: unknown): Promise<boolean> => {
    asked.push(request)
    return true
  }
  const parts = { id: 'main', metadata, stores: { main: scripted.driver } }
  const registry = await createSecretRegistry({ ...parts, writeTo: 'main', authorize })
  const reader = await createSecretReader({ ...parts, authorize })
  const migrator = await createSecretMigrator({ ...parts, actor: ACTOR as never })
  touched.length = 0
  return { scripted, touched, asked, registry, reader, migrator }
}

describe('registry, reader and migrator', () => {
  type Opened = Awaited<ReturnType<typeof open>>
  const on = ({ registry }: Opened) => loose(registry.account(accountId('acc-1'), ACTOR as never))
  const reading = ({ reader }: Opened) => loose(reader.account(accountId('acc-1'), ACTOR as never))
  const BAD_KEYS: readonly (readonly [string, unknown])[] = [...BAD_IDS, ['an underscore', `${MARKER}_x`], ['128 characters', 'k'.repeat(128)]]
  const BAD_DESCRIPTIONS: readonly (readonly [string, unknown])[] = [
    ['a number', 7],
    ['a NUL', `${MARKER}\0`],
    ['a lone surrogate', `${MARKER}\ud800`],
    ['2,001 characters', 'd'.repeat(2_001)],
  ]
  const BAD_ACTORS: readonly (readonly [string, unknown])[] = [
    ['undefined', undefined],
    ['text', MARKER],
    ['without an id', { type: 'user' }],
    ['an empty id', { id: '', type: 'user' }],
    ['a control character', { id: `${MARKER}\n`, type: 'user' }],
    ['257 characters', { id: 'i'.repeat(257), type: 'user' }],
    ['another type', { id: 'i', type: MARKER }],
    ['another field', { id: 'i', type: 'user', nonsense: MARKER }],
  ]
  const CASES: readonly (readonly [string, (opened: Opened) => unknown, (SecretErrorCode | undefined)?])[] = [
    ...BAD_KEYS.map(([title, key]) => [`create key ${title}`, (o: Opened) => on(o).create({ key, value: MARKER })] as const),
    ...BAD_VALUES.map(([title, value, code]) => [`create value ${title}`, (o: Opened) => on(o).create({ key: 'k', value }), code] as const),
    ...BAD_VALUES.filter(([title]) => title !== 'no value').map(
      ([title, value, code]) => [`update value ${title}`, (o: Opened) => on(o).update(ID, { value }), code] as const,
    ),
    ...BAD_DESCRIPTIONS.flatMap(([title, description]) => [
      [`create description ${title}`, (o: Opened) => on(o).create({ key: 'k', value: MARKER, description })] as const,
      [`update description ${title}`, (o: Opened) => on(o).update(ID, { description })] as const,
    ]),
    ...BAD_IDS.flatMap(([title, id]) => [
      [`describe ${title}`, (o: Opened) => on(o).describe(id)] as const,
      [`update ${title}`, (o: Opened) => on(o).update(id, { value: MARKER })] as const,
      [`delete ${title}`, (o: Opened) => on(o).delete(id)] as const,
      ...(id === undefined
        ? []
        : [
            [`list startingAfter ${title}`, (o: Opened) => on(o).list({ startingAfter: id })] as const,
            [`list endingBefore ${title}`, (o: Opened) => on(o).list({ endingBefore: id })] as const,
            [`read id ${title}`, (o: Opened) => reading(o).read({ id })] as const,
          ]),
    ]),
    ...BAD_OPTIONS.flatMap(([title, options]) => [
      [`create ${title}`, (o: Opened) => on(o).create({ key: 'k', value: MARKER }, options)] as const,
      [`create input ${title}`, (o: Opened) => on(o).create(options)] as const,
      [`list ${title}`, (o: Opened) => on(o).list(options)] as const,
      [`describe ${title}`, (o: Opened) => on(o).describe(ID, options)] as const,
      [`update ${title}`, (o: Opened) => on(o).update(ID, { value: MARKER }, options)] as const,
      [`update change ${title}`, (o: Opened) => on(o).update(ID, options)] as const,
      [`delete ${title}`, (o: Opened) => on(o).delete(ID, options)] as const,
      [`audit ${title}`, (o: Opened) => drain(on(o).audit(options))] as const,
      [`maintain ${title}`, (o: Opened) => loose(o.registry).maintain(options)] as const,
      [`read ${title}`, (o: Opened) => reading(o).read({ id: ID }, options)] as const,
      [`read reference ${title}`, (o: Opened) => reading(o).read(options)] as const,
      [`references ${title}`, (o: Opened) => loose(o.migrator).references('main', options)] as const,
      [`accounts ${title}`, (o: Opened) => drain(loose(o.migrator).accounts(options))] as const,
    ]),
    ...BAD_ACTORS.flatMap(([title, actor]) => [
      [`registry.account actor ${title}`, (o: Opened) => loose(o.registry).account('acc-1', actor)] as const,
      [`reader.account actor ${title}`, (o: Opened) => loose(o.reader).account('acc-1', actor)] as const,
    ]),
    ...[undefined, 7, '', `${MARKER} x`, 'é', LONG].flatMap(account => [
      [`registry.account ${String(account).slice(0, 12)}`, (o: Opened) => loose(o.registry).account(account, ACTOR)] as const,
      [`reader.account ${String(account).slice(0, 12)}`, (o: Opened) => loose(o.reader).account(account, ACTOR)] as const,
      [`accountId ${String(account).slice(0, 12)}`, () => accountId(account as never)] as const,
      [`secretId ${String(account).slice(0, 12)}`, () => secretId(account as never)] as const,
    ]),
    ...[0, 10_001, 1.5, '10', null, Number.NaN, -1].flatMap(limit => [
      [`list limit ${limit}`, (o: Opened) => on(o).list({ limit })] as const,
      [`maintain maxItems ${limit}`, (o: Opened) => loose(o.registry).maintain({ maxItems: limit })] as const,
    ]),
    ...[0, 1.5, '1', null, [], [1, 0], [[1]]].flatMap(ifRevision => [
      [`update ifRevision ${JSON.stringify(ifRevision)}`, (o: Opened) => on(o).update(ID, { value: MARKER }, { ifRevision })] as const,
      [`delete ifRevision ${JSON.stringify(ifRevision)}`, (o: Opened) => on(o).delete(ID, { ifRevision })] as const,
    ]),
    ...[7, null, '', MARKER.repeat(64).slice(0, 256), `${MARKER}\n`, `${MARKER}é`].flatMap(idempotencyKey => [
      [
        `create idempotencyKey ${String(idempotencyKey).slice(0, 12)}`,
        (o: Opened) => on(o).create({ key: 'k', value: MARKER }, { idempotencyKey }),
      ] as const,
      [
        `update idempotencyKey ${String(idempotencyKey).slice(0, 12)}`,
        (o: Opened) => on(o).update(ID, { value: MARKER }, { idempotencyKey }),
      ] as const,
    ]),
    ['create without requestKeys', o => on(o).create({ key: 'k', value: MARKER }, { idempotencyKey: MARKER }), 'misconfigured'],
    ['delete idempotencyKey', o => on(o).delete(ID, { idempotencyKey: MARKER })],
    ['update nothing', o => on(o).update(ID, {})],
    ['list both cursors', o => on(o).list({ startingAfter: ID, endingBefore: ID })],
    ['list sortBy', o => on(o).list({ sortBy: MARKER })],
    ['list sortOrder', o => on(o).list({ sortOrder: MARKER })],
    ['audit after -1', o => drain(on(o).audit({ after: -1 }))],
    ['read neither id nor key', o => reading(o).read({})],
    ['read id and key', o => reading(o).read({ id: ID, key: 'k' })],
    ['read key with a NUL', o => reading(o).read({ key: `${MARKER}\0` })],
    ['read key long', o => reading(o).read({ key: LONG })],
    ['references of no name', o => loose(o.migrator).references({ store: MARKER })],
  ]

  it.each(filled(CASES))('%s', async (_, act, code) => {
    const opened = await open()
    expectRefused(await failureOf((async () => await act(opened))()), code)
    expect(opened.scripted.methods).toEqual([])
    expect(opened.touched, 'the database was asked').toEqual([])
    expect(opened.asked, 'authorize was asked').toEqual([])
  })

  it('every entry of a closed face is closed', async () => {
    const opened = await open()
    const secrets = on(opened)
    const values = reading(opened)
    await Promise.all([opened.registry.close(), opened.reader.close(), opened.migrator.close()])
    const entries: readonly (() => unknown)[] = [
      () => secrets.create({ key: 'k', value: MARKER }),
      () => secrets.list(),
      () => secrets.describe(ID),
      () => secrets.update(ID, { value: MARKER }),
      () => secrets.delete(ID),
      () => drain(secrets.audit()),
      () => opened.registry.maintain(),
      () => values.read({ id: ID }),
      () => opened.migrator.references('main'),
      () => drain(opened.migrator.accounts()),
    ]
    for (const entry of entries) expectRefused(await failureOf((async () => await entry())()), 'closed')
    expect([...opened.touched, ...opened.scripted.methods]).toEqual([])
  })

  it('a cursor of another account is refused, as one that never was', async () => {
    const opened = await open()
    const theirs = await opened.registry.account(accountId('acc-2'), ACTOR as never).create({ key: 'k', value: 'v' })
    for (const cursor of [theirs.id, ID]) {
      for (const query of [{ startingAfter: cursor }, { endingBefore: cursor }])
        expectRefused(await failureOf(on(opened).list(query)), 'invalid_argument')
    }
  })
})

describe('factories', () => {
  const { driver } = new ScriptedDriver({}, 'one')
  const good = () => ({ id: 'main', metadata: memoryMetadata(), stores: { main: driver } })
  const SHARED: readonly (readonly [string, Record<string, unknown>, SecretErrorCode?])[] = [
    ['an unknown option', { nonsense: MARKER }],
    ['id missing', { id: undefined }],
    ['id with capitals', { id: MARKER.toUpperCase() }],
    ['id of 33', { id: 'i'.repeat(33) }],
    ['metadata missing', { metadata: undefined }, 'misconfigured'],
    ['metadata of another kind', { metadata: { specification: MARKER } }, 'misconfigured'],
    ['stores missing', { stores: undefined }],
    ['a store’s name', { stores: { Bad_Name: driver } }],
    ['a store that is no driver', { stores: { main: { specification: 'v1', location: MARKER } } }, 'misconfigured'],
    ['a store without location', { stores: { main: { ...driver, location: undefined } } }, 'misconfigured'],
    ['policy text', { policy: MARKER }],
    ['policy null', { policy: null }],
    ['policy with an unknown option', { policy: { nonsense: MARKER } }],
    ['policy naming', { policy: { naming: 'native' } }],
    ['policy deadlineMs', { policy: { deadlineMs: MARKER } }],
    ['policy onOperation', { policy: { onOperation: MARKER } }],
  ]
  const REGISTRY: typeof SHARED = [
    ...SHARED,
    ['no authorize', { authorize: undefined }],
    ['authorize true', { authorize: true }],
    ['writeTo missing', { writeTo: undefined }, 'misconfigured'],
    ['writeTo unknown', { writeTo: 'other' }, 'misconfigured'],
    ['keys', { keys: MARKER }],
    ['requestKeys text', { requestKeys: MARKER }],
    ['requestKeys null', { requestKeys: null }],
    ['no requestKeys', { requestKeys: [] }],
    ['requestKeys of text', { requestKeys: [MARKER] }],
    ['a requestKey of 31 bytes', { requestKeys: [new Uint8Array(32), new Uint8Array(31)] }],
    ['prefix with a NUL', { policy: { prefix: `${MARKER}\0` } }],
    ['prefix of a store', { policy: { prefix: { main: 7 } } }],
    ['a prefix that leaves no room', { stores: { main: { ...driver, capabilities: { ...driver.capabilities, maxPathLength: 40 } } } }],
    ['leaseMs twice the deadline', { policy: { deadlineMs: 100, leaseMs: 200 } }],
    ['leaseMs text', { policy: { leaseMs: MARKER } }],
    ['putHorizonMs -1', { policy: { putHorizonMs: -1 } }],
    ['putHorizonMs as long as the lease', { policy: { deadlineMs: 100, leaseMs: 300, putHorizonMs: 300 } }],
    ['putHorizonMs shorter than the lease by default', { policy: { deadlineMs: 100, putHorizonMs: 299 } }],
  ]
  const READER: typeof SHARED = [
    ...SHARED,
    ['no authorize', { authorize: undefined }],
    ['writeTo', { writeTo: 'main' }],
    ['prefix', { policy: { prefix: 'x/' } }],
    ['limits', { policy: { limits: 'native' } }],
  ]
  const MIGRATOR: typeof SHARED = [...SHARED, ['no actor', { actor: undefined }], ['prefix with a NUL', { policy: { prefix: `${MARKER}\0` } }]]

  it.each(filled(REGISTRY))('createSecretRegistry: %s', async (_, change, code) => {
    const options = { ...good(), writeTo: 'main', authorize: unsafeAllowEveryone, ...change }
    expectRefused(await failureOf(createSecretRegistry(options as never)), code)
  })
  it.each(filled(READER))('createSecretReader: %s', async (_, change, code) => {
    const options = { ...good(), authorize: unsafeAllowEveryone, ...change }
    expectRefused(await failureOf(createSecretReader(options as never)), code)
  })
  it.each(filled(MIGRATOR))('createSecretMigrator: %s', async (_, change, code) => {
    const options = { ...good(), actor: ACTOR, ...change }
    expectRefused(await failureOf(createSecretMigrator(options as never)), code)
  })
  it.each([undefined, null, MARKER])('factories of %s', async options => {
    for (const create of [createSecretRegistry, createSecretReader, createSecretMigrator]) {
      expectRefused(await failureOf(create(options as never)), 'invalid_argument')
    }
  })

  it.each<readonly [string, unknown, unknown]>([
    ['no registry', undefined, {}],
    ['no registry', { maintain: MARKER }, {}],
    ['an unknown option', { maintain: async () => {} }, { nonsense: MARKER }],
    ['intervalMs 0', { maintain: async () => {} }, { intervalMs: 0 }],
    ['maxItems 10,001', { maintain: async () => {} }, { maxItems: 10_001 }],
    ['onReport', { maintain: async () => {} }, { onReport: MARKER }],
    ['onError', { maintain: async () => {} }, { onError: MARKER }],
    ['options null', { maintain: async () => {} }, null],
  ])('startMaintenance: %s', async (_, registry, options) => {
    expectRefused(await failureOf((async () => startMaintenance(registry as never, options as never))()), 'invalid_argument')
  })

  it('what failed to open has closed nothing of the caller’s', async () => {
    const scripted = new ScriptedDriver({}, 'one')
    const parts = { id: 'main', metadata: memoryMetadata(), stores: { main: scripted.driver }, authorize: unsafeAllowEveryone }
    await failureOf(createSecretRegistry({ ...parts, writeTo: 'other' }))
    expect(scripted.closed).toBe(0)
    const registry = await createSecretRegistry({ ...parts, writeTo: 'main' })
    await registry.account(accountId('acc-1'), ACTOR as never).create({ key: 'k', value: 'v' })
    await registry.close()
    expect(scripted.closed).toBe(1)
  })
})
