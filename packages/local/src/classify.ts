import { SecretError, type Failure, type SecretErrorCode } from '@strongroom/core'

/** What this package itself finds wrong. The hint is a fixed sentence; at most a key id or the name of a setting is in it. */
export class LocalFailure extends Error {
  readonly failure: Failure
  constructor(failure: Failure) {
    super(failure.code)
    this.failure = failure
  }
}

/** A final refusal; nothing was written. */
export function refusal(code: SecretErrorCode, hint?: string): LocalFailure {
  return new LocalFailure({ code, retryable: false, effect: 'none', hint })
}

/** Called before each step. The signal's own reason may be anything, so it is not what is thrown. */
export function checkAlive(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw refusal('aborted')
}

/** The public error of a helper that is not called through core. */
export function publicError(error: unknown, operation: string, store?: string, secretName?: string): SecretError {
  if (error instanceof SecretError) return error
  return new SecretError({ ...classify(error), operation, store, secretName })
}

const UNKNOWN: Failure = { code: 'unknown', retryable: false, effect: 'unknown' }

// https://sqlite.org/rescode.html, the low byte. A transaction that fails before its commit leaves nothing behind, so most say `none`.
const SQLITE: Readonly<Record<number, Failure>> = {
  3: fail('permission_denied', 'this process may not use the database file'),
  5: wait('the database is locked by another process'),
  6: wait('the database is locked by another process'),
  7: wait('SQLite ran out of memory'),
  8: fail('misconfigured', 'the database cannot be written: its directory, file or disk is read-only'),
  10: { code: 'unavailable', retryable: true, effect: 'unknown', hint: 'the disk could not be read or written' },
  11: fail('corrupt', 'the database file is damaged; restore it from a backup'),
  13: fail('quota_exceeded', 'the disk is full'),
  14: fail('misconfigured', 'the database file cannot be opened'),
  15: wait('the database is locked by another process'),
  18: fail('too_large'),
  26: fail('corrupt', 'store.db is not a database; restore it from a backup'),
}

const SYSTEM: Readonly<Record<string, Failure>> = {
  EACCES: fail('permission_denied', 'this process may not use the directory of the store, or its key file'),
  EPERM: fail('permission_denied', 'this process may not use the directory of the store, or its key file'),
  ENOENT: fail('misconfigured', 'the directory of the store, or its key file, is not there'),
  ENOTDIR: fail('misconfigured', 'the path of the store, or a part of it, is not a directory'),
  EEXIST: fail('misconfigured', 'the path of the store is not a directory'),
  EISDIR: fail('misconfigured', 'a file of the store is a directory'),
  ELOOP: fail('misconfigured', 'the path of the store is a loop of links'),
  ENAMETOOLONG: fail('misconfigured', 'the path of the store is too long for this system'),
  EROFS: fail('misconfigured', 'the disk is read-only'),
  ENOSPC: fail('quota_exceeded', 'the disk is full'),
  EDQUOT: fail('quota_exceeded', 'the disk quota is used up'),
  EMFILE: wait('too many files are open'),
  ENFILE: wait('too many files are open'),
  EIO: { code: 'unavailable', retryable: true, effect: 'unknown', hint: 'the disk could not be read or written' },
  ERR_UNKNOWN_BUILTIN_MODULE: fail('misconfigured', 'this Node has no node:sqlite; 22.13 or later is needed'),
  ERR_MODULE_NOT_FOUND: fail('misconfigured', 'the package jose is not installed'),
}

/** What an error of this driver means. Never throws. */
export function classify(error: unknown): Failure {
  try {
    return failureOf(error)
  } catch {
    return UNKNOWN // an error that cannot even be looked at
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof LocalFailure) return error.failure
  if (!(error instanceof Error)) return UNKNOWN
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: unknown }
  if (code === 'ERR_SQLITE_ERROR') return (typeof errcode === 'number' ? SQLITE[errcode & 0xff] : undefined) ?? UNKNOWN
  // What node:sqlite says of a closed connection; a transaction never spans an await, so it cannot have been cut in two.
  if (code === 'ERR_INVALID_STATE') return fail('closed')
  if (error.name === 'AbortError') return fail('aborted')
  return (typeof code === 'string' && Object.hasOwn(SYSTEM, code) ? SYSTEM[code] : undefined) ?? UNKNOWN
}

function fail(code: SecretErrorCode, hint?: string): Failure {
  return { code, retryable: false, effect: 'none', hint }
}

function wait(hint: string): Failure {
  return { code: 'unavailable', retryable: true, effect: 'none', hint }
}
