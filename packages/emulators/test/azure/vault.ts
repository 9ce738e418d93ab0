import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import { request } from 'node:https'
import { buffer } from 'node:stream/consumers'
import { SecretClient, type SecretClientOptions } from '@azure/keyvault-secrets'
import { startAzureEmulator, type AzureEmulator, type AzureEmulatorOptions } from '@strongroom/emulators/azure'

export type ApiVersion = '7.5' | '7.6' | '2025-07-01'

/** The error of the official SDK, as far as the tests look at it. */
export interface SdkError {
  readonly statusCode: number | undefined
  readonly code: string | undefined
  readonly details?: { readonly error?: { readonly code: string; readonly message: string; readonly innerError?: { readonly code: string } } }
}

export interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  // The tests look into answers of any shape.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any
}

interface Asking {
  readonly token?: string | undefined
  readonly body?: unknown
  readonly query?: Readonly<Record<string, string>>
  /** Undefined leaves it out. */
  readonly apiVersion?: string | undefined
}

export interface TestVault extends AzureEmulator {
  readonly token: string
  /** A plain request with Node's own client. */
  ask(method: string, path: string, asking?: Asking): Promise<Answered>
  client(token?: string, serviceVersion?: ApiVersion, vaultUrl?: string): SecretClient
}

export async function startVault(options: AzureEmulatorOptions = {}): Promise<TestVault> {
  const emulator = await startAzureEmulator(options)
  const token = emulator.issueToken()
  return {
    ...emulator,
    token,
    ask: (method, path, asking = {}) => ask(emulator, method, path, { token, apiVersion: '7.6', ...asking }),
    client: (own = token, serviceVersion = '7.6', vaultUrl = emulator.vaultUrl) => {
      const credential = { getToken: async () => ({ token: own, expiresOnTimestamp: Date.now() + 3_600_000 }) }
      // `tlsOptions` is an option of the pipeline that the SDK's type does not name.
      const clientOptions = {
        disableChallengeResourceVerification: true,
        serviceVersion,
        tlsOptions: { ca: emulator.ca },
        retryOptions: { maxRetries: 0 },
      }
      return new SecretClient(vaultUrl, credential, clientOptions as SecretClientOptions)
    },
  }
}

async function ask({ vaultUrl, ca }: AzureEmulator, method: string, path: string, { token, body, query, apiVersion }: Asking): Promise<Answered> {
  const url = new URL(path, vaultUrl)
  if (apiVersion !== undefined && !url.searchParams.has('api-version')) url.searchParams.set('api-version', apiVersion)
  for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value)
  const text = typeof body === 'string' ? body : body === undefined ? undefined : JSON.stringify(body)
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(text === undefined ? {} : { 'content-type': 'application/json' }),
  }
  const outgoing = request(url, { method, ca, headers, agent: false })
  outgoing.end(text)
  const [incoming] = await once(outgoing, 'response')
  const bytes = await buffer(incoming)
  const isJson = String(incoming.headers['content-type']).startsWith('application/json')
  return { status: incoming.statusCode, headers: incoming.headers, body: isJson ? JSON.parse(bytes.toString()) : bytes.toString() }
}

/** What a call of the SDK fails with. */
export async function failureOf(call: Promise<unknown>): Promise<SdkError> {
  try {
    await call
  } catch (error) {
    return error as SdkError
  }
  throw new Error('it did not fail')
}

export const innerCodeOf = ({ details }: SdkError): string | undefined => details?.error?.innerError?.code

export async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}
