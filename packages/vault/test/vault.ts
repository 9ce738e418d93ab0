import { randomUUID } from 'node:crypto'
import type { FaultProxyOptions } from '@strongroom/emulators'
import { missingProgram, openBaoBinary, ROOT_TOKEN, startOpenBao, suiteTitle, type TestServer } from '@strongroom/testbed'

/** A server that the user has: its address, and a token that may make policies, mounts and auth methods. */
const given = process.env['VAULT_ADDR'] ?? ''

/** Why there is no server to test against; undefined when there is one. */
export const missing: string | undefined = given === '' ? missingProgram(openBaoBinary, 'OpenBao') : undefined
export const suite = (title: string): string => suiteTitle(title, missing)

export interface Answer {
  readonly status: number
  readonly body: { readonly data?: unknown; readonly errors?: readonly string[] }
}

/** A real server, and plain `fetch` beside the adapter. */
export class Vault {
  readonly #server: TestServer
  readonly token: string

  constructor(server: TestServer, token: string) {
    this.#server = server
    this.token = token
  }

  get url(): string {
    return this.#server.url
  }

  get where(): string {
    return this.#server.where
  }

  async ask(method: string, path: string, json?: object, more: { readonly token?: string; readonly namespace?: string } = {}): Promise<Answer> {
    const { token = this.token, namespace } = more
    const headers = { 'X-Vault-Token': token, ...(namespace === undefined ? {} : { 'X-Vault-Namespace': namespace }) }
    const body = json === undefined ? {} : { body: JSON.stringify(json) }
    const answer = await fetch(`${this.url}/v1/${path}`, { method, headers, ...body })
    const text = await answer.text()
    return { status: answer.status, body: (text === '' ? {} : JSON.parse(text)) as Answer['body'] }
  }

  /** For what must work. */
  async admin<T = Record<string, unknown>>(method: string, path: string, json?: object): Promise<T> {
    const { status, body } = await this.ask(method, path, json)
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(body.errors)}`)
    return body as T
  }

  /** A token with a policy of these lines, `path = capabilities`, and a time to live such as `3s`. */
  async tokenFor(rules: Readonly<Record<string, readonly string[]>>, more: object = {}): Promise<string> {
    const name = await this.policy(rules)
    const { auth } = await this.admin<{ readonly auth: { readonly client_token: string } }>('POST', 'auth/token/create', {
      policies: [name],
      ...more,
    })
    // Asked only: a test may have ended it, or its time may be over.
    this.#undo.push(() => this.ask('POST', 'auth/token/revoke', { token: auth.client_token }))
    return auth.client_token
  }

  async policy(rules: Readonly<Record<string, readonly string[]>>): Promise<string> {
    const name = `strongroom-test-${randomUUID()}`
    const policy = Object.entries(rules).map(([path, capabilities]) => `path "${path}" { capabilities = ${JSON.stringify(capabilities)} }`)
    await this.admin('POST', `sys/policies/acl/${name}`, { policy: policy.join('\n') })
    this.#undo.push(() => this.admin('DELETE', `sys/policies/acl/${name}`))
    return name
  }

  /** A mount of its own, so that a server that is in use stays as it is. Gone with `stop`. */
  async mount(version: '1' | '2' = '2'): Promise<string> {
    const name = `strongroom-test-${randomUUID()}`
    await this.admin('POST', `sys/mounts/${name}`, { type: 'kv', options: { version } })
    this.#undo.push(() => this.admin('DELETE', `sys/mounts/${name}`))
    // A mount of version 2 is not ready at once: it says so itself.
    for (let tries = 0; tries < 100; tries += 1) {
      if (version === '1' || (await this.ask('GET', `${name}/config`)).status === 200) return name
    }
    throw new Error('the mount does not get ready')
  }

  async authMethod(type: string): Promise<string> {
    const name = `strongroom-test-${randomUUID()}`
    await this.admin('POST', `sys/auth/${name}`, { type })
    this.#undo.push(async () => {
      await this.#forgetEntities(name)
      await this.admin('DELETE', `sys/auth/${name}`)
    })
    return name
  }

  /** A login makes an entity, which outlives its auth method. */
  async #forgetEntities(authMethod: string): Promise<void> {
    const { body } = await this.ask('GET', 'identity/entity-alias/id?list=true')
    const { key_info: aliases = {} } = (body.data ?? {}) as { readonly key_info?: Readonly<Record<string, Readonly<Record<string, unknown>>>> }
    for (const { canonical_id: entity, mount_path: path } of Object.values(aliases)) {
      if (path === `auth/${authMethod}/`) await this.admin('DELETE', `identity/entity/id/${String(entity)}`)
    }
  }

  readonly #undo: (() => Promise<unknown>)[] = []

  /** Takes back what was made here, the last first. @throws when something is left, after the rest has been tried */
  async tidy(): Promise<void> {
    const left: unknown[] = []
    for (const undo of this.#undo.splice(0).toReversed()) await undo().catch((error: unknown) => left.push(error))
    if (left.length > 0) throw new AggregateError(left, 'not all that the tests made could be taken back')
  }

  async stop(): Promise<void> {
    try {
      if (given !== '') await this.tidy()
    } finally {
      await this.#server.stop()
    }
  }
}

/** OpenBao on a free port of the loopback, or the server that the environment names, which is left as it is. */
export async function startVault(): Promise<Vault> {
  if (given === '') return new Vault(await startOpenBao(), ROOT_TOKEN)
  const server = { url: new URL(given).origin, where: 'the server of VAULT_ADDR', stop: async () => {} }
  return new Vault(server, process.env['VAULT_TOKEN'] ?? '')
}

/** One that a test may seal, or fill with quotas: never the user's. */
export async function startOwnVault(): Promise<Vault> {
  return new Vault(await startOpenBao(), ROOT_TOKEN)
}

const OPERATIONS: readonly (readonly [pattern: RegExp, operation: string])[] = [
  [/^GET .*\/data\//, 'ReadData'],
  [/^POST .*\/data\//, 'WriteData'],
  [/^GET .*\/metadata\/.*[?&]list=true/, 'ListMetadata'],
  [/^GET .*\/metadata\//, 'ReadMetadata'],
  [/^POST .*\/metadata\//, 'WriteMetadata'],
  [/^DELETE .*\/metadata\//, 'DeleteMetadata'],
  [/^POST .*\/destroy\//, 'DestroyVersions'],
  [/\/auth\/token\/lookup-self$/, 'LookupSelf'],
  [/\/auth\/token\/renew-self$/, 'RenewSelf'],
  [/^POST .*\/login$/, 'Login'],
  [/\/sys\/internal\/ui\/mounts\//, 'ReadMount'],
]

/** What the proxy is told of a Vault: what a request is called, and how it says that it is throttled or that something is wrong. */
export const proxied: FaultProxyOptions = {
  operationOf: ({ method, url }) => {
    const asked = `${method} ${url}`
    return OPERATIONS.find(([pattern]) => pattern.test(asked))?.[1] ?? asked
  },
  throttled: retryAfterMs => ({
    status: 429,
    headers: retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) },
    body: errors('request path "secret/data/a": rate limit quota exceeded'),
  }),
  failed: code => ({ status: Number(code), body: errors('internal error') }),
}

function errors(...said: readonly string[]): string {
  return JSON.stringify({ errors: said })
}
