import type { Intent, IntentId } from '../../work.ts'
import type { AccountId, Actor, NativePath, SecretId, VersionId } from '../../words.ts'

/** For authors of metadata stores in SQL: an intent as a row. Times are milliseconds since 1970. */
export interface IntentRow {
  readonly id: IntentId
  readonly operation: Intent['operation']
  readonly account: AccountId
  readonly secret: SecretId
  readonly key: string
  readonly actor_id: string
  readonly actor_type: Actor['type']
  readonly store: string
  readonly path: NativePath
  readonly base_version: VersionId | null
  readonly base_revision: number | null
  /** 1 when the commit writes the description, 0 when it leaves the record's. */
  readonly sets_description: number
  readonly description: string | null
  readonly token: string
  readonly begun_at: number
  readonly lease_until: number
  readonly recoveries: number
  readonly replaces: VersionId | null
  readonly request: string | null
}

/** For authors of metadata stores in SQL: the row of an intent. */
export function intentRow(intent: Intent): IntentRow {
  return {
    id: intent.id,
    operation: intent.operation,
    account: intent.account,
    secret: intent.secret,
    key: intent.key,
    actor_id: intent.actor.id,
    actor_type: intent.actor.type,
    store: intent.store,
    path: intent.path,
    base_version: intent.base?.version ?? null,
    base_revision: intent.base?.revision ?? null,
    sets_description: intent.description === undefined ? 0 : 1,
    description: intent.description ?? null,
    token: intent.token,
    begun_at: intent.begunAt.getTime(),
    lease_until: intent.leaseUntil.getTime(),
    recoveries: intent.recoveries,
    replaces: intent.replaces ?? null,
    request: intent.request ?? null,
  }
}

/** For authors of metadata stores in SQL: the intent of a row. */
export function intentOfRow(row: IntentRow): Intent {
  const { base_version: version, base_revision: revision } = row
  return {
    id: row.id,
    operation: row.operation,
    account: row.account,
    secret: row.secret,
    key: row.key,
    actor: { id: row.actor_id, type: row.actor_type },
    store: row.store,
    path: row.path,
    base: version === null || revision === null ? undefined : { version, revision },
    description: row.sets_description === 1 ? row.description : undefined,
    token: row.token,
    begunAt: new Date(row.begun_at),
    leaseUntil: new Date(row.lease_until),
    recoveries: row.recoveries,
    replaces: row.replaces ?? undefined,
    request: row.request ?? undefined,
  }
}
