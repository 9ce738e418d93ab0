import { isSecretError, type SecretErrorCode } from '@strongroom/core'
import { CommanderError } from 'commander'
import { ConfigError } from '../config/problems.ts'
import { EXIT } from './exit-codes.ts'

export { EXIT } from './exit-codes.ts'

/** The command was called in a way that it cannot serve. */
export class UsageError extends Error {}

const BY_CODE: Readonly<Partial<Record<SecretErrorCode, number>>> = {
  invalid_argument: EXIT.usage,
  unsupported: EXIT.usage,
  too_large: EXIT.usage,
  misconfigured: EXIT.configuration,
  not_found: EXIT.missing,
  version_unusable: EXIT.missing,
  permission_denied: EXIT.denied,
  unauthenticated: EXIT.denied,
  already_exists: EXIT.conflict,
  conflict: EXIT.conflict,
  idempotency_mismatch: EXIT.conflict,
  name_held: EXIT.conflict,
  throttled: EXIT.retry,
  unavailable: EXIT.retry,
  deadline_exceeded: EXIT.retry,
  aborted: EXIT.interrupted,
}

/** Whatever else is true: a write that may have happened is not to be repeated blindly. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage
  if (error instanceof UsageError) return EXIT.usage
  if (error instanceof ConfigError) return EXIT.configuration
  if (!isSecretError(error)) return EXIT.failed
  if (error.effect === 'unknown' && error.code !== 'aborted') return EXIT.unclear
  return BY_CODE[error.code] ?? EXIT.failed
}

/** What the person reads; undefined where commander has said it. No stack, and of an unknown error not its text: it could quote anything. */
export function messageOf(error: unknown): string | undefined {
  if (error instanceof CommanderError) return undefined
  if (error instanceof UsageError || error instanceof ConfigError || isSecretError(error)) return `strongroom: ${error.message}`
  return `strongroom: an unexpected error${error instanceof Error ? ` (${error.name})` : ''}`
}
