import { DriverFinding, explained, loadSdk, refused } from '@strongroom/core'
import { LentSignal } from './signal.ts'
import type { TokenCredential } from '@azure/identity'

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

/** What each kind needs, and what it may have. */
export const CREDENTIAL_FIELDS: Readonly<Record<AzureCredential['kind'], { readonly needs: readonly string[]; readonly takes: readonly string[] }>> =
  {
    managed_identity: { needs: [], takes: ['clientId'] },
    workload_identity: { needs: [], takes: ['tenantId', 'clientId', 'tokenFilePath'] },
    client_secret: { needs: ['tenantId', 'clientId', 'clientSecret'], takes: [] },
    client_certificate: { needs: ['tenantId', 'clientId', 'certificatePath'], takes: [] },
    azure_cli: { needs: [], takes: ['tenantId'] },
    default: { needs: [], takes: [] },
  }

export function isTokenCredential(credential: unknown): credential is AzureTokenCredential {
  return typeof (credential as Partial<AzureTokenCredential> | null | undefined)?.getToken === 'function'
}

/** The narrowest class for a kind. `@azure/identity` is loaded here, and only for a kind. */
export async function credentialOf(credential: AzureCredential | AzureTokenCredential): Promise<TokenCredential> {
  if (isTokenCredential(credential)) return told(credential)
  const identity = await loadSdk('@azure/identity', () => import('@azure/identity'))
  try {
    return told(made(identity, credential))
  } catch (error) {
    throw explained(error, refused('misconfigured', { hint: 'the Azure SDK refuses what was given as credential' }))
  }
}

function made(identity: typeof import('@azure/identity'), credential: AzureCredential): AzureTokenCredential {
  switch (credential.kind) {
    case 'managed_identity':
      return new identity.ManagedIdentityCredential(credential.clientId === undefined ? {} : { clientId: credential.clientId })
    case 'workload_identity':
      return new identity.WorkloadIdentityCredential(credential)
    case 'client_secret':
      return new identity.ClientSecretCredential(credential.tenantId, credential.clientId, credential.clientSecret)
    case 'client_certificate':
      return new identity.ClientCertificateCredential(credential.tenantId, credential.clientId, credential.certificatePath)
    case 'azure_cli':
      return new identity.AzureCliCredential(credential.tenantId === undefined ? {} : { tenantId: credential.tenantId })
    case 'default':
      return new identity.DefaultAzureCredential()
  }
}

/** Whatever the credential throws, it means that there is no token, and that nothing but an empty probe was sent. */
function told(credential: AzureTokenCredential): TokenCredential {
  return {
    getToken: async (scopes, options) => {
      // The SDK hands on what it was given; a credential may want a standard signal, as `fetch` does.
      const { abortSignal } = options ?? {}
      const standard = abortSignal instanceof LentSignal ? { abortSignal: abortSignal.standard() } : undefined
      let token: unknown
      try {
        token = await credential.getToken(scopes, { ...options, ...standard })
      } catch (error) {
        const { statusCode } = (error ?? {}) as { readonly statusCode?: unknown }
        const retryable = typeof statusCode === 'number' && (statusCode >= 500 || statusCode === 429)
        throw explained(error, refused('unauthenticated', { retryable, hint: 'the credential gave no token' }))
      }
      if (!isToken(token)) throw new DriverFinding(refused('unauthenticated', { hint: 'the credential gave no token' }))
      return token
    },
  }
}

function isToken(value: unknown): value is { token: string; expiresOnTimestamp: number } {
  const { token, expiresOnTimestamp } = (value ?? {}) as Readonly<Record<string, unknown>>
  // No character that would end the header, or begin another.
  return typeof token === 'string' && /^[\x21-\x7e]+$/.test(token) && typeof expiresOnTimestamp === 'number'
}
