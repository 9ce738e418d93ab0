import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { inspect } from 'node:util'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { isSecretError, type SecretErrorCode, type SecretStore, type StorePolicy } from '@strongroom/core'
import type { Fault, FaultProxy } from '@strongroom/emulators'
import { freePort, python, suiteTitle } from '@strongroom/testbed'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { awsSecretStore, type AwsOptions } from '../src/index.ts'
import { accountId, awsError, credentials, noBackend, region, signed, startAws, startAwsProxy, type AwsServer } from './aws-server.ts'
import { createByPython, readByPython } from './python.ts'

const missing = noBackend()
const run = randomBytes(4).toString('hex')

describe.skipIf(missing !== undefined)(suiteTitle('against a server', missing), () => {
  let aws: AwsServer
  let proxy: FaultProxy
  const open: SecretStore[] = []
  const made: string[] = []

  beforeAll(async () => {
    aws = await startAws()
    proxy = await startAwsProxy(aws.endpoint)
  })
  afterEach(async () => {
    const tidy = awsSecretStore({ region, endpoint: aws.endpoint, credentials })
    for (const name of made.splice(0)) await tidy.delete(name, { purge: true })
    await Promise.all([tidy, ...open.splice(0)].map(store => store.close()))
  })
  afterAll(async () => {
    await proxy?.stop()
    await aws?.stop()
  })

  const storeOf = (options: Partial<AwsOptions> = {}, policy: StorePolicy = {}): SecretStore => {
    const store = awsSecretStore({ region, accountId, endpoint: proxy.url, credentials, ...options }, policy)
    open.push(store)
    return store
  }
  const fresh = (): string => {
    const name = `srk-${run}-${made.length}-${randomBytes(4).toString('hex')}0`
    made.push(name)
    return name
  }

  const requestsOf = async (work: () => Promise<unknown>): Promise<number> => {
    const before = proxy.requests()
    await work().catch(() => {})
    return proxy.requests() - before
  }

  test('a run removes what has its prefix, and nothing else', async () => {
    const other = fresh()
    const store = storeOf({}, { naming: 'native' })
    await store.put(other, 'stays')
    for (const name of ['one', 'two']) await store.put(`${aws.prefix}${name}`, 'goes')
    await aws.tidy()
    const exists = async (name: string): Promise<boolean> => (await store.getMany([name]))[0]?.ok === true
    expect([await exists(`${aws.prefix}one`), await exists(`${aws.prefix}two`), await exists(other)]).toEqual([false, false, true])
  })

  describe.skipIf(!existsSync(python))('values and another language', () => {
    const binary = randomBytes(1024)
    test.each<[string, string | Uint8Array]>([
      ['text', 'correct horse battery staple'],
      ['text with everything', '\uFEFF{"π": "\u0000\u2028", "😀": "\\n"}\r\n '],
      ['binary', new Uint8Array(binary)],
      ['binary that looks like text', new TextEncoder().encode('plain')],
    ])('%s is the same both ways, byte for byte', async (_, value) => {
      const store = storeOf()
      const text = typeof value === 'string'
      const bytes = text ? new TextEncoder().encode(value) : value
      const name = fresh()
      const { version } = await store.put(name, value)
      expect(await readByPython({ endpoint: aws.endpoint, region, name })).toEqual({ text, bytes: new Uint8Array(bytes), version })
      const other = fresh()
      const made = await createByPython({ endpoint: aws.endpoint, region, name: other }, text, bytes)
      const read = await store.get(other)
      expect([read.version, read.value.revealBytes()]).toEqual([made, new Uint8Array(bytes)])
      if (text) expect(read.value.revealText()).toBe(value)
    })
  })

  test('a conditional put is staged, promoted by comparison, and the loser leaves current where it is', async () => {
    const store = storeOf()
    const name = fresh()
    const { version: first } = await store.put(name, 'one')
    const { version: second } = await store.put(name, 'two', { ifVersion: first })
    expect((await store.get(name)).version).toBe(second)
    const error: unknown = await store.put(name, 'three', { ifVersion: first }).catch((thrown: unknown) => thrown)
    expect(isSecretError(error, 'conflict') && error.effect).toBe('none')
    expect((await store.get(name)).value.revealText()).toBe('two')
  })

  test('a get is one request, and a refused one is not repeated by the SDK', async () => {
    const store = storeOf({}, { attempts: 1 })
    const name = fresh()
    await store.put(name, 'one')
    expect(await requestsOf(() => store.get(name))).toBe(1)
    for (const [status, body] of [
      [400, awsError('ThrottlingException')],
      [500, awsError('InternalServiceError')],
      [503, '<html>unavailable</html>'],
    ] as const) {
      proxy.inject({ kind: 'answer', status, body })
      expect(await requestsOf(() => store.get(name))).toBe(1)
    }
  })

  test('a ready client is used, and stays open when the store is closed', async () => {
    const client = new SecretsManagerClient({ region, endpoint: proxy.url, ...signed, maxAttempts: 1 })
    const name = fresh()
    const store = storeOf({ client, endpoint: undefined, credentials: undefined })
    await store.put(name, 'one')
    await store.close()
    const again = storeOf({ client, endpoint: undefined, credentials: undefined })
    expect((await again.get(name)).value.revealText()).toBe('one')
    client.destroy()
  })

  test.each<[string, () => Promise<never>]>([
    ['throws', () => Promise.reject(new Error('no credentials yet'))],
    ['throws text', () => Promise.reject('no credentials yet')],
    ['answers nothing', () => Promise.resolve(undefined as never)],
  ])('credentials whose function %s at first fail that call as unauthenticated, and not the next', async (_, first) => {
    let calls = 0
    const store = storeOf({
      credentials: async () => {
        calls += 1
        return calls === 1 ? await first() : { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'only-for-tests' }
      },
    })
    const name = fresh()
    const error: unknown = await store.put(name, 'one').catch((thrown: unknown) => thrown)
    expect(isSecretError(error, 'unauthenticated') && error.effect).toBe('none')
    await store.put(name, 'one')
    expect(calls).toBe(2)
  })

  test('another account is refused by the answer', async () => {
    const name = fresh()
    await storeOf().put(name, 'one')
    const store = storeOf({ accountId: '999999999999' })
    const read: unknown = await store.get(name).catch((thrown: unknown) => thrown)
    expect(isSecretError(read, 'misconfigured') && read.effect).toBe('none')
    const written: unknown = await store.put(name, 'two').catch((thrown: unknown) => thrown)
    expect(isSecretError(written, 'misconfigured') && written.effect).toBe('unknown')
  })

  test('nobody at the endpoint: unavailable, and nothing was written', async () => {
    for (const endpoint of [`http://127.0.0.1:${await freePort()}`, 'https://no-such-host.invalid']) {
      const store = storeOf({ endpoint }, { attempts: 1, deadlineMs: 10_000 })
      const error: unknown = await store.put('a', 'one').catch((thrown: unknown) => thrown)
      expect(isSecretError(error, 'unavailable') && [error.effect, error.retryable]).toEqual(['none', true])
    }
  })

  const VALUE = 'marker-7f3a-of-a-secret-value'
  test.each<[string, Fault, SecretErrorCode, 'none' | 'unknown']>([
    ['a refusal that repeats the request', { kind: 'answer', status: 400, body: awsError('ValidationException', VALUE) }, 'invalid_argument', 'none'],
    ['an error that nobody knows', { kind: 'answer', status: 400, body: awsError('NewException', VALUE) }, 'unknown', 'unknown'],
    ['a page of HTML', { kind: 'answer', status: 503, body: `<html>${VALUE}</html>` }, 'unavailable', 'unknown'],
    ['a page of HTML as a success', { kind: 'answer', status: 200, body: `<html>${VALUE}</html>` }, 'unavailable', 'unknown'],
    ['an empty error', { kind: 'answer', status: 500, body: '' }, 'unavailable', 'unknown'],
    ['an empty success', { kind: 'answer', status: 200, body: '{}' }, 'corrupt', 'unknown'],
    ['half an answer', { kind: 'cut' }, 'unavailable', 'unknown'],
    ['no answer', { kind: 'lose' }, 'unavailable', 'unknown'],
  ])('%s: the error says what it means and nothing of the value', async (_, fault, code, effect) => {
    const raw: unknown[] = []
    const name = fresh()
    await storeOf().put(name, 'one')
    const store = storeOf({}, { attempts: 1, unsafeOnRawError: error => void raw.push(error) })
    proxy.inject(fault)
    const error: unknown = await store.put(name, VALUE).catch((thrown: unknown) => thrown)
    expect(isSecretError(error) && [error.code, error.effect]).toEqual([code, effect])
    expect(raw).toHaveLength(1)
    const shown = [
      inspect(error, { depth: Infinity, showHidden: true }),
      JSON.stringify(error),
      String(error),
      error instanceof Error ? error.stack : '',
    ]
    for (const text of shown) {
      expect(text).not.toContain(VALUE)
      expect(text).not.toContain(Buffer.from(VALUE).toString('base64').slice(0, 20))
    }
  })

  test('half an answer of a read shows nothing of the value', async () => {
    const name = fresh()
    await storeOf().put(name, VALUE.repeat(20))
    const store = storeOf({}, { attempts: 1 })
    await store.get(name)
    proxy.inject({ kind: 'cut' })
    const error: unknown = await store.get(name).catch((thrown: unknown) => thrown)
    expect(isSecretError(error, 'unavailable')).toBe(true)
    expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain(VALUE)
  })

  test('after close nothing is sent', async () => {
    const store = storeOf()
    await store.close()
    const before = proxy.requests()
    await expect(store.get('a')).rejects.toMatchObject({ code: 'closed' })
    expect(proxy.requests()).toBe(before)
  })
})
