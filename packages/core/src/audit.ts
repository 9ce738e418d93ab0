import { crypto } from './internal/crypto.ts'
import type { SecretErrorCode } from './errors.ts'
import type { AccountId, Actor, SecretId } from './words.ts'

/** What an actor may be allowed to do. */
export type Action =
  | 'secret.create'
  | 'secret.list'
  | 'secret.describe'
  | 'secret.update'
  | 'secret.versions'
  | 'secret.rollback'
  | 'secret.delete'
  | 'secret.read_value'
  | 'secret.repair'
  | 'secret.migrate'
  | 'secret.adopt'
  | 'audit.read'

/**
 * One attempt. `unknown`: the caller was told that it may have happened; an `ok` or `failed` entry with the same operation id
 * follows once recovery has settled it.
 */
export interface AuditDraft {
  readonly account: AccountId
  readonly actor: Actor
  readonly action: Action
  readonly outcome: 'ok' | 'denied' | 'failed' | 'unknown'
  readonly code?: SecretErrorCode | undefined
  readonly secret?: SecretId | undefined
  /** The key as the caller named it, also where no secret was found. */
  readonly key?: string | undefined
  /** The operation id of a write: the same in the intent, in the cloud's version where it can be, and here. */
  readonly operationId?: string | undefined
}

/** A draft as it stands in the database. `sequence` counts from 1 within the registry's account, without gaps. */
export interface AuditEntry extends AuditDraft {
  readonly sequence: number
  /** By the database's clock, milliseconds since 1970. */
  readonly at: Date
  readonly previousHash: string
  readonly hash: string
}

/** `previousHash` of the first entry. */
export const AUDIT_GENESIS: string = '0'.repeat(64)

/**
 * The hash of an entry: SHA-256, in lower-case hex, of a JSON array of the previous hash and every field, in the order
 * below, `null` for what is absent. A metadata store calls it inside the transaction that writes the entry.
 */
export function auditHash(entry: Omit<AuditEntry, 'hash'>): string {
  const fields = [
    entry.previousHash,
    entry.sequence,
    entry.at.getTime(),
    entry.account,
    entry.actor.type,
    entry.actor.id,
    entry.action,
    entry.outcome,
    entry.code ?? null,
    entry.secret ?? null,
    entry.key ?? null,
    entry.operationId ?? null,
  ]
  return crypto().hash('sha256', JSON.stringify(fields))
}

/** `ok`, or the first entry that does not follow from the one before it. */
export type AuditVerdict =
  | { readonly ok: true; readonly entries: number; readonly lastHash: string }
  | { readonly ok: false; readonly sequence: number; readonly problem: 'gap' | 'chain' | 'hash' }

/** Checks a chain from its first entry: no gap in `sequence`, each `previousHash` the hash before it, each hash its entry's. */
export async function verifyAudit(entries: AsyncIterable<AuditEntry> | Iterable<AuditEntry>): Promise<AuditVerdict> {
  let count = 0
  let lastHash = AUDIT_GENESIS
  for await (const entry of entries) {
    count += 1
    if (entry.sequence !== count) return { ok: false, sequence: count, problem: 'gap' }
    if (entry.previousHash !== lastHash) return { ok: false, sequence: count, problem: 'chain' }
    if (auditHash(entry) !== entry.hash) return { ok: false, sequence: count, problem: 'hash' }
    lastHash = entry.hash
  }
  return { ok: true, entries: count, lastHash }
}
