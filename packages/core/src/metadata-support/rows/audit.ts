import type { Action, AuditEntry } from '../../audit.ts'
import type { SecretErrorCode } from '../../errors.ts'
import type { AccountId, Actor, SecretId } from '../../words.ts'

/** For authors of metadata stores in SQL: an audit entry as a row. Times are milliseconds since 1970. */
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

/** For authors of metadata stores in SQL: the row of an audit entry. */
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

/** For authors of metadata stores in SQL: the audit entry of a row. */
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
