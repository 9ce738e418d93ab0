import type { NativePath, Removal, SecretDriver } from '@strongroom/core'
import { startAzureEmulator, type AzureEmulator, type AzureEmulatorOptions } from '@strongroom/emulators/azure'
import { afterEach, expect, test } from 'vitest'
import { azureDriver, azureSecretStore } from '../src/index.ts'
import { call, codeOf } from './fake-client.ts'
import { asked, optionsAt, PRINCIPALS } from './vault.ts'

// What a deletion goes through on Azure. The emulator's windows go by its own clock, which stands still until it is moved.

const DAY = 86_400_000
const WINDOW_MS = 60_000
const path = 'a' as NativePath
const closing: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

interface Scene {
  readonly vault: AzureEmulator
  readonly driver: SecretDriver
  readonly create: () => Promise<unknown>
  readonly append: () => Promise<unknown>
  readonly read: () => Promise<unknown>
  readonly remove: (purge: boolean) => Promise<Removal>
  readonly pass: (ms: number) => void
}

async function start(options: AzureEmulatorOptions): Promise<Scene> {
  const vault = await startAzureEmulator({ recoverableDays: 7, ...options })
  const driver = azureDriver(optionsAt(vault))
  closing.push(
    () => driver.close(),
    () => vault.stop(),
  )
  const request = { path, payload: { bytes: new TextEncoder().encode('one'), text: true }, labels: {} }
  let made = 0
  return {
    vault,
    driver,
    create: () => driver.create({ ...request, token: `token-${(made += 1)}` }, call),
    append: () => driver.append({ ...request, after: undefined, staged: false, token: 'appended' }, call),
    read: () => driver.read({ path, version: undefined }, call),
    remove: purge => driver.remove({ path, purge }, call),
    pass: ms => vault.controls.clock.advance(ms),
  }
}

const WAIT = { timeout: 20_000, interval: 20 }
const PENDING = { state: 'pending', retryAfterMs: 2_000 }
const GONE = { state: 'gone' }

test('a delete is retained until the date of the vault, and is purged by then', async () => {
  const { vault, create, read, remove, pass, driver } = await start({})
  await create()
  const removal = await remove(false)
  if (removal.state !== 'retained' || removal.until === undefined) throw new Error(`retained, not ${removal.state}`)
  expect(Math.abs(removal.until.getTime() - vault.controls.clock.now() - 7 * DAY)).toBeLessThan(5_000)
  expect(await codeOf(driver, create())).toEqual(['name_held', 'none'])
  expect(await codeOf(driver, read())).toEqual(['not_found', 'none'])
  expect(await codeOf(driver, remove(false))).toEqual(['not_found', 'none'])
  pass(7 * DAY + 1_000)
  await create()
  await read()
})

test('while it is being deleted, the name is held for a moment, a purge is pending, and nothing is read', async () => {
  const { driver, create, read, remove, pass } = await start({ deleteDelayMs: WINDOW_MS })
  await create()
  expect((await remove(false)).state).toBe('retained')
  const failure = await create().catch((error: unknown) => driver.classify(error))
  expect(failure).toMatchObject({ code: 'name_held', retryable: true, effect: 'none' })
  expect((await codeOf(driver, read()))[0]).toBe('not_found')
  expect(await remove(true)).toEqual(PENDING)
  expect(await remove(true)).toEqual(PENDING)
  pass(WINDOW_MS)
  const held = await create().catch((error: unknown) => driver.classify(error))
  expect(held).toMatchObject({ code: 'name_held', retryable: false })
  expect(await remove(true)).toEqual(GONE)
  await create()
})

test('a purge of what is there is pending after its delete, and goes on where it is asked for again', async () => {
  const { vault, create, remove, pass } = await start({ deleteDelayMs: WINDOW_MS, purgeDelayMs: WINDOW_MS })
  await create()
  asked(vault)
  expect(await remove(true)).toEqual(PENDING)
  expect(asked(vault)).toEqual(['DeleteSecret', 'PurgeDeletedSecret'])
  pass(WINDOW_MS)
  expect(await remove(true)).toEqual(PENDING) // the purge has begun
  pass(WINDOW_MS)
  expect(await remove(true)).toEqual(GONE)
  expect(await remove(true)).toEqual(GONE)
  await create()
})

