import { isObject, isText, optionChecks, type OptionChecks } from '@strongroom/core'

/** A service account's key, or another form of credentials that Google gives out as JSON. */
export type GcpCredentials = Readonly<Record<string, unknown>>

/** What gives the headers that a request is signed with, such as a client of google-auth-library. */
export interface GcpAuthClient {
  getRequestHeaders(url?: string | URL): Promise<Headers>
}

/** A ready client, such as the SDK's `SecretManagerServiceClient`. Retries are the store's: its own are switched off with each call. */
export interface GcpClient {
  readonly createSecret: unknown
  readonly addSecretVersion: unknown
  readonly accessSecretVersion: unknown
}

/** Where Google keeps new secrets: everywhere (with one key of yours, if given), or in these locations only, each with its key. */
export type GcpReplication =
  | { readonly type: 'automatic'; readonly kmsKey?: string | undefined }
  | { readonly type: 'locations'; readonly locations: readonly { readonly location: string; readonly kmsKey?: string | undefined }[] }

export interface GcpOptions {
  /** The id, such as `my-project`; not the number, which names the same project and would be another `location`. */
  readonly projectId: string
  /** Uses the regional service of that region, such as `europe-west3`, whose secrets are others than the global ones. */
  readonly region?: string | undefined
  /** Default `grpc`. `rest` is HTTP/1.1, for proxies that take nothing else. */
  readonly transport?: 'grpc' | 'rest' | undefined
  /** Of new secrets. Default `automatic` with Google's keys. With a `region` only `automatic`: its `kmsKey` is the secret's. */
  readonly replication?: GcpReplication | undefined
  /** Put on every new secret, beside the labels that the store writes, which are annotations too. */
  readonly annotations?: Readonly<Record<string, string>> | undefined
  /**
   * Keeps this version alias on the committed version: a version can then be staged, and readers who name none get the alias.
   * Without it the newest version is current.
   */
  readonly versionAlias?: string | undefined
  /**
   * A read that names no version makes sure that there is no newer one than Google's `latest`, which may be minutes old: one
   * request more. Without it a driver answers nothing older than what it has written or read itself.
   */
  readonly confirmReads?: boolean | undefined
  /** At most one of `credentials`, `keyFile` and `authClient`. Default: application default credentials. */
  readonly credentials?: GcpCredentials | undefined
  readonly keyFile?: string | undefined
  readonly authClient?: GcpAuthClient | undefined
  /** Another server. Over `http:` nothing is encrypted, and only an `authClient` that is given is used. */
  readonly endpoint?: string | undefined
  /** Used instead of a client made from the options above. It stays the caller's: `close` leaves it open. */
  readonly client?: GcpClient | undefined
}

/** The driver's own annotation: the token of the create that made the secret. */
export const CLAIM = 'strongroom-create'

