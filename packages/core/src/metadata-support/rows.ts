import type { Action, AuditEntry } from '../audit.ts'
import type { SecretErrorCode } from '../errors.ts'
import type { RecordVersion, SecretRecord, StoredRecord } from '../records.ts'
import type { Intent, IntentId, QueueTask } from '../work.ts'
import type { AccountId, Actor, NativePath, SecretId, VersionId } from '../words.ts'
import type { Task } from './tasks.ts'

/**
 * For authors of metadata stores: what `updated_at` holds for a record that was never updated: less than any date of JavaScript. NULL
 * would not do, since the comparison of a keyset page with NULL is neither true nor false.
 */
export const NEVER_UPDATED = -8_640_000_000_000_001

/** For authors of metadata stores in SQL: a record as a row. Times are milliseconds since 1970, here and below. */
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

export interface IntentRow {
  readonly id: IntentId
  readonly operation: Intent['operation']
  readonly account: AccountId
  readonly secret: SecretId
  readonly key: string
  readonly actor_id: string
  readonly actor_type: Actor['type']
  readonly store: string
  readonly path: NativePath
  readonly base_version: VersionId | null
  readonly base_revision: number | null
  /** 1 when the commit writes the description, 0 when it leaves the record's. */
  readonly sets_description: number
  readonly description: string | null
  readonly token: string
  readonly begun_at: number
  readonly lease_until: number
  readonly recoveries: number
  readonly replaces: VersionId | null
  readonly request: string | null
}

export interface TaskRow {
  readonly id: string
  readonly task: QueueTask
  readonly account: AccountId
  readonly secret: SecretId
  readonly store: string
  readonly path: NativePath
  readonly version: VersionId | null
  readonly token: string | null
  readonly attempts: number
  readonly queued_at: number
  readonly claim: string | null
  readonly ready_at: number
  readonly code: SecretErrorCode | null
  readonly retained_until: number | null
  /** What an old copy was, as JSON. */
  readonly copy: string | null
}

export interface AuditRow {
  readonly account: AccountId
  readonly sequence: number
  readonly at: number
  readonly actor_id: string
  readonly actor_type: Actor['type']
  readonly action: Action
  readonly outcome: AuditEntry['outcome']
  readonly code: SecretErrorCode | null
  readonly secret: SecretId | null
  readonly key: string | null
  readonly operation_id: string | null
  readonly previous_hash: string
  readonly hash: string
}

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

export function storedOfRow(row: RecordRow): StoredRecord {
  const pointer = { store: row.store, path: row.path, version: row.version }
  return { ...recordOfRow(row), pointer, versions: versionsOfRow(row), adopted: row.adopted ?? undefined }
}

interface VersionEntry {
  readonly version: VersionId
  readonly revision: number
  readonly committed_at: number
  readonly committed_by_id: string
  readonly committed_by_type: Actor['type']
}

