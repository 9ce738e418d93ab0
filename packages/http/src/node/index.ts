export type { RefusedRequest } from './raw-answers.ts'
export { startSecretsServer, type SecretsServer, type SecretsServerOptions, type ServerTimes, type ServerTls } from './start-secrets-server.ts'
