import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { NativePath } from '@strongroom/core'
import { suiteTitle } from '@strongroom/testbed'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { gcpDriver } from '../src/index.ts'
import { call, create, failure, startScene } from './scene.ts'
import { hasOpenssl, startUntrusted } from './untrusted.ts'

// Processes of their own: what is looked for is the machine's, Google's library remembers it, and what it throws can end a process.

const run = promisify(execFile)
const missing = hasOpenssl() ? undefined : 'there is no openssl to make a certificate with'
const INDEX = JSON.stringify(new URL('../src/index.ts', import.meta.url).href)

let home: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'strongroom-gcp-home-'))
})
afterAll(() => rm(home, { recursive: true, force: true }))

/** What a script prints, in a home without any of Google's files. */
async function printed(script: string, environment: Readonly<Record<string, string>>): Promise<unknown> {
  const { PATH } = process.env
  const args = ['--conditions=@strongroom/source', '--input-type=module', '--eval', script]
  const env = { PATH, HOME: home, CLOUDSDK_CONFIG: home, ...environment }
  const { stdout } = await run(process.execPath, args, { cwd: import.meta.dirname, env })
  return JSON.parse(stdout)
}

/** The codes of two calls, the first one with a short deadline if there is one. */
const TWO_CALLS = (options: object, deadlineMs = 30_000): string => `
const { gcpSecretStore } = await import(${INDEX})
const options = ${JSON.stringify(options)}
const codes = []
for (const deadlineMs of [${deadlineMs}, 30_000]) {
  globalThis.store ??= gcpSecretStore(options, { attempts: 1, deadlineMs: 30_000 })
  const signal = deadlineMs < 30_000 ? AbortSignal.timeout(deadlineMs) : undefined
  codes.push(await store.get('a', { signal }).then(() => 'ok', ({ code, effect }) => code + ' ' + effect))
}
await store.close()
process.stdout.write(JSON.stringify(codes))
`

test.each([
  ['no default credentials', {}, {}],
  ['default credentials in a file that is not there', {}, { GOOGLE_APPLICATION_CREDENTIALS: '/no/such/file' }],
  ['a key file that is not there', { keyFile: '/no/such/file' }, {}],
  ['a key that is none', { credentials: { client_email: 'a@b.example', private_key: 'none' } }, {}],
])('%s: unauthenticated, each time, and the process lives', async (_, options, environment) => {
  for (const transport of ['grpc', 'rest']) {
    const codes = await printed(TWO_CALLS({ projectId: 'my-project', transport, ...options }), { METADATA_SERVER_DETECTION: 'none', ...environment })
    expect(codes).toEqual(['unauthenticated none', 'unauthenticated none'])
  }
})

test('a metadata server that never answers holds up no call longer than its signal, and the next one finds that there is none', async () => {
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const environment = { GCE_METADATA_HOST: `127.0.0.1:${(silent.address() as AddressInfo).port}`, METADATA_SERVER_DETECTION: 'ping-only' }
  expect(await printed(TWO_CALLS({ projectId: 'my-project' }, 100), environment)).toEqual(['aborted none', 'unauthenticated none'])
  silent.close()
}, 30_000)

test.each(['grpc', 'rest'] as const)('an authClient that hangs once is asked again by the next call: %s', async transport => {
  const scene = await startScene()
  const leaving = new AbortController()
  const getRequestHeaders = async (): Promise<Headers> => {
    if (leaving.signal.aborted) return new Headers({ authorization: 'Bearer only-for-tests' })
    leaving.abort()
    return await new Promise(() => {})
  }
  const driver = scene.open({ transport, authClient: { getRequestHeaders } })
  const path = scene.path()
  expect(await failure(driver, driver.read({ path, version: undefined }, call(leaving.signal)))).toBe('aborted none')
  expect(await failure(driver, driver.read({ path, version: undefined }, call()))).toBe('not_found none')
  await scene.stop()
})

test.each(['grpc', 'rest'] as const)('an authClient whose token no header takes is unauthenticated, and nothing is sent: %s', async transport => {
  const scene = await startScene()
  for (const token of ['a\nb', '日本']) {
    // As a class of its own may answer it: `Headers` refuses these itself.
    const getRequestHeaders = async (): Promise<Headers> => new Map([['authorization', `Bearer ${token}`]]) as unknown as Headers
    const driver = scene.open({ transport, authClient: { getRequestHeaders } })
    expect(await failure(driver, create(driver, scene.path(), 'x'))).toBe('unauthenticated none')
  }
  expect(scene.controls.journal).toEqual([])
  await scene.stop()
})

test.skipIf(missing !== undefined)(suiteTitle('a key file that is there at the second call is used by it', missing), async () => {
  const server = await startUntrusted()
  const keyFile = join(home, 'later.json')
  const driver = gcpDriver({ projectId: 'my-project', transport: 'rest', endpoint: server.url, keyFile })
  const code = async (): Promise<string> =>
    await driver.read({ path: 'a' as NativePath, version: undefined }, { signal: new AbortController().signal, attempt: 1 }).then(
      () => 'ok',
      (error: unknown) => driver.classify(error).code,
    )
  expect(await code()).toBe('unauthenticated')
  await writeFile(keyFile, JSON.stringify(newKey()))
  // It got as far as the server, which it does not trust.
  expect(await code()).toBe('misconfigured')
  await driver.close()
  await server.stop()
})

test.skipIf(missing !== undefined)(
  suiteTitle('a service account’s key signs a token itself, over both transports', missing),
  async () => {
    const server = await startUntrusted()
    try {
      const ca = join(home, 'ca.pem')
      await writeFile(ca, server.cert)
      const trusted = { NODE_EXTRA_CA_CERTS: ca, GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: ca, METADATA_SERVER_DETECTION: 'none' }
      const key = newKey()
      const keyFile = join(home, 'key.json')
      await writeFile(keyFile, JSON.stringify(key))
      for (const transport of ['grpc', 'rest']) {
        for (const given of [{ credentials: key }, { keyFile }]) {
          const options = { projectId: 'my-project', transport, endpoint: server.url, ...given }
          expect(await printed(TWO_CALLS(options), trusted)).toEqual(['not_found none', 'not_found none'])
        }
      }
      expect(server.authorizations).toHaveLength(8)
      for (const authorization of server.authorizations) {
        const [, claims = ''] = /^Bearer [^.]+\.([^.]+)\.[^.]+$/.exec(authorization ?? '') ?? []
        expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
          iss: 'a@b.example',
          scope: 'https://www.googleapis.com/auth/cloud-platform',
        })
      }
    } finally {
      await server.stop()
    }
  },
  60_000,
)

function newKey(): object {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { type: 'service_account', client_email: 'a@b.example', private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }) }
}
