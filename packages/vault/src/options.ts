import { isFlag, isFrom, isText, isToken, optionChecks, type Fits, type OptionChecks, type Rules } from '@strongroom/core/driver-support'
import { isPath, trimmed } from './paths.ts'

/** Text, or a function that answers it: asked at every login, so that what rotates is never kept. */
export type Given = string | (() => string | Promise<string>)

/** How the driver gets its token. `mount`: where the auth method is mounted; by default the name of the method. */
export type VaultAuth =
  /** A token as it is. `renew`: keep it alive; costs a lookup at the start. */
  | { readonly method: 'token'; readonly token: Given; readonly renew?: boolean | undefined }
  | { readonly method: 'approle'; readonly roleId: string; readonly secretId: Given; readonly mount?: string | undefined }
  /** `jwt`: the service account's token; without it, it is read from `jwtFile`, by default where Kubernetes mounts it. */
  | {
      readonly method: 'kubernetes'
      readonly role: string
      readonly jwt?: Given | undefined
      readonly jwtFile?: string | undefined
      readonly mount?: string | undefined
    }
  | { readonly method: 'jwt'; readonly role: string; readonly jwt: Given; readonly mount?: string | undefined }

/** PEM. `ca` replaces the trusted roots; `cert` and `key` are for servers that ask for a client certificate. */
export interface VaultTls {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

/**
 * A ready client, such as node-vault's. It brings its own token, TLS, timeouts and debug output. It gets `signal` among the options
 * of each request; where it does nothing with it, a call still ends when the signal says so, and the request goes on unheard.
 */
export interface VaultClient {
  request(options: { path: string; method: string; headers: Record<string, string>; json?: object; signal: AbortSignal }): Promise<unknown>
}

/** Which KV version 2 of Vault or OpenBao a driver keeps secrets in, and as whom it asks. */
export interface VaultOptions {
  /**
   * Such as `https://vault.example.com:8200`; over `http:` only on the loopback. It is never taken from the environment, since it names
   * the place.
   */
  readonly address: string
  /** Takes an `http:` address of any host: who is on the way reads tokens and values, and can answer in the server's place. */
  readonly unsafePlainHttp?: boolean | undefined
  /** Where KV version 2 is mounted. Default `secret`. */
  readonly mount?: string | undefined
  /** Of Vault Enterprise, HCP or OpenBao. Default: the root namespace. */
  readonly namespace?: string | undefined
  /** Required without `client`. */
  readonly auth?: VaultAuth | undefined
  readonly tls?: VaultTls | undefined
  /**
   * The `max_versions` that new secrets get, 10 to 100,000; default 10,000. An append that would make the server drop a version that
   * is not destroyed is refused as `quota_exceeded`.
   */
  readonly maxVersions?: number | undefined
  /** Used instead of a client made from `auth` and `tls`. It stays the caller's. */
  readonly client?: VaultClient | undefined
}

export interface CheckedOptions extends VaultOptions {
  /** Without a slash at the end. */
  readonly address: string
  readonly mount: string
  /** Empty for the root. */
  readonly namespace: string
  readonly maxVersions: number
}

const check: OptionChecks = optionChecks('vaultDriver')
const RULES: Rules<VaultOptions> = {
  address: undefined,
  unsafePlainHttp: ['is true or false', isFlag],
  mount: ['is a path such as secret or team/kv', isPath],
  namespace: ['is a path such as team or team/part, of visible ASCII characters', value => value === '' || (isPath(value) && isToken(value))],
  auth: undefined,
  tls: undefined,
  maxVersions: ['is a whole number from 10 to 100000', isFrom(10, 100_000)],
  client: undefined,
}

const isGiven: Fits = value => isText(value) || typeof value === 'function'
const token = [
  'is visible ASCII without a line break, or a function that answers it',
  (value: unknown) => isToken(value) || typeof value === 'function',
] as const
const given = ['is text, or a function that answers it', isGiven] as const
const role = ['is text', isText, 'required'] as const
const mount = ['is a path such as approle', isPath] as const
const AUTH: Readonly<Record<VaultAuth['method'], Rules<Readonly<Record<string, unknown>>>>> = {
  token: { method: undefined, token: [...token, 'required'], renew: ['is true or false', isFlag] },
  approle: { method: undefined, roleId: role, secretId: [...given, 'required'], mount },
  kubernetes: { method: undefined, role, jwt: given, jwtFile: ['is the path of a file', isText], mount },
  jwt: { method: undefined, role, jwt: [...given, 'required'], mount },
}

const pem = ['is PEM text', (value: unknown) => isText(value, 1_000_000) && value.includes('-----BEGIN ')] as const
const TLS: Rules<VaultTls> = { ca: pem, cert: pem, key: pem }

/**
 * Checks the options and takes a copy.
 * @throws SecretError `invalid_argument` for a wrong option, `misconfigured` for options that exclude each other
 */
export function checkOptions(options: VaultOptions): CheckedOptions {
  check.fields(options, 'options', RULES)
  const { address, unsafePlainHttp, mount = 'secret', namespace = '', auth, tls, maxVersions = 10_000, client } = options
  const url = check.url(address, 'address')
  if (client !== undefined) {
    check.client(client, ['request'], { auth, tls, unsafePlainHttp })
    const { endpoint } = client as { readonly endpoint?: unknown }
    // The location is made of the address, so that a client of another server would put secrets where nobody looks for them.
    if (typeof endpoint === 'string' && URL.canParse(endpoint) && new URL(endpoint).origin !== url.origin) {
      check.clash('the client is of another address')
    }
  } else {
    checkAuth(auth)
    check.plainHttp(url, 'address', unsafePlainHttp)
    if (tls !== undefined) checkTls(tls, url)
  }
  const copies = { auth: auth && { ...auth }, tls: tls && { ...tls } }
  return { ...options, ...copies, address: url.origin + trimmed(url.pathname), mount: trimmed(mount), namespace: trimmed(namespace), maxVersions }
}

function checkAuth(auth: unknown): void {
  const { method, jwt, jwtFile } = (auth ?? {}) as Readonly<Record<string, unknown>>
  if (!Object.keys(AUTH).includes(method as string)) check.fail(`auth is an object whose method is one of ${Object.keys(AUTH).join(', ')}`)
  check.fields(auth, 'auth', AUTH[method as VaultAuth['method']])
  if (jwt !== undefined && jwtFile !== undefined) check.clash('auth.jwt and auth.jwtFile exclude each other')
}

function checkTls(tls: VaultTls, url: URL): void {
  check.fields(tls, 'tls', TLS)
  if ((tls.cert === undefined) !== (tls.key === undefined)) check.fail('tls.cert and tls.key go together')
  if (url.protocol === 'http:') check.clash('tls is for an https address')
}
