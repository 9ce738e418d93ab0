import type { SecretDriver, VersionId } from '@strongroom/core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { append, call, create, failure, failureOf, read, startScene, versions, type Scene } from './scene.ts'
import { officialOverRest } from './place.ts'

describe.each(['grpc', 'rest'] as const)('a version alias over %s', transport => {
  let scene: Scene
  let driver: SecretDriver
  let official: ReturnType<typeof officialOverRest>

  beforeAll(async () => {
    scene = await startScene()
    driver = scene.open({ transport, versionAlias: 'live' })
    official = officialOverRest(scene.emulator.projectId, scene.emulator.url)
  })
  afterEach(() => scene.controls.clearFaults())
  afterAll(async () => {
    await official?.close()
    await scene?.stop()
  })

  const name = (path: string): string => `projects/${scene.emulator.projectId}/secrets/${path}`
  const promote = (path: ReturnType<Scene['path']>, version: string, from: string): Promise<void> =>
    driver.promote({ path, version: version as VersionId, from: from as VersionId }, call())

  test('is what outsiders read, before and after a promotion', async () => {
    const path = scene.path()
    const outside = async (): Promise<string> => {
      const [{ payload }] = await official.accessSecretVersion({ name: `${name(path)}/versions/live` })
      return Buffer.from(payload?.data ?? '').toString()
    }
    await create(driver, path, 'one')
    expect(await outside()).toBe('one')
    expect(await append(driver, path, 'two', true)).toBe('2')
    expect(await outside()).toBe('one')
    await promote(path, '2', '1')
    expect(await outside()).toBe('two')
    expect(await versions(driver, path)).toEqual(['2 usable current', '1 usable'])
  })

  test('leaves the secret’s other aliases where they are', async () => {
    const path = scene.path()
    await create(driver, path, 'one')
    const [{ versionAliases }] = await official.getSecret({ name: name(path) })
    await official.updateSecret({
      secret: { name: name(path), versionAliases: { ...versionAliases, blue: 1 } },
      updateMask: { paths: ['version_aliases'] },
    })
    await append(driver, path, 'two')
    await append(driver, path, 'three', true)
    await promote(path, '3', '2')
    expect((await official.getSecret({ name: name(path) }))[0].versionAliases).toEqual({ blue: '1', live: '3' })
  })

  test('is moved although something else of the secret has changed meanwhile', async () => {
    const path = scene.path()
    await create(driver, path, 'one')
    await append(driver, path, 'two', true)
    scene.controls.inject({ kind: 'fail', code: 'FAILED_PRECONDITION' }, { operations: ['UpdateSecret'] })
    const seen = await scene.during(() => promote(path, '2', '1'))
    expect(seen).toEqual(['GetSecret', 'UpdateSecret', 'GetSecret', 'UpdateSecret'])
    expect(await read(driver, path)).toBe('two')
  })

  test('goes to one of many that want it at the same time', async () => {
    const path = scene.path()
    await create(driver, path, 'one')
    const staged = await Promise.all(['a', 'b', 'c', 'd'].map(value => append(driver, path, value, true)))
    const results = await Promise.allSettled(staged.map(version => promote(path, version, '1')))
    const winners = staged.filter((_, index) => results[index]?.status === 'fulfilled')
    expect(winners).toHaveLength(1)
    expect((await driver.read({ path, version: undefined }, call())).version).toBe(winners[0])
  })

  test('that is refused again and again is a conflict in the end, worth another try, and nothing is moved', async () => {
    const path = scene.path()
    await create(driver, path, 'one')
    await append(driver, path, 'two', true)
    scene.controls.inject({ kind: 'fail', code: 'FAILED_PRECONDITION' }, { operations: ['UpdateSecret'], count: 10 })
    expect(await failureOf(driver, promote(path, '2', '1'))).toMatchObject({ code: 'conflict', retryable: true, effect: 'none' })
    expect(await read(driver, path)).toBe('one')
  })

  test('is left at a newer version by a put that was overtaken', async () => {
    const path = scene.path()
    await create(driver, path, 'one')
    scene.controls.inject({ kind: 'delay', ms: 300 }, { operations: ['AddSecretVersion'] })
    const slow = append(driver, path, 'slow')
    await expect.poll(() => scene.controls.journal.at(-1)?.fault).toBe('delay')
    expect(await append(driver, path, 'fast')).toBe('3')
    expect(await slow).toBe('2')
    expect(await read(driver, path)).toBe('fast')
  })

  test('that a put could not move is of unknown effect: the version is there', async () => {
    const path = scene.path()
    await create(driver, path, 'one')
    scene.controls.inject({ kind: 'throttle' }, { operations: ['UpdateSecret'] })
    expect(await failure(driver, append(driver, path, 'two'))).toBe('throttled unknown')
    expect(await versions(driver, path)).toEqual(['2 usable', '1 usable current'])
  })

  test('that a secret does not have makes it one without a current version, until a put', async () => {
    const path = scene.path()
    await create(scene.open(), path, 'one')
    expect(await failure(driver, read(driver, path))).toBe('not_found none')
    expect(await versions(driver, path)).toEqual(['1 usable'])
    await append(driver, path, 'two', true)
    expect(await failure(driver, promote(path, '2', '1'))).toBe('conflict none')
    await append(driver, path, 'three')
    expect(await read(driver, path)).toBe('three')
  })

  test('of a version that was destroyed says where current is', async () => {
    const path = scene.path()
    await create(driver, path, 'one')
    await append(driver, path, 'two', true)
    await driver.destroyVersion({ path, version: '1' as VersionId }, call())
    expect(await versions(driver, path)).toEqual(['2 usable', '1 destroyed current'])
    expect(await failure(driver, read(driver, path))).toBe('version_unusable none')
    await promote(path, '2', '1')
    expect(await read(driver, path)).toBe('two')
  })

  test('is not promoted by a driver that has none', async () => {
    const bare = scene.open()
    const promoted = bare.promote({ path: scene.path(), version: '2' as VersionId, from: '1' as VersionId }, call())
    expect(await failure(bare, promoted)).toBe('unsupported none')
  })
})
