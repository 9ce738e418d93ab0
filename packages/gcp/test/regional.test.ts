import dns from 'node:dns'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { VersionId } from '@strongroom/core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { gcpDriver } from '../src/index.ts'
import { append, call, create, failure, read, startScene, text, versions, type Scene } from './scene.ts'

// A regional secret is another one than the global one of the same name, at another host.

const REGION = 'europe-west3'
const transports = ['grpc', 'rest'] as const

describe('the service of a region', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await startScene({ locationId: REGION })
  })
  afterAll(() => scene?.stop())

  test.each(transports.flatMap(transport => [undefined, 'live'].map(versionAlias => ({ transport, versionAlias }))))(
    'has its own secrets: $transport, alias $versionAlias',
    async options => {
      const driver = scene.open({ ...options, region: REGION })
      const path = scene.path()
      const made = await driver.create({ path, payload: text('one'), labels: { owner: 'me' }, token: 'a' }, call())
      expect(made).toEqual({ version: '1', fullPath: `projects/${scene.emulator.projectId}/locations/${REGION}/secrets/${path}` })
      const staged = options.versionAlias !== undefined
      const second = await append(driver, path, 'two', staged)
      if (staged) {
        expect(await read(driver, path)).toBe('one')
        await driver.promote({ path, version: second, from: made.version }, call())
      }
      expect([await read(driver, path), await read(driver, path, made.version)]).toEqual(['two', 'one'])
      expect(await versions(driver, path)).toEqual(['2 usable current', '1 usable'])
      const { items } = await driver.list({ prefix: path, withLabels: true, page: undefined }, call())
      expect(items.map(item => [item.path, item.labels])).toEqual([[path, { owner: 'me' }]])
      await driver.destroyVersion({ path, version: '1' as VersionId }, call())
      expect(await versions(driver, path)).toEqual(['2 usable current', '1 destroyed'])
      expect(await driver.remove({ path, purge: true }, call())).toEqual({ state: 'gone' })
      expect(await failure(driver, read(driver, path))).toBe('not_found none')
    },
  )

  test.each(transports)('takes no other region, and nothing global: %s', async transport => {
    for (const region of ['europe-west1', undefined]) {
      const driver = scene.open({ transport, region })
      expect(await failure(driver, create(driver, scene.path(), 'x'))).toBe('invalid_argument none')
    }
  })
})

describe('without an endpoint', () => {
  /** Whom a proxy was asked for, or the resolver: Google's REST client goes past the proxy. Neither lets a test leave this machine. */
  const asked: string[] = []
  const proxy = createServer().on('connect', ({ url = '' }, socket) => {
    asked.push(url.replace(':443', ''))
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
  })
  beforeAll(async () => {
    await once(proxy.listen(0, '127.0.0.1'), 'listening')
  })
  afterAll(async () => {
    proxy.close()
    await once(proxy, 'close')
  })
  beforeEach(() => {
    asked.length = 0
    const at = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    for (const name of ['grpc_proxy', 'https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY']) vi.stubEnv(name, at)
    vi.spyOn(dns, 'lookup').mockImplementation(((host: string, _: object, done: (error: Error) => void) => {
      asked.push(host)
      done(Object.assign(new Error('not in this test'), { code: 'ENOTFOUND', syscall: 'getaddrinfo' }))
    }) as typeof dns.lookup)
    for (const name of ['no_grpc_proxy', 'no_proxy', 'NO_PROXY']) vi.stubEnv(name, undefined)
  })
  afterEach(() => {
    vi.unstubAllEnvs()
    vi.restoreAllMocks()
  })

  test.each(
    transports.flatMap(transport => [
      { transport, region: undefined, host: 'secretmanager.googleapis.com' },
      { transport, region: REGION, host: `secretmanager.${REGION}.rep.googleapis.com` },
    ]),
  )('over $transport, of region $region: $host is asked, and the token is for it', async ({ transport, region, host }) => {
    const audiences: unknown[] = []
    const authClient = {
      getRequestHeaders: async (url?: unknown) => {
        audiences.push(url)
        return new Headers({ authorization: 'Bearer nothing' })
      },
    }
    const driver = gcpDriver({ projectId: 'my-project', transport, region, authClient })
    const over = call(AbortSignal.timeout(20_000))
    expect(await failure(driver, driver.read({ path: 'a', version: undefined } as never, over))).toMatch(/^unavailable|^misconfigured/)
    expect(new Set(asked)).toEqual(new Set([host]))
    expect(audiences).toEqual([`https://${host}/`])
    await driver.close()
  })
})
