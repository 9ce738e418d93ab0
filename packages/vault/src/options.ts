import { isText, optionChecks, type OptionChecks } from '@strongroom/core'

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
const ALLOWED = ['address', 'unsafePlainHttp', 'mount', 'namespace', 'auth', 'tls', 'maxVersions', 'client']

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

type Check = (value: unknown) => boolean
const isGiven: Check = value => isText(value) || typeof value === 'function'
const optional =
  (fits: Check): Check =>
  value =>
    value === undefined || fits(value)
const AUTH: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  token: { token: isGiven, renew: optional(value => typeof value === 'boolean') },
  approle: { roleId: isText, secretId: isGiven, mount: optional(isPath) },
  kubernetes: { role: isText, jwt: optional(isGiven), jwtFile: optional(isText), mount: optional(isPath) },
  jwt: { role: isText, jwt: isGiven, mount: optional(isPath) },
}

/**
 * Checks the options and takes a copy.
 * @throws SecretError `invalid_argument` for a wrong option, `misconfigured` for options that exclude each other
 */
export function checkOptions(options: VaultOptions): CheckedOptions {
  check.keys(options, 'options', ALLOWED)
  const { address, unsafePlainHttp, mount = 'secret', namespace = '', auth, tls, maxVersions = 10_000, client } = options
  const url = check.url(address, 'address')
  if (!isPath(mount)) check.fail('mount is a path such as secret or team/kv')
  if (namespace !== '' && !isPath(namespace)) check.fail('namespace is a path such as team or team/part')
  if (!Number.isInteger(maxVersions) || maxVersions < 10 || maxVersions > 100_000) check.fail('maxVersions is a whole number from 10 to 100000')
  if (client !== undefined) {
    if (auth !== undefined || tls !== undefined || unsafePlainHttp !== undefined) {
      check.clash('a ready client has its own auth, tls and connection: give auth, tls and unsafePlainHttp, or the client')
    }
    checkClient(client, url)
  } else {
    checkAuth(auth)
    checkPlain(url, unsafePlainHttp)
  }
  if (tls !== undefined) checkTls(tls, url)
  const copies = { auth: auth && { ...auth }, tls: tls && { ...tls } }
  return { ...options, ...copies, address: url.origin + trimmed(url.pathname), mount: trimmed(mount), namespace: trimmed(namespace), maxVersions }
}

function checkPlain({ protocol, hostname }: URL, unsafePlainHttp: unknown): void {
  if (unsafePlainHttp !== undefined && typeof unsafePlainHttp !== 'boolean') check.fail('unsafePlainHttp is true or false')
  if (protocol !== 'http:' || unsafePlainHttp === true || LOOPBACK.test(hostname)) return
  check.fail('address is https, or on the loopback: http sends tokens and values in the clear, which unsafePlainHttp: true would allow')
}

function checkAuth(auth: VaultAuth | undefined): void {
  const { method } = (auth ?? {}) as { readonly method?: unknown }
  const checks = typeof method === 'string' && Object.hasOwn(AUTH, method) ? AUTH[method] : undefined
  if (checks === undefined) check.fail(`auth is an object whose method is one of ${Object.keys(AUTH).join(', ')}`)
  check.keys(auth, 'auth', ['method', ...Object.keys(checks)])
  const given = auth as unknown as Readonly<Record<string, unknown>>
  for (const [key, fits] of Object.entries(checks)) if (!fits(given[key])) check.fail(`auth.${key} is missing or wrong`)
  if (given['jwt'] !== undefined && given['jwtFile'] !== undefined) check.clash('auth.jwt and auth.jwtFile exclude each other')
}

function checkTls(tls: VaultTls, url: URL): void {
  check.keys(tls, 'tls', ['ca', 'cert', 'key'])
  const isPem = optional(value => isText(value) && value.includes('-----BEGIN '))
  if (!Object.values(tls).every(isPem)) check.fail('tls.ca, tls.cert and tls.key are PEM text')
  if ((tls.cert === undefined) !== (tls.key === undefined)) check.fail('tls.cert and tls.key go together')
  if (url.protocol === 'http:') check.clash('tls is for an https address')
}

function checkClient(client: unknown, url: URL): void {
  const { request, endpoint } = (client ?? {}) as { readonly request?: unknown; readonly endpoint?: unknown }
  if (typeof request !== 'function') check.fail('client is an object with a method request')
  // The location is made of the address, so that a client of another server would put secrets where nobody looks for them.
  if (typeof endpoint === 'string' && URL.canParse(endpoint) && new URL(endpoint).origin !== url.origin) {
    check.clash('the client is of another address')
  }
}

/** Printable, and no part between its slashes is empty or of dots, which Vault would take for another path; a slash may end it. */
export function isPath(path: unknown): path is string {
  if (typeof path !== 'string' || path.length > 1024 || !/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u.test(path)) return false
  return trimmed(path)
    .split('/')
    .every(part => !['', '.', '..'].includes(part))
}

export function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

function trimmed(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}
