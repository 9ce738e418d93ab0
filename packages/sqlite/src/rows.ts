import type {
  AccountId,
  Action,
  Actor,
  AuditEntry,
  Intent,
  IntentId,
  NativePath,
  QueueEntry,
  QueueTask,
  SecretErrorCode,
  SecretId,
  SecretRecord,
  StoredRecord,
  VersionId,
} from '@strongroom/core'
import { NEVER_UPDATED } from './schema.ts'

export interface RecordRow {
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
  readonly store: string
  readonly path: NativePath
  readonly version: VersionId
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
  readonly sets_description: number
  readonly description: string | null
  readonly token: string
  readonly lease_until: number
  readonly recoveries: number
}

export interface QueueRow {
  readonly sequence: number
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

export function recordOfRow(row: RecordRow): SecretRecord {
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

export function storedOf(row: RecordRow): StoredRecord {
  return { ...recordOfRow(row), pointer: { store: row.store, path: row.path, version: row.version } }
}

/** Without the pointer, which the callers of a commit have no use for. */
export function withoutPointer({ pointer: _pointer, ...record }: StoredRecord): SecretRecord {
  return record
}

export function intentOf(row: IntentRow): Intent {
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
    leaseUntil: new Date(row.lease_until),
    recoveries: row.recoveries,
  }
}

/** An entry as its claimant gets it; `claim` is there whenever it is claimed. */
export function entryOf(row: QueueRow): QueueEntry {
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
  }
}

export function auditOf(row: AuditRow): AuditEntry {
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
