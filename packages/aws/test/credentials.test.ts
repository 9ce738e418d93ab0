import type { NativePath } from '@strongroom/core'
import { expect, onTestFinished, test, vi } from 'vitest'
import { awsDriver } from '../src/index.ts'
import { startEmulator } from './emulated.ts'

const call = { signal: new AbortController().signal, attempt: 1 }

test('a function for credentials that hangs once is unauthenticated after ten seconds, and asked again', async () => {
  const { region, accountId, url } = await startEmulator()
  let asked = 0
  const good = { accessKeyId: 'someone', secretAccessKey: 'only-for-tests' }
  const credentials = async (): Promise<typeof good> => ((asked += 1) === 1 ? await new Promise(() => {}) : good)
  const driver = awsDriver({ region, accountId, endpoint: url, credentials })
  onTestFinished(() => driver.close())
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const failure = async (): Promise<unknown> => await driver.read({ path: 'a' as NativePath, version: undefined }, call).catch(driver.classify)
  // The SDK has them all wait for one answer.
  const both = Promise.all([failure(), failure()])
  while (asked === 0) await new Promise(setImmediate)
  vi.advanceTimersByTime(10_000)
  for (const failed of await both) expect(failed).toMatchObject({ code: 'unauthenticated', retryable: true, effect: 'none' })
  vi.useRealTimers()
  expect(await failure()).toMatchObject({ code: 'not_found' })
  expect(asked).toBe(2)
})

test.each([
  ['a key', { accessKeyId: 'a\n', secretAccessKey: 'b' }],
  ['a session token', { accessKeyId: 'a', secretAccessKey: 'b', sessionToken: 'c\r\n' }],
])('a function that gives %s with a line break is unauthenticated, and nothing is sent', async (_, credentials) => {
  const { region, accountId, url, controls } = await startEmulator()
  const driver = awsDriver({ region, accountId, endpoint: url, credentials: async () => credentials })
  onTestFinished(() => driver.close())
  const payload = { bytes: new TextEncoder().encode('x'), text: true }
  const write = driver.create({ path: 'a' as NativePath, payload, labels: {}, token: crypto.randomUUID() }, call)
  expect(await write.catch(driver.classify)).toMatchObject({ code: 'unauthenticated', effect: 'none' })
  expect(controls.journal).toEqual([])
})
