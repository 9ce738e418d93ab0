import { createSecretStore, type SecretStore, type StorePolicy } from '@strongroom/core'
import { vaultDriver } from './driver.ts'
import type { VaultOptions } from './options.ts'

export { vaultDriver } from './driver.ts'
export type { Given, VaultAuth, VaultClient, VaultOptions, VaultTls } from './options.ts'

/**
 * A store over KV version 2 of HashiCorp Vault or OpenBao. Nothing is loaded or sent before its first call.
 * @throws SecretError `invalid_argument` or `misconfigured` for wrong options or a wrong policy
 */
export function vaultSecretStore(options: VaultOptions, policy?: StorePolicy): SecretStore {
  return createSecretStore(vaultDriver(options), policy)
}