const check: OptionChecks = optionChecks('gcpDriver')
const ALLOWED = [
  'projectId',
  'region',
  'transport',
  'replication',
  'annotations',
  'versionAlias',
  'confirmReads',
  'credentials',
  'keyFile',
  'authClient',
  'endpoint',
  'client',
]
const PROJECT = /^(?:[a-z0-9.-]{1,63}:)?[a-z][a-z0-9-]{4,61}[a-z0-9]$/
const PLACE = /^[a-z]+(?:-[a-z0-9]+)+$/
const KEY = /^projects\/[^/\s]+\/locations\/[^/\s]+\/keyRings\/[^/\s]+\/cryptoKeys\/[^/\s]+$/
const ANNOTATION = /^[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$/
const ALIAS = /^(?!(?:latest|NEW)$)[a-zA-Z][a-zA-Z0-9_-]{0,62}$/
// Google takes less than 16 KiB in all; the store's labels, names included, are at most 2,552 bytes.
const MAX_ANNOTATION_BYTES = 13_000

/**
 * Checks the options and takes a copy.
 * @throws SecretError `invalid_argument` for a wrong option, `misconfigured` for options that exclude each other
 */
export function checkOptions(options: GcpOptions): GcpOptions {
  check.keys(options, 'options', ALLOWED)
  const { projectId, region, transport, replication, annotations, versionAlias, confirmReads } = options
  if (!isText(projectId, 200) || !PROJECT.test(projectId)) check.fail('projectId is the id of a project, such as my-project, not its number')
  if (region !== undefined && !(isText(region, 63) && PLACE.test(region))) check.fail('region is the name of a region, such as europe-west3')
  if (transport !== undefined && transport !== 'grpc' && transport !== 'rest') check.fail('transport is grpc or rest')
  if (versionAlias !== undefined && !(isText(versionAlias, 63) && ALIAS.test(versionAlias))) {
    check.fail('versionAlias is 1 to 63 of A-Z a-z 0-9 _ -, a letter first, and neither latest nor NEW')
  }
  if (confirmReads !== undefined && typeof confirmReads !== 'boolean') check.fail('confirmReads is true or false')
  if (replication !== undefined) checkReplication(replication, region)
  if (annotations !== undefined) checkAnnotations(annotations)
  checkConnection(options)
  if (confirmReads === true && versionAlias !== undefined) check.clash('what the versionAlias goes to cannot be confirmed: leave confirmReads out')
  return { ...options, annotations: { ...annotations } }
}

function checkConnection({ credentials, keyFile, authClient, endpoint, client, transport }: GcpOptions): void {
  if (credentials !== undefined && !isObject(credentials)) check.fail('credentials are an object, such as the JSON of a service account key')
  if (keyFile !== undefined && !isText(keyFile, 4096)) check.fail('keyFile is the path of a file')
  if (authClient !== undefined && typeof (authClient as Partial<GcpAuthClient> | null)?.getRequestHeaders !== 'function') {
    check.fail('authClient is an object with a method getRequestHeaders')
  }
  const given = [credentials, keyFile, authClient].filter(one => one !== undefined).length
  if (given > 1) check.clash('give one of credentials, keyFile and authClient')
  if (endpoint !== undefined) {
    const { protocol } = check.url(endpoint, 'endpoint', 'origin')
    if (protocol === 'http:' && (credentials !== undefined || keyFile !== undefined)) {
      check.clash('credentials and keyFile are not sent over http: give an https endpoint, or an authClient')
    }
  }
  if (client === undefined) return
  const methods = client as Partial<GcpClient> | null
  if (![methods?.createSecret, methods?.addSecretVersion, methods?.accessSecretVersion].every(one => typeof one === 'function')) {
    check.fail('client is a SecretManagerServiceClient, or an object with its methods')
  }
  if (given > 0 || endpoint !== undefined || transport !== undefined) {
    check.clash('a ready client has its own endpoint, transport and credentials: give them or the client')
  }
}

function checkReplication(replication: GcpReplication, region: string | undefined): void {
  if (!isObject(replication)) check.fail('replication is an object')
  if (replication.type === 'automatic') return checkKey(replication.kmsKey)
  const { type, locations } = replication
  if (type !== 'locations' || !Array.isArray(locations) || locations.length === 0)
    check.fail('replication is of type automatic, or locations with a list')
  if (region !== undefined) check.clash('a regional secret is in its region only: leave the locations out')
  for (const one of locations as readonly unknown[]) {
    const { location, kmsKey } = (one ?? {}) as { readonly location?: unknown; readonly kmsKey?: unknown }
    if (!isText(location, 63) || !PLACE.test(location)) check.fail('a location of the replication is the name of a region')
    checkKey(kmsKey)
  }
}

function checkKey(key: unknown): void {
  if (key !== undefined && !(isText(key, 1024) && KEY.test(key))) check.fail('kmsKey is projects/…/locations/…/keyRings/…/cryptoKeys/…')
}

function checkAnnotations(annotations: unknown): void {
  if (!isObject(annotations)) check.fail('annotations are an object of strings')
  let bytes = 0
  for (const [key, value] of Object.entries(annotations)) {
    if (!ANNOTATION.test(key)) check.fail('the key of an annotation is 1 to 63 of A-Z a-z 0-9 _ . -, a letter or digit at both ends')
    if (key === CLAIM) check.fail(`the annotation ${CLAIM} is the driver's own`)
    if (typeof value !== 'string' || !value.isWellFormed()) check.fail(`the annotation ${JSON.stringify(key)} is well-formed text`)
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value)
  }
  if (bytes > MAX_ANNOTATION_BYTES) check.fail(`${bytes} bytes of annotations, ${MAX_ANNOTATION_BYTES} allowed`)
}
