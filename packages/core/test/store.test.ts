import { createSecretStore, SecretError } from '@strongroom/core'
import type { DriverCapabilities, NativePath, StorePolicy, VersionId } from '@strongroom/core'
import { describe, expect, it } from 'vitest'
import { failureOf, fails, ScriptedDriver } from './support/scripted.ts'

function open(capabilities: Partial<DriverCapabilities> = {}, policy: StorePolicy = {}) {
  const scripted = new ScriptedDriver(capabilities)
  return { scripted, store: createSecretStore(scripted.driver, policy) }
}
const version = (id: string): VersionId => id as VersionId

describe('put', () => {
  it('appends first, and creates where there is nothing', async () => {
    const { scripted, store } = open()
    await store.put('name', 'first')
    await store.put('name', 'second')
    expect(scripted.methods).toEqual(['append', 'create', 'append'])
    expect(scripted.calls.at(-1)?.request).toMatchObject({ after: undefined, staged: false })
    expect((await store.get('name')).value.revealText()).toBe('second')
  })

  it('appends when another writer has created between, and creates when another has deleted', async () => {
    const { scripted, store } = open()
    scripted.on('create', async act => (await act(), Promise.reject(fails({ code: 'already_exists', retryable: false }))))
    await store.put('name', 'mine')
    expect(scripted.methods).toEqual(['append', 'create', 'append'])
  })

  it('gives up when others always come between', async () => {
    const { scripted, store } = open()
    const exists = fails({ code: 'already_exists', retryable: false })
    scripted.on('create', exists, exists, exists, exists)
    expect(await failureOf(store.put('name', 'mine'))).toMatchObject({ code: 'conflict', retryable: true, effect: 'none' })
    expect(scripted.count('append')).toBe(3)
  })

  it('says that a deleted secret holds the name', async () => {
    const { store } = open()
    await store.put('name', 'first')
    await store.delete('name')
    expect(await failureOf(store.put('name', 'second'))).toMatchObject({ code: 'name_held', effect: 'none' })
  })

  it('ifAbsent creates only, with its labels', async () => {
    const { scripted, store } = open()
    await store.put('name', 'first', { ifAbsent: true, labels: { team: 'a b' } })
    expect(scripted.methods).toEqual(['create'])
    expect(await failureOf(store.put('name', 'second', { ifAbsent: true }))).toMatchObject({ code: 'already_exists' })
    expect(await Array.fromAsync(store.list({ withLabels: true }))).toMatchObject([{ name: 'name', labels: { team: 'a b' } }])
    expect((await Array.fromAsync(store.list()))[0]?.labels).toBeUndefined()
  })

  it('ifAbsent is unsupported where the backend looks, then writes, unless the race is accepted', async () => {
    const { scripted, store } = open({ create: 'checked' })
    expect(await failureOf(store.put('name', 'x', { ifAbsent: true }))).toMatchObject({ code: 'unsupported', effect: 'none' })
    expect(scripted.count()).toBe(0)
    await store.put('name', 'x', { ifAbsent: 'unsafe-check-then-write' })
    expect(scripted.methods).toEqual(['create'])
  })

  it('ifVersion is compared by the backend where it can', async () => {
    const { scripted, store } = open({ appendAfter: 'compared', current: 'on_append' })
    const first = await store.put('name', 'first')
    await store.put('name', 'second', { ifVersion: first.version })
    scripted.calls.length = 0
    expect(await failureOf(store.put('name', 'third', { ifVersion: first.version }))).toMatchObject({ code: 'conflict', effect: 'none' })
    expect(scripted.calls).toMatchObject([{ method: 'append', request: { after: first.version } }])
    expect((await store.get('name')).value.revealText()).toBe('second')
  })

  it('ifVersion is a staged version and a moved label where versions can be staged', async () => {
    const { scripted, store } = open({ appendAfter: 'ignored', current: 'on_promote' })
    const first = await store.put('name', 'first')
    scripted.calls.length = 0
    const second = await store.put('name', 'second', { ifVersion: first.version })
    expect(scripted.calls).toMatchObject([
      { method: 'append', request: { staged: true, after: undefined } },
      { method: 'promote', request: { version: second.version, from: first.version } },
    ])
    scripted.calls.length = 0
    expect(await failureOf(store.put('name', 'third', { ifVersion: first.version }))).toMatchObject({ code: 'conflict', effect: 'none' })
    expect(scripted.methods).toEqual(['append', 'promote', 'destroyVersion'])
    const states = (await Array.fromAsync(store.versions('name'))).map(({ state }) => state)
    expect(states).toEqual(['usable', 'usable', 'destroyed'])
    expect((await store.get('name')).value.revealText()).toBe('second')
  })

  it('does not destroy a staged version whose promotion may have happened', async () => {
    const { scripted, store } = open({ appendAfter: 'ignored' })
    const first = await store.put('name', 'first')
    scripted.calls.length = 0
    scripted.on('promote', async act => (await act(), Promise.reject(fails({ effect: 'unknown' }))))
    expect(await failureOf(store.put('name', 'second', { ifVersion: first.version }))).toMatchObject({ effect: 'unknown' })
    expect(scripted.methods).toEqual(['append', 'promote'])
    expect((await store.get('name')).value.revealText()).toBe('second')
  })

  it('ifVersion is unsupported where nothing compares', async () => {
    const { scripted, store } = open({ appendAfter: 'ignored', current: 'on_append' })
    expect(await failureOf(store.put('name', 'x', { ifVersion: version('1') }))).toMatchObject({ code: 'unsupported' })
    expect(scripted.count()).toBe(0)
  })

  it('never asks a backend that ignores it to compare', async () => {
    const { scripted, store } = open({ appendAfter: 'ignored' })
    await store.put('name', 'x')
    expect(scripted.calls.every(({ request }) => request['after'] === undefined)).toBe(true)
  })
})

