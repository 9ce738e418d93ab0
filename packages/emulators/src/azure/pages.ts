import { createHmac, randomBytes } from 'node:crypto'
import { Refusal } from './errors.ts'
import { MAX_PAGE } from './limits.ts'

/** How lists are cut. A vault may answer fewer items than there are, or none, and still lead on. */
export interface Paging {
  /** The most items of a page, whatever was asked for; from 1 to 25. */
  limit: number
  /** So many of the next pages have no items, but lead on; to nothing, if there is nothing left. */
  empty: number
}

export interface Page<T> {
  readonly items: readonly T[]
  /** For `$skiptoken`. */
  readonly next: string | undefined
}

/** Cuts lists into pages. A token says where the next begins, and of which list; any other is refused. */
export class Pages {
  readonly paging: Paging = { limit: MAX_PAGE, empty: 0 }
  readonly #key = randomBytes(32)

  /** @param list what the token belongs to @param items in the order of their keys */
  cut<T>(
    list: string,
    items: readonly T[],
    keyOf: (item: T) => string,
    { size, token }: { readonly size: number; readonly token: string | null },
  ): Page<T> {
    const after = token === null ? '' : this.#open(list, token)
    const left = items.filter(item => keyOf(item) > after)
    if (this.paging.empty > 0) {
      this.paging.empty -= 1
      return { items: [], next: this.#seal(list, after) }
    }
    const page = left.slice(0, Math.min(size, Math.max(1, this.paging.limit)))
    const last = page.at(-1)
    return { items: page, next: last === undefined || page.length === left.length ? undefined : this.#seal(list, keyOf(last)) }
  }

  #seal(list: string, after: string): string {
    return `${Buffer.from(after).toString('base64url')}.${this.#mark(list, after)}`
  }

  #open(list: string, token: string): string {
    const [text = '', mark] = token.split('.')
    const after = Buffer.from(text, 'base64url').toString()
    if (mark !== this.#mark(list, after)) throw new Refusal('BadParameter', 'The $skiptoken is not one of this list.')
    return after
  }

  #mark(list: string, after: string): string {
    return createHmac('sha256', this.#key).update(`${list}\n${after}`).digest('base64url')
  }
}
