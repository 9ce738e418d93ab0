import { isObject, isText, optionChecks, type OptionChecks } from '@strongroom/core'
import type { SecretClient } from '@azure/keyvault-secrets'
import { CREDENTIAL_FIELDS, isTokenCredential, type AzureCredential, type AzureTokenCredential } from './credentials.ts'

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
const ALLOWED = ['vaultUrl', 'credential', 'serviceVersion', 'tls', 'disableChallengeResourceVerification', 'tags', 'client']
const SERVICE_VERSIONS = ['7.4', '7.5', '7.6', '2025-07-01']
/** A secret has 15 tags: 8 are the store's labels, and one the driver's own. */
const MAX_OWN_TAGS = 6

/**
 * Checks the options and takes a copy; `vaultUrl` is then the bare origin.
 * @throws SecretError `invalid_argument` for a wrong option, `misconfigured` for options that exclude each other
 */
export function checkOptions(options: AzureOptions): AzureOptions {
  check.keys(options, 'options', ALLOWED)
  const { credential, serviceVersion, tls, disableChallengeResourceVerification: unverified, tags, client } = options
  const vaultUrl = originOf(options.vaultUrl)
  if (vaultUrl === undefined)
    check.fail('vaultUrl is the https URL of a vault, such as https://my-vault.vault.azure.net, without path, user or query')
  if (serviceVersion !== undefined && !SERVICE_VERSIONS.includes(serviceVersion))
    check.fail(`serviceVersion is one of ${SERVICE_VERSIONS.join(', ')}`)
  if (tls !== undefined && !(isObject(tls) && Object.keys(tls).join() === 'ca' && isText(tls['ca'], 1_000_000))) check.fail('tls is { ca }, in PEM')
  if (unverified !== undefined && typeof unverified !== 'boolean') check.fail('disableChallengeResourceVerification is true or false')
  if (tags !== undefined) check.labels(tags, 'tags', { count: MAX_OWN_TAGS, key: 256, value: 256, reserved: 'strongroom' })
  if (client === undefined) checkCredential(credential)
  else checkClient(client, vaultUrl, [credential, serviceVersion, tls, unverified])
  return { ...options, vaultUrl, tags: { ...tags } }
}

function originOf(value: unknown): string | undefined {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined
  return url?.protocol === 'https:' && url.href === `${url.origin}/` ? url.origin : undefined
}

function checkCredential(credential: unknown): void {
  if (isTokenCredential(credential)) return
  const kinds = Object.keys(CREDENTIAL_FIELDS)
  if (!isObject(credential) || !kinds.includes(credential['kind'] as string)) check.fail(`credential has a getToken, or a kind: ${kinds.join(', ')}`)
  const { kind, ...fields } = credential as Readonly<Record<string, unknown>> & { readonly kind: AzureCredential['kind'] }
  const { needs, takes } = CREDENTIAL_FIELDS[kind]
  for (const field of needs) if (!isText(fields[field], 4096)) check.fail(`credential of kind ${kind} needs ${field}`)
  for (const [field, value] of Object.entries(fields)) {
    if (![...needs, ...takes].includes(field)) check.fail(`credential of kind ${kind} takes ${[...needs, ...takes].join(', ') || 'nothing more'}`)
    if (value !== undefined && !isText(value, 4096)) check.fail(`${field} of credential is text`)
  }
}

function checkClient(client: Partial<AzureClient>, vaultUrl: string, others: readonly unknown[]): void {
  if (typeof client !== 'object' || client === null || METHODS.some(method => typeof client[method] !== 'function')) {
    check.fail(`client is an object with the methods ${METHODS.join(', ')}`)
  }
  if (others.some(other => other !== undefined)) {
    check.clash('a ready client has its own credential, serviceVersion, tls and verification: give them or the client')
  }
  if (originOf(client.vaultUrl) !== vaultUrl) check.clash('the ready client is of another vault than vaultUrl')
}