describe('sizes and names', () => {
  it('takes the portable floor exactly, and a backend’s own limit only when told', async () => {
    const { store } = open({ maxValueBytes: { text: 65_536, binary: 65_536 } })
    await store.put('text', 'x'.repeat(25_000))
    await store.put('binary', new Uint8Array(18_750).fill(1))
    const native = open({ maxValueBytes: { text: 30_000, binary: 30_000 } }, { limits: 'native' })
    await native.store.put('text', 'x'.repeat(30_000))
    expect(await failureOf(native.store.put('text', 'x'.repeat(30_001)))).toMatchObject({ code: 'too_large' })
    const small = open({ maxValueBytes: { text: 100, binary: 75 } })
    expect(await failureOf(small.store.put('text', 'x'.repeat(101)))).toMatchObject({ code: 'too_large' })
    expect(small.scripted.count()).toBe(0)
  })

  it('encodes behind a native prefix, or passes names through', async () => {
    const portable = open({}, { prefix: 'Prod/' })
    await portable.store.put('Db', 'x')
    expect(portable.scripted.calls[0]?.request['path']).toBe('Prod/--44b')
    const native = open({}, { prefix: 'Prod/', naming: 'native' })
    await native.store.put('Db.x', 'x')
    expect(native.scripted.calls[0]?.request['path']).toBe('Prod/Db.x')
  })

  it('takes a path of exactly the allowed length', async () => {
    const { scripted, store } = open({ maxPathLength: 20 }, { prefix: 'p/' })
    await store.put('n'.repeat(18), 'x')
    scripted.calls.length = 0
    expect(await failureOf(store.put('n'.repeat(19), 'x'))).toMatchObject({ code: 'invalid_argument' })
    expect(await failureOf(store.put('É'.repeat(5), 'x'))).toMatchObject({ code: 'invalid_argument' })
    expect(scripted.count()).toBe(0)
  })
})

describe('removal', () => {
  it('is unsupported without purge where there is only purge, and so is restore', async () => {
    const { scripted, store } = open({ remove: 'immediate' })
    await store.put('name', 'x')
    scripted.calls.length = 0
    expect(await failureOf(store.delete('name'))).toMatchObject({ code: 'unsupported' })
    expect(await failureOf(store.restore('name'))).toMatchObject({ code: 'unsupported' })
    expect(scripted.count()).toBe(0)
    expect(await store.delete('name', { purge: true })).toEqual({ state: 'gone' })
  })
})

