import { AUDIT_GENESIS, auditHash, type AccountId, type AuditDraft, type AuditEntry, type SecretId } from '@strongroom/core'
import { auditOf, type AuditRow } from './rows.ts'
import { requireWhole, type RequestOf, type Transaction } from './transaction.ts'

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
  const sequence = (head?.audit_sequence ?? 0) + 1
  const previousHash = head?.audit_hash ?? AUDIT_GENESIS
  const hash = auditHash({ ...draft, sequence, at: new Date(now), previousHash })
  connection.run(INSERT, {
    registry,
    account,
    sequence,
    at: now,
    actor_id: draft.actor.id,
    actor_type: draft.actor.type,
    action: draft.action,
    outcome: draft.outcome,
    code: draft.code ?? null,
    secret: draft.secret ?? null,
    key: draft.key ?? null,
    operation_id: draft.operationId ?? null,
    previous_hash: previousHash,
    hash,
  })
  connection.run('UPDATE accounts SET audit_sequence = :sequence, audit_hash = :hash WHERE registry = :registry AND account = :account', {
    registry,
    account,
    sequence,
    hash,
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
    if (old.some(row => sameDraft(auditOf(row), entry))) return
  }
  writeAudit(transaction, entry)
}

export function readAudit({ connection, registry, operation }: Transaction, request: RequestOf<'readAudit'>): readonly AuditEntry[] {
  const { account, after, limit } = request
  requireWhole(operation, 'after', after, 0)
  requireWhole(operation, 'limit', limit, 1)
  const sql = 'SELECT * FROM audit WHERE registry = :registry AND account = :account AND sequence > :after ORDER BY sequence LIMIT :limit'
  return connection.all<AuditRow>(sql, { registry, account, after, limit }).map(auditOf)
}

function sameDraft(a: AuditDraft, b: AuditDraft): boolean {
  return (
    a.action === b.action &&
    a.outcome === b.outcome &&
    a.code === b.code &&
    a.secret === b.secret &&
    a.key === b.key &&
    a.actor.id === b.actor.id &&
    a.actor.type === b.actor.type
  )
}
