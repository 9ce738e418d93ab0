import type { Flavour } from './answers.ts'
import { goDuration } from './fields.ts'
import type { Entry, Version } from './state.ts'

type View = Readonly<Record<string, unknown>>

export function versionView(entry: Entry, number: number, version: Version): View {
  return { version: number, ...timesOf(version), custom_metadata: customView(entry) }
}

function timesOf({ createdAt, deletionAt, destroyed }: Version): View {
  return { created_time: timeOf(createdAt), deletion_time: deletionAt === undefined ? '' : timeOf(deletionAt), destroyed }
}

export function metadataView(flavour: Flavour, entry: Entry): View {
  return {
    created_time: timeOf(entry.createdAt),
    updated_time: timeOf(entry.updatedAt),
    current_version: entry.current,
    oldest_version: entry.oldest,
    max_versions: entry.maxVersions,
    cas_required: entry.casRequired,
    delete_version_after: goDuration(entry.deleteAfter),
    custom_metadata: customView(entry),
    versions: Object.fromEntries([...entry.versions].map(([number, version]) => [String(number), timesOf(version)])),
    ...(flavour === 'openbao' ? { current_metadata_version: entry.metadataVersion, metadata_cas_required: entry.metadataCasRequired } : {}),
  }
}

function customView({ custom }: Entry): Readonly<Record<string, string>> | null {
  return Object.keys(custom).length === 0 ? null : custom
}

/** RFC 3339 without zeros at the end of the fraction, as Go writes it. */
export function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.?0+Z$/, 'Z')
}
