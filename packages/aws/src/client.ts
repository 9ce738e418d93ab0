import { DriverFinding, refused } from '@strongroom/core'
import type { SecretsManagerClient, SecretsManagerClientConfig } from '@aws-sdk/client-secrets-manager'
import { withCircumstances } from './classify.ts'
import { SdkSignal } from './sdk-signal.ts'
import { isCredentials, type AwsClient, type AwsCredentials, type AwsOptions } from './options.ts'

type Identity = Exclude<SecretsManagerClientConfig['credentials'], undefined | ((...args: never) => unknown)>

export type Sdk = typeof import('@aws-sdk/client-secrets-manager')

const CONNECT_MS = 3_000
const SILENCE_MS = 10_000
const SOCKETS = 128

interface Started {
  readonly sdk: Sdk
  readonly client: AwsClient
  readonly own: SecretsManagerClient | undefined
}

/** The SDK and a client of it, loaded by the first call; a start that failed is forgotten, so that the next call starts again. */
export class Connection {
  readonly #options: AwsOptions
  #starting: Promise<Started> | undefined
  #started: Started | undefined
  #closed = false

  constructor(options: AwsOptions) {
    this.#options = options
  }

  /** One request, without retries. What is in the answer is for the caller to check. */
  send(signal: AbortSignal, command: (sdk: Sdk) => object): Promise<unknown> {
    // Not an async function: once started, each frame between two network calls is a measurable part of a `get`.
    return this.#started === undefined ? this.#start().then(started => request(started, signal, command)) : request(this.#started, signal, command)
  }

  async close(): Promise<void> {
    this.#closed = true
    const starting = this.#starting
    this.#starting = undefined
    this.#started = undefined
    if (starting === undefined) return
    const [started] = await Promise.allSettled([starting])
    if (started.status === 'fulfilled') started.value.own?.destroy()
  }

  async #start(): Promise<Started> {
    if (this.#closed) throw new DriverFinding(refused('closed'))
    const starting = (this.#starting ??= start(this.#options))
    try {
      const started = await starting
      if (this.#starting === starting) this.#started = started
      return started
    } catch (error) {
      if (this.#starting === starting) this.#starting = undefined
      throw error
    }
  }
}

async function request({ sdk, client }: Started, signal: AbortSignal, command: (sdk: Sdk) => object): Promise<unknown> {
  if (signal.aborted) throw new DriverFinding(refused('aborted'))
  const abortSignal = new SdkSignal(signal)
  try {
    return await client.send(command(sdk), { abortSignal })
  } finally {
    abortSignal.end()
  }
}

async function start(options: AwsOptions): Promise<Started> {
  const sdk = await load()
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
  return { sdk, client: own, own }
}

async function load(): Promise<Sdk> {
  try {
    return await import('@aws-sdk/client-secrets-manager')
  } catch (error) {
    const hint = 'the package @aws-sdk/client-secrets-manager cannot be loaded: install it'
    throw withCircumstances(error, { failure: refused('misconfigured', { hint }) })
  }
}

/** Whatever the caller's function throws, it means that there are no credentials, and that nothing was sent. */
function provider(credentials: () => Promise<AwsCredentials>): () => Promise<Identity> {
  const failure = refused('unauthenticated', { hint: 'the function given as credentials failed' })
  return async () => {
    let answer: unknown
    try {
      answer = await credentials()
    } catch (error) {
      throw typeof error === 'object' && error !== null ? withCircumstances(error, { failure }) : new DriverFinding(failure)
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
