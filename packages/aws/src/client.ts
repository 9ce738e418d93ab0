import { DriverFinding, explained, LazyClient, loadSdk, refused, sdkSignal, traceparentOf, unlessAborted, type DriverCall } from '@strongroom/core'
import type { SecretsManagerClient, SecretsManagerClientConfig } from '@aws-sdk/client-secrets-manager'
import { isCredentials, type AwsCredentials, type AwsOptions } from './options.ts'

type Identity = Exclude<SecretsManagerClientConfig['credentials'], undefined | ((...args: never) => unknown)>

export type Sdk = typeof import('@aws-sdk/client-secrets-manager')

const CONNECT_MS = 3_000
const SILENCE_MS = 10_000
const SOCKETS = 128

type Command = Parameters<SecretsManagerClient['send']>[0]
type HttpRequest = Parameters<SecretsManagerClient['config']['requestHandler']['handle']>[0]

export interface Started {
  readonly sdk: Sdk
  readonly send: (command: object, call: DriverCall) => Promise<unknown>
  readonly own: SecretsManagerClient | undefined
}

const CALL = Symbol('call')

interface Tagged {
  [CALL]?: DriverCall
}

/** The SDK and a client of it, loaded by the first call. */
export class Connection {
  readonly #client: LazyClient<Started>

  constructor(options: AwsOptions) {
    this.#client = new LazyClient(
      () => start(options),
      ({ own }) => own?.destroy(),
    )
  }

  /** @throws what the start throws; `aborted` when the call is over by then */
  async start(call: DriverCall): Promise<Started> {
    return await unlessAborted(this.#client.get(), call, 'none')
  }

  /** What `start` answers, once it has: a frame less in each call, which is a measurable part of a fast `get`. */
  get ready(): Started | undefined {
    return this.#client.ready
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}

async function start(options: AwsOptions): Promise<Started> {
  const sdk = await loadSdk('@aws-sdk/client-secrets-manager', () => import('@aws-sdk/client-secrets-manager'))
  const { region, endpoint, credentials, client } = options
  if (client !== undefined) return { sdk, send: (command, call) => client.send(command, { abortSignal: sdkSignal(call) }), own: undefined }
  const own = new sdk.SecretsManagerClient({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials: typeof credentials === 'function' ? provider(credentials) : identityOf(credentials) }),
    maxAttempts: 1,
    // Or each request would put the SDK's middleware together anew, which is 4 % of a fast `get`; only without options does it not.
    cacheMiddleware: true,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: SILENCE_MS,
      httpAgent: { keepAlive: true, maxSockets: SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: SOCKETS },
    },
  })
  // So what a call brings, its signal above all, which is an option of the handler below all middleware, comes with the input.
  own.middlewareStack.add(
    () => args => {
      const call = (args.input as Tagged)[CALL]
      const traceparent = call === undefined ? undefined : traceparentOf(call)
      // Not signed, as the SDK's own header of a trace is not.
      if (traceparent !== undefined) (args.request as HttpRequest).headers['traceparent'] = traceparent
      const signal = call === undefined ? {} : { abortSignal: sdkSignal(call) as AbortSignal }
      return own.config.requestHandler.handle(args.request as HttpRequest, signal)
    },
    { step: 'deserialize', priority: 'low', name: 'strongroomCall' },
  )
  const send: Started['send'] = (command, call) => {
    const { input } = command as { readonly input: Tagged }
    input[CALL] = call
    return own.send(command as Command)
  }
  return { sdk, send, own }
}

/** Whatever the caller's function throws, it means that there are no credentials, and that nothing was sent. */
function provider(credentials: () => Promise<AwsCredentials>): () => Promise<Identity> {
  const failure = refused('unauthenticated', { hint: 'the function given as credentials failed' })
  return async () => {
    let answer: unknown
    try {
      answer = await credentials()
    } catch (error) {
      throw explained(error, failure)
    }
    if (!isCredentials(answer)) throw new DriverFinding(failure)
    return identityOf(answer)
  }
}

function identityOf({ accessKeyId, secretAccessKey, sessionToken, expiration }: AwsCredentials): Identity {
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    ...(expiration === undefined ? {} : { expiration }),
  }
}
