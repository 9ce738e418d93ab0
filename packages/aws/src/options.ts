import { isFlag, isFrom, isLike, isText, optionChecks, type OptionChecks, type Rules, type SdkSignal } from '@strongroom/core/driver-support'
import { isCredentials, type AwsCredentials } from './credentials.ts'

/** What the SDK needs of a signal: it sets `onabort`, and looks at `aborted`. */
type AwsSignal = Pick<SdkSignal, 'aborted' | 'onabort'>

/** A ready client, such as the SDK's `SecretsManagerClient`. Make it with `maxAttempts: 1`: retries are the store's. */
export interface AwsClient {
  send(command: object, options: { readonly abortSignal: AwsSignal }): Promise<unknown>
}

/** Where a driver keeps secrets in AWS Secrets Manager, and as whom it asks. */
export interface AwsOptions {
  /** Such as `eu-west-1`. */
  readonly region: string
  /** Twelve digits. Without it the driver has no `location`, and a registry refuses it; with it every answer is checked. */
  readonly accountId?: string | undefined
  /** Another server than AWS's own; over `http:` only on the loopback. Without it the SDK looks at `AWS_ENDPOINT_URL`. */
  readonly endpoint?: string | undefined
  /** Takes an `http:` endpoint of any host: who is on the way reads values, and can answer in the server's place. */
  readonly unsafePlainHttp?: boolean | undefined
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
// AWS takes 50 tags a secret; 8 are the store's labels.
const TAGS = { count: 42, key: 128, value: 256, reserved: 'aws:' }
const RULES: Rules<AwsOptions> = {
  region: ['is the name of an AWS region, such as eu-west-1', isLike(/^[a-z]{2,}(-[a-z0-9]+)+$/), 'required'],
  accountId: ['is text of 12 digits', isLike(/^\d{12}$/)],
  endpoint: undefined,
  unsafePlainHttp: ['is true or false', isFlag],
  credentials: [
    'have accessKeyId and secretAccessKey, without a line break, or are a function that answers them',
    value => typeof value === 'function' || isCredentials(value),
  ],
  kmsKeyId: ['is the id, the alias or the ARN of a key', value => isText(value, 2048)],
  tags: undefined,
  recoveryWindowDays: ['is a whole number from 7 to 30', isFrom(7, 30)],
  client: undefined,
}

/**
 * Checks the options and takes a copy.
 * @throws SecretError `invalid_argument` for a wrong option, `misconfigured` for options that exclude each other
 */
export function checkOptions(options: AwsOptions): AwsOptions {
  check.fields(options, 'options', RULES)
  const { endpoint, unsafePlainHttp, credentials, tags, client } = options
  if (endpoint !== undefined) check.plainHttp(check.url(endpoint, 'endpoint'), 'endpoint', unsafePlainHttp)
  if (tags !== undefined) check.labels(tags, 'tags', TAGS)
  if (client !== undefined) check.client(client, ['send'], { endpoint, unsafePlainHttp, credentials })
  return { ...options, tags: { ...tags } }
}
