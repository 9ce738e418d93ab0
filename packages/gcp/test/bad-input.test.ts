import { randomUUID } from 'node:crypto'
import type { NativePath, Payload, SecretDriver, VersionId } from '@strongroom/core'
import { suiteTitle } from '@strongroom/testbed'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { gcpDriver, gcpSecretStore, type GcpAuthClient } from '../src/index.ts'
import { bearer } from './place.ts'
import { append, call, create, failure, failureOf, read, startScene, text, versions, type Scene } from './scene.ts'
import { hasOpenssl, startUntrusted, type UntrustedServer } from './untrusted.ts'

const missing = hasOpenssl() ? undefined : 'there is no openssl to make a certificate with'
let scene: Scene
let untrusted: UntrustedServer | undefined

beforeAll(async () => {
  scene = await startScene()
  untrusted = missing === undefined ? await startUntrusted() : undefined
})
afterAll(async () => {
  await scene?.stop()
  await untrusted?.stop()
})
afterEach(() => scene.controls.clearFaults())

describe.each(['grpc', 'rest'] as const)('over %s', transport => {
  const open = (): SecretDriver => scene.open({ transport })

  test.each(['', 'a/b', 'a/versions/1', '../secrets/other', 'a b', 'a\nb', 'a?b#c', 'a%2Fb', 'größe', 'a:access', 'x'.repeat(256)])(
    'the path %j is refused by every call, and nothing is sent',
    async name => {
      const driver = open()
      const path = name as NativePath
      const version = '1' as VersionId
      const seen = await scene.during(async () => {
        for (const work of [
          create(driver, path, 'x'),
          append(driver, path, 'x'),
          read(driver, path),
          read(driver, path, version),
          versions(driver, path),
          driver.destroyVersion({ path, version }, call()),
          driver.remove({ path, purge: true }, call()),
        ]) {
          expect(await failure(driver, work)).toBe('invalid_argument none')
        }
      })
      expect(seen).toEqual([])
    },
  )

  test('a path of 255 characters is taken', async () => {
    const driver = open()
    const path = randomUUID().padEnd(255, 'x_-Y9') as NativePath
    await create(driver, path, 'long')
    expect(await read(driver, path)).toBe('long')
  })

  test.each<[string, Payload, string]>([
    ['of no bytes', text(''), 'invalid_argument none'],
    ['of 65,537 bytes', text('x'.repeat(65_537)), 'too_large none'],
    ['of 65,537 bytes in fewer characters', text('ä'.repeat(32_769)), 'too_large none'],
  ])('a value %s is refused, and no half of a secret is left', async (_, payload, expected) => {
    const driver = open()
    const path = scene.path()
    const seen = await scene.during(async () => {
      expect(await failure(driver, driver.create({ path, payload, labels: {}, token: 't' }, call()))).toBe(expected)
    })
    expect(seen).toEqual([])
    await create(driver, path, 'one')
    expect(await failure(driver, driver.append({ path, payload, token: 't', after: undefined, staged: false }, call()))).toBe(expected)
    expect(await versions(driver, path)).toEqual(['1 usable current'])
  })

  test('a value of 65,536 bytes is taken', async () => {
    const driver = open()
    const path = scene.path()
    await create(driver, path, 'ä'.repeat(32_768))
    expect(await read(driver, path)).toBe('ä'.repeat(32_768))
  })

  test.each<[string, Record<string, string>]>([
    ['a colon in its name', { 'a:b': 'x' }],
    ['a newline in its name', { 'a\nb': 'x' }],
    ['a name of 64 characters', { ['a'.repeat(64)]: 'x' }],
    ['16 KiB', { long: 'x'.repeat(16_384) }],
    ['the driver’s own name', { 'strongroom-create': 'x' }],
  ])('a label with %s is refused, and nothing is made', async (_, labels) => {
    const driver = open()
    const path = scene.path()
    expect(await failure(driver, driver.create({ path, payload: text('x'), labels, token: 't' }, call()))).toBe('invalid_argument none')
    expect(await failure(driver, append(driver, path, 'x'))).toBe('not_found none')
  })

  test('labels come back as they were, newlines and all', async () => {
    const driver = open()
    const path = scene.path()
    const labels = { ['a'.repeat(63)]: 'line\nbreak', 'a.b_c-d': '', umlaut: 'größe 🔑', proto: '__proto__' }
    await driver.create({ path, payload: text('x'), labels, token: 't' }, call())
    const { items } = await driver.list({ prefix: path, withLabels: true, page: undefined }, call())
    expect(items[0]?.labels).toEqual(labels)
  })

  test.each(['latest', 'live', '0', '01', '-1', '1e3', '1.0', '9'.repeat(16), '1/../2', ' 1', '', 'é'])(
    'the version %o is not found, and nothing is sent',
    async version => {
      const driver = open()
      const path = scene.path()
      await create(driver, path, 'x')
      const seen = await scene.during(async () => {
        expect(await failure(driver, read(driver, path, version as VersionId))).toBe('not_found none')
        expect(await failure(driver, driver.destroyVersion({ path, version: version as VersionId }, call()))).toBe('not_found none')
      })
      expect(seen).toEqual([])
    },
  )

  test('a destruction that Google puts off is one already, and can be repeated', async () => {
    const driver = open()
    const path = scene.path()
    await create(driver, path, 'one')
    await append(driver, path, 'two')
    const version = '1' as VersionId
    await driver.destroyVersion({ path, version }, call())
    const seen = await scene.during(() => driver.destroyVersion({ path, version }, call()))
    expect(seen).toEqual(['DestroySecretVersion', 'GetSecretVersion'])
  })

  test('a token that expires in mid-run is unauthenticated, and the next one is used', async () => {
    const { controls } = scene
    controls.permit('first', { expiresInMs: 60_000 })
    controls.permit('second')
    controls.permit('anonymous')
    let token = 'first'
    const authClient: GcpAuthClient = { getRequestHeaders: async () => new Headers({ authorization: `Bearer ${token}` }) }
    const driver = scene.open({ transport, authClient })
    const path = scene.path()
    await create(driver, path, 'one')
    controls.clock.advance(60_001)
    expect(await failureOf(driver, read(driver, path))).toMatchObject({ code: 'unauthenticated', retryable: false, effect: 'none' })
    expect(await failure(driver, append(driver, path, 'two'))).toBe('unauthenticated none')
    token = 'second'
    expect(await read(driver, path)).toBe('one')
  })

  test('credentials that fail are unauthenticated, and asked again by the next call', async () => {
    let left = 1
    const authClient: GcpAuthClient = {
      getRequestHeaders: async () => {
        left -= 1
        if (left === 0) throw new Error('the token is secret-marker')
        return new Headers()
      },
    }
    const store = gcpSecretStore({ projectId: 'my-project', transport, endpoint: endpointOf(transport), authClient }, { attempts: 1 })
    const error: unknown = await store.get('a').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'unauthenticated', effect: 'none' })
    expect(String(error)).not.toContain('secret-marker')
    // Another project than the emulator's: this one was asked.
    await expect(store.get('a')).rejects.toMatchObject({ code: 'permission_denied' })
    await store.close()
  })

  test('credentials that never answer end with the call', async () => {
    const authClient: GcpAuthClient = { getRequestHeaders: () => new Promise(() => {}) }
    const driver = scene.open({ transport, authClient })
    const controller = new AbortController()
    const work = failure(
      driver,
      driver.append({ path: scene.path(), payload: text('x'), token: 't', after: undefined, staged: false }, call(controller.signal)),
    )
    controller.abort()
    expect(await work).toBe('aborted none')
  })

  test('a host that does not exist is unavailable, without effect', async () => {
    const driver = gcpDriver({ projectId: 'my-project', transport, endpoint: 'https://no-such-host.invalid', authClient: bearer('x') })
    const path = scene.path()
    for (const act of [() => read(driver, path), () => append(driver, path, 'x')]) expect(await failure(driver, act())).toBe('unavailable none')
    await driver.close()
  })

  test.skipIf(missing !== undefined)(suiteTitle('a certificate that is not trusted is misconfigured', missing), async () => {
    const driver = gcpDriver({ projectId: 'my-project', transport, endpoint: untrusted?.url ?? '', authClient: bearer('x') })
    expect(await failureOf(driver, append(driver, scene.path(), 'x'))).toMatchObject({ code: 'misconfigured', retryable: false, effect: 'none' })
    await driver.close()
  })

  test('a proxy’s page for a missing page is not a missing secret', async () => {
    const driver = open()
    const path = scene.path()
    await create(driver, path, 'one')
    const page = { kind: 'answer', status: 404, body: '<html>Not Found</html>' } as const
    for (const act of [() => read(driver, path), () => versions(driver, path), () => driver.remove({ path, purge: true }, call())]) {
      scene.controls.inject(page)
      expect(await failure(driver, act())).toBe('misconfigured none')
    }
    expect(await read(driver, path)).toBe('one')
  })

  const endpointOf = (which: string): string => (which === 'rest' ? scene.emulator.url : `http://127.0.0.1:${scene.emulator.grpcPort}`)
})
