import { SecretManagerServiceClient } from '@google-cloud/secret-manager'
import { googleAuthLibrary, grpc } from 'google-gax'
import type { GcpEmulator } from '../../src/gcp/index.ts'

export type Transport = 'grpc' | 'rest'
export const transports: readonly Transport[] = ['grpc', 'rest']

/** The official client of an emulator, with a bearer token; over gRPC, none sends none. */
export function clientOf(
  emulator: Pick<GcpEmulator, 'url' | 'grpcPort' | 'projectId'>,
  transport: Transport,
  token?: string,
): SecretManagerServiceClient {
  const { projectId, url, grpcPort } = emulator
  if (transport === 'rest') return restClient(url, projectId, token)
  const withToken = (call: { readonly metadata: grpc.Metadata }): object => {
    call.metadata.set('authorization', `Bearer ${token}`)
    return call
  }
  return new SecretManagerServiceClient({
    apiEndpoint: '127.0.0.1',
    port: grpcPort,
    projectId,
    sslCreds: grpc.credentials.createInsecure(),
    // Never asked for a token; without it the client would look for credentials of this machine.
    authClient: tokenOf('never-sent') as never,
    ...(token !== undefined && { 'grpc.callInvocationTransformer': withToken }),
  })
}

export function restClient(url: string, projectId: string, token = 'test-token'): SecretManagerServiceClient {
  const { hostname, port } = new URL(url)
  return new SecretManagerServiceClient({
    fallback: true,
    protocol: 'http',
    apiEndpoint: hostname,
    port: Number(port),
    projectId,
    authClient: tokenOf(token) as never,
  })
}

function tokenOf(token: string): object {
  const authClient = new googleAuthLibrary.OAuth2Client()
  authClient.credentials = { access_token: token, expiry_date: Date.now() + 3_600_000 }
  return authClient
}

/** The client's own retries off: `accessSecretVersion` has some. */
export const once: { readonly timeout: number; readonly retry: null; readonly autoPaginate: false } = {
  timeout: 5_000,
  retry: null,
  autoPaginate: false,
}
