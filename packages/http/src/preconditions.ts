import type { IfRevision } from '@strongroom/core'

/** A revision that no secret has: the comparison is the database's, which also says when there is no such secret. */
const NEVER = Number.MAX_SAFE_INTEGER
const ETAG = /(?:W\/)?"[!#-~]*"/g

/** The revisions of which a secret must have one, by `If-Match`; undefined for any. Weak tags match nothing (RFC 9110). */
export function ifMatchOf(header: string | undefined): IfRevision | undefined {
  if (header === undefined || header === '*') return undefined
  return (header.match(ETAG) ?? []).map(revisionOf)
}

function revisionOf(etag: string): number {
  const [, digits] = /^"([1-9]\d{0,15})"$/.exec(etag) ?? []
  const revision = Number(digits)
  return Number.isSafeInteger(revision) ? revision : NEVER
}
