import { createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import type { NativePath, SecretDriver } from '@strongroom/core'
import { startAzureEmulator, type AzureEmulator } from '@strongroom/emulators/azure'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { azureDriver, azureSecretStore, type AzureTokenCredential } from '../src/index.ts'
import { call, codeOf } from './fake-client.ts'
import { startTunnel } from './tunnel.ts'
import { credentialAt, optionsAt } from './vault.ts'

const path = 'a' as NativePath
const named = (name: string, more: object = {}): Error => Object.assign(new Error('a message with a token'), { name, ...more })

describe('a credential', () => {
  let vault: AzureEmulator
  const open: SecretDriver[] = []

  beforeAll(async () => {
    vault = await startAzureEmulator()
  })
  afterAll(async () => {
    await Promise.all(open.map(driver => driver.close()))
    await vault?.stop()
  })

  const driverWith = (getToken: AzureTokenCredential['getToken']): SecretDriver => {
    const driver = azureDriver({ ...optionsAt(vault), credential: { getToken } })
    open.push(driver)
    return driver
  }
  const throwing = (thrown: unknown): SecretDriver =>
    driverWith(async () => {
      throw thrown
    })
  const read = (driver: SecretDriver): Promise<unknown> => driver.read({ path, version: undefined }, call)

  test.each<[string, unknown]>([
    ['CredentialUnavailableError', named('CredentialUnavailableError')],
    ['AuthenticationError', named('AuthenticationError', { statusCode: 400 })],
    ['an error of another kind, with a code', Object.assign(new Error('x'), { code: 'ECONNREFUSED', statusCode: 404 })],
    ['text', 'no token'],
    ['nothing', undefined],
  ])('that throws %s is unauthenticated, and nothing but an empty probe was sent', async (_, thrown) => {
    const driver = throwing(thrown)
    expect(await codeOf(driver, read(driver))).toEqual(['unauthenticated', 'none'])
  })

  test('whose service is down is asked again by the store', async () => {
    const driver = throwing(named('AuthenticationError', { statusCode: 503 }))
    expect(await read(driver).catch((error: unknown) => driver.classify(error).retryable)).toBe(true)
  })

  test.each<[string, unknown]>([
    ['nothing', null],
    ['no token', { expiresOnTimestamp: Date.now() + 60_000 }],
    ['a token that would end the header', { token: 'a\r\nx: y', expiresOnTimestamp: Date.now() + 60_000 }],
    ['no time', { token: 'a' }],
  ])('that answers %s is unauthenticated', async (_, answer) => {
    const driver = driverWith(async () => answer as never)
    expect(await codeOf(driver, read(driver))).toEqual(['unauthenticated', 'none'])
  })

  test('that failed once is asked again by the next call', async () => {
    let asked = 0
    const good = credentialAt(vault)
    const driver = driverWith(async scopes => {
      asked += 1
      if (asked === 1) throw named('CredentialUnavailableError')
      return await good.getToken(scopes)
    })
    expect((await codeOf(driver, read(driver)))[0]).toBe('unauthenticated')
    expect((await codeOf(driver, read(driver)))[0]).toBe('not_found')
  })

  test('that hangs once is asked again by the next call', async () => {
    const leaving = new AbortController()
    const good = credentialAt(vault)
    const getToken: AzureTokenCredential['getToken'] = scopes => {
      if (leaving.signal.aborted) return good.getToken(scopes)
      leaving.abort()
      return new Promise(() => {})
    }
    await using store = azureSecretStore({ ...optionsAt(vault), credential: { getToken } })
    await expect(store.get('a', { signal: leaving.signal })).rejects.toMatchObject({ code: 'aborted', effect: 'none' })
    await expect(store.get('a')).rejects.toMatchObject({ code: 'not_found' })
  })

  test('that hangs, and does not listen, ends at the signal; a store ends at its deadline', async () => {
    const hang = (): Promise<never> => new Promise(() => {})
    const driver = driverWith(hang)
    const controller = new AbortController()
    const work = codeOf(driver, driver.read({ path, version: undefined }, { signal: controller.signal, attempt: 1 }))
    setTimeout(() => controller.abort(), 50)
    expect(await work).toEqual(['aborted', 'none'])
    await using store = azureSecretStore({ ...optionsAt(vault), credential: { getToken: hang } }, { deadlineMs: 100 })
    await expect(store.get('a')).rejects.toMatchObject({ code: 'deadline_exceeded', effect: 'none' })
  })

  test('is told the vault’s tenant and scope, and gets the signal', async () => {
    const seen: unknown[] = []
    const good = credentialAt(vault)
    const driver = driverWith(async (scopes, options) => {
      // What only takes a standard signal, as `fetch` does.
      const { abortSignal } = options as { readonly abortSignal: AbortSignal }
      seen.push(scopes, AbortSignal.any([abortSignal]).aborted)
      return await good.getToken(scopes)
    })
    await codeOf(driver, read(driver))
    expect(seen).toEqual([['https://vault.azure.net/.default'], false])
  })
})

test('a vault that wants a token for another domain gets none, unless that check is switched off', async () => {
  const vault = await startAzureEmulator()
  let asked = 0
  const credential = {
    getToken: async () => {
      asked += 1
      return { token: 'x', expiresOnTimestamp: Date.now() + 60_000 }
    },
  }
  const driver = azureDriver({ vaultUrl: vault.vaultUrl, credential, tls: { ca: vault.ca } })
  expect(await codeOf(driver, driver.list({ prefix: '', withLabels: false, page: undefined }, call))).toEqual(['misconfigured', 'none'])
  expect(asked).toBe(0)
  await driver.close()
  await vault.stop()
})

describe('behind a proxy', () => {
  let proxy: Server
  const sockets = new Set<Socket>()
  const lines: string[] = []
  const before = process.env['HTTPS_PROXY']

  beforeAll(async () => {
    proxy = createServer(socket => {
      sockets.add(socket)
      socket.once('data', (data: Buffer) => {
        lines.push(data.toString().split('\r\n')[0] ?? '')
        socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
      })
    }).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const address = proxy.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    process.env['HTTPS_PROXY'] = `http://127.0.0.1:${address.port}`
  })
  afterAll(async () => {
    if (before === undefined) delete process.env['HTTPS_PROXY']
    else process.env['HTTPS_PROXY'] = before
    for (const socket of sockets) socket.destroy()
    proxy.close()
    await once(proxy, 'close')
  })

  test('the vault is asked through it, as the SDK does', async () => {
    const driver = azureDriver({ vaultUrl: 'https://my-vault.vault.azure.net', credential: { getToken: async () => null } })
    await codeOf(driver, driver.read({ path, version: undefined }, call))
    await driver.close()
    expect(lines).toEqual(['CONNECT my-vault.vault.azure.net:443 HTTP/1.1'])
  })

  test('its connections are kept, go to whom the authorities given vouch for, and end with the driver', async () => {
    const tunnel = await startTunnel()
    onTestFinished(tunnel.stop)
    const vault = await startAzureEmulator()
    onTestFinished(vault.stop)
    vi.stubEnv('HTTPS_PROXY', tunnel.url)
    onTestFinished(() => void vi.unstubAllEnvs())
    const driver = azureDriver(optionsAt(vault))
    const read = (): Promise<unknown> => codeOf(driver, driver.read({ path, version: undefined }, call))
    for (let round = 1; round <= 5; round += 1) expect(await read()).toEqual(['not_found', 'none'])
    expect(tunnel.opened()).toBe(1)
    for (let round = 1; round <= 3; round += 1) await Promise.all(Array.from({ length: 10 }, read))
    expect(tunnel.opened()).toBeLessThanOrEqual(10)
    expect(tunnel.open()).toBeGreaterThan(0)
    await driver.close()
    await expect.poll(tunnel.open).toBe(0)
    const others = azureDriver({ ...optionsAt(vault), tls: undefined })
    expect(await codeOf(others, others.read({ path, version: undefined }, call))).toEqual(['misconfigured', 'none'])
    await others.close()
  })
})
