import type { AuditDraft } from '../audit.ts'
import { crypto } from '../internal/crypto.ts'
import type { BeginCreate, BeginMigrate, BeginUpdate, Busy } from '../metadata-requests.ts'
import type { StoredRecord } from '../records.ts'
import type { Intent, IntentId, PendingWork } from '../work.ts'

/** For authors of metadata stores: the intent of a create. Times are milliseconds since 1970 by the database's clock, here and below. */
export function createIntent(request: BeginCreate, now: number): Intent {
  const { secret, key, store, path, description } = request
  return newIntent(request, now, { operation: 'create', secret, key, store, path, base: undefined, description })
}

/** For authors of metadata stores: the intent of an update of the record as it is. */
export function updateIntent(request: BeginUpdate, record: StoredRecord, now: number): Intent {
  const { id: secret, key, pointer, revision } = record
  const { store, path, version } = pointer
  const { description, replaces } = request
  return newIntent(request, now, { operation: 'update', secret, key, store, path, base: { version, revision }, description, replaces })
}

/** For authors of metadata stores: the intent of a migration of the record as it is. */
export function migrateIntent(request: BeginMigrate, record: StoredRecord, now: number): Intent {
  const { secret, store, path } = request
  const base = { version: record.pointer.version, revision: record.revision }
  return newIntent(request, now, { operation: 'migrate', secret, key: record.key, store, path, base, description: undefined })
}

/** For authors of metadata stores: what a writer is told that finds another's intent. */
export function busy(intent: Intent, now: number): Busy {
  return { state: 'busy', intent: intent.id, expired: intent.leaseUntil.getTime() <= now }
}

/** For authors of metadata stores: the answer to a repeated begin. The lease of an intent that recovery has claimed is recovery's: its writer must not send in it. */
export function begunAgain(intent: Intent, now: number): { readonly state: 'begun'; readonly intent: Intent } | Busy {
  return intent.recoveries > 0 ? busy(intent, now) : { state: 'begun', intent }
}

/** For authors of metadata stores: the intent once recovery has claimed it. */
export function claimedIntent(intent: Intent, leaseUntil: number): Intent {
  return { ...intent, leaseUntil: new Date(leaseUntil), recoveries: intent.recoveries + 1 }
}

/** For authors of metadata stores: an intent as `pending` shows it. */
export function pendingOfIntent({ id, account, secret, store, path, begunAt, leaseUntil, recoveries }: Intent): PendingWork {
  const times = { since: new Date(begunAt), dueAt: new Date(leaseUntil) }
  const untold = { version: undefined, code: undefined, retainedUntil: undefined }
  return { id, task: 'settle', account, secret, store, path, ...times, attempts: recoveries, ...untold }
}

/** For authors of metadata stores: the audit entry at the end of an intent, but for how it ended. */
export function auditOfIntent({ account, actor, operation, secret, key, token }: Intent): Omit<AuditDraft, 'outcome'> {
  return { account, actor, action: `secret.${operation}`, secret, key, operationId: token }
}

function newIntent(
  { account, actor, token, leaseMs, request }: Pick<BeginCreate, 'account' | 'actor' | 'token' | 'leaseMs' | 'request'>,
  now: number,
  own: Pick<Intent, 'operation' | 'secret' | 'key' | 'store' | 'path' | 'base' | 'description'> & Partial<Pick<Intent, 'replaces'>>,
): Intent {
  return {
    replaces: undefined,
    ...own,
    id: crypto().randomUUID() as string as IntentId,
    account,
    actor: { id: actor.id, type: actor.type },
    token,
    begunAt: new Date(now),
    leaseUntil: new Date(now + leaseMs),
    recoveries: 0,
    request: request?.ids[0],
  }
}
