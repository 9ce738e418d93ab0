import { createHmac, randomBytes } from 'node:crypto'
import { AwsRefusal } from './errors.ts'
import { text, type Input } from './input.ts'

/** By what a list is sorted, then the item's own name. */
export type Position = readonly [by: number | string, name: string]

interface PageRequest<Item> {
  readonly input: Input
  /** All of the request that must not change from page to page. */
  readonly scope: readonly unknown[]
  readonly items: readonly Item[]
  readonly position: (item: Item) => Position
  readonly descending: boolean
  /** Items that are looked at for one page. */
  readonly size: number
}

export interface Page<Item> {
  readonly items: readonly Item[]
  readonly NextToken?: string
}

/**
 * Cuts lists into pages. A page begins after the last item of the one before, so that nothing is left out or told twice when
 * others write meanwhile. Tokens are sealed, and good only for the request that they were given to.
 */
export class Pages {
  readonly #key = randomBytes(32)

  /** @throws AwsRefusal */
  cut<Item>({ input, scope, items, position, descending, size }: PageRequest<Item>): Page<Item> {
    const compare = (one: Position, other: Position): number =>
      (descending ? -1 : 1) * (compareParts(one[0], other[0]) || compareParts(one[1], other[1]))
    const sealedFor = JSON.stringify(scope)
    const after = this.#open(input, sealedFor)
    const sorted = items.toSorted((one, other) => compare(position(one), position(other)))
    const left = after === undefined ? sorted : sorted.filter(item => compare(position(item), after) > 0)
    const page = left.slice(0, size)
    const last = page.at(-1)
    if (left.length <= size || last === undefined) return { items: page }
    return { items: page, NextToken: this.#seal(position(last), sealedFor) }
  }

  #open(input: Input, scope: string): Position | undefined {
    const token = text(input, 'NextToken', { min: 1, max: 4096 })
    if (token === undefined) return undefined
    const [body = '', mac] = token.split('.')
    if (mac !== this.#mac(body, scope)) throw new AwsRefusal('InvalidNextTokenException')
    return JSON.parse(Buffer.from(body, 'base64url').toString()) as Position
  }

  #seal(position: Position, scope: string): string {
    const body = Buffer.from(JSON.stringify(position)).toString('base64url')
    return `${body}.${this.#mac(body, scope)}`
  }

  #mac(body: string, scope: string): string {
    return createHmac('sha256', this.#key).update(`${body}\n${scope}`).digest('base64url')
  }
}

function compareParts(one: number | string, other: number | string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}
