import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { NativePath, SecretDriver, VersionId } from '@strongroom/core'
import { append, call, create, failure, read, startScene, text, versions, type Scene } from './scene.ts'
import { officialOverRest } from './place.ts'

// A create is two requests, and three with an alias. Here it dies between them.

const ELEVEN_MINUTES = 660_000

let scene: Scene
let driver: SecretDriver

beforeAll(async () => {
  scene = await startScene()
  driver = scene.open()
})
afterEach(() => scene.controls.clearFaults())
afterAll(async () => {
  vi.useRealTimers()
  await scene?.stop()
})

/** Time passes for the driver, and for the emulator, which is in this process too and knows no way back. */
function pass(ms: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms })
}

/** The connection ends after `CreateSecret`. */
async function halfMake(path: NativePath, token = 'a-dead-one', by = driver): Promise<string> {
  scene.controls.inject({ kind: 'reset' }, { operations: ['AddSecretVersion'] })
  return await failure(by, create(by, path, 'never', token))
}

async function annotationsOf(path: NativePath): Promise<object | undefined> {
  const { items } = await driver.list({ prefix: path, withLabels: true, page: undefined }, call())
  return items.find(item => item.path === path)?.labels
}

describe('a secret whose creator died', () => {
  test('may have been written, is listed, and is not found otherwise', async () => {
    const path = scene.path()
    expect(await halfMake(path)).toBe('unavailable unknown')
    expect(await failure(driver, read(driver, path))).toBe('not_found none')
    expect(await failure(driver, read(driver, path, '1' as VersionId))).toBe('not_found none')
    expect(await failure(driver, versions(driver, path))).toBe('not_found none')
    expect(await annotationsOf(path)).toEqual({ owner: 'never' })
  })

  test('is finished by the same token', async () => {
    const path = scene.path()
    await halfMake(path, 'mine')
    const seen = await scene.during(async () => expect(await create(driver, path, 'one', 'mine')).toBe('1'))
    expect(seen).toEqual(['CreateSecret', 'GetSecretVersion', 'GetSecret', 'AccessSecretVersion', 'AddSecretVersion'])
    expect(await read(driver, path)).toBe('one')
  })

  test('is another’s for ten minutes', async () => {
    const path = scene.path()
    await halfMake(path)
    expect(await failure(driver, create(driver, path, 'two'))).toBe('already_exists none')
    pass(500_000)
    expect(await failure(driver, create(driver, path, 'two'))).toBe('already_exists none')
    expect(await failure(driver, versions(driver, path))).toBe('not_found none')
    expect(await annotationsOf(path)).toEqual({ owner: 'never' })
  })

  test('is taken over after that by one of many, with its labels', async () => {
    const path = scene.path()
    await halfMake(path)
    pass(ELEVEN_MINUTES)
    const racers = [driver, scene.open(), scene.open({ transport: 'rest' }), driver, driver]
    const results = await Promise.allSettled(racers.map((racer, index) => create(racer, path, `racer-${index}`)))
    const winners = results.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []))
    expect(winners).toHaveLength(1)
    for (const result of results) {
      if (result.status === 'rejected') expect(driver.classify(result.reason)).toMatchObject({ code: 'already_exists', effect: 'none' })
    }
    expect(await versions(driver, path)).toEqual(['1 usable current'])
    expect(await read(driver, path)).toBe(`racer-${winners[0]}`)
    expect(await annotationsOf(path)).toEqual({ owner: `racer-${winners[0]}` })
  })

  test('that the next one took over and died on is that one’s for ten minutes', async () => {
    const path = scene.path()
    await halfMake(path)
    pass(ELEVEN_MINUTES)
    expect(await halfMake(path, 'another-dead-one')).toBe('unavailable unknown')
    expect(await failure(driver, create(driver, path, 'third'))).toBe('already_exists none')
    pass(ELEVEN_MINUTES)
    expect(await create(driver, path, 'third')).toBe('1')
  })

  test('gets its first version from an append', async () => {
    const path = scene.path()
    await halfMake(path)
    expect(await append(driver, path, 'appended')).toBe('1')
    pass(ELEVEN_MINUTES)
    expect(await failure(driver, create(driver, path, 'late'))).toBe('already_exists none')
    expect(await read(driver, path)).toBe('appended')
  })

  test('is removed, which frees the name', async () => {
    const path = scene.path()
    await halfMake(path)
    expect(await driver.remove({ path, purge: true }, call())).toEqual({ state: 'gone' })
    expect(await create(driver, path, 'again')).toBe('1')
  })

  test('stays as it is for someone who may not access values: only that would be sure', async () => {
    const path = scene.path()
    await halfMake(path)
    pass(ELEVEN_MINUTES)
    scene.controls.inject({ kind: 'fail', code: 'PERMISSION_DENIED' }, { operations: ['AccessSecretVersion'] })
    expect(await failure(driver, create(driver, path, 'two'))).toBe('already_exists none')
    expect(await annotationsOf(path)).toEqual({ owner: 'never' })
  })

  test('is not taken for one that has a version which only an access by number sees yet', async () => {
    const path = scene.path()
    await create(driver, path, 'there', 'first')
    pass(ELEVEN_MINUTES)
    scene.controls.inject({ kind: 'fail', code: 'NOT_FOUND' }, { operations: ['GetSecretVersion'] })
    const seen = await scene.during(async () => expect(await failure(driver, create(driver, path, 'two'))).toBe('already_exists none'))
    expect(seen).toEqual(['CreateSecret', 'GetSecretVersion', 'GetSecret', 'AccessSecretVersion'])
    expect(await versions(driver, path)).toEqual(['1 usable current'])
  })
})

