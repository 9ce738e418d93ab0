export { createSecretsApp, type SecretsApp, type SecretsAppOptions } from './create-secrets-app.ts'
export { apiKeyAuthentication, type ApiKey } from './authentication/api-keys.ts'
export { anyOf, type Authenticate, type Caller, type Refusal } from './authentication/authenticate.ts'
export { jwtAuthentication, type JwtOptions } from './authentication/jwt.ts'
export { unsafeAnyone } from './authentication/unsafe-anyone.ts'
export { createSecretsClient, SecretsApiError, type SecretsClient, type SecretsClientOptions } from './client/index.ts'
export type { RateLimit } from './limits.ts'
export type { RequestEvent } from './request-event.ts'
export type { ReadinessCheck } from './readiness.ts'
export type { Trace } from './tracing.ts'
export { troubleOf, type Trouble } from './trouble.ts'
export type {
  CreateSecretBody,
  ProblemCode,
  ProblemDocument,
  SecretPageResource,
  SecretResource,
  SecretValueResource,
  UpdateSecretBody,
} from './schemas.ts'
