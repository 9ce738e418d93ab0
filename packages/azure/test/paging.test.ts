import type { DriverPage, NativePath, SecretDriver } from '@strongroom/core'
import { startAzureEmulator, type AzureEmulator } from '@strongroom/emulators/azure'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { azureDriver } from '../src/index.ts'
import { skipOf } from '../src/paging.ts'
import { call, codeOf } from './fake-client.ts'
import { startListener, type Listener } from './listener.ts'
import { asked, optionsAt } from './vault.ts'

test('of a link only the $skiptoken is kept', () => {
  expect(skipOf('https://evil.example/elsewhere?$skiptoken=a%26b&maxresults=1')).toBe('a&b')
  expect([skipOf(undefined), skipOf(null), skipOf('')]).toEqual([undefined, undefined, undefined])
  for (const wrong of ['https://evil.example/', '/secrets?$skiptoken=a', 'x', 5, {}]) expect(() => skipOf(wrong)).toThrow('corrupt')
})

describe('nothing leaves the vault', () => {
  let vault: AzureEmulator
  let evil: Listener
  let driver: SecretDriver
  const path = 'paged' as NativePath

  beforeAll(async () => {
    vault = await startAzureEmulator()
    evil = await startListener()
    driver = azureDriver(optionsAt(vault))
    const request = { payload: { bytes: new TextEncoder().encode('v'), text: true }, token: 't' }
    await driver.create({ path, labels: {}, ...request }, call)
    for (let index = 0; index < 4; index += 1) await driver.append({ path, after: undefined, staged: false, ...request }, call)
    for (let index = 0; index < 4; index += 1) await driver.create({ path: `one${index}` as NativePath, labels: {}, ...request }, call)
  })
  beforeEach(() => {
    vault.paging.limit = 2
    asked(vault)
  })
  afterAll(async () => {
    await driver?.close()
    await vault?.stop()
    await evil?.stop()
  })

  const lists: readonly (readonly [name: string, list: (page: string | undefined) => Promise<DriverPage<unknown>>])[] = [
    ['list', page => driver.list({ prefix: '', withLabels: false, page }, call)],
    ['versions', page => driver.versions({ path, after: undefined, page }, call)],
  ]

  test.each(lists)('%s goes on from page to page, empty ones too', async (_, list) => {
    vault.paging.empty = 3
    let items = 0
    let tokens = 0
    for (let page: string | undefined; ;) {
      const answer = await list(page)
      items += answer.items.length
      page = answer.next
      if (page === undefined) break
      tokens += 1
    }
    expect([items, tokens]).toEqual([5, 5])
  })

  test.each(lists)('%s with a hostile token is refused, and nothing is sent anywhere', async (_, list) => {
    const hostile = [
      `${evil.url}/secrets?api-version=7.6&$skiptoken=x`,
      `${vault.vaultUrl}/secrets?$skiptoken=x`,
      '//evil.example/secrets',
      Buffer.from(JSON.stringify({ page: 2, skip: evil.url, kept: [] })).toString('base64url'),
    ]
    for (const token of hostile) expect(await codeOf(driver, list(token))).toEqual(['invalid_argument', 'none'])
    expect([asked(vault), evil.connections()]).toEqual([[], 0])
  })

  test.each(lists)("%s whose server's link leads elsewhere asks the vault itself, with nothing but the token of the link", async (name, list) => {
    const skip = '"><script>&api-version=1&x=#/../%2e%2e/?y=z'
    const link = `${evil.url}/secrets/../../evil?api-version=7.6&$skiptoken=${encodeURIComponent(skip)}`
    const body = JSON.stringify({ value: [], nextLink: link })
    vault.controls.inject({ kind: 'answer', status: 200, body, headers: { 'content-type': 'application/json' } })
    const { next } = await list(undefined)
    // The vault gets the token whole, in its place, and does not know it.
    expect(await codeOf(driver, list(next))).toEqual(['invalid_argument', 'none'])
    const last = vault.controls.journal.at(-1)
    expect([last?.operation, last?.name, last?.answered]).toEqual(
      name === 'list' ? ['GetSecrets', undefined, 400] : ['GetSecretVersions', 'paged', 400],
    )
    expect(evil.connections()).toBe(0)
  })
})

test('a redirect to another host is not followed', async () => {
  const vault = await startAzureEmulator()
  const evil = await startListener()
  await using closing = new AsyncDisposableStack()
  closing.defer(() => vault.stop())
  closing.defer(() => evil.stop())
  const driver = azureDriver(optionsAt(vault))
  closing.defer(() => driver.close())
  await driver.list({ prefix: '', withLabels: false, page: undefined }, call)
  for (const status of [301, 302, 307, 308]) {
    vault.controls.inject({ kind: 'answer', status, body: '', headers: { location: `${vault.vaultUrl}/secrets/a/x` } })
    vault.controls.inject({ kind: 'answer', status, body: '', headers: { location: `${evil.url}/secrets/a` } })
    for (let round = 0; round < 2; round += 1) {
      expect(await codeOf(driver, driver.read({ path: 'a' as NativePath, version: undefined }, call))).toEqual(['misconfigured', 'none'])
    }
  }
  expect([vault.controls.requests, evil.connections()]).toEqual([10, 0])
})