test('a secret without versions that this library did not make is left alone, and takes appends', async () => {
  const path = scene.path()
  const { projectId, url } = scene.emulator
  const official = officialOverRest(projectId, url)
  await official.createSecret({
    parent: `projects/${projectId}`,
    secretId: path,
    secret: { replication: { automatic: {} }, annotations: { a: 'b' } },
  })
  await official.close()
  pass(ELEVEN_MINUTES)
  expect(await failure(driver, create(driver, path, 'one'))).toBe('already_exists none')
  expect(await annotationsOf(path)).toEqual({ a: 'b' })
  expect(await append(driver, path, 'one')).toBe('1')
})

describe('the effect of a create', () => {
  test('whose first request is refused is none, and whose second one is refused is unknown', async () => {
    const path = scene.path()
    scene.controls.inject({ kind: 'throttle' }, { operations: ['CreateSecret'] })
    expect(await failure(driver, create(driver, path, 'x'))).toBe('throttled none')
    scene.controls.inject({ kind: 'throttle' }, { operations: ['AddSecretVersion'] })
    expect(await failure(driver, create(driver, path, 'x'))).toBe('throttled unknown')
  })

  test('whose first answer is lost is unknown, and the same token finishes it', async () => {
    const path = scene.path()
    scene.controls.inject({ kind: 'lose' }, { operations: ['CreateSecret'] })
    expect(await failure(driver, create(driver, path, 'one', 'mine'))).toBe('unavailable unknown')
    expect(await create(driver, path, 'one', 'mine')).toBe('1')
  })

  test('whose second answer is lost is unknown; the same token then finds it there', async () => {
    const path = scene.path()
    scene.controls.inject({ kind: 'lose' }, { operations: ['AddSecretVersion'] })
    expect(await failure(driver, create(driver, path, 'one', 'mine'))).toBe('unavailable unknown')
    expect(await failure(driver, create(driver, path, 'one', 'mine'))).toBe('already_exists none')
    expect(await versions(driver, path)).toEqual(['1 usable current'])
  })

  test('that is aborted between its requests is unknown', async () => {
    const path = scene.path()
    const controller = new AbortController()
    scene.controls.inject({ kind: 'stall' }, { operations: ['AddSecretVersion'] })
    const work = failure(driver, driver.create({ path, payload: text('x'), labels: {}, token: 't' }, call(controller.signal)))
    await vi.waitFor(() => expect(scene.controls.journal.at(-1)).toMatchObject({ operation: 'AddSecretVersion', fault: 'stall' }))
    controller.abort()
    expect(await work).toBe('aborted unknown')
  })
})

describe('with a version alias', () => {
  const live = { versionAlias: 'live' } as const

  test('a create that dies before its third request has a version, and no current one; the next put mends it', async () => {
    const path = scene.path()
    const aliased = scene.open(live)
    scene.controls.inject({ kind: 'reset' }, { operations: ['UpdateSecret'] })
    expect(await failure(aliased, create(aliased, path, 'one'))).toBe('unavailable unknown')
    expect(await versions(aliased, path)).toEqual(['1 usable'])
    expect(await failure(aliased, read(aliased, path))).toBe('not_found none')
    expect(await read(aliased, path, '1' as VersionId)).toBe('one')
    expect(await append(aliased, path, 'two')).toBe('2')
    expect(await read(aliased, path)).toBe('two')
  })

  test('one that is taken over gets its alias', async () => {
    const path = scene.path()
    const aliased = scene.open({ ...live, transport: 'rest' })
    await halfMake(path, 'a-dead-one', aliased)
    pass(ELEVEN_MINUTES)
    expect(await create(aliased, path, 'two')).toBe('1')
    expect(await read(aliased, path)).toBe('two')
  })
})
