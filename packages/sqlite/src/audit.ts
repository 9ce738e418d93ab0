import {
  AUDIT_GENESIS,
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

/** The account's row with its counter and the head of its chain; made when the account first writes. */
export function ensureAccount({ connection, registry }: Transaction, account: AccountId): void {
  const sql = `
    INSERT INTO accounts (registry, account, records, audit_sequence, audit_hash) VALUES (:registry, :account, 0, 0, :genesis)
    ON CONFLICT DO NOTHING`
  connection.run(sql, { registry, account, genesis: AUDIT_GENESIS })
}

/** Chains an entry to the account's last. */
export function writeAudit(transaction: Transaction, draft: AuditDraft): void {
  const { connection, registry, now } = transaction
  const { account } = draft
  ensureAccount(transaction, account)
  const head = connection.get<{ audit_sequence: number; audit_hash: string }>(
    'SELECT audit_sequence, audit_hash FROM accounts WHERE registry = :registry AND account = :account',
    { registry, account },
  )
  const last = head === undefined ? undefined : { sequence: head.audit_sequence, hash: head.audit_hash }
  const entry = chainedEntry(draft, last, now)
  connection.run(INSERT, { registry, ...auditRow(entry) })
  connection.run('UPDATE accounts SET audit_sequence = :sequence, audit_hash = :hash WHERE registry = :registry AND account = :account', {
    registry,
    account,
    sequence: entry.sequence,
    hash: entry.hash,
  })
}

/** What the operation did, if it was done: the one source of truth once its intent is gone. */
export function findDone({ connection, registry }: Transaction, account: AccountId, token: string): { readonly secret: SecretId | null } | undefined {
  const sql = `SELECT secret FROM ${AUDIT_BY_OPERATION} WHERE registry = :registry AND account = :account AND operation_id = :token AND outcome = 'ok'`
  return connection.get(sql, { registry, account, token })
}

/** Repeated with the same operation id it writes nothing, as any other method. */
export function appendAudit(transaction: Transaction, { entry }: RequestOf<'appendAudit'>): void {
  const { connection, registry } = transaction
  const { account, operationId } = entry
  if (operationId !== undefined) {
    const sql = `SELECT * FROM ${AUDIT_BY_OPERATION} WHERE registry = :registry AND account = :account AND operation_id = :operationId`
    const old = connection.all<AuditRow>(sql, { registry, account, operationId })
    if (old.some(row => isRepeated(auditOfRow(row), entry))) return
  }
  writeAudit(transaction, entry)
}

export function readAudit({ connection, registry, operation }: Transaction, request: RequestOf<'readAudit'>): readonly AuditEntry[] {
  const { account, after, limit } = request
  requireWhole(operation, 'after', after, 0)
  requireWhole(operation, 'limit', limit, 1)
  const sql = 'SELECT * FROM audit WHERE registry = :registry AND account = :account AND sequence > :after ORDER BY sequence LIMIT :limit'
  return connection.all<AuditRow>(sql, { registry, account, after, limit }).map(auditOfRow)
}
