import { createHash, randomBytes } from 'node:crypto'
import {
  createSecretReader,
  createSecretRegistry,
  memoryDriver,
  memoryMetadata,
  unsafeAllowEveryone,
  type Actor,
  type Authorize,
  type MetadataStore,
  type RegistryPolicy,
  type SecretDriver,
  type SecretReader,
  type SecretRegistry,
} from '@strongroom/core'
import { apiKeyAuthentication, createSecretsApp, type SecretsApp, type SecretsAppOptions } from '../../src/index.ts'
import { startSecretsServer, type SecretsServer, type SecretsServerOptions } from '../../src/node/index.ts'

export const KEY = 'key-of-ada'
export const OTHER_KEY = 'key-of-the-robot'
export const ADA: Actor = { id: 'ada', type: 'user' }
export const ROBOT: Actor = { id: 'robot', type: 'service_account' }
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

export interface ServiceOptions extends Partial<SecretsAppOptions> {
  readonly driver?: SecretDriver
  readonly metadata?: MetadataStore
  readonly authorize?: Authorize
  readonly policy?: RegistryPolicy
  readonly requestKeys?: readonly Uint8Array[] | undefined
  readonly withReader?: boolean
  readonly server?: Partial<SecretsServerOptions>
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // oxlint-disable-next-line typescript/no-explicit-any -- a test looks into it
  readonly json: any
}

export interface Service extends AsyncDisposable {
  readonly app: SecretsApp
  readonly registry: SecretRegistry
  readonly reader: SecretReader
  readonly server: SecretsServer
  readonly url: string
  /** A request on the wire, by the caller ada of the account acme unless the headers say otherwise. */
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>
}

/** A registry in memory, its app, and a server on a free port of the loopback. */
export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const {
    driver = memoryDriver(),
    metadata = memoryMetadata(),
    authorize = unsafeAllowEveryone,
    policy,
    withReader = false,
    server: given,
    ...rest
  } = options
  const { requestKeys = [randomBytes(32)], ...appOptions } = rest
  const keys = 'requestKeys' in options && options.requestKeys === undefined ? {} : { requestKeys }
  const shared = { id: 'wire', metadata, stores: { main: driver }, authorize }
  const registry = await createSecretRegistry({
    ...shared,
    writeTo: 'main',
    ...keys,
    ...(policy && { policy }),
    ...(appOptions.keys && { keys: appOptions.keys }),
  })
  const reader = await createSecretReader(shared)
  const authenticate = apiKeyAuthentication([
    { sha256: sha256(KEY), identity: ADA, accounts: ['acme', 'other'] },
    { sha256: sha256(OTHER_KEY), identity: ROBOT, accounts: ['acme'] },
  ])
  const app = createSecretsApp(registry, { authenticate, ...(withReader && { reader }), ...appOptions })
  const server = await startSecretsServer({ fetch: app.fetch, ...given })
  return {
    app,
    registry,
    reader,
    server,
    url: server.url,
    async call(method, path, body, headers = {}) {
      const init: RequestInit = {
        method,
        headers: { 'x-api-key': KEY, 'x-selected-account-id': 'acme', ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      }
      if (body !== undefined) init.body = typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body)
      const response = await fetch(server.url + path, init)
      const text = await response.text()
      return { status: response.status, headers: response.headers, text, json: text === '' ? undefined : JSON.parse(text) }
    },
    async [Symbol.asyncDispose]() {
      await server.stop({ graceMs: 1000 })
      await registry.close()
      await reader.close()
    },
  }
}
