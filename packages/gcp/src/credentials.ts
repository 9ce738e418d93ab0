import { explained, isToken, refused } from '@strongroom/core/driver-support'
import type * as Gax from 'google-gax'
import { tokenFailure } from './classify.ts'
import type { GcpOptions } from './options.ts'

/** A service account's key, or another form of credentials that Google gives out as JSON. */
export type GcpCredentials = Readonly<Record<string, unknown>>

/** What gives the headers that a request is signed with, such as a client of google-auth-library. */
export interface GcpAuthClient {
  getRequestHeaders(url?: string | URL): Promise<Headers>
}

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'
const hint = 'there are no Google credentials: see application default credentials, or give credentials, keyFile or authClient'

/** Undefined over `http:`, where no credentials but an `authClient` that is given are sent. */
export async function authOf(
  { authClient, endpoint, credentials, keyFile, projectId }: GcpOptions,
  { GoogleAuth }: typeof Gax,
): Promise<GcpAuthClient | undefined> {
  if (authClient !== undefined || endpoint?.startsWith('http:') === true) return authClient
  const given = { ...(credentials === undefined ? {} : { credentials }), ...(keyFile === undefined ? {} : { keyFile }) }
  const auth = new GoogleAuth({ scopes: [SCOPE], projectId, ...given })
  // A service account's key signs the token itself, without another request.
  auth.useJWTAccessWithScope = true
  try {
    return await auth.getClient()
  } catch (error) {
    throw explained(error, refused('unauthenticated', { hint }))
  }
}

/** @throws what it means that there is none, or none that a header takes, before anything is sent */
export async function tokenOf(auth: GcpAuthClient, host: string): Promise<Readonly<Record<string, string>>> {
  try {
    const headers = Object.fromEntries(await auth.getRequestHeaders(`${host}/`))
    if (!Object.values(headers).every(value => value.split(' ').every(isToken))) throw new TypeError('no header takes it')
    return headers
  } catch (error) {
    throw explained(error, tokenFailure(error))
  }
}
