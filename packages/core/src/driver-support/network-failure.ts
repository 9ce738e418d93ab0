import { neverSent, noAnswer, untrusted } from './failure.ts'
import type { Failure } from '../errors.ts'

const BEFORE_SENDING: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'])
const WHILE_WAITING = /^(ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENETDOWN|EPROTO|HPE_.*|UND_ERR_SOCKET)$/
const CERTIFICATE = /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT_)/

/**
 * For authors of drivers: what an error of Node's own network means, by its `code` and `syscall` (Node's documentation, "Errors"; undici's
 * codes are those of `fetch`, in the `cause` of its error): never sent, sent without an answer, or a certificate that is not trusted.
 * Undefined for every other error; causes are not looked at.
 */
export function networkFailure(error: unknown): Failure | undefined {
  const { code, syscall } = (error ?? {}) as { readonly code?: unknown; readonly syscall?: unknown }
  if (typeof code !== 'string') return undefined
  if (CERTIFICATE.test(code)) return untrusted
  if (BEFORE_SENDING.has(code) || syscall === 'connect' || syscall === 'getaddrinfo') return neverSent
  return WHILE_WAITING.test(code) ? noAnswer : undefined
}
