import { isFlag, isObject, isOneOf, isText, optionChecks, type OptionChecks, type Rules } from '@strongroom/core/driver-support'
import type { SecretClient } from '@azure/keyvault-secrets'
import { isTokenCredential, KINDS, type AzureCredential, type AzureTokenCredential } from './credentials.ts'

const METHODS = [
  'setSecret',
  'getSecret',
  'updateSecretProperties',
  'beginDeleteSecret',
  'getDeletedSecret',
  'purgeDeletedSecret',
  'beginRecoverDeletedSecret',
  'listPropertiesOfSecrets',
  'listPropertiesOfSecretVersions',
] as const

/** A ready client, such as the SDK's `SecretClient`. Make it with `retryOptions: { maxRetries: 0 }`: retries are the store's. */
export type AzureClient = Pick<SecretClient, 'vaultUrl' | (typeof METHODS)[number]>

/** Which Azure Key Vault a driver keeps secrets in, and as whom it asks. */
export interface AzureOptions {
  /** The vault's origin, such as `https://my-vault.vault.azure.net`. Its host makes the `location`. */
  readonly vaultUrl: string
  /** Who asks: one kind of credential, or anything with `getToken`. Required unless `client` is given. */
  readonly credential?: AzureCredential | AzureTokenCredential | undefined
  /** Of the vault's API. Default `7.6`, whatever the SDK's own default becomes. */
  readonly serviceVersion?: '7.4' | '7.5' | '7.6' | '2025-07-01' | undefined
  /** `ca`: certificates of authorities in PEM, in place of Node's own. */
  readonly tls?: { readonly ca: string } | undefined
  /**
   * Only for emulators. The vault says for which resource it wants a token; with this the SDK no longer checks that the resource's
   * domain is the vault's, so that a false vault can have itself given a token that is good at a real one.
   */
  readonly disableChallengeResourceVerification?: boolean | undefined
  /** Put on every new version, beside the labels that the store writes; at most 6. What a secret has already stays. */
  readonly tags?: Readonly<Record<string, string>> | undefined
  /** Used instead of a client made from the options above. It stays the caller's: `close` leaves it open. */
  readonly client?: AzureClient | undefined
}

const check: OptionChecks = optionChecks('azureDriver')
const SERVICE_VERSIONS = ['7.4', '7.5', '7.6', '2025-07-01']
/** A secret has 15 tags: 8 are the store's labels, and one the driver's own. */
const TAGS = { count: 6, key: 256, value: 256, reserved: 'strongroom' }
const RULES: Rules<AzureOptions> = {
  vaultUrl: [
    'is the https URL of a vault, such as https://my-vault.vault.azure.net, without path, user or query',
    value => originOf(value) !== undefined,
    'required',
  ],
  credential: undefined,
  serviceVersion: [`is one of ${SERVICE_VERSIONS.join(', ')}`, isOneOf(...SERVICE_VERSIONS)],
  tls: ['is { ca }, in PEM', value => isObject(value) && Object.keys(value).join() === 'ca' && isText(value['ca'], 1_000_000)],
  disableChallengeResourceVerification: ['is true or false', isFlag],
  tags: undefined,
  client: undefined,
}

/**
 * Checks the options and takes a copy; `vaultUrl` is then the bare origin.
 * @throws SecretError `invalid_argument` for a wrong option, `misconfigured` for options that exclude each other
 */
export function checkOptions(options: AzureOptions): AzureOptions {
  check.fields(options, 'options', RULES)
  const { credential, serviceVersion, tls, disableChallengeResourceVerification, tags, client } = options
  const vaultUrl = originOf(options.vaultUrl) as string
  if (tags !== undefined) check.labels(tags, 'tags', TAGS)
  if (client === undefined) checkCredential(credential)
  else {
    check.client(client, METHODS, { credential, serviceVersion, tls, disableChallengeResourceVerification })
    if (originOf(client.vaultUrl) !== vaultUrl) check.clash('the ready client is of another vault than vaultUrl')
  }
  return { ...options, vaultUrl, tags: { ...tags } }
}

function originOf(value: unknown): string | undefined {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined
  return url?.protocol === 'https:' && url.href === `${url.origin}/` ? url.origin : undefined
}

function checkCredential(credential: unknown): void {
  if (isTokenCredential(credential)) return
  const kinds = Object.keys(KINDS)
  if (!isObject(credential) || !kinds.includes(credential['kind'] as string))
    return check.fail(`credential has a getToken, or a kind: ${kinds.join(', ')}`)
  const [needs, takes] = KINDS[credential['kind'] as AzureCredential['kind']]
  const rules: Record<string, Rules<{ readonly field: string }>['field']> = { kind: undefined }
  for (const field of needs) rules[field] = ['is text', isText, 'required']
  for (const field of takes) rules[field] = ['is text', isText]
  check.fields(credential, 'credential', rules)
}