describe('getMany', () => {
  const names = Array.from({ length: 50 }, (_, index) => `name-${index}`)

  it('reads 50 names in three batches of 20, in the order given', async () => {
    const { scripted, store } = open({ maxBatch: 20 })
    for (const name of names.slice(1)) await store.put(name, name)
    scripted.calls.length = 0
    const outcomes = await store.getMany(names)
    expect(scripted.calls.map(({ method, request }) => [method, (request['paths'] as unknown[]).length])).toEqual([
      ['readMany', 20],
      ['readMany', 20],
      ['readMany', 10],
    ])
    expect(outcomes.map(({ name }) => name)).toEqual(names)
    expect(outcomes[0]).toMatchObject({ ok: false, error: { code: 'not_found', secretName: 'name-0', effect: 'none' } })
    expect(outcomes.slice(1).map(outcome => outcome.ok && outcome.secret.value.revealText())).toEqual(names.slice(1))
  })

  it('reads one by one where there is no batch, and never calls readMany', async () => {
    const { scripted, store } = open({ maxBatch: 1 })
    await store.put('name-1', 'x')
    scripted.calls.length = 0
    const outcomes = await store.getMany(names)
    expect(scripted.count('read')).toBe(50)
    expect(scripted.count('readMany')).toBe(0)
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1)
  })

  it('gives a name given twice two values of its own, from one read', async () => {
    const { scripted, store } = open()
    await store.put('a', 'x')
    scripted.calls.length = 0
    const [one, two] = await store.getMany(['a', 'a'])
    expect(scripted.calls[0]?.request['paths']).toEqual(['a'])
    if (one?.ok !== true || two?.ok !== true) throw new Error('both are there')
    one.secret.value[Symbol.dispose]()
    expect(two.secret.value.revealText()).toBe('x')
  })

  it('asks nothing for no names', async () => {
    const { scripted, store } = open()
    expect(await store.getMany([])).toEqual([])
    expect(scripted.count()).toBe(0)
  })

  it('a batch that fails is an outcome of its names; the others stand', async () => {
    const { scripted, store } = open({ maxBatch: 20 })
    for (const name of names) await store.put(name, name)
    scripted.on('readMany', fails({ code: 'permission_denied', retryable: false }))
    const outcomes = await store.getMany(names)
    expect(outcomes.filter(({ ok }) => !ok)).toHaveLength(20)
    expect(outcomes.filter(outcome => !outcome.ok && outcome.error.secretName !== outcome.name)).toEqual([])
  })

  it('calls a name that the backend leaves out corrupt', async () => {
    const { scripted, store } = open()
    scripted.on('readMany', () => [])
    expect(await store.getMany(['a'])).toMatchObject([{ name: 'a', ok: false, error: { code: 'corrupt' } }])
  })

  it('is not confused when the caller changes the list meanwhile', async () => {
    const { store } = open()
    await store.put('a', 'x')
    const asked = ['a']
    const work = store.getMany(asked)
    asked[0] = 'b'
    expect(await work).toMatchObject([{ name: 'a', ok: true }])
  })
})

describe('list and versions', () => {
  const entry = (path: string) => ({
    path: path as NativePath,
    fullPath: `full/${path}`,
    createdAt: undefined,
    updatedAt: undefined,
    labels: undefined,
  })

  it('decodes names, and leaves out what is not its own', async () => {
    const { scripted, store } = open({}, { prefix: 'p/' })
    scripted.on('list', () => ({ items: ['p/--44b', 'p/Native', 'p/', 'q/other', 'p/--00', 'p/plain'].map(entry), next: undefined }))
    expect((await Array.fromAsync(store.list())).map(({ name }) => name)).toEqual(['Db', 'plain'])
    expect(scripted.calls[0]?.request).toMatchObject({ prefix: 'p/', withLabels: false })
  })

  it('compares the prefix with the decoded name, also across a hyphen at the cut', async () => {
    const { store } = open()
    for (const name of ['a-b', 'a-', 'ab', 'A-b', 'b']) await store.put(name, 'x')
    expect((await Array.fromAsync(store.list({ prefix: 'a-' }))).map(({ name }) => name).toSorted()).toEqual(['a-', 'a-b'])
  })

  it('follows pages, empty ones too', async () => {
    const { scripted, store } = open()
    scripted.on(
      'list',
      () => ({ items: [entry('a')], next: '1' }),
      () => ({ items: [], next: '2' }),
      () => ({ items: [entry('b')], next: undefined }),
    )
    expect((await Array.fromAsync(store.list())).map(({ name }) => name)).toEqual(['a', 'b'])
    expect(scripted.calls.map(({ request }) => request['page'])).toEqual([undefined, '1', '2'])
  })

  it('does not turn for ever on a page that names itself', async () => {
    const { scripted, store } = open()
    const same = () => ({ items: [entry('a')], next: '1' })
    scripted.on('list', same, same, same)
    expect(await failureOf(Array.fromAsync(store.list()))).toMatchObject({ code: 'corrupt' })
    expect(scripted.count()).toBe(2)
  })

  it('asks for no page that nobody wants', async () => {
    const { scripted, store } = open()
    scripted.on('list', () => ({ items: [entry('a')], next: '1' }))
    for await (const { name } of store.list()) {
      expect(name).toBe('a')
      break
    }
    expect(scripted.count()).toBe(1)
  })

  it('lists versions page by page, more than one page of them', async () => {
    const { scripted, store } = open()
    for (let index = 0; index < 101; index += 1) await store.put('name', `value ${index}`)
    scripted.calls.length = 0
    const versions = await Array.fromAsync(store.versions('name'))
    expect(versions).toHaveLength(101)
    expect(versions.filter(({ current }) => current)).toEqual([versions.at(-1)])
    expect(scripted.count('versions')).toBe(2)
  })
})

it('every error of a store is a SecretError that names store and operation', async () => {
  const { store } = open()
  const error = await failureOf(store.get('missing'))
  expect(error).toBeInstanceOf(SecretError)
  expect(error).toMatchObject({ code: 'not_found', store: 'memory:scripted', operation: 'get', secretName: 'missing', effect: 'none' })
})
