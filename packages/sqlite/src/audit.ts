import {
  auditOfRow,
  auditRow,
  chainedEntry,
  isRepeated,
  requireWhole,
  type AccountId,
  type AuditDraft,
  type AuditEntry,
  type AuditRow,
  type RequestOf,
  type SecretId,
} from '@strongroom/core'
import type { Transaction } from './transaction.ts'

const INSERT = `
  INSERT INTO audit (registry, account, sequence, at, actor_id, actor_type, action, outcome, code, secret, key, operation_id, previous_hash, hash)
  VALUES (:registry, :account, :sequence, :at, :actor_id, :actor_type, :action, :outcome, :code, :secret, :key, :operation_id, :previous_hash, :hash)`

/** Named, because SQLite would rather go through all of the account's entries, which lie together. */
const AUDIT_BY_OPERATION = 'audit INDEXED BY audit_operation'

/** Chains an entry to the account's last. */
export function writeAudit({ chains, connection, registry, now }: Transaction, draft: AuditDraft): void {
  const chain = chains.of(registry, draft.account)
  const entry = chainedEntry(draft, chain.head, now)
  connection.run(INSERT, { registry, ...auditRow(entry) })
  chain.head = entry
}

export function appendAudit(transaction: Transaction, { entry }: RequestOf<'appendAudit'>): void {
  if (!isThere(transaction, entry)) writeAudit(transaction, entry)
}

/** What the operation did, if it was done: the one source of truth once its intent is gone. */
export function findDone({ connection, registry }: Transaction, account: AccountId, token: string): { readonly secret: SecretId | null } | undefined {
  const sql = `SELECT secret FROM ${AUDIT_BY_OPERATION} WHERE registry = :registry AND account = :account AND operation_id = :token AND outcome = 'ok'`
  return connection.get(sql, { registry, account, token })
}

/** Whether it is repeated, with the same operation id: then it is not written again. */
function isThere({ connection, registry }: Transaction, entry: AuditDraft): boolean {
  const { account, operationId } = entry
  if (operationId === undefined) return false
  const sql = `SELECT * FROM ${AUDIT_BY_OPERATION} WHERE registry = :registry AND account = :account AND operation_id = :operationId`
  return connection.all<AuditRow>(sql, { registry, account, operationId }).some(row => isRepeated(auditOfRow(row), entry))
}

export function readAudit({ connection, registry, operation }: Transaction, request: RequestOf<'readAudit'>): readonly AuditEntry[] {
  const { account, after, limit } = request
  requireWhole(operation, 'after', after, 0)
  requireWhole(operation, 'limit', limit, 1)
  const sql = 'SELECT * FROM audit WHERE registry = :registry AND account = :account AND sequence > :after ORDER BY sequence LIMIT :limit'
  return connection.all<AuditRow>(sql, { registry, account, after, limit }).map(auditOfRow)
}
