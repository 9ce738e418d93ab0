import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cached, isSecretError, tracedSignal, type SecretStore } from '@strongroom/core'
import { awsSecretStore } from '@strongroom/aws'
import { azureSecretStore } from '@strongroom/azure'
import { gcpSecretStore } from '@strongroom/gcp'
import { vaultSecretStore } from '@strongroom/vault'
import { startAwsEmulator } from '@strongroom/emulators/aws'
import { startAzureEmulator } from '@strongroom/emulators/azure'
import { startGcpEmulator } from '@strongroom/emulators/gcp'
import { startVaultEmulator } from '@strongroom/emulators/vault'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

// A client's trace reaches the clouds: as the emulators' journals have it, which is as it came over the wire.

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const OTHER = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00'
const AWS = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'only-for-tests' }

interface Cloud {
  readonly store: SecretStore
  readonly emulator: {
    readonly controls: { readonly journal: readonly { readonly operation: string; readonly traceparent?: string | undefined }[] }
    stop(): Promise<void>
  }
}

const clouds: Readonly<Record<string, () => Promise<Cloud>>> = {
  aws: async () => {
    const emulator = await startAwsEmulator()
    return { emulator, store: awsSecretStore({ region: emulator.region, endpoint: emulator.url, credentials: AWS }) }
  },
  'gcp over gRPC': async () => {
    const emulator = await startGcpEmulator()
    return { emulator, store: gcpSecretStore({ projectId: emulator.projectId, endpoint: `http://127.0.0.1:${emulator.grpcPort}` }) }
  },
  'gcp over REST': async () => {
    const emulator = await startGcpEmulator()
    return { emulator, store: gcpSecretStore({ projectId: emulator.projectId, endpoint: emulator.url, transport: 'rest' }) }
  },
  azure: async () => {
    const emulator = await startAzureEmulator()
    const token = emulator.issueToken()
    const credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) }
    const { vaultUrl, ca } = emulator
    return { emulator, store: azureSecretStore({ vaultUrl, tls: { ca }, disableChallengeResourceVerification: true, credential }) }
  },
  vault: async () => {
    const emulator = await startVaultEmulator()
    return { emulator, store: vaultSecretStore({ address: emulator.url, auth: { method: 'token', token: emulator.rootToken } }) }
  },
}

