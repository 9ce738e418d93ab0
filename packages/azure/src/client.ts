import {
  explained,
  finding,
  isAborted,
  LazyClient,
  LentSignal,
  loadSdk,
  sdkSignal,
  traceparentOf,
  unlessAborted,
  withCircumstances,
} from '@strongroom/core/driver-support'
import type { DriverCall, SdkSignal } from '@strongroom/core/driver-support'
import { Agent } from 'node:https'
import type { SecretClient, SecretClientOptions } from '@azure/keyvault-secrets'
import { damaged } from './answers.ts'
import { classify } from './classify.ts'
import { credentialOf, type AzureCredential, type AzureTokenCredential } from './credentials.ts'
import type { AzureClient, AzureOptions } from './options.ts'

type Policy = NonNullable<SecretClientOptions['additionalPolicies']>[number]['policy']
type OnResponse = NonNullable<NonNullable<Parameters<SecretClient['getSecret']>[1]>['onResponse']>
type RawResponse = Parameters<OnResponse>[0]

interface Pipeline {
  getOrderedPolicies(): readonly Policy[]
  removePolicy(which: { readonly name: string }): readonly Policy[]
  addPolicy(policy: Policy, options?: { readonly afterPhase?: 'Retry' }): void
}

/** What every call of the SDK is given. */
export interface RequestOptions {
  readonly abortSignal: SdkSignal | AbortSignal
  readonly onResponse: OnResponse
  requestOptions?: { readonly headers?: Record<string, string>; readonly skipUrlEncoding?: boolean }
}

/** Only a `read` cannot write. */
type Operation = 'read' | 'create' | 'append' | 'destroyVersion' | 'remove' | 'restore'

/** `body`: the JSON of the answer that has just come. */
export type Act<Answer> = (client: AzureClient, options: RequestOptions, body: () => unknown) => Promise<Answer>

const SERVICE_VERSION = '7.6'
const SOCKETS = 128
const ONLY = 'strongroom-only'
/** Where the SDK looks for a proxy. */
const PROXY = /^(?:https?|all)_proxy$/i
/** What does nothing here: core retries, no redirect is followed, no form is sent. */
export const IDLE_POLICIES: readonly string[] = ['defaultRetryPolicy', 'redirectPolicy', 'formDataPolicy', 'multipartPolicy']

/** The context of the SDK's tracing while no instrumenter is registered. */
export const UNTRACED = 'TracingContextImpl'

interface Started {
  readonly client: AzureClient
  /** The agents of a client that was made here; undefined for one that is the caller's. */
  readonly own: ReadonlySet<Agent> | undefined
}

/** The SDK logs each request as JSON, agent and all, down to the headers on its sockets, which have the bearer token. */
const QUIET = { toJSON: () => 'agent' }

/** The SDK's client, made by the first call. */
export class Connection {
  readonly #client: LazyClient<Started>

  constructor(options: AzureOptions) {
    this.#client = new LazyClient(
      () => start(options),
      ({ own }) => own?.forEach(agent => agent.destroy()),
    )
  }

  /**
   * One request, without retries. `only`: of a call that the SDK makes with several requests, the one of this method.
   */
  async send<Answer>(operation: Operation, call: DriverCall, act: Act<Answer>, only?: 'DELETE' | 'POST'): Promise<Answer> {
    const { client, own } = this.#client.ready ?? (await this.#client.startFor(call))
    if (isAborted(call)) throw finding('aborted')
    let raw: RawResponse | undefined
    const signal = sdkSignal(call)
    // A client that is the caller's has credentials of its own, which may need a standard signal.
    const abortSignal = own === undefined ? signal : (new LentSignal(signal) as unknown as AbortSignal)
    const options: RequestOptions = { abortSignal, onResponse: response => void (raw = response) }
    const traceparent = traceparentOf(call)
    if (traceparent !== undefined) options.requestOptions = { headers: { traceparent } }
    if (own !== undefined && only !== undefined) options.requestOptions = { headers: { ...options.requestOptions?.headers, [ONLY]: only } }
    try {
      // The SDK asks a credential that fails, or was aborted, again and again.
      return await unlessAborted(
        act(client, options, () => raw?.parsedBody),
        call,
        'unknown',
      )
    } catch (error) {
      throw withCircumstances(unread(error, raw), { operation, effect: operation === 'read' ? 'none' : undefined })
    }
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}

