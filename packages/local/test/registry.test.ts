import {
  accountId,
  createSecretReader,
  createSecretRegistry,
  memoryMetadata,
  unsafeAllowEveryone,
  type AccountReader,
  type AccountSecrets,
  type MaintenanceReport,
  type SecretDriver,
} from '@strongroom/core'
import { expect, it, onTestFinished } from 'vitest'
import { localDriver } from '../src/index.ts'
import { storePath } from './helpers.ts'

// The registry on this store: what readers get who hold an old pointer, and what comes after a rollback.

const ACCOUNT = accountId('acme')
const ALICE = { id: 'alice', type: 'user' } as const
const HOUR = 3_600_000

interface World {
  readonly secrets: AccountSecrets
  readonly values: AccountReader
  /** An hour later. */
  readonly maintain: () => Promise<MaintenanceReport>
  /** Runs once, between a reader's look at the pointer and its look at the value. */
  beforeRead: (() => Promise<unknown>) | undefined
  /** The next append is done, and its answer is lost. */
  losesAppend: boolean
}

class Lost extends Error {}

async function open(): Promise<World> {
  let now = Date.now()
  const metadata = memoryMetadata({ clock: () => new Date(now) })
  const driver = localDriver({ path: await storePath() })
  const writing: SecretDriver = {
    ...driver,
    append: async (request, call) => {
      const answer = await driver.append(request, call)
      if (!world.losesAppend) return answer
      world.losesAppend = false
      throw new Lost()
    },
    classify: error => (error instanceof Lost ? { code: 'unavailable', retryable: true, effect: 'unknown' } : driver.classify(error)),
  }
  const reading: SecretDriver = {
    ...driver,
    read: async (request, call) => {
      const before = world.beforeRead
      world.beforeRead = undefined
      await before?.()
      return await driver.read(request, call)
    },
  }
  const shared = { id: 'main', metadata, authorize: unsafeAllowEveryone }
  const registry = await createSecretRegistry({ ...shared, stores: { main: writing }, writeTo: 'main', policy: { attempts: 1 } })
  const reader = await createSecretReader({ ...shared, stores: { main: reading } })
  onTestFinished(async () => {
    await registry.close()
    await reader.close()
  })
  const world: World = {
    secrets: registry.account(ACCOUNT, ALICE),
    values: reader.account(ACCOUNT, ALICE),
    maintain: () => {
      now += HOUR
      return registry.maintain()
    },
    beforeRead: undefined,
    losesAppend: false,
  }
  return world
}

it('a reader that holds the pointer of before succeeds after one update, and follows the pointer after two', async () => {
  const world = await open()
  const { secrets, values, maintain } = world
  const { id } = await secrets.create({ key: 'k', value: 'first' })
  const read = async (): Promise<string> => (await values.read({ id })).value.revealText()
  world.beforeRead = async () => {
    await secrets.update(id, { value: 'second' })
    expect(await maintain()).toMatchObject({ destroyed: 0, backlog: 0 })
  }
  expect(await read()).toBe('first')
  expect(await read()).toBe('second')
  world.beforeRead = async () => {
    for (const value of ['third', 'fourth']) await secrets.update(id, { value })
    expect(await maintain()).toMatchObject({ destroyed: 2, backlog: 0 })
  }
  expect(await read()).toBe('fourth')
})

it('recovery finds an update that died after a rollback, though the version it started from is not the newest', async () => {
  const world = await open()
  const { secrets, values, maintain } = world
  const { id } = await secrets.create({ key: 'k', value: 'first' })
  await secrets.update(id, { value: 'second' })
  const [, before] = await secrets.versions(id)
  if (before === undefined) throw new Error('nothing is kept')
  expect(await secrets.rollback(id, before.version)).toMatchObject({ outsiders: 'follow' })
  world.losesAppend = true
  await expect(secrets.update(id, { value: 'third' })).rejects.toMatchObject({ effect: 'unknown' })
  expect(await maintain()).toMatchObject({ recovered: 1, promoted: 1 })
  expect((await values.read({ id })).value.revealText()).toBe('third')
  await maintain()
  expect(await maintain()).toMatchObject({ backlog: 0 })
  expect((await secrets.versions(id)).map(({ revision }) => revision)).toEqual([4, 3])
})