beforeEach(() => {
  // The SDK would send what is for the loopback to a proxy.
  for (const name of ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY']) for (const one of [name, name.toLowerCase()]) vi.stubEnv(one, '')
})
afterEach(() => {
  vi.unstubAllEnvs()
})

describe.each(Object.entries(clouds))('%s', (_, start) => {
  it('each request of a call has the trace of the call’s signal, and of no other', async () => {
    const { store, emulator } = await start()
    const { journal } = emulator.controls
    try {
      const use = async (signal?: AbortSignal): Promise<readonly (string | undefined)[]> => {
        const from = journal.length
        const options = { signal }
        const { version } = await store.put('api-key', 'one', options)
        await store.put('api-key', 'two', options)
        await store.get('api-key', options)
        await store.get('api-key', { ...options, version })
        await store.getMany(['api-key', 'none'], options)
        await Array.fromAsync(store.list(options))
        await Array.fromAsync(store.versions('api-key', options))
        await store.delete('api-key', { ...options, purge: true })
        const requests = journal.slice(from)
        expect(requests.length).toBeGreaterThan(8)
        return [...new Set(requests.map(({ traceparent }) => traceparent))]
      }
      expect(await use()).toEqual([undefined])
      expect(await use(tracedSignal(TRACE))).toEqual([TRACE])
      expect(await use(tracedSignal(OTHER, new AbortController().signal))).toEqual([OTHER])
      expect(await use(new AbortController().signal)).toEqual([undefined])
    } finally {
      await store.close()
      await emulator.stop()
    }
  })
})

describe('a traced signal', () => {
  it('aborts with the one that it was made of', async () => {
    const { store, emulator } = await (clouds['aws'] as () => Promise<Cloud>)()
    const stopping = new AbortController()
    try {
      const signal = tracedSignal(TRACE, stopping.signal)
      stopping.abort()
      const error = await store.get('api-key', { signal }).catch((thrown: unknown) => thrown)
      expect(isSecretError(error, 'aborted')).toBe(true)
    } finally {
      await store.close()
      await emulator.stop()
    }
  })

  it('what fills a cache for all who ask is part of nobody’s trace', async () => {
    const { store, emulator } = await (clouds['aws'] as () => Promise<Cloud>)()
    await using source = cached(store, { pointerTtlMs: 1000 })
    try {
      await store.put('api-key', 'one')
      await source.get('api-key', { signal: tracedSignal(TRACE) })
      expect(emulator.controls.journal.at(-1)).toMatchObject({ operation: 'GetSecretValue' })
      expect(emulator.controls.journal.map(({ traceparent }) => traceparent).filter(Boolean)).toEqual([])
    } finally {
      await source.close()
      await emulator.stop()
    }
  })

  it.each([
    '',
    TRACE.toUpperCase(),
    TRACE.slice(0, -1),
    `${TRACE}-01`,
    `01${TRACE.slice(2)}`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `${TRACE}\r\nx: y`,
    undefined as unknown as string,
  ])('%j is refused', text => {
    let thrown: unknown
    try {
      tracedSignal(text)
    } catch (error) {
      thrown = error
    }
    expect(isSecretError(thrown, 'invalid_argument')).toBe(true)
  })
})

describe('strongroom serve', () => {
  it('passes a client’s trace on to the cloud, and what is none not', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'strongroom-tracing-'))
    const emulator = await startAwsEmulator()
    const key = `{ sha256: ${createHash('sha256').update('key').digest('hex')}, identity: { id: ada, type: user }, accounts: [acme] }`
    writeFileSync(
      join(folder, 'strongroom.yaml'),
      `stores: { main: { type: aws, region: ${emulator.region}, accountId: "${emulator.accountId}", endpoint: "${emulator.url}", credentials: { accessKeyId: { env: ID }, secretAccessKey: { env: SECRET } } } }
metadata: { type: sqlite, path: ./meta.db }
authorization: unsafe-allow-everyone
http: { apiKeys: [${key}], readValues: true }
`,
    )
    const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
    const child = spawn(process.execPath, ['--conditions=@strongroom/source', main, 'serve', '--port', '0'], {
      cwd: folder,
      env: { ID: AWS.accessKeyId, SECRET: AWS.secretAccessKey },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    try {
      const [line] = (await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])) as unknown[]
      const { url } = JSON.parse(String(line)) as { readonly url: string }
      const { journal } = emulator.controls
      const call = async (method: string, path: string, traceparent: string, body?: object): Promise<Record<string, unknown>> => {
        const response = await fetch(`${url}/v5/sgp/secrets${path}`, {
          method,
          headers: { 'x-api-key': 'key', 'x-selected-account-id': 'acme', traceparent, ...(body && { 'content-type': 'application/json' }) },
          ...(body && { body: JSON.stringify(body) }),
        })
        expect(response.ok).toBe(true)
        return response.status === 204 ? {} : ((await response.json()) as Record<string, unknown>)
      }
      const tracesOf = (operation: string): readonly (string | undefined)[] =>
        journal.filter(entry => entry.operation === operation).map(({ traceparent }) => traceparent)

      const { id } = await call('POST', '', TRACE, { key: 'api-key', value: 'one' })
      await call('PATCH', `/${String(id)}`, OTHER, { value: 'two' })
      await call('GET', `/${String(id)}/value`, TRACE)
      await call('GET', `/${String(id)}/value`, `${TRACE.slice(0, -2)}zz`)
      await call('DELETE', `/${String(id)}`, TRACE)
      expect(tracesOf('CreateSecret')).toEqual([TRACE])
      expect(tracesOf('PutSecretValue')).toEqual([OTHER])
      expect(tracesOf('GetSecretValue')).toEqual([TRACE, undefined])
    } finally {
      child.kill('SIGKILL')
      await emulator.stop()
      rmSync(folder, { recursive: true })
    }
  })
})
