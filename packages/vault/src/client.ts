import {
  DriverFinding,
  finding,
  isAborted,
  LazyClient,
  loadSdk,
  refused,
  Shared,
  traceparentOf,
  unlessAborted,
  withCircumstances,
} from '@strongroom/core/driver-support'
import type { Abortable, Failure, Fields, Renewed } from '@strongroom/core/driver-support'
import { classify, NOT_V2, statusOf } from './classify.ts'
import { canLogIn, tokenOf, type Held } from './credentials.ts'
import type { CheckedOptions, VaultClient } from './options.ts'
import { encodePath } from './paths.ts'
import { createTransport, type WireRequest } from './transport.ts'

export interface VaultRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Encoded, without `/v1/`. */
  readonly path: string
  readonly json?: object
  readonly exact?: boolean
}

interface Started {
  readonly client: VaultClient
  readonly stop: () => void
}

/** The SDK, a client of it, and its token, got by the first call. */
export class Connection {
  readonly #options: CheckedOptions
  readonly #token: Renewed<Held> | undefined
  readonly #client: LazyClient<Started>
  readonly #looking = new Shared<void>()
  readonly #closing = new AbortController()
  #isV2 = false

  constructor(options: CheckedOptions) {
    this.#options = options
    this.#client = new LazyClient(
      () => start(options),
      ({ stop }) => stop(),
    )
    // What many callers share is ended by none of them, only by `close`.
    if (options.auth !== undefined) this.#token = tokenOf(options.auth, request => this.#ask(request, this.#closing))
  }

  /** One request, without retries. What is in the answer is for the caller to check. */
  async send(operation: string, call: Abortable, request: VaultRequest): Promise<unknown> {
    if (this.#closing.signal.aborted) throw finding('closed')
    const token = await this.#token?.get(call)
    if (!this.#isV2) await this.#looking.run(() => this.#look(token), call)
    try {
      return await this.#ask({ ...request, token }, call)
    } catch (error) {
      const failure = statusOf(error) === 403 ? { failure: await this.#whyDenied(token, call) } : {}
      throw withCircumstances(error, { operation, effect: request.method === 'GET' ? 'none' : undefined, ...failure })
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#client.close()
  }

  async #ask({ token, ...request }: VaultRequest & { readonly token?: string | undefined }, call: Abortable): Promise<unknown> {
    const { client } = this.#client.ready ?? (await this.#client.startFor(call))
    if (isAborted(call)) throw finding('aborted')
    const { namespace } = this.#options
    const traceparent = traceparentOf(call)
    const headers = {
      'X-Vault-Request': 'true',
      ...(token === undefined ? {} : { 'X-Vault-Token': token }),
      ...(namespace === '' ? {} : { 'X-Vault-Namespace': namespace }),
      ...(traceparent === undefined ? {} : { traceparent }),
    }
    const note: WireRequest['note'] = {}
    const options = { ...request, path: `/${request.path}`, headers, signal: call.signal, note }
    try {
      return await unlessAborted(client.request(options), call, 'unknown')
    } catch (error) {
      throw note.retryAfterMs === undefined ? error : withCircumstances(error, { retryAfterMs: note.retryAfterMs })
    }
  }

  /** Once, before anything is written: version 1 would take a write, and put the value where nobody looks for it. */
  async #look(token: string | undefined): Promise<void> {
    let answer: unknown
    try {
      answer = await this.#ask({ method: 'GET', path: `sys/internal/ui/mounts/${encodePath(this.#options.mount)}`, token }, this.#closing)
    } catch (error) {
      const status = statusOf(error)
      // Who may not ask may still be allowed the rest, and what is wrong then shows.
      if (status === 403) return
      if (status !== 404) throw withCircumstances(error, { failure: { ...classify(error), effect: 'none' } })
    }
    const { type, options } = (answer as { readonly data?: Fields } | undefined)?.data ?? {}
    const { version } = (options ?? {}) as Fields
    if (answer !== undefined && !(type === 'kv' && version === '2')) throw new DriverFinding(NOT_V2)
    this.#isV2 = true
  }

  /** 403 is a denial and a bad token alike: who may look the token up has a good one. */
  async #whyDenied(token: string | undefined, call: Abortable): Promise<Failure> {
    try {
      await this.#ask({ method: 'GET', path: 'auth/token/lookup-self', token }, call)
      return refused('permission_denied')
    } catch (error) {
      if (statusOf(error) !== 403) return { ...classify(error), effect: 'none' }
    }
    const { auth } = this.#options
    if (token !== undefined) this.#token?.drop(token)
    return refused('unauthenticated', { retryable: auth !== undefined && canLogIn(auth), hint: 'the token is not valid, or not any more' })
  }
}

async function start(options: CheckedOptions): Promise<Started> {
  if (options.client !== undefined) return { client: options.client, stop: () => {} }
  const { default: createClient } = await loadSdk('node-vault', () => import('node-vault'))
  const { send, close } = createTransport({ secure: options.address.startsWith('https:'), tls: options.tls })
  const client = createClient({
    endpoint: options.address,
    // It prints bodies and paths otherwise, when the environment's DEBUG says so.
    debug: () => {},
    'request-promise': { defaults: () => send },
  })
  // Or the environment's VAULT_TOKEN, VAULT_NAMESPACE and VAULT_PREFIX would be used unasked.
  Object.assign(client, { token: '', namespace: '', pathPrefix: '' })
  return { client, stop: close }
}
