import { DriverFinding, explained, LazyClient, loadSdk, refused, withCircumstances } from '@strongroom/core'
import type { SecretManagerServiceClient } from '@google-cloud/secret-manager'
import type * as Gax from 'google-gax'
import { tokenFailure } from './classify.ts'
import type { GcpAuthClient, GcpClient, GcpOptions } from './options.ts'

/** Calls of the service, as the SDK names them. */
export type Operation =
  | 'accessSecretVersion'
  | 'addSecretVersion'
  | 'createSecret'
  | 'deleteSecret'
  | 'destroySecretVersion'
  | 'getSecret'
  | 'getSecretVersion'
  | 'listSecretVersions'
  | 'listSecrets'
  | 'updateSecret'

type ApiCall = (request: object, options: object) => Promise<readonly unknown[]> & { readonly cancel?: () => void }

interface Started {
  readonly call: (operation: Operation) => ApiCall
  readonly auth: GcpAuthClient | undefined
  readonly own: SecretManagerServiceClient | undefined
}

const REQUEST_MS = 60_000
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'
const WRITES: ReadonlySet<Operation> = new Set(['addSecretVersion', 'createSecret', 'deleteSecret', 'destroySecretVersion', 'updateSecret'])

/** The SDK and a client of it, loaded by the first call. */
export class Connection {
  readonly #host: string
  readonly #client: LazyClient<Started>

  constructor(options: GcpOptions) {
    this.#host = hostOf(options)
    this.#client = new LazyClient(
      () => start(options, this.#host),
      ({ own }) => own?.close(),
    )
  }

  /** One request, without retries. What is in the answer is for the caller to check. */
  async send(operation: Operation, request: object, signal: AbortSignal): Promise<unknown> {
    if (signal.aborted) throw new DriverFinding(refused('aborted'))
    let cancel: (() => void) | undefined
    let sent = false
    const work = async (): Promise<unknown> => {
      const { call, auth } = await this.#client.get()
      const headers = await headersOf(auth, this.#host, request)
      if (signal.aborted) return undefined // and nobody waits
      const pending = call(operation)(request, { timeout: REQUEST_MS, retry: null, autoPaginate: false, otherArgs: { headers } })
      sent = true
      cancel = () => pending.cancel?.()
      const [answer, , raw] = await pending
      // What a list has beside its items is only in the third.
      return raw !== null && typeof raw === 'object' && operation.startsWith('list') ? raw : answer
    }
    const aborted = Promise.withResolvers<never>()
    const abort = (): void => {
      cancel?.()
      aborted.reject(new DriverFinding(refused('aborted', { effect: sent && WRITES.has(operation) ? 'unknown' : 'none' })))
    }
    signal.addEventListener('abort', abort, { once: true })
    try {
      return await Promise.race([work(), aborted.promise])
    } catch (error) {
      throw withCircumstances(error, { operation })
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}

function hostOf({ endpoint, region }: GcpOptions): string {
  if (endpoint !== undefined) return new URL(endpoint).origin
  return `https://secretmanager.${region === undefined ? '' : `${region}.rep.`}googleapis.com`
}

async function start(options: GcpOptions, host: string): Promise<Started> {
  const { client, transport, projectId } = options
  if (client !== undefined) return { call: await callerOf(client), auth: undefined, own: undefined }
  const [{ SecretManagerServiceClient }, gax] = await loadSdk('@google-cloud/secret-manager and google-gax', () =>
    Promise.all([import('@google-cloud/secret-manager'), import('google-gax')]),
  )
  const auth = await authOf(options, gax)
  const { protocol, hostname, port } = new URL(host)
  const insecure = protocol === 'http:'
  const { credentials } = gax.grpc
  const own = new SecretManagerServiceClient({
    projectId,
    apiEndpoint: hostname,
    port: port === '' ? (insecure ? 80 : 443) : Number(port),
    fallback: transport === 'rest',
    protocol: insecure ? 'http' : 'https',
    // Each request brings its own token: a token that cannot be had is then known as such, and nothing was sent.
    sslCreds: insecure ? credentials.createInsecure() : credentials.createSsl(),
    auth: new gax.GoogleAuth({ authClient: new gax.googleAuthLibrary.PassThroughClient() }),
    // It would print requests and answers, values included.
    enableTelemetryLogging: false,
  })
  return { call: await callerOf(own), auth, own }
}

/**
 * The calls below the SDK's public methods: those print every request and answer, values included, when
 * `GOOGLE_SDK_NODE_LOGGING` is set, and decode all protos anew for each error.
 */
async function callerOf(client: GcpClient | SecretManagerServiceClient): Promise<Started['call']> {
  const { innerApiCalls, initialize } = client as Partial<SecretManagerServiceClient>
  if (innerApiCalls === undefined || initialize === undefined) {
    return operation => (client as unknown as Readonly<Record<Operation, ApiCall>>)[operation].bind(client)
  }
  await initialize.call(client)
  return operation => (client as SecretManagerServiceClient).innerApiCalls[operation] as unknown as ApiCall
}

async function authOf({ authClient, endpoint, credentials, keyFile, projectId }: GcpOptions, gax: typeof Gax): Promise<GcpAuthClient | undefined> {
  if (authClient !== undefined || endpoint?.startsWith('http:') === true) return authClient
  const auth = new gax.GoogleAuth({
    scopes: [SCOPE],
    projectId,
    ...(credentials === undefined ? {} : { credentials }),
    ...(keyFile === undefined ? {} : { keyFile }),
  })
  // A service account's key signs the token itself, without another request.
  auth.useJWTAccessWithScope = true
  try {
    return await auth.getClient()
  } catch (error) {
    const hint = 'there are no Google credentials: see application default credentials, or give credentials, keyFile or authClient'
    throw explained(error, refused('unauthenticated', { hint }))
  }
}

/** The token, and what Google routes the request by. */
async function headersOf(auth: GcpAuthClient | undefined, host: string, request: object): Promise<Readonly<Record<string, string>>> {
  const { name, parent, secret } = request as { readonly name?: string; readonly parent?: string; readonly secret?: { readonly name?: string } }
  const [field, resource] = name !== undefined ? ['name', name] : parent !== undefined ? ['parent', parent] : ['secret.name', secret?.name ?? '']
  const routing = { 'x-goog-request-params': `${field}=${encodeURIComponent(resource ?? '')}` }
  if (auth === undefined) return routing
  try {
    return { ...Object.fromEntries(await auth.getRequestHeaders(`${host}/`)), ...routing }
  } catch (error) {
    throw explained(error, tokenFailure(error))
  }
}
