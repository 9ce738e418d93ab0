import { createSecretStore, type SecretStore, type StorePolicy } from '@strongroom/core'
import { localDriver } from './driver.ts'
import type { LocalDriverOptions } from './options.ts'

export { localDriver } from './driver.ts'
export { addLocalKey } from './key-file.ts'
export type { LocalDriverOptions, LocalKeySource } from './options.ts'
export { localKeyUsage, reencryptLocalStore, type LocalKeyUsage, type Reencryption } from './reencrypt.ts'

/**
 * A store in an encrypted database in a directory of this machine.
 * @throws SecretError `invalid_argument` for wrong options or a wrong policy
 */
export function localSecretStore(options: LocalDriverOptions, policy?: StorePolicy): SecretStore {
  return createSecretStore(localDriver(options), policy)
}