test('gone is said only when the name is free', async () => {
  const { driver, create, remove, pass } = await start({ purgeDelayMs: WINDOW_MS })
  await create()
  expect(await remove(true)).toEqual(PENDING)
  expect((await codeOf(driver, create()))[0]).toBe('name_held')
  pass(WINDOW_MS)
  expect(await remove(true)).toEqual(GONE)
  await create()
})

test('while it is being recovered, the name is held, an append finds nothing, and a second restore is done', async () => {
  const { driver, create, append, read, remove, pass } = await start({ recoverDelayMs: WINDOW_MS })
  await create()
  await remove(false)
  await driver.restore({ path }, call)
  expect(await create().catch((error: unknown) => driver.classify(error))).toMatchObject({ code: 'name_held', retryable: true })
  expect(await codeOf(driver, append())).toEqual(['not_found', 'none'])
  expect((await codeOf(driver, read()))[0]).toBe('not_found')
  expect(await remove(true)).toEqual(PENDING)
  await driver.restore({ path }, call)
  pass(WINDOW_MS)
  await read()
})

test('a restore waits for the end of the deletion, and for no longer than its signal', async () => {
  const { vault, driver, create, read, remove, pass } = await start({ deleteDelayMs: WINDOW_MS })
  await create()
  await remove(false)
  const controller = new AbortController()
  const stopped = codeOf(driver, driver.restore({ path }, { signal: controller.signal, attempt: 1 }))
  await expect.poll(() => vault.controls.journal.some(({ operation }) => operation === 'RecoverDeletedSecret'), WAIT).toBe(true)
  controller.abort()
  expect((await stopped)[0]).toBe('aborted')
  await using store = azureSecretStore(optionsAt(vault), { deadlineMs: 300 })
  await expect(store.restore('a')).rejects.toMatchObject({ code: 'deadline_exceeded' })
  asked(vault)
  const restored = driver.restore({ path }, call)
  await expect.poll(() => vault.controls.journal.length, WAIT).toBeGreaterThan(0)
  pass(WINDOW_MS)
  await restored
  expect(new Set(asked(vault))).toEqual(new Set(['RecoverDeletedSecret']))
  await read()
})

test('a store waits for a name that is held for a moment, however often it has looked', async () => {
  const { vault, create, remove, pass } = await start({ deleteDelayMs: WINDOW_MS, purgeDelayMs: WINDOW_MS })
  await create()
  await remove(false)
  pass(WINDOW_MS)
  await remove(true)
  await using store = azureSecretStore(optionsAt(vault))
  const put = store.put('a', 'two')
  await expect
    .poll(() => vault.controls.journal.filter(({ operation, answered }) => operation === 'SetSecret' && answered === 409).length, WAIT)
    .toBe(5)
  pass(WINDOW_MS)
  await put
  expect((await store.get('a')).value.revealText()).toBe('two')
})

test('under purge protection a purge is retained until the date, whenever it is asked for', async () => {
  const { vault, create, remove } = await start({ purgeProtection: true })
  await create()
  asked(vault)
  const first = await remove(true)
  expect(first.state).toBe('retained')
  expect(asked(vault)).toEqual(['DeleteSecret'])
  expect(await remove(true)).toEqual(first)
  expect(asked(vault)).toEqual(['DeleteSecret', 'PurgeDeletedSecret', 'GetDeletedSecret'])
})

test('who may delete but not purge is told so, with the delete done; who may not look at it, too', async () => {
  const { vault, driver, create } = await start({})
  await create()
  vault.controls.permit(PRINCIPALS.owner)
  vault.controls.permit('deleter', { operations: ['DeleteSecret'] })
  const deleter = azureDriver(optionsAt(vault, 'deleter'))
  closing.unshift(() => deleter.close())
  expect(await codeOf(deleter, deleter.remove({ path, purge: true }, call))).toEqual(['permission_denied', 'unknown'])
  expect(await codeOf(deleter, deleter.remove({ path, purge: true }, call))).toEqual(['permission_denied', 'none'])
  await driver.restore({ path }, call)
})
