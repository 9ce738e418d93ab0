import { isSecretError, SecretError, type Failure } from '@strongroom/core'

type Known = Omit<Failure, 'effect'>

const NOT_WRITTEN: Known = { code: 'unavailable', retryable: true, hint: 'the database file could not be read or written' }

/** By SQLite's primary result code, the low byte of the extended one. */
const SQLITE: Readonly<Record<number, Known>> = {
  // What a statement that is right meets where a newer release has changed the tables under it.
  1: { code: 'misconfigured', retryable: false, hint: 'the tables are not those that this release made' },
  3: { code: 'misconfigured', retryable: false, hint: 'the database file may not be accessed' },
  5: { code: 'unavailable', retryable: true, hint: 'the database is locked by another connection' },
  6: { code: 'unavailable', retryable: true, hint: 'the database is locked by another connection' },
  7: { code: 'unavailable', retryable: true, hint: 'the database has no memory left' },
  8: { code: 'misconfigured', retryable: false, hint: 'the database is read-only' },
  10: NOT_WRITTEN,
  11: { code: 'corrupt', retryable: false, hint: 'the database file is damaged' },
  13: { code: 'quota_exceeded', retryable: false, hint: 'the disk of the database is full' },
  14: { code: 'misconfigured', retryable: false, hint: 'the database file cannot be opened' },
  18: { code: 'too_large', retryable: false, hint: 'a text is longer than the database takes' },
  26: { code: 'corrupt', retryable: false, hint: 'the file is not a database' },
}

const NO_ACCESS: Known = { code: 'misconfigured', retryable: false, hint: 'the folder or the file of the database cannot be made or opened' }
const DISK_FULL: Known = { code: 'quota_exceeded', retryable: false, hint: 'the disk of the database is full' }

/** Failures of making the file, of the wait for the disk, and of the import of `node:sqlite` on a Node that has none. */
const SYSTEM: Readonly<Record<string, Known>> = {
  EACCES: NO_ACCESS,
  // Closed meanwhile, since it was found to be broken.
  EBADF: NOT_WRITTEN,
  EEXIST: NO_ACCESS,
  EIO: NOT_WRITTEN,
  EISDIR: NO_ACCESS,
  ENOENT: NO_ACCESS,
  ENOTDIR: NO_ACCESS,
  EPERM: NO_ACCESS,
  EROFS: NO_ACCESS,
  EDQUOT: DISK_FULL,
  ENOSPC: DISK_FULL,
  ERR_UNKNOWN_BUILTIN_MODULE: { code: 'misconfigured', retryable: false, hint: 'node:sqlite needs Node 22.13 or newer' },
}

const UNKNOWN: Known = { code: 'unknown', retryable: false, hint: 'the database failed in a way that is not understood' }

/** The one way out for an error: what SQLite or Node said stays behind, since it may quote a parameter. */
export function secretErrorOf(error: unknown, operation: string, effect: Failure['effect']): SecretError {
  if (isSecretError(error)) return error
  return new SecretError({ ...knownOf(error), effect, operation })
}

/** Whether another connection was in the way. */
export function isLocked(error: unknown): boolean {
  const code = resultCode(error)
  return code === 5 || code === 6
}

function knownOf(error: unknown): Known {
  const code = resultCode(error)
  if (code !== undefined) return SQLITE[code] ?? UNKNOWN
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string') return SYSTEM[error.code] ?? UNKNOWN
  return UNKNOWN
}

function resultCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode % 256
}
