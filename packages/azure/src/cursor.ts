import { DriverFinding, refused } from '@strongroom/core'
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { damaged } from './answers.ts'

const SKIP = '$skiptoken'
const PAGE = 25

/** Where a list goes on, and what the caller of it wants to remember. */
export interface CursorState<Kept> {
  /** Counts, so that no two tokens of a list are the same. */
  readonly page: number
  readonly skip: string
  readonly kept: Kept
}

/**
 * The page tokens that the driver gives out. The SDK takes a token for a URL and sends the bearer token there, so that neither a
 * caller's nor the vault's own is passed on: ours have a `$skiptoken` in them, are of one list, and sealed with a key of this driver.
 */
export class Cursors {
  readonly #key = randomBytes(32)

  seal(list: string, state: CursorState<unknown>): string {
    const text = JSON.stringify(state)
    return `${Buffer.from(text).toString('base64url')}.${this.#mark(list, text).toString('base64url')}`
  }

  /** @throws DriverFinding `invalid_argument` for a token that this driver did not give out for this list */
  open<Kept>(list: string, token: string): CursorState<Kept> {
    const [body = '', mark = ''] = token.split('.')
    const text = Buffer.from(body, 'base64url').toString()
    const given = Buffer.from(mark, 'base64url')
    const expected = this.#mark(list, text)
    if (given.byteLength !== expected.byteLength || !timingSafeEqual(given, expected)) {
      throw new DriverFinding(refused('invalid_argument', { hint: 'the page token is not one that this driver gave out for this list' }))
    }
    return JSON.parse(text) as CursorState<Kept>
  }

  #mark(list: string, text: string): Buffer {
    return createHmac('sha256', this.#key).update(`${list}\n${text}`).digest()
  }
}

/** All that is kept of the link to the next page; undefined when there is none. @throws DriverFinding `corrupt` */
export function skipOf(nextLink: unknown): string | undefined {
  if (nextLink === undefined || nextLink === null || nextLink === '') return undefined
  const skip = typeof nextLink === 'string' && URL.canParse(nextLink) ? new URL(nextLink).searchParams.get(SKIP) : null
  if (skip === null || skip === '') throw damaged('none')
  return skip
}

/**
 * What the SDK is told to be the size of a page: it puts this into the URL of a list's first page, which is always the vault's own.
 * Given a link to go on from, the SDK would ask another host, and drop the signal and `onResponse`.
 */
export function pageSize(skip: string | undefined): number {
  return skip === undefined ? PAGE : (`${PAGE}&${SKIP}=${encodeURIComponent(skip)}` as unknown as number)
}
