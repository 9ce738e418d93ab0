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

type Head = Pick<AuditEntry, 'sequence' | 'hash'>

/** Chains an entry to the account's last. */
export function writeAudit(transaction: Transaction, draft: AuditDraft): void {
  const last = headOf(transaction, draft.account)
  writeHead(transaction, draft.account, insertAfter(transaction, last, draft))
}

function headOf(transaction: Transaction, account: AccountId): Head | undefined {
  const { connection, registry } = transaction
  ensureAccount(transaction, account)
  const sql = 'SELECT audit_sequence, audit_hash FROM accounts WHERE registry = :registry AND account = :account'
  const head = connection.get<{ audit_sequence: number; audit_hash: string }>(sql, { registry, account })
  return head === undefined ? undefined : { sequence: head.audit_sequence, hash: head.audit_hash }
}

function insertAfter({ connection, registry, now }: Transaction, last: Head | undefined, draft: AuditDraft): Head {
  const entry = chainedEntry(draft, last, now)
  connection.run(INSERT, { registry, ...auditRow(entry) })
  return entry
}

function writeHead({ connection, registry }: Transaction, account: AccountId, { sequence, hash }: Head): void {
  const sql = 'UPDATE accounts SET audit_sequence = :sequence, audit_hash = :hash WHERE registry = :registry AND account = :account'
  connection.run(sql, { registry, account, sequence, hash })
}

/** Entries of one transaction: the head of each account's chain is read and written once. */
export class AuditGroup {
  readonly #heads = new Map<string, { readonly transaction: Transaction; readonly account: AccountId; head: Head | undefined }>()

  append(transaction: Transaction, { entry }: RequestOf<'appendAudit'>): void {
    if (isThere(transaction, entry)) return
    const { account } = entry
    const name = JSON.stringify([transaction.registry, account])
    const known = this.#heads.get(name) ?? { transaction, account, head: headOf(transaction, account) }
    known.head = insertAfter(transaction, known.head, entry)
    this.#heads.set(name, known)
  }

  end(): void {
    for (const { transaction, account, head } of this.#heads.values()) if (head !== undefined) writeHead(transaction, account, head)
  }
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
