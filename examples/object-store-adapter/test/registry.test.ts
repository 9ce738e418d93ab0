import {
  accountId,
  createSecretReader,
  createSecretRegistry,
  isSecretError,
  unsafeAllowEveryone,
  type AccountReader,
  type AccountSecrets,
  type SecretReader,
  type SecretRegistry,
} from '@strongroom/core'
import type { FaultProxy } from '@strongroom/emulators'
import { sqliteMetadata } from '@strongroom/sqlite'
import { missingProgram, moto, suiteTitle, type TestServer } from '@strongroom/testbed'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { driverAt, makeBucket, raw, refusal, startStore, startStoreProxy } from './store-server.ts'

// The whole product over an adapter that nothing in it knows of.

const missing = missingProgram(moto, 'moto')
const ACCOUNT = accountId('acme')
const ALICE = { id: 'alice', type: 'user' } as const

describe.skipIf(missing !== undefined)(suiteTitle('a registry on an object store', missing), () => {
  let server: TestServer
  let proxy: FaultProxy
  let bucket: string
  let registry: SecretRegistry
  let reader: SecretReader
  let secrets: AccountSecrets
  let values: AccountReader

  beforeAll(async () => {
    server = await startStore()
    proxy = await startStoreProxy(server.url)
    bucket = await makeBucket(server.url)
    // The registry's principal may not read values, and needs not.
    proxy.answerWith(operation => (operation === 'manager:GetObject' ? refusal(403, 'AccessDenied') : undefined))
    const metadata = sqliteMetadata({ path: ':memory:' })
    const shared = { id: 'main', metadata, authorize: unsafeAllowEveryone }
    registry = await createSecretRegistry({ ...shared, stores: { main: driverAt(proxy.url, bucket, 'manager') }, writeTo: 'main' })
    reader = await createSecretReader({ ...shared, stores: { main: driverAt(proxy.url, bucket, 'reader') } })
    secrets = registry.account(ACCOUNT, ALICE)
    values = reader.account(ACCOUNT, ALICE)
  })
  afterAll(async () => {
    await reader?.close()
    await registry?.close()
    await proxy?.stop()
    await server?.stop()
  })

  const read = async (key: string): Promise<string> => (await values.read({ key })).value.revealText()
  /** The bodies of the objects under a secret's path, oldest first. */
  const objects = async (cloudSecretPath: string): Promise<readonly string[]> => {
    const prefix = cloudSecretPath.replace(`s3://${bucket}/`, '')
    const list = await (await raw(`${server.url}/${bucket}?list-type=2&prefix=${prefix}`)).text()
    const keys = [...list.matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key = '']) => key)
    return await Promise.all(keys.map(async key => await (await raw(`${server.url}/${bucket}/${key}`)).text()))
  }

  test('a secret is created, read, changed and deleted, and the store holds what it says', async () => {
    const { id, cloudSecretPath } = await secrets.create({ key: 'database', value: 'one' })
    expect(await read('database')).toBe('one')
    expect(await objects(cloudSecretPath)).toEqual(['one'])
    await secrets.update(id, { value: 'two' })
    expect(await read('database')).toBe('two')
    expect(await objects(cloudSecretPath), 'the one before is kept').toEqual(['one', 'two'])
    await secrets.update(id, { value: 'three' })
    expect(await registry.maintain()).toMatchObject({ destroyed: 1, postponed: 0, backlog: 0 })
    expect(await objects(cloudSecretPath)).toEqual(['', 'two', 'three'])
    await secrets.delete(id)
    expect(await objects(cloudSecretPath)).toEqual([])
    expect(isSecretError(await read('database').catch((error: unknown) => error), 'not_found')).toBe(true)
  })

  test('a write whose answer is lost is recognised by its token, as one version', async () => {
    proxy.inject({ kind: 'lose' }, { operations: ['manager:PutObject'] })
    const { id, cloudSecretPath } = await secrets.create({ key: 'lost', value: 'one' })
    expect(await objects(cloudSecretPath)).toEqual(['one'])
    proxy.inject({ kind: 'lose' }, { operations: ['manager:PutObject'] })
    await secrets.update(id, { value: 'two' })
    expect(await read('lost')).toBe('two')
    expect(await objects(cloudSecretPath)).toEqual(['one', 'two'])
  })
})
