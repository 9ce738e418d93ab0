import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import { createSecretStore, isSecretError, type Failure, type NativePath, type SecretDriver } from '@strongroom/core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { vaultDriver, vaultSecretStore } from '../src/index.ts'
import { createTransport } from '../src/transport.ts'
import { answering, listen, type Listening } from './answering.ts'
import { missing, startVault, suite, type Vault } from './vault.ts'

// What node-vault 0.12 does wrong, one by one: each of these fails with its own transport, or without what the adapter does about it.

const run = promisify(execFile)
const TOKEN = 'a-token-that-nobody-may-see'
const auth = { method: 'token', token: TOKEN } as const
const path = 'a' as NativePath
const call = { signal: new AbortController().signal, attempt: 1 }
const payload = { bytes: new TextEncoder().encode('v'), text: true }
const V2 = JSON.stringify({ data: { type: 'kv', options: { version: '2' } } })

const open: Listening[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.stop()
})
const opened = <Server extends Listening>(server: Server): Server => {
  open.push(server)
  return server
}

async function failureOf(driver: SecretDriver, work: Promise<unknown>): Promise<Failure> {
  return await work.then(
    () => {
      throw new Error('it must fail')
    },
    (error: unknown) => driver.classify(error),
  )
}

/** A server that is a Vault as far as its mount goes, and answers this to the rest. */
async function vaultThatAnswers(status: number, body: string, headers: Readonly<Record<string, string>> = {}): ReturnType<typeof answering> {
  return opened(
    await answering((request, response) => {
      if (request.url?.includes('/sys/internal/') === true) response.end(V2)
      else response.writeHead(status, headers).end(body)
    }),
  )
}

describe.skipIf(missing !== undefined)(suite('paths'), () => {
  let vault: Vault
  let mount: string
  beforeAll(async () => {
    vault = await startVault()
    mount = await vault.mount()
  })
  afterAll(() => vault?.stop())

  test('a name is one path, whatever is in it', async () => {
    await using store = vaultSecretStore({ address: vault.url, mount, auth: { method: 'token', token: vault.token } }, { naming: 'native' })
    const names = ['a b#c?d', 'a b', 'a b%23c', 'a%20b', 'a+b', 'a&b=c', 'a;b', "a'b*(c)!", 'größe/🔑', 'a\\b', '..a', 'a..', '%2e%2e/a', '&#x2F;']
    for (const name of names) await store.put(name, `value of ${name}`)
    for (const name of names) expect((await store.get(name)).value.revealText()).toBe(`value of ${name}`)
    expect((await Array.fromAsync(store.list(), ({ name }) => name)).toSorted()).toEqual(names.toSorted())
    const { body } = await vault.ask('GET', `${mount}/data/a%20b%23c%3Fd`)
    expect(body.data).toMatchObject({ data: { value: 'value of a b#c?d' } })
  })

  test('a secret whose name is that of the health check is not taken for there when it is missing', async () => {
    await using store = vaultSecretStore({ address: vault.url, mount, auth: { method: 'token', token: vault.token } }, { naming: 'native' })
    const error: unknown = await store.get('sys/health').catch((thrown: unknown) => thrown)
    expect(isSecretError(error, 'not_found')).toBe(true)
  })
})

describe('redirects', () => {
  test.each([301, 302, 303, 307, 308])('a %i to another host is refused, and the other host hears nothing', async status => {
    const other = opened(await answering((_, response) => response.end(V2)))
    const server = await vaultThatAnswers(status, '', { location: `${other.url}/v1/secret/data/a` })
    const driver = vaultDriver({ address: server.url, auth })
    expect(await failureOf(driver, driver.read({ path, version: undefined }, call))).toMatchObject({ code: 'misconfigured', effect: 'none' })
    const write = driver.create({ path, payload, labels: {}, token: 'x' }, call)
    expect(await failureOf(driver, write)).toMatchObject({ code: 'misconfigured', effect: 'none' })
    expect([other.seen.length, server.seen.length]).toEqual([0, 3])
    await driver.close()
  })
})

describe('a server that is silent', () => {
  const wire = { method: 'GET', headers: {}, signal: call.signal, note: {} }
  const meaning = (work: Promise<unknown>): Promise<Failure> => failureOf(vaultDriver({ address: 'https://x', auth }), work)

  test('is given up after a while, and may have done what it was asked', async () => {
    const server = opened(await answering(() => {}))
    const transport = createTransport({ secure: false, silenceMs: 50 })
    expect(await meaning(transport.send({ ...wire, uri: server.url }))).toMatchObject({ code: 'unavailable', retryable: true, effect: 'unknown' })
    transport.close()
  })

  test('and one that stops in the middle of an answer too', async () => {
    const server = opened(await answering((_, response) => void response.writeHead(200, { 'content-length': '100' }).write('{"data":')))
    const transport = createTransport({ secure: false, silenceMs: 50 })
    expect(await meaning(transport.send({ ...wire, uri: server.url }))).toMatchObject({ code: 'unavailable', retryable: true, effect: 'unknown' })
    transport.close()
  })

  test('while the connection is made: nothing was sent', async () => {
    const server = opened(await listen(createServer())) // takes connections, and never says a word of TLS
    const transport = createTransport({ secure: true, connectMs: 50 })
    const work = transport.send({ ...wire, uri: server.url.replace('http:', 'https:') })
    expect(await meaning(work)).toMatchObject({ code: 'unavailable', retryable: true, effect: 'none' })
    transport.close()
  })
})

