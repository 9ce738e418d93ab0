const DEFAULT_MAX_VERSIONS = 10

export interface Version {
  readonly createdAt: number
  /** When it is, or was, deleted; it can be in the future. */
  readonly deletionAt: number | undefined
  readonly destroyed: boolean
  /** The JSON of its data; undefined once destroyed. */
  readonly json: string | undefined
}

/** One key: what is kept of it does not change, a write makes another. */
export interface Entry {
  readonly createdAt: number
  readonly updatedAt: number
  readonly current: number
  readonly oldest: number
  readonly versions: ReadonlyMap<number, Version>
  readonly custom: Readonly<Record<string, string>>
  readonly maxVersions: number
  readonly casRequired: boolean
  /** Seconds until a new version is deleted; 0: not. */
  readonly deleteAfter: number
  readonly metadataCasRequired: boolean
  readonly metadataVersion: number
}

export interface Config {
  maxVersions: number
  casRequired: boolean
  /** As of an entry; negative: no version is deleted by time, whatever its entry says. */
  deleteAfter: number
  metadataCasRequired: boolean
}

export const newEntry = (now: number): Entry => ({
  createdAt: now,
  updatedAt: now,
  current: 0,
  oldest: 0,
  versions: new Map(),
  custom: {},
  maxVersions: 0,
  casRequired: false,
  deleteAfter: 0,
  metadataCasRequired: false,
  metadataVersion: 0,
})

/** The entry with one more version; the oldest ones go when there are more than `max_versions`, the larger of the two settings. */
export function withVersion(entry: Entry, json: string, config: Config, now: number): Entry {
  const current = entry.current + 1
  const versions = new Map(entry.versions).set(current, { createdAt: now, deletionAt: deletionAt(entry, config, now), destroyed: false, json })
  const most = Math.max(entry.maxVersions, config.maxVersions) || DEFAULT_MAX_VERSIONS
  const next = { ...entry, current, versions, updatedAt: now }
  if (current - entry.oldest < most) return next
  const oldest = current - most + 1
  for (const number of versions.keys()) if (number < oldest) versions.delete(number)
  return { ...next, oldest }
}

/** When a version that is made or restored now is deleted: the shorter of the two settings. */
export function deletionAt(entry: Entry, config: Config, now: number): number | undefined {
  if (config.deleteAfter < 0) return undefined
  const settings = [entry.deleteAfter, config.deleteAfter].filter(seconds => seconds > 0)
  return settings.length === 0 ? undefined : now + Math.min(...settings) * 1_000
}

export function isDeleted({ deletionAt }: Version, now: number): boolean {
  return deletionAt !== undefined && deletionAt <= now
}

export function withVersions(entry: Entry, numbers: readonly number[], change: (version: Version) => Version): Entry {
  const versions = new Map(entry.versions)
  for (const number of numbers) {
    const version = versions.get(number)
    if (version !== undefined && !version.destroyed) versions.set(number, change(version))
  }
  return { ...entry, versions }
}

interface Moment {
  readonly since: number
  readonly entry: Entry | undefined
}

/** The keys of one namespace, as they are and, as long as a standby may still show it, as they were. */
export class Tree {
  readonly config: Config = { maxVersions: 0, casRequired: false, deleteAfter: 0, metadataCasRequired: false }
  readonly #keys = new Map<string, readonly Moment[]>()

  /** What was at a key at that time. */
  at(key: string, time: number): Entry | undefined {
    return this.#keys.get(key)?.findLast(({ since }) => since <= time)?.entry
  }

  newest(key: string): Entry | undefined {
    return this.#keys.get(key)?.at(-1)?.entry
  }

  /** Undefined removes the key. What nobody asks for any more, being older than `keepMs`, is forgotten. */
  write(key: string, entry: Entry | undefined, now: number, keepMs: number): void {
    const moments = [...(this.#keys.get(key) ?? []), { since: now, entry }]
    const first = moments.findLastIndex(({ since }) => since <= now - keepMs)
    this.#keys.set(key, moments.slice(Math.max(0, first)))
  }

  /** Every key that was there at that time, in the order of their UTF-8 bytes. */
  keysAt(time: number): readonly string[] {
    return [...this.#keys.keys()].filter(key => this.at(key, time) !== undefined).toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }
}
