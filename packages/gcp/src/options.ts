import { hasMethods, isFlag, isLike, isObject, isOneOf, isText, optionChecks } from '@strongroom/core/driver-support'
import type { Fields, OptionChecks, Rules } from '@strongroom/core/driver-support'
import type { GcpAuthClient, GcpCredentials } from './credentials.ts'

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

/** Where a driver keeps secrets in Google Secret Manager, and as whom it asks. */
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
  /** Another server; over `http:` only on the loopback, and then only an `authClient` that is given is used. */
  readonly endpoint?: string | undefined
  /** Takes an `http:` endpoint of any host: who is on the way reads tokens and values, and can answer in the server's place. */
  readonly unsafePlainHttp?: boolean | undefined
  /** Used instead of a client made from the options above. It stays the caller's: `close` leaves it open. */
  readonly client?: GcpClient | undefined
}

/** The driver's own annotation: the token of the create that made the secret. */
export const CLAIM = 'strongroom-create'

const check: OptionChecks = optionChecks('gcpDriver')
const isPlace = isLike(/^[a-z]+(?:-[a-z0-9]+)+$/, 63)
const isKey = isLike(/^projects\/[^/\s]+\/locations\/[^/\s]+\/keyRings\/[^/\s]+\/cryptoKeys\/[^/\s]+$/, 1024)
const isAnnotation = isLike(/^[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$/)
// Google takes less than 16 KiB in all; the store's labels, names included, are at most 2,552 bytes.
const ANNOTATIONS = { count: Infinity, key: 63, value: 13_000, reserved: CLAIM }
const METHODS = ['createSecret', 'addSecretVersion', 'accessSecretVersion'] as const
const RULES: Rules<GcpOptions> = {
  projectId: [
    'is the id of a project, such as my-project, not its number',
    isLike(/^(?:[a-z0-9.-]{1,63}:)?[a-z][a-z0-9-]{4,61}[a-z0-9]$/),
    'required',
  ],
  region: ['is the name of a region, such as europe-west3', isPlace],
  transport: ['is grpc or rest', isOneOf('grpc', 'rest')],
  replication: [
    'is of type automatic, or locations with a list of places such as europe-west3; kmsKey is projects/…/locations/…/keyRings/…/cryptoKeys/…',
    isReplication,
  ],
  annotations: [
    'are an object of texts, whose keys are 1 to 63 of A-Z a-z 0-9 _ . -, a letter or digit at both ends',
    value => isObject(value) && Object.keys(value).every(isAnnotation),
  ],
  versionAlias: [
    'is 1 to 63 of A-Z a-z 0-9 _ -, a letter first, and neither latest nor NEW',
    isLike(/^(?!(?:latest|NEW)$)[a-zA-Z][a-zA-Z0-9_-]{0,62}$/),
  ],
  confirmReads: ['is true or false', isFlag],
  credentials: ['are an object, such as the JSON of a service account key', isObject],
  keyFile: ['is the path of a file', isText],
  authClient: ['is an object with a method getRequestHeaders', hasMethods('getRequestHeaders')],
  endpoint: undefined,
  unsafePlainHttp: ['is true or false', isFlag],
  client: undefined,
}

/**
 * Checks the options and takes a copy.
 * @throws SecretError `invalid_argument` for a wrong option, `misconfigured` for options that exclude each other
 */
export function checkOptions(options: GcpOptions): GcpOptions {
  check.fields(options, 'options', RULES)
  const { region, replication, annotations = {}, versionAlias, confirmReads, endpoint, client } = options
  const { credentials, keyFile, authClient, unsafePlainHttp, transport } = options
  if (replication?.type === 'locations' && region !== undefined) check.clash('a regional secret is in its region only: leave the locations out')
  check.labels(annotations, 'annotations', ANNOTATIONS)
  const bytes = Buffer.byteLength(Object.entries(annotations).flat().join(''))
  if (bytes > ANNOTATIONS.value) check.fail(`${bytes} bytes of annotations, ${ANNOTATIONS.value} allowed`)
  if ([credentials, keyFile, authClient].filter(one => one !== undefined).length > 1) check.clash('give one of credentials, keyFile and authClient')
  if (endpoint !== undefined) {
    const url = check.url(endpoint, 'endpoint', 'origin')
    check.plainHttp(url, 'endpoint', unsafePlainHttp)
    if (url.protocol === 'http:' && (credentials ?? keyFile) !== undefined) {
      check.clash('credentials and keyFile are not sent over http: give an https endpoint, or an authClient')
    }
  }
  if (client !== undefined) check.client(client, METHODS, { endpoint, unsafePlainHttp, transport, credentials, keyFile, authClient })
  if (confirmReads === true && versionAlias !== undefined) check.clash('what the versionAlias goes to cannot be confirmed: leave confirmReads out')
  return { ...options, annotations: { ...annotations } }
}

function isReplication(value: unknown): boolean {
  const { type, kmsKey, locations } = (value ?? {}) as Fields
  if (type === 'automatic') return kmsKey === undefined || isKey(kmsKey)
  const isReplica = ({ location, kmsKey: key }: Fields): boolean => isPlace(location) && (key === undefined || isKey(key))
  return type === 'locations' && Array.isArray(locations) && locations.length > 0 && locations.every(one => isObject(one) && isReplica(one))
}
