import type { AccountId, SecretId } from '../words.ts'

export const REGISTRY_LABEL = 'strongroom-registry'
export const ACCOUNT_LABEL = 'strongroom-account'
export const SECRET_LABEL = 'strongroom-secret'

/** What a create labels its secret with. */
export function labelsOf(registry: string, account: AccountId, secret: SecretId): Readonly<Record<string, string>> {
  return { [REGISTRY_LABEL]: registry, [ACCOUNT_LABEL]: account, [SECRET_LABEL]: secret }
}
