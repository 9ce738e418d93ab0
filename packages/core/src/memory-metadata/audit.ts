import type { AuditDraft, AuditEntry } from '../audit.ts'
import { chainedEntry, isRepeated } from '../metadata-support/audit.ts'
import { requireWhole, type RequestOf } from '../metadata-support/requests.ts'
import type { AccountId, SecretId } from '../words.ts'
import type { Transaction } from './state.ts'

/** Chains an entry to the account's last. */
export function writeAudit({ state, now }: Transaction, draft: AuditDraft): void {
  const entries = state.audit.get(draft.account) ?? []
  entries.push(chainedEntry(draft, entries.at(-1), now))
  state.audit.set(draft.account, entries)
}

/** What the operation did, if it was done: the one source of truth once its intent is gone. */
export function findDone({ state }: Transaction, account: AccountId, token: string): { readonly secret?: SecretId | undefined } | undefined {
  return state.audit.get(account)?.find(entry => entry.operationId === token && entry.outcome === 'ok')
}

/** Repeated with the same operation id it writes nothing, as any other method. */
export function appendAudit(transaction: Transaction, { entry }: RequestOf<'appendAudit'>): void {
  const repeated = entry.operationId !== undefined && transaction.state.audit.get(entry.account)?.some(old => isRepeated(old, entry))
  if (repeated !== true) writeAudit(transaction, entry)
}

export function readAudit({ state, operation }: Transaction, { account, after, limit }: RequestOf<'readAudit'>): readonly AuditEntry[] {
  requireWhole(operation, 'after', after, 0)
  requireWhole(operation, 'limit', limit, 1)
  const entries = state.audit.get(account) ?? []
  // Sequences count from 1 without gaps, so the entry after number n is at index n.
  return entries.slice(after, after + limit).map(copyAudit)
}

function copyAudit(entry: AuditEntry): AuditEntry {
  return { ...entry, actor: { ...entry.actor }, at: new Date(entry.at) }
}
