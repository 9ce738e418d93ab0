export {
  createSecretsClient,
  type CallOptions,
  type ListQuery,
  type RepeatableOptions,
  type SecretsClient,
  type SecretsClientOptions,
  type SecretWithTag,
  type WriteOptions,
} from './create-secrets-client.ts'
export { SecretsApiError, type SecretsApiErrorCode } from './secrets-api-error.ts'
export type { CreateSecretBody, SecretPageResource, SecretResource, SecretValueResource, UpdateSecretBody } from '../schemas.ts'
