import { createSecretStore, type SecretStore, type StorePolicy } from '@strongroom/core'
import { awsDriver } from './driver.ts'
import type { AwsOptions } from './options.ts'

export { awsDriver } from './driver.ts'
export type { AwsCredentials } from './credentials.ts'
export type { AwsClient, AwsOptions } from './options.ts'

/**
 * A store over AWS Secrets Manager. Nothing is loaded or sent before its first call.
 * @throws SecretError `invalid_argument` or `misconfigured` for wrong options or a wrong policy
 */
export function awsSecretStore(options: AwsOptions, policy?: StorePolicy): SecretStore {
  return createSecretStore(awsDriver(options), policy)
}
