import { askedOf, explained, isToken, LentSignal, loadSdk, refused, type Failure, type Fields } from '@strongroom/core/driver-support'
import type { AccessToken, TokenCredential } from '@azure/identity'

/** Anything that answers tokens, such as a credential of `@azure/identity`. `expiresOnTimestamp` is in milliseconds since 1970. */
export interface AzureTokenCredential {
  getToken(scopes: string | string[], options?: object): Promise<{ readonly token: string; readonly expiresOnTimestamp: number } | null>
}

/** Who asks. One kind, so that no other is tried; `default` tries one after the other, which takes long outside Azure. */
export type AzureCredential =
  | { readonly kind: 'managed_identity'; readonly clientId?: string | undefined }
  | { readonly kind: 'workload_identity'; readonly tenantId?: string; readonly clientId?: string; readonly tokenFilePath?: string }
  | { readonly kind: 'client_secret'; readonly tenantId: string; readonly clientId: string; readonly clientSecret: string }
  | { readonly kind: 'client_certificate'; readonly tenantId: string; readonly clientId: string; readonly certificatePath: string }
  | { readonly kind: 'azure_cli'; readonly tenantId?: string | undefined }
  | { readonly kind: 'default' }

type Field = 'tenantId' | 'clientId' | 'clientSecret' | 'certificatePath' | 'tokenFilePath'

type Given = Readonly<Record<Field, string>>

/** What a kind needs, what it may have, and the narrowest class for it. */
type Kind = readonly [
  needs: readonly Field[],
  takes: readonly Field[],
  make: (sdk: typeof import('@azure/identity'), given: Given) => AzureTokenCredential,
]

export const KINDS: Readonly<Record<AzureCredential['kind'], Kind>> = {
  managed_identity: [[], ['clientId'], (sdk, given) => new sdk.ManagedIdentityCredential(given)],
  workload_identity: [[], ['tenantId', 'clientId', 'tokenFilePath'], (sdk, given) => new sdk.WorkloadIdentityCredential(given)],
  client_secret: [
    ['tenantId', 'clientId', 'clientSecret'],
    [],
    (sdk, given) => new sdk.ClientSecretCredential(given.tenantId, given.clientId, given.clientSecret),
  ],
  client_certificate: [
    ['tenantId', 'clientId', 'certificatePath'],
    [],
    (sdk, given) => new sdk.ClientCertificateCredential(given.tenantId, given.clientId, given.certificatePath),
  ],
  azure_cli: [[], ['tenantId'], (sdk, given) => new sdk.AzureCliCredential(given)],
  default: [[], [], sdk => new sdk.DefaultAzureCredential()],
}

export function isTokenCredential(credential: unknown): credential is AzureTokenCredential {
  return typeof (credential as Partial<AzureTokenCredential> | null | undefined)?.getToken === 'function'
}

/** For the SDK. `@azure/identity` is loaded here, and only for a kind. */
export async function credentialOf(credential: AzureCredential | AzureTokenCredential): Promise<TokenCredential> {
  if (isTokenCredential(credential)) return told(credential)
  const sdk = await loadSdk('@azure/identity', () => import('@azure/identity'))
  const { kind, ...fields } = credential
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given
  try {
    return told(KINDS[kind][2](sdk, given))
  } catch (error) {
    throw explained(error, refused('misconfigured', { hint: 'the Azure SDK refuses what was given as credential' }))
  }
}

/** Whatever the credential throws, it means that there is no token, and that nothing but an empty probe was sent. */
function told(credential: AzureTokenCredential): TokenCredential {
  return {
    getToken: (scopes, options) => {
      // The SDK hands on what it was given; a credential may want a standard signal, as `fetch` does.
      const { abortSignal } = options ?? {}
      const standard = abortSignal instanceof LentSignal ? { abortSignal: abortSignal.standard() } : undefined
      // Each request asks for itself until its signal ends it, and a chain of credentials may take long.
      return askedOf(() => credential.getToken(scopes, { ...options, ...standard }), isAccessToken, noToken, Infinity)
    },
  }
}

function noToken(error: unknown): Failure {
  const { statusCode } = (error ?? {}) as { readonly statusCode?: unknown }
  const retryable = typeof statusCode === 'number' && (statusCode >= 500 || statusCode === 429)
  return refused('unauthenticated', { retryable, hint: 'the credential gave no token' })
}

function isAccessToken(value: unknown): value is AccessToken {
  const { token, expiresOnTimestamp } = (value ?? {}) as Fields
  return isToken(token) && typeof expiresOnTimestamp === 'number'
}
