import type { DriverEntry, DriverVersion, NativePath, VersionId } from '@strongroom/core'
import { refusal } from './classify.ts'
import type { LocalDatabase } from './database.ts'

export interface SecretRow {
  readonly id: number
  readonly current: VersionId
  readonly removed: 0 | 1
}

/** A version that is being written. */
export interface NewVersion {
  readonly version: VersionId
  readonly token: string
  readonly kid: string
  readonly envelope: string
}

/** A version that can be read: destroying one takes both away. */
export interface SealedVersion {
  readonly version: VersionId
  readonly kid: string
  readonly envelope: string
}

export interface VersionRow {
  readonly sequence: number
  readonly id: VersionId
  readonly token: string
  readonly created_at: number
  /** Null: destroyed. */
  readonly kid: string | null
}

interface EntryRow {
  readonly path: NativePath
  readonly labels: string
  readonly created_at: number
  readonly updated_at: number
}

/**
 * @throws LocalFailure `invalid_argument` for half a character: SQLite keeps UTF-8, in which two such paths would become one; and for NUL,
 * where the text ends that Node 22 gives back
 */
export function findSecret(database: LocalDatabase, path: NativePath): SecretRow | undefined {
  if (path.includes('\0')) throw refusal('invalid_argument', 'a path must not contain NUL')
  if (!path.isWellFormed()) throw refusal('invalid_argument', 'a path must not contain a lone surrogate')
  return database.get('SELECT id, current, removed FROM secrets WHERE path = ?', path) as SecretRow | undefined
}

/** @throws LocalFailure `not_found` when there is none, or it was removed; `invalid_argument` */
export function liveSecret(database: LocalDatabase, path: NativePath): SecretRow {
  const secret = findSecret(database, path)
  if (secret === undefined || secret.removed === 1) throw refusal('not_found')
  return secret
}

export function insertSecret(database: LocalDatabase, path: NativePath, labels: Readonly<Record<string, string>>, first: NewVersion): void {
  const now = Date.now()
  database.run(
    'INSERT INTO secrets (path, labels, current, created_at, updated_at) VALUES (?, ?, ?, ?, ?)',
    path,
    JSON.stringify(labels),
    first.version,
    now,
    now,
  )
  insertVersion(database, liveSecret(database, path).id, first, now)
}

export function appendVersion(database: LocalDatabase, secret: SecretRow, added: NewVersion, staged: boolean): void {
  const now = Date.now()
  insertVersion(database, secret.id, added, now)
  database.run('UPDATE secrets SET updated_at = ? WHERE id = ?', now, secret.id)
  if (!staged) setCurrent(database, secret, added.version)
}

export function setCurrent(database: LocalDatabase, secret: SecretRow, version: VersionId): void {
  database.run('UPDATE secrets SET current = ? WHERE id = ?', version, secret.id)
}

export function setRemoved(database: LocalDatabase, secret: SecretRow, removed: 0 | 1): void {
  database.run('UPDATE secrets SET removed = ? WHERE id = ?', removed, secret.id)
}

export function deleteSecret(database: LocalDatabase, secret: SecretRow): void {
  database.run('DELETE FROM envelopes WHERE sequence IN (SELECT sequence FROM versions WHERE secret = ?)', secret.id)
  database.run('DELETE FROM versions WHERE secret = ?', secret.id)
  database.run('DELETE FROM secrets WHERE id = ?', secret.id)
}

export function eraseVersion(database: LocalDatabase, secret: SecretRow, version: VersionId): void {
  const found = findVersion(database, secret, version)
  if (found === undefined) return
  database.run('DELETE FROM envelopes WHERE sequence = ?', found.sequence)
  database.run('UPDATE versions SET kid = NULL WHERE sequence = ?', found.sequence)
}

export function firstVersion(database: LocalDatabase, secret: SecretRow): VersionRow | undefined {
  return database.get('SELECT * FROM versions WHERE secret = ? ORDER BY sequence LIMIT 1', secret.id) as VersionRow | undefined
}