test('a host that does not exist is unavailable, without effect', async () => {
  const driver = vaultDriver({ address: 'https://no-such-host.invalid', auth })
  const works = [driver.read({ path, version: undefined }, call), driver.append({ path, payload, token: 't', after: undefined, staged: false }, call)]
  for (const work of works) expect(await failureOf(driver, work)).toMatchObject({ code: 'unavailable', retryable: true, effect: 'none' })
  await driver.close()
})

describe('a call that is aborted', () => {
  test('ends, and its connection with it', async () => {
    const closed = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    const server = opened(
      await answering((request, response) => {
        if (request.url?.includes('/sys/internal/') === true) return void response.end(V2)
        request.socket.on('close', () => closed.resolve())
        reached.resolve()
      }),
    )
    const driver = vaultDriver({ address: server.url, auth })
    const abort = new AbortController()
    const work = failureOf(driver, driver.read({ path, version: undefined }, { signal: abort.signal, attempt: 1 }))
    await reached.promise
    abort.abort()
    expect((await work).code).toBe('aborted')
    await closed.promise
    await driver.close()
  })

  test('is not sent when it was aborted before', async () => {
    const server = opened(await answering(() => {}))
    const driver = vaultDriver({ address: server.url, auth })
    const work = driver.create({ path, payload, labels: {}, token: 'x' }, { signal: AbortSignal.abort(), attempt: 1 })
    expect(await failureOf(driver, work)).toMatchObject({ code: 'aborted', effect: 'none' })
    expect(server.seen).toHaveLength(0)
  })

  test('while it waits for a login: nothing was sent, and the others that wait are not disturbed', async () => {
    const login = Promise.withResolvers<void>()
    const server = opened(
      await answering((request, response) => {
        if (request.url?.endsWith('/login') !== true) return void response.end(V2)
        void login.promise.then(() => response.end(JSON.stringify({ auth: { client_token: 't', lease_duration: 60, renewable: false } })))
      }),
    )
    const driver = vaultDriver({ address: server.url, auth: { method: 'approle', roleId: 'r', secretId: 's' } })
    const abort = new AbortController()
    const one = failureOf(driver, driver.create({ path, payload, labels: {}, token: 'x' }, { signal: abort.signal, attempt: 1 }))
    const other = failureOf(driver, driver.read({ path, version: undefined }, call))
    abort.abort()
    expect(await one).toMatchObject({ code: 'aborted', effect: 'none' })
    login.resolve()
    expect(await other).toMatchObject({ code: 'corrupt' }) // it got as far as its own answer
    expect(server.seen.filter(({ url }) => url?.endsWith('/login'))).toHaveLength(1)
    await driver.close()
  })
})

describe('an answer of 200 that is none', () => {
  test.each([
    ['a page', '<html><body>Please log in</body></html>', 'unavailable'],
    ['half an answer', '{"data":{"data":{"value":"v"', 'unavailable'],
    ['bytes that are no text', '\xff\xfe', 'unavailable'],
    ['nothing', '', 'corrupt'],
    ['an empty object', '{}', 'corrupt'],
    ['null', 'null', 'corrupt'],
    ['text', '"ok"', 'corrupt'],
    ['no version', '{"data":{"data":{"value":"v"},"metadata":{}}}', 'corrupt'],
  ])('%s', async (_, body, code) => {
    const server = await vaultThatAnswers(200, body)
    const driver = vaultDriver({ address: server.url, auth })
    expect((await failureOf(driver, driver.read({ path, version: undefined }, call))).code).toBe(code)
    const write = await failureOf(driver, driver.create({ path, payload, labels: {}, token: 'x' }, call))
    expect([write.code, write.effect]).toEqual([code, 'unknown'])
    await driver.close()
  })

  test('a page instead of the mount is unavailable too, and nothing was written', async () => {
    const server = opened(await answering((_, response) => void response.end('<html>')))
    const driver = vaultDriver({ address: server.url, auth })
    const write = driver.create({ path, payload, labels: {}, token: 'x' }, call)
    expect(await failureOf(driver, write)).toMatchObject({ code: 'unavailable', effect: 'none' })
    await driver.close()
  })
})

