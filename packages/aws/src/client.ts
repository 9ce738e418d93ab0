import { LazyClient, loadSdk, sdkSignal, traceparentOf, type DriverCall } from '@strongroom/core/driver-support'
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { credentialsOf } from './credentials.ts'
import type { AwsOptions } from './options.ts'

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
export function lazyClient(options: AwsOptions): LazyClient<Started> {
  return new LazyClient(
    () => start(options),
    ({ own }) => own?.destroy(),
  )
}

async function start(options: AwsOptions): Promise<Started> {
  const sdk = await loadSdk('@aws-sdk/client-secrets-manager', () => import('@aws-sdk/client-secrets-manager'))
  const { region, endpoint, credentials, client } = options
  if (client !== undefined) return { sdk, send: (command, call) => client.send(command, { abortSignal: sdkSignal(call) }), own: undefined }
  const own = new sdk.SecretsManagerClient({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials: credentialsOf(credentials) }),
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
