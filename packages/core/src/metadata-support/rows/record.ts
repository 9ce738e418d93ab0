import type { RecordVersion, SecretRecord, StoredRecord } from '../../records.ts'
import type { AccountId, Actor, NativePath, SecretId, VersionId } from '../../words.ts'
import { versionsOfText, versionsText } from './versions.ts'

/**
 * For authors of metadata stores: what `updated_at` holds for a record that was never updated: less than any date of JavaScript. NULL
 * would not do, since the comparison of a keyset page with NULL is neither true nor false.
 */
export const NEVER_UPDATED = -8_640_000_000_000_001

/** For authors of metadata stores in SQL: a record as a row. Times are milliseconds since 1970. */
export interface RecordRow extends ListedRow {
  readonly store: string
  readonly path: NativePath
  readonly version: VersionId
  /** What the record keeps, as JSON; the pointer's version first. */
  readonly versions: string
  readonly adopted: VersionId | null
}

/** Of that row, what a page shows of a record. */
export interface ListedRow {
  readonly id: SecretId
  readonly account: AccountId
  readonly key: string
  readonly description: string | null
  readonly cloud_secret_path: string
  readonly created_at: number
  readonly created_by_id: string
  readonly created_by_type: Actor['type']
  readonly updated_at: number
  readonly updated_by: string | null
  readonly revision: number
}

/** For authors of metadata stores in SQL: the row of a record. */
export function recordRow(record: StoredRecord): RecordRow {
  return {
    id: record.id,
    account: record.accountId,
    key: record.key,
    description: record.description,
    cloud_secret_path: record.cloudSecretPath,
    created_at: record.createdAt.getTime(),
    created_by_id: record.createdBy.id,
    created_by_type: record.createdBy.type,
    updated_at: record.updatedAt?.getTime() ?? NEVER_UPDATED,
    updated_by: record.updatedBy,
    revision: record.revision,
    store: record.pointer.store,
    path: record.pointer.path,
    version: record.pointer.version,
    versions: versionsText(record.versions),
    adopted: record.adopted ?? null,
  }
}

/** For authors of metadata stores in SQL: the record of a row, as a page shows it. */
export function recordOfRow(row: ListedRow): SecretRecord {
  return {
    id: row.id,
    accountId: row.account,
    cloudSecretPath: row.cloud_secret_path,
    createdAt: new Date(row.created_at),
    createdBy: { id: row.created_by_id, type: row.created_by_type },
    key: row.key,
    description: row.description,
    updatedAt: row.updated_at === NEVER_UPDATED ? null : new Date(row.updated_at),
    updatedBy: row.updated_by,
    revision: row.revision,
  }
}

/** For authors of metadata stores in SQL: the record of a row, with its pointer and what it keeps. */
export function storedOfRow(row: RecordRow): StoredRecord {
  const pointer = { store: row.store, path: row.path, version: row.version }
  return { ...recordOfRow(row), pointer, versions: versionsOfRow(row), adopted: row.adopted ?? undefined }
}

/** For authors of metadata stores in SQL: what no task may destroy while the row is there. */
export function keptOfRow({ version, versions }: Pick<RecordRow, 'version' | 'versions'>): readonly VersionId[] {
  return [...new Set([version, ...versionsOfText(versions).map(kept => kept.version)])]
}

/**
 * A release that does not know the column has left it as it was, and moved the pointer: then the last change is taken for the commit,
 * and its actor's type, which the row has not, for the creator's.
 */
function versionsOfRow(row: RecordRow): readonly RecordVersion[] {
  const known = versionsOfText(row.versions)
  if (known[0]?.version === row.version) return known
  const { version } = row
  const { revision, updatedAt, createdAt, updatedBy, createdBy } = recordOfRow(row)
  const first = { version, revision, committedAt: updatedAt ?? createdAt, committedBy: { ...createdBy, id: updatedBy ?? createdBy.id } }
  return [first, ...known.filter(other => other.version !== version)]
}
