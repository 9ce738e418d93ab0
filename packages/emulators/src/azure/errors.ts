import { randomUUID } from 'node:crypto'
import type { WireAnswer } from '../shared/http-server.ts'

/** Every code that the emulator answers, and that the fault `fail` takes. */
export type AzureCode =
  | 'AccessDenied'
  | 'BadParameter'
  | 'Conflict'
  | 'Forbidden'
  | 'ForbiddenByFirewall'
  | 'ForbiddenByPolicy'
  | 'ForbiddenByRbac'
  | 'InternalServerError'
  | 'Malformed backup blob'
  | 'MethodNotAllowed'
  | 'NotFound'
  | 'ObjectIsBeingDeleted'
  | 'ObjectIsBeingRecovered'
  | 'ObjectIsDeletedButRecoverable'
  | 'SecretDisabled'
  | 'SecretManagedByKeyVault'
  | 'SecretNotFound'
  | 'SecretTooLarge'
  | 'ServiceUnavailable'
  | 'Throttled'
  | 'Unauthorized'

interface Meaning {
  readonly status: number
  /** `error.code`; the code itself is then at `error.innererror.code`. */
  readonly outer?: string
  readonly message: string
}

const MEANINGS: Readonly<Record<AzureCode, Meaning>> = {
  AccessDenied: { status: 403, outer: 'Forbidden', message: 'The caller does not have this permission on the key vault.' },
  BadParameter: { status: 400, message: 'Property  has invalid value\r\n' },
  Conflict: { status: 409, message: 'There was a conflict.' },
  Forbidden: { status: 403, message: 'The operation is not allowed.' },
  ForbiddenByFirewall: { status: 403, outer: 'Forbidden', message: 'Client address is not authorized and caller is not a trusted service.' },
  ForbiddenByPolicy: { status: 403, outer: 'Forbidden', message: 'The caller does not have this permission on the key vault.' },
  ForbiddenByRbac: { status: 403, outer: 'Forbidden', message: 'Caller is not authorized to perform action on resource.' },
  InternalServerError: { status: 500, message: 'An unexpected error occurred.' },
  'Malformed backup blob': { status: 400, message: 'Backup blob is corrupt.' },
  MethodNotAllowed: { status: 405, message: 'HTTP method not allowed' },
  NotFound: { status: 404, message: 'There is nothing at this path.' },
  ObjectIsBeingDeleted: { status: 409, outer: 'Conflict', message: 'Secret is currently being deleted.' },
  ObjectIsBeingRecovered: { status: 409, outer: 'Conflict', message: 'Secret is currently being recovered.' },
  ObjectIsDeletedButRecoverable: { status: 409, outer: 'Conflict', message: 'Secret is currently in a deleted but recoverable state.' },
  SecretDisabled: { status: 403, outer: 'Forbidden', message: 'Operation get is not allowed on a disabled secret.' },
  SecretManagedByKeyVault: { status: 403, outer: 'Forbidden', message: 'The operation is not allowed on the secret of a certificate.' },
  SecretNotFound: { status: 404, message: 'A secret with this name or id was not found in this key vault.' },
  SecretTooLarge: { status: 400, outer: 'BadParameter', message: 'Secret is beyond the maximum permitted length.' },
  ServiceUnavailable: { status: 503, message: 'The service is unavailable.' },
  Throttled: {
    status: 429,
    message: 'Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached',
  },
  Unauthorized: { status: 401, message: 'AKV10000: Request is missing a Bearer or PoP token.' },
}

/** A tenant that exists nowhere: a client hands it to its credential. */
const TENANT = '11111111-2222-3333-4444-555555555555'
const CHALLENGE = { 'www-authenticate': `Bearer authorization="https://login.microsoftonline.com/${TENANT}", resource="https://vault.azure.net"` }

/** Thrown by what a request asks for; becomes the vault's answer. */
export class Refusal extends Error {
  readonly code: AzureCode

  /** @param message in place of the code's own; never a value */
  constructor(code: AzureCode, message: string = MEANINGS[code].message) {
    super(message)
    this.code = code
  }
}

/** @throws RangeError for a code that Key Vault has not */
export function codeOf(code: string): AzureCode {
  if (!Object.hasOwn(MEANINGS, code)) throw new RangeError(`Key Vault has no code ${code}`)
  return code as AzureCode
}

export const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): WireAnswer => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-cache', 'x-ms-request-id': randomUUID(), ...headers },
  body: JSON.stringify(body),
})

export function refused({ code, message }: Refusal, headers: Readonly<Record<string, string>> = {}): WireAnswer {
  const { status, outer } = MEANINGS[code]
  const error = outer === undefined ? { code, message } : { code: outer, message, innererror: { code } }
  return json(status, { error }, status === 401 ? CHALLENGE : headers)
}
