import { neverSent, noAnswer, untrusted } from './failure.ts'
import type { Failure } from '../errors.ts'

const BEFORE_SENDING: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'])
const WHILE_WAITING = /^(ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENETDOWN|EPROTO|HPE_.*|UND_ERR_SOCKET)$/
const CERTIFICATE = /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT_)/

/** SDKs hide the network's own error below one or two of theirs. */
const MAX_CAUSES = 5

/**
 * For authors of drivers: what an error of Node's own network means, by its `code` and `syscall` (Node's documentation, "Errors"; undici's
 * codes are those of `fetch`): never sent, sent without an answer, or a certificate that is not trusted. Of an error and its causes the
 * innermost that says something counts. Undefined for every other error.
 */
export function networkFailure(error: unknown): Failure | undefined {
  let found: Failure | undefined
  let next = error
  for (let depth = 0; depth < MAX_CAUSES && typeof next === 'object' && next !== null; depth += 1) {
    found = meaningOf(next) ?? found
    next = (next as { readonly cause?: unknown }).cause
  }
  return found
}

function meaningOf(error: { readonly code?: unknown; readonly syscall?: unknown }): Failure | undefined {
  const { code, syscall } = error
  if (typeof code !== 'string') return undefined
  if (CERTIFICATE.test(code)) return untrusted
  if (BEFORE_SENDING.has(code) || syscall === 'connect' || syscall === 'getaddrinfo') return neverSent
  return WHILE_WAITING.test(code) ? noAnswer : undefined
}
