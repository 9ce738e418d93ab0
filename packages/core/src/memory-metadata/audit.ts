import { AUDIT_GENESIS, auditHash, type AuditDraft, type AuditEntry } from '../audit.ts'
import type { AccountId, SecretId } from '../words.ts'
import { requireWhole, type RequestOf, type Transaction } from './state.ts'

/** Chains an entry to the account's last. */
export function writeAudit({ state, now }: Transaction, draft: AuditDraft): void {
  const entries = state.audit.get(draft.account) ?? []
  const { account, actor, action, outcome, code, secret, key, operationId } = draft
  const entry = {
    account,
    actor: { id: actor.id, type: actor.type },
    action,
    outcome,
    code,
    secret,
    key,
    operationId,
    sequence: entries.length + 1,
    at: new Date(now),
    previousHash: entries.at(-1)?.hash ?? AUDIT_GENESIS,
  }
  entries.push({ ...entry, hash: auditHash(entry) })
  state.audit.set(draft.account, entries)
}

/** What the operation did, if it was done: the one source of truth once its intent is gone. */
export function findDone({ state }: Transaction, account: AccountId, token: string): { readonly secret?: SecretId | undefined } | undefined {
  return state.audit.get(account)?.find(entry => entry.operationId === token && entry.outcome === 'ok')
}

/** Repeated with the same operation id it writes nothing, as any other method. */
export function appendAudit(transaction: Transaction, { entry }: RequestOf<'appendAudit'>): void {
  const { account, operationId } = entry
  const repeated = operationId !== undefined && transaction.state.audit.get(account)?.some(old => sameDraft(old, entry))
  if (repeated !== true) writeAudit(transaction, entry)
}

export function readAudit({ state, operation }: Transaction, { account, after, limit }: RequestOf<'readAudit'>): readonly AuditEntry[] {
  requireWhole(operation, 'after', after, 0)
  requireWhole(operation, 'limit', limit, 1)
  const entries = state.audit.get(account) ?? []
  // Sequences count from 1 without gaps, so the entry after number n is at index n.
  return entries.slice(after, after + limit).map(copyAudit)
}

function sameDraft(a: AuditDraft, b: AuditDraft): boolean {
  return (
    a.operationId === b.operationId &&
    a.action === b.action &&
    a.outcome === b.outcome &&
    a.code === b.code &&
    a.secret === b.secret &&
    a.key === b.key &&
    a.actor.id === b.actor.id &&
    a.actor.type === b.actor.type
  )
}

function copyAudit(entry: AuditEntry): AuditEntry {
  return { ...entry, actor: { ...entry.actor }, at: new Date(entry.at) }
}
