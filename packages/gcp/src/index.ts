import { createSecretStore, type SecretStore, type StorePolicy } from '@strongroom/core'
import { gcpDriver } from './driver.ts'
import type { GcpOptions } from './options.ts'

export { gcpDriver } from './driver.ts'
export type { GcpAuthClient, GcpCredentials } from './credentials.ts'
export type { GcpClient, GcpOptions, GcpReplication } from './options.ts'

/**
 * A store over Google Secret Manager. Nothing is loaded or sent before its first call.
 * @throws SecretError `invalid_argument` or `misconfigured` for wrong options or a wrong policy
 */
export function gcpSecretStore(options: GcpOptions, policy?: StorePolicy): SecretStore {
  return createSecretStore(gcpDriver(options), policy)
}
