import { createServer as createPlain } from 'node:http'
import { createServer } from 'node:https'
import type { Failure, NativePath, SecretDriver } from '@strongroom/core'
import { openBaoBinary, missingProgram, startOpenBao, suiteTitle } from '@strongroom/testbed'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { vaultDriver, vaultSecretStore, type VaultTls } from '../src/index.ts'
import { listen, passingOnTo } from './answering.ts'

const missing = missingProgram(openBaoBinary, 'OpenBao')
const auth = { method: 'token', token: 'root' } as const
const call = { signal: new AbortController().signal, attempt: 1 }

describe.skipIf(missing !== undefined)(suiteTitle('TLS', missing), () => {
  let vault: Awaited<ReturnType<typeof startOpenBao>> & { readonly ca: string; readonly cert: string; readonly key: string }
  beforeAll(async () => {
    vault = await startOpenBao({ tls: true })
  })
  afterAll(() => vault?.stop())

  const failureOf = async (driver: SecretDriver): Promise<Failure> => {
    const work = driver.create({ path: 'a' as NativePath, payload: { bytes: new Uint8Array(1), text: true }, labels: {}, token: 'x' }, call)
    return await work.then(
      () => {
        throw new Error('it must fail')
      },
      (error: unknown) => driver.classify(error),
    )
  }

  test('a server whose authority is given is trusted, and its connection is kept', async () => {
    const counting = await passingOnTo(Number(new URL(vault.url).port))
    const address = counting.url.replace('http:', 'https:')
    await using store = vaultSecretStore({ address, auth, tls: { ca: vault.ca } })
    await store.put('a', 'v')
    for (let index = 0; index < 30; index += 1) expect((await store.get('a')).value.revealText()).toBe('v')
    expect(counting.connections()).toBe(1)
    await store.close()
    await counting.stop()
  })

  test.each([
    ['an authority that nobody knows', undefined],
    ['another authority', 'cert'],
  ])('%s is misconfigured, and nothing was sent', async (_, which) => {
    const driver = vaultDriver({ address: vault.url, auth, ...(which === undefined ? {} : { tls: { ca: vault.cert } }) })
    const { code, effect, retryable, hint } = await failureOf(driver)
    expect([code, effect, retryable]).toEqual(['misconfigured', 'none', false])
    expect(hint).toContain('certificate')
  })

  test('a certificate of another host is misconfigured', async () => {
    // The same server by an address of the loopback that is not in its certificate.
    const elsewhere = await passingOnTo(Number(new URL(vault.url).port), '127.0.0.2')
    const driver = vaultDriver({ address: `https://127.0.0.2:${elsewhere.port}`, auth, tls: { ca: vault.ca } })
    expect(await failureOf(driver)).toMatchObject({ code: 'misconfigured', effect: 'none' })
    await elsewhere.stop()
  })

  test('no variable of the environment switches the check off', async () => {
    const before = { ...process.env }
    Object.assign(process.env, { VAULT_SKIP_VERIFY: 'true', NODE_TLS_REJECT_UNAUTHORIZED: '0' })
    try {
      expect((await failureOf(vaultDriver({ address: vault.url, auth }))).code).toBe('misconfigured')
    } finally {
      process.env = before
    }
  })

  test('plain HTTP where the server wants TLS, and TLS where it does not, do not work and do not hang', async () => {
    expect((await failureOf(vaultDriver({ address: vault.url.replace('https:', 'http:'), auth }))).effect).toBe('none')
    const plain = await listen(createPlain((_, response) => void response.end()))
    expect((await failureOf(vaultDriver({ address: plain.url.replace('http:', 'https:'), auth, tls: { ca: vault.ca } }))).effect).toBe('none')
    await plain.stop()
  })

  test('a client certificate is shown to a server that asks for one, and one that has none is refused', async () => {
    const answer = { data: { type: 'kv', options: { version: '2' }, data: { value: 'v' }, metadata: { version: 1 } } }
    const options = { key: vault.key, cert: vault.cert, ca: vault.ca, requestCert: true, rejectUnauthorized: true }
    const server = await listen(createServer(options, (_, response) => response.end(JSON.stringify(answer))))
    const address = server.url.replace('http:', 'https:')
    const read = async (tls: VaultTls): Promise<string> => {
      const driver = vaultDriver({ address, auth, tls })
      try {
        return new TextDecoder().decode((await driver.read({ path: 'a' as NativePath, version: undefined }, call)).payload.bytes)
      } catch (error) {
        return driver.classify(error).code
      } finally {
        await driver.close()
      }
    }
    expect(await read({ ca: vault.ca, cert: vault.cert, key: vault.key })).toBe('v')
    expect(['misconfigured', 'unavailable']).toContain(await read({ ca: vault.ca }))
    await server.stop()
  })
})
