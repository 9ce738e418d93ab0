import type { NativePath, SecretDriver, VersionId } from '@strongroom/core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { append, call, create, failure, read, startScene, versions, type Scene } from './scene.ts'

// Google promises that a version is read by its number at once, and nothing else at once: the rest may be behind "for minutes, or hours".

const LONG = 3_600_000

let scene: Scene
let driver: SecretDriver
let other: SecretDriver
let confirming: SecretDriver

beforeAll(async () => {
  scene = await startScene()
  driver = scene.open()
  other = scene.open({ transport: 'rest' })
  confirming = scene.open({ confirmReads: true })
})
afterEach(() => {
  Object.assign(scene.controls.lag, { latest: 0, metadata: 0, lists: 0 })
})
afterAll(() => scene?.stop())

/** Two versions that everyone sees, and from now on nothing is seen for an hour. */
async function settled(): Promise<NativePath> {
  const path = scene.path()
  Object.assign(scene.controls.lag, { latest: LONG, metadata: LONG, lists: LONG })
  await create(driver, path, 'one')
  await append(driver, path, 'two')
  scene.controls.clock.advance(LONG + 1)
  return path
}

describe('a read that names no version, while `latest` is behind,', () => {
  test('answers what this driver wrote itself, for one request more', async () => {
    const path = await settled()
    await append(driver, path, 'three')
    const seen = await scene.during(async () => expect(await read(driver, path)).toBe('three'))
    expect(seen).toEqual(['AccessSecretVersion', 'AccessSecretVersion'])
  })

  test('answers a secret that this driver has just made', async () => {
    const path = scene.path()
    scene.controls.lag.latest = LONG
    await create(driver, path, 'new')
    expect(await read(driver, path)).toBe('new')
  })

  test('never goes back behind what this driver has read', async () => {
    const path = await settled()
    await append(driver, path, 'three')
    expect(await read(other, path)).toBe('two')
    scene.controls.lag.latest = 0
    expect(await read(other, path)).toBe('three')
    scene.controls.lag.latest = LONG
    expect(await read(other, path)).toBe('three')
  })

  test('may be behind what others wrote; with confirmReads it is not', async () => {
    const path = await settled()
    await append(driver, path, 'three')
    await append(driver, path, 'four')
    expect(await read(other, path)).toBe('two')
    const seen = await scene.during(async () => expect(await read(confirming, path)).toBe('four'))
    expect(seen).toEqual(Array(4).fill('AccessSecretVersion'))
  })

  test('with confirmReads finds a secret that another has just made', async () => {
    const path = scene.path()
    scene.controls.lag.latest = LONG
    await create(driver, path, 'new')
    expect(await failure(other, read(other, path))).toBe('not_found none')
    expect(await read(confirming, path)).toBe('new')
  })

  test('takes the newest one even where that cannot be read, as Google does', async () => {
    const path = await settled()
    const newest = await append(driver, path, 'three')
    await driver.destroyVersion({ path, version: newest }, call())
    expect(await failure(driver, read(driver, path))).toBe('version_unusable none')
    expect(await failure(confirming, read(confirming, path))).toBe('version_unusable none')
  })

  test('gets over a `latest` that is destroyed when there is a newer one', async () => {
    const path = await settled()
    await driver.destroyVersion({ path, version: '2' as VersionId }, call())
    scene.controls.clock.advance(LONG + 1)
    expect(await failure(other, read(other, path))).toBe('version_unusable none')
    await append(driver, path, 'three')
    expect(await read(driver, path)).toBe('three')
    expect(await read(confirming, path)).toBe('three')
  })

  test('forgets what it has seen of a secret that another removed and made again', async () => {
    const path = scene.path()
    await create(driver, path, 'one')
    await append(driver, path, 'two')
    await other.remove({ path, purge: true }, call())
    expect(await failure(driver, read(driver, path))).toBe('not_found none')
    await create(other, path, 'another')
    const seen = await scene.during(async () => expect(await read(driver, path)).toBe('another'))
    expect(seen).toEqual(['AccessSecretVersion'])
  })
})

test('a read by number is never behind', async () => {
  const path = await settled()
  for (const value of ['three', 'four']) {
    const version = await append(driver, path, value)
    expect(await read(other, path, version)).toBe(value)
  }
})

describe('versions', () => {
  test('are all there while lists are behind, the current one marked', async () => {
    const path = await settled()
    scene.controls.lag.metadata = 0
    await append(driver, path, 'three')
    await append(driver, path, 'four')
    expect(await versions(other, path)).toEqual(['4 usable current', '3 usable', '2 usable', '1 usable'])
  })

  test('of a secret that lists do not know yet are all there', async () => {
    const path = scene.path()
    scene.controls.lag.lists = LONG
    await create(driver, path, 'one')
    await append(driver, path, 'two')
    expect(await versions(other, path)).toEqual(['2 usable current', '1 usable'])
  })

  test('may be missing while Google is behind by number too, where only an access would not be', async () => {
    const path = await settled()
    await append(driver, path, 'three')
    expect(await versions(driver, path)).toEqual(['2 usable current', '1 usable'])
  })
})

test('a list has a secret when Google lists it', async () => {
  const path = scene.path()
  scene.controls.lag.lists = LONG
  await create(driver, path, 'one')
  const listed = async (): Promise<number> => (await driver.list({ prefix: path, withLabels: false, page: undefined }, call())).items.length
  expect(await listed()).toBe(0)
  scene.controls.clock.advance(LONG + 1)
  expect(await listed()).toBe(1)
})

test('an alias may be behind after it was moved; the version by its number is not', async () => {
  const aliased = scene.open({ versionAlias: 'live' })
  const path = scene.path()
  scene.controls.lag.latest = LONG
  await create(aliased, path, 'one')
  scene.controls.clock.advance(LONG + 1)
  const version = await append(aliased, path, 'two', true)
  await aliased.promote({ path, version, from: '1' as VersionId }, call())
  expect(await read(aliased, path)).toBe('one')
  expect(await read(aliased, path, version)).toBe('two')
})