describe('connections', () => {
  test('are kept: a hundred reads go over one', async () => {
    const server = await vaultThatAnswers(200, '{"data":{"data":{"value":"v"},"metadata":{"version":1}}}')
    const driver = vaultDriver({ address: server.url, auth })
    for (let index = 0; index < 100; index += 1) await driver.read({ path, version: undefined }, call)
    expect([server.seen.length, server.connections()]).toEqual([101, 1])
    await driver.close()
  })

  test('do not keep the process alive, nor does a token with a time to live', async () => {
    const server = opened(
      await answering((request, response) => {
        const login = JSON.stringify({ auth: { client_token: 't', lease_duration: 3600, renewable: true } })
        response.end(
          request.url?.endsWith('/login') === true
            ? login
            : '{"data":{"data":{"value":"v"},"metadata":{"version":1},"type":"kv","options":{"version":"2"}}}',
        )
      }),
    )
    const { stdout } = await child(
      `const store = vaultSecretStore({ address: ${JSON.stringify(server.url)}, auth: { method: 'approle', roleId: 'r', secretId: 's' } })
       process.stdout.write((await store.get('a')).value.revealText())`,
    )
    expect(stdout).toBe('v') // and it ended, without close
  })
})

describe('the environment', () => {
  test('neither debug output nor anything else shows a value or a token', async () => {
    const server = opened(
      await answering((request, response) => {
        if (request.url?.endsWith('/login') === true)
          response.end(JSON.stringify({ auth: { client_token: TOKEN, lease_duration: 60, renewable: false } }))
        else if (request.url?.includes('/sys/internal/') === true) response.end(V2)
        else if (request.method === 'POST') response.end('{"data":{"version":1}}')
        else response.end('{"data":{"data":{"value":"the-value-that-is-read"},"metadata":{"version":1}}}')
      }),
    )
    const script = `
      const address = ${JSON.stringify(server.url)}
      await using store = vaultSecretStore({ address, auth: { method: 'approle', roleId: 'r', secretId: 'the-secret-id' } })
      await store.put('a', 'the-value-that-is-written', { ifAbsent: true })
      await store.get('a')
      console.log('done')`
    const { stdout, stderr } = await child(script, { DEBUG: '*' })
    expect(stdout).toContain('done')
    // The same by node-vault alone: what is looked for is there to be found.
    const raw = `const { createRequire } = await import('node:module')
      const vault = createRequire(${JSON.stringify(import.meta.filename)})('node-vault')({ endpoint: ${JSON.stringify(server.url)}, token: ${JSON.stringify(TOKEN)} })
      await vault.write('secret/data/a', { data: { value: 'the-value-that-is-written' } })`
    const shown = await child(raw, { DEBUG: 'node-vault*' })
    expect(shown.stderr).toContain('the-value-that-is-written')
    for (const secret of ['the-value-that-is-written', 'the-value-that-is-read', 'the-secret-id', TOKEN])
      expect(stdout + stderr).not.toContain(secret)
  })

  test('gives the client neither a token, nor a namespace, nor a prefix', async () => {
    const server = await vaultThatAnswers(200, '{"data":{"data":{"value":"v"},"metadata":{"version":1}}}')
    const env = {
      VAULT_ADDR: 'http://127.0.0.1:9',
      VAULT_TOKEN: 'of-the-environment',
      VAULT_NAMESPACE: 'other',
      VAULT_PREFIX: '/other',
      VAULT_SKIP_VERIFY: '1',
    }
    await child(
      `await using store = vaultSecretStore({ address: ${JSON.stringify(server.url)}, auth: { method: 'token', token: 'mine' } })
       await store.get('a')`,
      env,
    )
    const [, read] = server.seen
    expect([read?.url, read?.headers['x-vault-token'], read?.headers['x-vault-namespace']]).toEqual(['/v1/secret/data/a', 'mine', undefined])
  })
})

test('numbers that JavaScript cannot hold are read as they are written', async () => {
  const data = '{"account":12345678901234567890,"price":1.10,"tiny":1e-400,"plain":7,"list":[9007199254740993]}'
  const server = await vaultThatAnswers(200, `{"data":{"data":${data},"metadata":{"version":1}}}`)
  await using store = createSecretStore(vaultDriver({ address: server.url, auth }))
  expect((await store.get('a')).value.revealText()).toBe(data)
})

async function child(script: string, env: Readonly<Record<string, string>> = {}): Promise<{ stdout: string; stderr: string }> {
  const index = JSON.stringify(new URL('../src/index.ts', import.meta.url).href)
  const source = `const { vaultSecretStore } = await import(${index})\n${script}`
  const work = run(process.execPath, ['--conditions=@strongroom/source', '--input-type=module', '--eval', source], {
    cwd: import.meta.dirname,
    env: { PATH: process.env['PATH'], ...env },
  })
  await once(work.child, 'spawn')
  return await work
}