/** In one column of the record, since they are read and written with it alone. */
function versionsText(versions: readonly RecordVersion[]): string {
  const entries = versions.map(({ version, revision, committedAt, committedBy }): VersionEntry => ({
    version,
    revision,
    committed_at: committedAt.getTime(),
    committed_by_id: committedBy.id,
    committed_by_type: committedBy.type,
  }))
  return JSON.stringify(entries)
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

function versionsOfText(text: string): readonly RecordVersion[] {
  return entriesOf(text).map(entry => ({
    version: entry.version,
    revision: entry.revision,
    committedAt: new Date(entry.committed_at),
    committedBy: { id: entry.committed_by_id, type: entry.committed_by_type },
  }))
}

interface CopyText {
  readonly cloud_secret_path: string
  /** A {@link versionsText}. */
  readonly versions: string
}

function copyText({ cloudSecretPath, versions }: NonNullable<Task['copy']>): string {
  const copy: CopyText = { cloud_secret_path: cloudSecretPath, versions: versionsText(versions) }
  return JSON.stringify(copy)
}

function copyOfText(text: string): NonNullable<Task['copy']> {
  const copy = JSON.parse(text) as CopyText
  return { cloudSecretPath: copy.cloud_secret_path, versions: versionsOfText(copy.versions) }
}

/** For authors of metadata stores in SQL: what no task may destroy while the row is there. */
export function keptOfRow({ version, versions }: Pick<RecordRow, 'version' | 'versions'>): readonly VersionId[] {
  return [...new Set([version, ...entriesOf(versions).map(entry => entry.version)])]
}

function entriesOf(versions: string): readonly VersionEntry[] {
  return JSON.parse(versions) as readonly VersionEntry[]
}

export function intentRow(intent: Intent): IntentRow {
  return {
    id: intent.id,
    operation: intent.operation,
    account: intent.account,
    secret: intent.secret,
    key: intent.key,
    actor_id: intent.actor.id,
    actor_type: intent.actor.type,
    store: intent.store,
    path: intent.path,
    base_version: intent.base?.version ?? null,
    base_revision: intent.base?.revision ?? null,
    sets_description: intent.description === undefined ? 0 : 1,
    description: intent.description ?? null,
    token: intent.token,
    begun_at: intent.begunAt.getTime(),
    lease_until: intent.leaseUntil.getTime(),
    recoveries: intent.recoveries,
    replaces: intent.replaces ?? null,
    request: intent.request ?? null,
  }
}

export function intentOfRow(row: IntentRow): Intent {
  const { base_version: version, base_revision: revision } = row
  return {
    id: row.id,
    operation: row.operation,
    account: row.account,
    secret: row.secret,
    key: row.key,
    actor: { id: row.actor_id, type: row.actor_type },
    store: row.store,
    path: row.path,
    base: version === null || revision === null ? undefined : { version, revision },
    description: row.sets_description === 1 ? row.description : undefined,
    token: row.token,
    begunAt: new Date(row.begun_at),
    leaseUntil: new Date(row.lease_until),
    recoveries: row.recoveries,
    replaces: row.replaces ?? undefined,
    request: row.request ?? undefined,
  }
}

export function taskRow(task: Task): TaskRow {
  return {
    id: task.id,
    task: task.task,
    account: task.account,
    secret: task.secret,
    store: task.store,
    path: task.path,
    version: task.version ?? null,
    token: task.token ?? null,
    attempts: task.attempts,
    queued_at: task.queuedAt.getTime(),
    claim: task.claim === '' ? null : task.claim,
    ready_at: task.readyAt,
    code: task.code ?? null,
    retained_until: task.retainedUntil ?? null,
    copy: task.copy === undefined ? null : copyText(task.copy),
  }
}

export function taskOfRow(row: TaskRow): Task {
  return {
    id: row.id,
    task: row.task,
    account: row.account,
    secret: row.secret,
    store: row.store,
    path: row.path,
    version: row.version ?? undefined,
    token: row.token ?? undefined,
    attempts: row.attempts,
    queuedAt: new Date(row.queued_at),
    claim: row.claim ?? '',
    readyAt: row.ready_at,
    code: row.code ?? undefined,
    retainedUntil: row.retained_until ?? undefined,
    copy: row.copy === null ? undefined : copyOfText(row.copy),
  }
}

export function auditRow(entry: AuditEntry): AuditRow {
  return {
    account: entry.account,
    sequence: entry.sequence,
    at: entry.at.getTime(),
    actor_id: entry.actor.id,
    actor_type: entry.actor.type,
    action: entry.action,
    outcome: entry.outcome,
    code: entry.code ?? null,
    secret: entry.secret ?? null,
    key: entry.key ?? null,
    operation_id: entry.operationId ?? null,
    previous_hash: entry.previousHash,
    hash: entry.hash,
  }
}

export function auditOfRow(row: AuditRow): AuditEntry {
  return {
    account: row.account,
    actor: { id: row.actor_id, type: row.actor_type },
    action: row.action,
    outcome: row.outcome,
    code: row.code ?? undefined,
    secret: row.secret ?? undefined,
    key: row.key ?? undefined,
    operationId: row.operation_id ?? undefined,
    sequence: row.sequence,
    at: new Date(row.at),
    previousHash: row.previous_hash,
    hash: row.hash,
  }
}
