import { randomBytes } from 'node:crypto'
import { DeleteSecretCommand, ListSecretsCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { missingProgram, moto, startMoto } from '@strongroom/testbed'
import { startFaultProxy, type FaultProxy, type WireAnswer } from '@strongroom/emulators'
import type { AwsCredentials } from '../src/index.ts'

/** An endpoint that the user has: their emulator, or AWS itself by its URL. */
const given = process.env['STRONGROOM_AWS_ENDPOINT'] ?? process.env['AWS_ENDPOINT_URL'] ?? ''

export const region: string = process.env['AWS_REGION'] ?? 'eu-west-1'
/** moto's account is the default one. */
export const accountId: string = process.env['STRONGROOM_AWS_ACCOUNT_ID'] ?? '123456789012'
/** An endpoint over TLS is taken for a real one, which is asked with the credentials of the environment. */
export const signed: { readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } } = given.startsWith('https:')
  ? {}
  : { credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'only-for-tests' } }
export const credentials: AwsCredentials | undefined = signed.credentials

/** Why there is no server to test against; undefined when there is one. With STRONGROOM_REQUIRE_BACKENDS=all it throws instead. */
export function noBackend(): string | undefined {
  return given === '' ? missingProgram(moto, 'moto') : undefined
}

export interface AwsServer {
  readonly endpoint: string
  /** What answers: for reports. */
  readonly where: string
  /** What the names of this run begin with. */
  readonly prefix: string
  /** Removes for good what has such a name. */
  readonly tidy: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** moto on a free port of the loopback, or the server that the environment names, which is left as it is. */
export async function startAws(): Promise<AwsServer> {
  if (given !== '') return withTidy(given, 'the endpoint of the environment', async () => {})
  const { url, where, stop } = await startMoto()
  return withTidy(url, where, stop)
}

/** On moto too, though it ends with the run: what tidies a real account is then run each time. */
function withTidy(endpoint: string, where: string, end: () => Promise<void>): AwsServer {
  const prefix = `srk-${randomBytes(4).toString('hex')}/`
  const tidy = (): Promise<void> => removeAll(endpoint, prefix)
  const stop = async (): Promise<void> => {
    try {
      await tidy()
    } finally {
      await end()
    }
  }
  return { endpoint, where, prefix, tidy, stop }
}

async function removeAll(endpoint: string, prefix: string): Promise<void> {
  const client = new SecretsManagerClient({ region, endpoint, ...signed })
  try {
    // One page after another from the start, since what was on it is gone.
    for (let tries = 0; tries < 100; tries += 1) {
      const { SecretList = [] } = await client.send(new ListSecretsCommand({ Filters: [{ Key: 'name', Values: [prefix] }], MaxResults: 100 }))
      const ours = SecretList.map(({ Name = '' }) => Name).filter(name => name.startsWith(prefix))
      if (ours.length === 0) return
      for (const SecretId of ours) await client.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true }))
    }
    throw new Error(`secrets under ${prefix} are left`)
  } finally {
    client.destroy()
  }
}

/** Whether the tests run against moto, whose known faults are then expected. */
export async function isMoto(): Promise<boolean> {
  if (given === '') return true
  try {
    const answer = await fetch(new URL('/moto-api/data.json', given), { signal: AbortSignal.timeout(2_000) })
    await answer.body?.cancel()
    return answer.ok
  } catch {
    return false
  }
}

/** The body of an AWS JSON 1.1 error. */
export function awsError(name: string, message: string = name): string {
  return JSON.stringify({ __type: name, message })
}

function refusal(status: number, name: string, headers: Readonly<Record<string, string>> = {}): WireAnswer {
  return { status, headers: { 'content-type': 'application/x-amz-json-1.1', ...headers }, body: awsError(name) }
}

/** A proxy before an AWS endpoint; its operations are called `GetSecretValue`, … */
export async function startAwsProxy(endpoint: string): Promise<FaultProxy> {
  return await startFaultProxy(endpoint, {
    operationOf: ({ headers }) => String(headers['x-amz-target']).replace('secretsmanager.', ''),
    throttled: (retryAfterMs = 0) => refusal(400, 'ThrottlingException', { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
    failed: name => refusal(name === 'InternalServiceError' ? 500 : 400, name),
  })
}

/** Has a proxy answer these operations, or all, as denied. */
export function deny(proxy: FaultProxy, operations?: readonly string[]): void {
  proxy.answerWith(operation => (operations?.includes(operation) === false ? undefined : refusal(400, 'AccessDeniedException')))
}
