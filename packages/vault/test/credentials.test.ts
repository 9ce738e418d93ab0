import type { NativePath, SecretDriver } from '@strongroom/core'
import { startVaultEmulator, type VaultEmulator } from '@strongroom/emulators/vault'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { vaultDriver, type VaultOptions } from '../src/index.ts'

const call = { signal: new AbortController().signal, attempt: 1 }
const opened: SecretDriver[] = []

let vault: VaultEmulator
beforeAll(async () => {
  vault = await startVaultEmulator()
  vault.addRole({ auth: 'approle', roleId: 'role', secretId: 'secret' })
})
afterEach(async () => {
  vi.useRealTimers()
  for (const driver of opened.splice(0)) await driver.close()
})
afterAll(() => vault?.stop())

function open(options: Partial<VaultOptions>): SecretDriver {
  const driver = vaultDriver({ address: vault.url, ...options })
  opened.push(driver)
  return driver
}

async function failure(driver: SecretDriver): Promise<unknown> {
  return await driver.read({ path: 'a' as NativePath, version: undefined }, call).catch(driver.classify)
}

test.each(['token', 'secretId'] as const)('a function for a %s that hangs once is unauthenticated after ten seconds, and asked again', async name => {
  let asked = 0
  const give = async (): Promise<string> => {
    asked += 1
    if (asked === 1) return await new Promise(() => {})
    return name === 'token' ? vault.rootToken : 'secret'
  }
  const driver = open({ auth: name === 'token' ? { method: 'token', token: give } : { method: 'approle', roleId: 'role', secretId: give } })
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const both = Promise.all([failure(driver), failure(driver)])
  while (asked === 0) await new Promise(setImmediate)
  vi.advanceTimersByTime(10_000)
  const hint = `what gives auth.${name} failed, gave no ${name === 'token' ? 'token without a line break' : 'text'}, or took over 10 seconds`
  for (const failed of await both) expect(failed).toMatchObject({ code: 'unauthenticated', retryable: true, effect: 'none', hint })
  vi.useRealTimers()
  expect(await failure(driver)).toMatchObject({ code: 'not_found' })
  expect(asked).toBe(2)
})

test.each(['root\n', 'r\r\nX-Other: 1', '日本', ''])('a function that gives %j as the token is unauthenticated, and nothing is sent', async token => {
  const before = vault.controls.journal.length
  const hint = 'what gives auth.token failed, gave no token without a line break, or took over 10 seconds'
  expect(await failure(open({ auth: { method: 'token', token: () => token } }))).toMatchObject({ code: 'unauthenticated', effect: 'none', hint })
  expect(vault.controls.journal.length).toBe(before)
})