async function start(options: AzureOptions): Promise<Started> {
  const { vaultUrl, client, serviceVersion = SERVICE_VERSION, disableChallengeResourceVerification = false } = options
  if (client !== undefined) return { client, own: undefined }
  const { SecretClient } = await loadSdk('@azure/keyvault-secrets', () => import('@azure/keyvault-secrets'))
  const credential = await credentialOf(options.credential as AzureCredential | AzureTokenCredential)
  const ca = options.tls?.ca
  const isProxied = Object.keys(process.env).some(name => PROXY.test(name) && process.env[name] !== '')
  const agent = Object.assign(new Agent({ keepAlive: true, maxSockets: SOCKETS, ca }), QUIET)
  const agents = new Set<Agent>([agent])
  const own = new SecretClient(vaultUrl, credential, {
    serviceVersion,
    disableChallengeResourceVerification,
    retryOptions: { maxRetries: 0 },
    redirectOptions: { maxRetries: 0 },
    additionalPolicies: [onlyOne, ...(isProxied ? [agentPolicy(agents, agent, ca)] : [])].map(policy => ({ policy, position: 'perCall' })),
    ...(isProxied ? {} : { agent }),
  })
  const pipeline = pipelineOf(own)
  for (const name of isProxied ? IDLE_POLICIES : [...IDLE_POLICIES, 'proxyPolicy']) pipeline?.removePolicy({ name })
  for (const policy of pipeline?.removePolicy({ name: 'tracingPolicy' }) ?? []) pipeline?.addPolicy(whereTraced(policy), { afterPhase: 'Retry' })
  return { client: own, own: agents }
}

/**
 * Where there is a proxy, the SDK's policy before this one gives its own agent to each request that goes there. It is made like ours: quiet,
 * with the authorities, and keeping connections, which it does not find again unless it is told that all of them are secure.
 */
function agentPolicy(agents: Set<Agent>, ours: Agent, ca: string | undefined): Policy {
  return {
    name: 'strongroomAgent',
    sendRequest(request, next) {
      const agent = (request.agent ??= ours) as Agent
      if (!agents.has(agent)) {
        agents.add(Object.assign(agent, QUIET, { keepAlive: true }))
        Object.assign(agent.options, { ca, secureEndpoint: true })
      }
      return next(request)
    },
  }
}

/** Only to leave out what is idle, which makes a fast `get` slower by 3 %: where the SDK has it elsewhere, nothing else is different. */
export function pipelineOf(client: SecretClient): Pipeline | undefined {
  return (client as unknown as { readonly client?: { readonly pipeline?: Pipeline } }).client?.pipeline
}

/** As long as nobody traces the SDK, the context of a request is the SDK's own empty one, and its policy a measurable part of a fast `get`. */
function whereTraced(policy: Policy): Policy {
  return {
    name: policy.name,
    sendRequest(request, next) {
      const { tracingContext } = request.tracingOptions ?? {}
      return tracingContext?.constructor.name === UNTRACED ? next(request) : policy.sendRequest(request, next)
    },
  }
}

/**
 * The SDK asks after a delete whether it is done, and reads a secret before and after it recovers it. Here these requests are not
 * sent: to the SDK they are answered with "not there", which it takes for "not yet".
 */
const onlyOne: Policy = {
  name: 'strongroomOnlyOne',
  // No async function, which would be 1 % of a fast `get`.
  sendRequest(request, next) {
    const only = request.headers.get(ONLY)
    if (only === undefined) return next(request)
    request.headers.delete(ONLY)
    return request.method === only ? next(request) : Promise.reject(Object.assign(new Error('not asked'), { statusCode: 404 }))
  },
}

/** Where the SDK stumbles over an answer, its error says nothing of it: the answer does. */
function unread(error: unknown, raw: RawResponse | undefined): unknown {
  if (raw === undefined || classify(error).code !== 'unknown') return error
  const { status, parsedBody } = raw
  const incomplete = status < 300 && typeof parsedBody === 'object' && parsedBody !== null
  return explained(error, incomplete ? damaged('unknown').failure : classify({ statusCode: status, response: raw }))
}
