/** A revision that no secret has: the comparison is the database's, which also says when there is no such secret. */
const NEVER = Number.MAX_SAFE_INTEGER
const ETAG = /(?:W\/)?"[!#-~]*"/g

/**
 * The revision that a secret must have, by `If-Match`; undefined for any. Weak tags match nothing (RFC 9110). For a list of several
 * tags the revision of now is looked up, and is what the write then depends on.
 */
export async function ifMatchOf(header: string | undefined, current: () => Promise<number>): Promise<number | undefined> {
  if (header === undefined || header === '*') return undefined
  const revisions = (header.match(ETAG) ?? []).map(revisionOf)
  const [first = NEVER] = revisions
  if (revisions.length <= 1) return first
  const now = await current()
  return revisions.includes(now) ? now : NEVER
}

function revisionOf(etag: string): number {
  const [, digits] = /^"([1-9]\d{0,15})"$/.exec(etag) ?? []
  const revision = Number(digits)
  return Number.isSafeInteger(revision) ? revision : NEVER
}
