import { textIn, type JsonVersion } from './answers.ts'

const SKIP = '$skiptoken'
const PAGE = 25

/**
 * Where a list goes on. The SDK takes a page token for a URL and sends the bearer token there, so that neither a caller's nor the vault's
 * own is passed on: ours have a `$skiptoken` in them, and are sealed.
 */
export interface Cursor {
  /** Counts, so that no two tokens of a list are the same. */
  readonly page: number
  readonly skip: string
  /** Versions that may yet be the newest. */
  readonly kept?: readonly JsonVersion[]
}

/** All that is kept of the link to the next page; undefined when there is none. @throws DriverFinding `corrupt` */
export function skipOf(nextLink: unknown): string | undefined {
  if (nextLink === undefined || nextLink === null || nextLink === '') return undefined
  return textIn(typeof nextLink === 'string' && URL.canParse(nextLink) ? new URL(nextLink).searchParams.get(SKIP) : null)
}

/**
 * What the SDK is told to be the size of a page: it puts this into the URL of a list's first page, which is always the vault's own.
 * Given a link to go on from, the SDK would ask another host, and drop the signal and `onResponse`.
 */
export function pageSize(skip: string | undefined): number {
  return skip === undefined ? PAGE : (`${PAGE}&${SKIP}=${encodeURIComponent(skip)}` as unknown as number)
}
