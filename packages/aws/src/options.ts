import { isText, optionChecks, type OptionChecks, type SdkSignal } from '@strongroom/core'

export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
  readonly expiration?: Date | undefined
}

/** What the SDK needs of a signal: it sets `onabort`, and looks at `aborted`. */
type AwsSignal = Pick<SdkSignal, 'aborted' | 'onabort'>

/** A ready client, such as the SDK's `SecretsManagerClient`. Make it with `maxAttempts: 1`: retries are the store's. */
export interface AwsClient {
  send(command: object, options: { readonly abortSignal: AwsSignal }): Promise<unknown>
}

export interface AwsOptions {
  readonly region: string
  /** Twelve digits. Without it the driver has no `location`, and a registry refuses it; with it every answer is checked. */
  readonly accountId?: string | undefined
  /** Another server than AWS's own. Without it the SDK looks at `AWS_ENDPOINT_URL`. */
  readonly endpoint?: string | undefined
  /** Without them the SDK's default chain is asked: environment, profile, web identity, container, instance. */
  readonly credentials?: AwsCredentials | (() => Promise<AwsCredentials>) | undefined
  /** The KMS key of new secrets. Default: the account's `aws/secretsmanager`. */
  readonly kmsKeyId?: string | undefined
  /** Put on every new secret, beside the labels that the store writes. */
  readonly tags?: Readonly<Record<string, string>> | undefined
  /** Days for which a deleted secret can be restored, 7 to 30. Default 30. */
  readonly recoveryWindowDays?: number | undefined
  /** Used instead of a client made from `endpoint` and `credentials`. It stays the caller's: `close` leaves it open. */
  readonly client?: AwsClient | undefined
}

const check: OptionChecks = optionChecks('awsDriver')
const ALLOWED = ['region', 'accountId', 'endpoint', 'credentials', 'kmsKeyId', 'tags', 'recoveryWindowDays', 'client']
// AWS takes 50 tags a secret; 8 are the store's labels.
const MAX_TAGS = 42

/**
 * Checks the options and takes a copy.
 * @throws SecretError `invalid_argument` for a wrong option, `misconfigured` for options that exclude each other
 */
export function checkOptions(options: AwsOptions): AwsOptions {
  check.keys(options, 'options', ALLOWED)
  const { region, accountId, endpoint, credentials, kmsKeyId, tags, recoveryWindowDays, client } = options
  if (typeof region !== 'string' || !/^[a-z]{2,}(-[a-z0-9]+)+$/.test(region)) check.fail('region is the name of an AWS region, such as eu-west-1')
  if (accountId !== undefined && (typeof accountId !== 'string' || !/^\d{12}$/.test(accountId))) check.fail('accountId is text of 12 digits')
  if (endpoint !== undefined) check.url(endpoint, 'endpoint')
  if (credentials !== undefined && typeof credentials !== 'function' && !isCredentials(credentials)) {
    check.fail('credentials have accessKeyId and secretAccessKey, or are a function that answers them')
  }
  if (kmsKeyId !== undefined && !isText(kmsKeyId, 2048)) check.fail('kmsKeyId is the id, the alias or the ARN of a key')
  if (tags !== undefined) check.labels(tags, 'tags', { count: MAX_TAGS, key: 128, value: 256, reserved: 'aws:' })
  if (recoveryWindowDays !== undefined && !(Number.isInteger(recoveryWindowDays) && recoveryWindowDays >= 7 && recoveryWindowDays <= 30)) {
    check.fail('recoveryWindowDays is a whole number from 7 to 30')
  }
  if (client !== undefined) {
    if (typeof (client as Partial<AwsClient> | null)?.send !== 'function') check.fail('client is an object with a method send')
    if (endpoint !== undefined || credentials !== undefined) {
      check.clash('a ready client has its own endpoint and credentials: give them or the client')
    }
  }
  return { ...options, tags: { ...tags } }
}

/** Whether it has what a request is signed with; says nothing of whether it is right. */
export function isCredentials(value: unknown): value is AwsCredentials {
  const { accessKeyId, secretAccessKey, sessionToken } = (value ?? {}) as Readonly<Record<string, unknown>>
  if (!isText(accessKeyId, 4096) || !isText(secretAccessKey, 4096)) return false
  return sessionToken === undefined || typeof sessionToken === 'string'
}
