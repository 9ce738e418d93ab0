import {
  auditOfRow,
  auditRow,
  chainedEntry,
  isRepeated,
  requireWhole,
  type AuditDraft,
  type AuditEntry,
  type AuditRow,
  type RequestOf,
  type SecretId,
} from '@strongroom/core'
import type { AccountTransaction, Transaction } from './transaction.ts'

const OF_OPERATION = 'SELECT * FROM audit WHERE registry = $1 AND account = $2 AND operation_id = $3'

/** Chains an entry to the account's last. */
export async function writeAudit({ connection, registry, account, now }: AccountTransaction, draft: AuditDraft): Promise<void> {
  const entry = chainedEntry(draft, { sequence: account.auditSequence, hash: account.auditHash }, now)
  await connection.insert('audit', { registry, ...auditRow(entry) })
  account.auditSequence = entry.sequence
  account.auditHash = entry.hash
}

/** What the operation did, if it was done: the one source of truth once its intent is gone. */
export async function findDone(
  { connection, registry, account }: AccountTransaction,
  token: string,
): Promise<{ readonly secret: SecretId | null } | undefined> {
  return await connection.get<AuditRow>(`${OF_OPERATION} AND outcome = 'ok'`, registry, account.id, token)
}

/** Repeated with the same operation id it writes nothing, as any other method. */
export async function appendAudit(transaction: AccountTransaction, { entry }: RequestOf<'appendAudit'>): Promise<void> {
  const { connection, registry } = transaction
  const { account, operationId } = entry
  const old = operationId === undefined ? [] : await connection.all<AuditRow>(OF_OPERATION, registry, account, operationId)
  if (!old.some(row => isRepeated(auditOfRow(row), entry))) await writeAudit(transaction, entry)
}

export async function readAudit({ connection, registry, operation }: Transaction, request: RequestOf<'readAudit'>): Promise<readonly AuditEntry[]> {
  const { account, after, limit } = request
  requireWhole(operation, 'after', after, 0)
  requireWhole(operation, 'limit', limit, 1)
  const sql = 'SELECT * FROM audit WHERE registry = $1 AND account = $2 AND sequence > $3 ORDER BY sequence LIMIT $4'
  return (await connection.all<AuditRow>(sql, registry, account, after, limit)).map(auditOfRow)
}
