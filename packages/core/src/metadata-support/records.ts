import type { Intent, Pointer, SecretRecord, StoredRecord } from '../metadata.ts'
import type { VersionId } from '../words.ts'

/** For authors of metadata stores: the record that the commit of a create writes. */
export function createdRecord(intent: Intent, version: VersionId, fullPath: string, now: number): StoredRecord {
  const { account, secret, key, actor, store, path, description = null } = intent
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
    pointer: { store, path, version },
  }
}

/** For authors of metadata stores: the record that the commit of an update writes; undefined when the row is not as it was when the intent began. */
export function updatedRecord(intent: Intent, record: StoredRecord | undefined, version: VersionId, now: number): StoredRecord | undefined {
  const { store, path, base, actor } = intent
  if (record === undefined || base === undefined || record.revision !== base.revision) return undefined
  if (!samePointer(record.pointer, { store, path, version: base.version })) return undefined
  const description = intent.description === undefined ? record.description : intent.description
  return changedRecord({ ...record, description, updatedBy: actor.id, pointer: { store, path, version } }, now)
}

/** For authors of metadata stores: the next revision of a record, with what has been changed in it. */
export function changedRecord(changed: StoredRecord, now: number): StoredRecord {
  return { ...changed, updatedAt: new Date(now), revision: changed.revision + 1 }
}

/** For authors of metadata stores: without the pointer, which the callers of a commit have no use for. */
export function withoutPointer({ pointer: _pointer, ...record }: StoredRecord): SecretRecord {
  return record
}

function samePointer(a: Pointer, b: Pointer): boolean {
  return a.store === b.store && a.path === b.path && a.version === b.version
}
