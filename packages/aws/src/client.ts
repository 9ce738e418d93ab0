import { DriverFinding, explained, LazyClient, loadSdk, refused, unlessAborted, type DriverCall } from '@strongroom/core'
import type { SecretsManagerClient, SecretsManagerClientConfig } from '@aws-sdk/client-secrets-manager'
import { passTraceOn } from './trace.ts'
import { isCredentials, type AwsClient, type AwsCredentials, type AwsOptions } from './options.ts'

type Identity = Exclude<SecretsManagerClientConfig['credentials'], undefined | ((...args: never) => unknown)>

export type Sdk = typeof import('@aws-sdk/client-secrets-manager')

const CONNECT_MS = 3_000
const SILENCE_MS = 10_000
const SOCKETS = 128

export interface Started {
  readonly sdk: Sdk
  readonly client: AwsClient
  readonly own: SecretsManagerClient | undefined
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
  if (options.client !== undefined) return { sdk, client: options.client, own: undefined }
  const { region, endpoint, credentials } = options
  const own = new sdk.SecretsManagerClient({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials: typeof credentials === 'function' ? provider(credentials) : identityOf(credentials) }),
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: SILENCE_MS,
      httpAgent: { keepAlive: true, maxSockets: SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: SOCKETS },
    },
  })
  passTraceOn(own)
  return { sdk, client: own, own }
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