export function newestVersion(database: LocalDatabase, secret: SecretRow): VersionId | undefined {
  const newest = database.get('SELECT * FROM versions WHERE secret = ? ORDER BY sequence DESC LIMIT 1', secret.id)
  return (newest as VersionRow | undefined)?.id
}

export function findVersion(database: LocalDatabase, secret: SecretRow, version: VersionId): VersionRow | undefined {
  return database.get('SELECT * FROM versions WHERE secret = ? AND id = ?', secret.id, version) as VersionRow | undefined
}

/** That version of a secret, or the current one. @throws LocalFailure `not_found`, `version_unusable` */
export function readableVersion(database: LocalDatabase, path: NativePath, version: VersionId | undefined): SealedVersion {
  const secret = liveSecret(database, path)
  const found = findVersion(database, secret, version ?? secret.current)
  if (found === undefined) throw version === undefined ? refusal('corrupt', 'the current version of a secret is not there') : refusal('not_found')
  if (found.kid === null) throw refusal('version_unusable')
  const sealed = sealedVersion(database, found)
  if (sealed === undefined) throw refusal('corrupt', 'a stored value is not there')
  return sealed
}

/** The version as it is stored now, or undefined when it was destroyed. */
export function sealedVersion(database: LocalDatabase, { sequence, id, kid }: VersionRow): SealedVersion | undefined {
  const found = database.get('SELECT envelope FROM envelopes WHERE sequence = ?', sequence) as { readonly envelope: string } | undefined
  return kid === null || found === undefined ? undefined : { version: id, kid, envelope: found.envelope }
}

/** Versions after a sequence, oldest first, each with its sequence. */
export function versionsAfter(
  database: LocalDatabase,
  secret: SecretRow,
  sequence: number,
  limit: number,
): readonly { readonly sequence: number; readonly version: DriverVersion }[] {
  const sql = 'SELECT * FROM versions WHERE secret = ? AND sequence > ? ORDER BY sequence LIMIT ?'
  const found = database.all(sql, secret.id, sequence, limit) as readonly VersionRow[]
  return found.map(row => ({
    sequence: row.sequence,
    version: {
      version: row.id,
      createdAt: new Date(row.created_at),
      state: row.kid === null ? 'destroyed' : 'usable',
      current: row.id === secret.current,
      token: row.token,
    },
  }))
}

/** Secrets from a path on, in the order of the paths' bytes: those that start with a prefix are together, and come first. */
export function entriesFrom(
  database: LocalDatabase,
  {
    prefix,
    after,
    withLabels,
    limit,
  }: { readonly prefix: string; readonly after: string | undefined; readonly withLabels: boolean; readonly limit: number },
): Omit<DriverEntry, 'fullPath'>[] {
  const sql = `SELECT path, labels, created_at, updated_at FROM secrets
    WHERE path >= ? AND path > ? AND removed = 0 ORDER BY path LIMIT ?`
  const rows = database.all(sql, prefix, after ?? '', limit) as readonly EntryRow[]
  const past = rows.findIndex(({ path }) => !path.startsWith(prefix))
  return rows.slice(0, past === -1 ? limit : past).map(row => ({
    path: row.path,
    createdAt: new Date(row.created_at),
    updatedAt: new Date(row.updated_at),
    labels: withLabels ? parseLabels(row.labels) : undefined,
  }))
}

function insertVersion(database: LocalDatabase, secret: number, { version, token, kid, envelope }: NewVersion, now: number): void {
  database.run('INSERT INTO versions (secret, id, token, created_at, kid) VALUES (?, ?, ?, ?, ?)', secret, version, token, now, kid)
  database.run('INSERT INTO envelopes (sequence, envelope) VALUES (last_insert_rowid(), ?)', envelope)
}

function parseLabels(text: string): Readonly<Record<string, string>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, string>>
  } catch {
    throw refusal('corrupt', 'the labels of a secret are damaged')
  }
}
