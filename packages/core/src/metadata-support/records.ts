import { SecretError } from '../errors.ts'
import type { AdoptRequest } from '../metadata-requests.ts'
import type { OldCopy, Pointer, RecordVersion, SecretRecord, StoredRecord } from '../records.ts'
import type { Intent, QueueDraft } from '../work.ts'
import type { Actor, VersionId } from '../words.ts'
import type { RequestOf } from './requests.ts'

/** For authors of metadata stores: the record that the commit of a create writes. */
export function createdRecord(intent: Intent, version: VersionId, fullPath: string, now: number): StoredRecord {
  const { store, path, description = null } = intent
  return newRecord({ ...intent, description, pointer: { store, path, version }, fullPath }, undefined, now)
}

/** For authors of metadata stores: the record of a secret that is adopted. */
export function adoptedRecord(request: AdoptRequest, now: number): StoredRecord {
  const { id, type } = request.actor
  return newRecord({ ...request, actor: { id, type } }, request.pointer.version, now)
}

function newRecord(
  made: Pick<AdoptRequest, 'account' | 'secret' | 'key' | 'description' | 'actor' | 'pointer' | 'fullPath'>,
  adopted: VersionId | undefined,
  now: number,
): StoredRecord {
  const { account, secret, key, description, actor, pointer, fullPath } = made
  return {
    id: secret,
    accountId: account,
    cloudSecretPath: fullPath,
    createdAt: new Date(now),
    createdBy: actor,
    key,
    description,
    updatedAt: null,
    updatedBy: null,
    revision: 1,
    pointer: { ...pointer },
    versions: [{ version: pointer.version, revision: 1, committedAt: new Date(now), committedBy: actor }],
    adopted,
  }
}

/** For authors of metadata stores: the record once it is at another place; undefined when it is not at `from`. */
export function migratedRecord(
  record: StoredRecord | undefined,
  from: Pointer,
  to: { readonly pointer: Pointer } & Pick<OldCopy, 'cloudSecretPath' | 'versions'>,
): StoredRecord | undefined {
  if (record === undefined || !samePointer(record.pointer, from)) return undefined
  const { version } = to.pointer
  const committed = record.versions.slice(0, 1).map(first => ({ ...first, version }))
  const versions = [...committed, ...to.versions.filter(kept => kept.version !== version)]
  return { ...record, cloudSecretPath: to.cloudSecretPath, pointer: { ...to.pointer }, versions, adopted: undefined }
}

/**
 * For authors of metadata stores: the record that the commit of an update writes, and the tasks of the versions that it keeps no
 * longer; undefined when the row is not as it was when the intent began.
 */
export function updatedRecord(
  intent: Intent,
  record: StoredRecord | undefined,
  { version, keep }: Pick<RequestOf<'commitUpdate'>, 'version' | 'keep'>,
  now: number,
): { readonly record: StoredRecord; readonly destroy: readonly QueueDraft[] } | undefined {
  const { store, path, base, actor, replaces } = intent
  if (record === undefined || base === undefined || record.revision !== base.revision) return undefined
  if (!samePointer(record.pointer, { store, path, version: base.version })) return undefined
  const description = intent.description === undefined ? record.description : intent.description
  const changed = pointedAt({ ...record, description }, version, actor, now)
  const versions = changed.versions.filter(kept => kept.version !== replaces).slice(0, keep)
  const fallen = changed.versions.filter(kept => !versions.includes(kept) && kept.version !== record.adopted)
  return {
    record: { ...changed, versions },
    destroy: fallen.map(({ version: old }) => ({ task: 'destroy_version', store, path, version: old })),
  }
}

/**
 * For authors of metadata stores: the record once it is rolled back to the version; the same one when it points there already.
 * @throws SecretError `not_found` for a version that it does not keep
 */
export function rolledBackRecord(operation: string, record: StoredRecord, version: VersionId, actor: Actor, now: number): StoredRecord {
  if (record.pointer.version === version) return record
  if (!keptBy(record).includes(version)) throw notKept(operation)
  return pointedAt(record, version, actor, now)
}

/** What a rollback is told whose version is not among those that the record keeps. */
export function notKept(operation: string): SecretError {
  return SecretError.refused('not_found', operation, { hint: 'the secret does not keep that version; `versions` lists those that it keeps' })
}

/** The next revision of a record, which points at the version. */
function pointedAt(record: StoredRecord, version: VersionId, actor: Actor, now: number): StoredRecord {
  const changed = changedRecord({ ...record, updatedBy: actor.id, pointer: { ...record.pointer, version } }, now)
  const first: RecordVersion = { version, revision: changed.revision, committedAt: new Date(now), committedBy: { id: actor.id, type: actor.type } }
  return { ...changed, versions: [first, ...record.versions.filter(kept => kept.version !== version)] }
}

/** For authors of metadata stores: the next revision of a record, with what has been changed in it. */
export function changedRecord(changed: StoredRecord, now: number): StoredRecord {
  return { ...changed, updatedAt: new Date(now), revision: changed.revision + 1 }
}

/** For authors of metadata stores: without what it keeps and where, which is the registry's own affair. */
export function withoutPointer(stored: StoredRecord): SecretRecord {
  const { id, accountId, cloudSecretPath, createdAt, createdBy, key, description, updatedAt, updatedBy, revision } = stored
  return { id, accountId, cloudSecretPath, createdAt, createdBy, key, description, updatedAt, updatedBy, revision }
}

/** For authors of metadata stores: what no task may destroy while the record is there. */
export function keptBy({ versions }: Pick<StoredRecord, 'versions'>): readonly VersionId[] {
  return versions.map(({ version }) => version)
}

/** For authors of metadata stores: whether both are the same version at the same place. */
export function samePointer(a: Pointer, b: Pointer): boolean {
  return a.store === b.store && a.path === b.path && a.version === b.version
}
