import { finding, isAborted, LazyClient, loadSdk, sdkSignal, traceparentOf, unlessAborted, withCircumstances } from '@strongroom/core/driver-support'
import type { DriverCall, Fields } from '@strongroom/core/driver-support'
import type { SecretManagerServiceClient } from '@google-cloud/secret-manager'
import type * as Gax from 'google-gax'
import { answers } from './answers.ts'
import { authOf, tokenOf, type GcpAuthClient } from './credentials.ts'
import type { GcpClient, GcpOptions } from './options.ts'

type Read = 'accessSecretVersion' | 'getSecret' | 'getSecretVersion' | 'listSecretVersions' | 'listSecrets'
type Write = 'addSecretVersion' | 'createSecret' | 'deleteSecret' | 'destroySecretVersion' | 'updateSecret'
/** Calls of the service, as the SDK names them. */
type Operation = Read | Write
const READ = /^(?:access|get|list)/

/** A request under way, without retries: its answer, and what ends it. */
interface Pending {
  readonly answer: Promise<unknown>
  readonly cancel: () => void
}

type Headers = Readonly<Record<string, string>>
type Ask = (operation: Operation, request: object, headers: Headers) => Pending
type ApiCall = (request: object, options: object) => Promise<readonly unknown[]> & { readonly cancel?: () => void }
type Done = (error: unknown, answer?: unknown) => void
type GrpcMethod = (request: object, metadata: Gax.grpc.Metadata, options: object, done: Done) => Gax.grpc.ClientUnaryCall

interface Started {
  readonly ask: Ask
  readonly auth: GcpAuthClient | undefined
  readonly own: SecretManagerServiceClient | undefined
}

const REQUEST_MS = 60_000

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

  /** One request, without retries. What is in the answer is for `result` to check. */
  async send<Result = Fields>(
    operation: Operation,
    request: object,
    call: DriverCall,
    result: (answer: Fields) => Result = answer => answer as Result,
  ): Promise<Result> {
    const { ask, auth } = this.#client.ready ?? (await this.#client.startFor(call))
    const headers = routingOf(request)
    const traceparent = traceparentOf(call)
    if (traceparent !== undefined) headers['traceparent'] = traceparent
    if (auth !== undefined) Object.assign(headers, await unlessAborted(tokenOf(auth, this.#host), call, 'none'))
    if (isAborted(call)) throw finding('aborted')
    const only = READ.test(operation) ? 'none' : undefined
    const signal = sdkSignal(call)
    let pending: Pending | undefined
    try {
      pending = ask(operation, request, headers)
      signal.addEventListener('abort', pending.cancel)
      return result(answers.object(await unlessAborted(pending.answer, call, only ?? 'unknown'), only ?? 'unknown'))
    } catch (error) {
      throw withCircumstances(error, { operation, effect: only })
    } finally {
      if (pending !== undefined) signal.removeEventListener('abort', pending.cancel)
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
  if (client !== undefined) return { ask: await askOf(client), auth: undefined, own: undefined }
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
  return { ask: await askOf(own), auth, own }
}

/**
 * The calls below the SDK's public methods: those print every request and answer, values included, when
 * `GOOGLE_SDK_NODE_LOGGING` is set, and decode all protos anew for each error.
 */
async function askOf(client: GcpClient | SecretManagerServiceClient): Promise<Ask> {
  const { innerApiCalls, initialize } = client as Partial<SecretManagerServiceClient>
  if (innerApiCalls === undefined || initialize === undefined) {
    return byGax(operation => (client as unknown as Readonly<Record<Operation, ApiCall>>)[operation].bind(client))
  }
  const [stub, gax] = await Promise.all([initialize.call(client), import('google-gax')])
  // It is none over REST, and none of ours where the caller's client has brought its own gRPC.
  if (stub instanceof gax.grpc.Client) return byGrpc(stub as unknown as Readonly<Record<Operation, GrpcMethod>>, gax)
  return byGax(operation => (client as SecretManagerServiceClient).innerApiCalls[operation] as unknown as ApiCall)
}

/** Without gax, whose timeouts and retries core has, and which make a fast `get` slower by 7 % (docs/performance.md). */
function byGrpc(stub: Readonly<Record<Operation, GrpcMethod>>, { grpc, GoogleError }: typeof Gax): Ask {
  return (operation, request, headers) => {
    const metadata = new grpc.Metadata()
    for (const name in headers) metadata.set(name, headers[name] as string)
    const { promise: answer, resolve, reject } = Promise.withResolvers<unknown>()
    const call = stub[operation](request, metadata, {}, (error, message) => {
      if (error === null) resolve(message)
      else reject(GoogleError.parseGRPCStatusDetails(error as Gax.GoogleError))
    })
    return { answer, cancel: () => call.cancel() }
  }
}

function byGax(method: (operation: Operation) => ApiCall): Ask {
  return (operation, request, headers) => {
    const pending = method(operation)(request, { timeout: REQUEST_MS, retry: null, autoPaginate: false, otherArgs: { headers } })
    // What a list has beside its items is only in the third.
    const answer = pending.then(answers => (operation.startsWith('list') ? answers[2] : undefined) ?? answers[0])
    return { answer, cancel: () => pending.cancel?.() }
  }
}

/** What Google routes a request by. */
function routingOf(request: object): Record<string, string> {
  const { name, parent, secret } = request as { readonly name?: string; readonly parent?: string; readonly secret?: { readonly name?: string } }
  const field = name !== undefined ? 'name' : parent !== undefined ? 'parent' : 'secret.name'
  return { 'x-goog-request-params': `${field}=${encodeURIComponent(name ?? parent ?? secret?.name ?? '')}` }
}
