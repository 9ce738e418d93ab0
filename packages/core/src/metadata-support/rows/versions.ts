import type { RecordVersion } from '../../records.ts'
import type { Actor, VersionId } from '../../words.ts'

interface VersionEntry {
  readonly version: VersionId
  readonly revision: number
  readonly committed_at: number
  readonly committed_by_id: string
  readonly committed_by_type: Actor['type']
}

/** In one column of the record, since they are read and written with it alone. */
export function versionsText(versions: readonly RecordVersion[]): string {
  const entries = versions.map(({ version, revision, committedAt, committedBy }): VersionEntry => ({
    version,
    revision,
    committed_at: committedAt.getTime(),
    committed_by_id: committedBy.id,
    committed_by_type: committedBy.type,
  }))
  return JSON.stringify(entries)
}

/** Of a {@link versionsText}. */
export function versionsOfText(text: string): readonly RecordVersion[] {
  return (JSON.parse(text) as readonly VersionEntry[]).map(entry => ({
    version: entry.version,
    revision: entry.revision,
    committedAt: new Date(entry.committed_at),
    committedBy: { id: entry.committed_by_id, type: entry.committed_by_type },
  }))
}
