import { createSecretStore, type SecretStore, type StorePolicy } from '@strongroom/core'
import { azureDriver } from './driver.ts'
import type { AzureOptions } from './options.ts'

export { azureDriver } from './driver.ts'
export type { AzureCredential, AzureTokenCredential } from './credentials.ts'
export type { AzureClient, AzureOptions } from './options.ts'

/**
 * A store over the secrets of an Azure Key Vault. Nothing is loaded or sent before its first call.
 * @throws SecretError `invalid_argument` or `misconfigured` for wrong options or a wrong policy
 */
export function azureSecretStore(options: AzureOptions, policy?: StorePolicy): SecretStore {
  return createSecretStore(azureDriver(options), policy)
}
