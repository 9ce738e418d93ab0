import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'

const REGION = 'eu-west-1'

/** The official SDK, signing as this access key id, without retries of its own. */
export function clientOf(endpoint: string, accessKeyId = 'someone'): SecretsManagerClient {
  return new SecretsManagerClient({ region: REGION, endpoint, credentials: { accessKeyId, secretAccessKey: 'only-for-tests' }, maxAttempts: 1 })
}

/** A version id, and a token of a request, that is the same in each run. */
export function token(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
}
