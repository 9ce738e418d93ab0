import { AUDIT_GENESIS, auditHash, type AuditDraft, type AuditEntry } from '../audit.ts'

/** For authors of metadata stores: the last entry of an account's chain; undefined before the first. */
export type AuditHead = Pick<AuditEntry, 'sequence' | 'hash'>

/** For authors of metadata stores: the draft as the next entry of the chain. */
export function chainedEntry(draft: AuditDraft, head: AuditHead | undefined, now: number): AuditEntry {
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
    sequence: (head?.sequence ?? 0) + 1,
    at: new Date(now),
    previousHash: head?.hash ?? AUDIT_GENESIS,
  }
  return { ...entry, hash: auditHash(entry) }
}

/** For authors of metadata stores: whether an entry is what the draft would write again. A draft without an operation id is always new. */
export function isRepeated(entry: AuditDraft, draft: AuditDraft): boolean {
  return (
    draft.operationId !== undefined &&
    entry.operationId === draft.operationId &&
    entry.action === draft.action &&
    entry.outcome === draft.outcome &&
    entry.code === draft.code &&
    entry.secret === draft.secret &&
    entry.key === draft.key &&
    entry.actor.id === draft.actor.id &&
    entry.actor.type === draft.actor.type
  )
}
