import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { invalid } from './status.ts'
import type { Micros } from './resources.ts'

const MOST = 25_000
/** What the server decides where the request does not: small, so that a client that never asks for the next page is found. */
const USUAL = 100

export interface ListRequest {
  readonly parent: string
  readonly pageSize: number
  readonly pageToken: string
  readonly filter: string
}

export interface ListPage<Item> {
  readonly items: readonly Item[]
  readonly nextPageToken: string
  /** 0 where there is a filter. */
  readonly totalSize: number
}

/** Pages by tokens that only this server can make, each good for its own request only. */
export class Pages {
  readonly #key = randomBytes(32)

  /** The newest first. @throws GoogleStatus INVALID_ARGUMENT for a foreign token, or for a negative size */
  page<Item extends { readonly createTime: Micros }>(
    { parent, pageSize, pageToken, filter }: ListRequest,
    all: readonly Item[],
    test: (item: Item) => boolean,
  ): ListPage<Item> {
    if (pageSize < 0) throw invalid('The page size must not be negative.')
    const size = pageSize === 0 ? USUAL : Math.min(pageSize, MOST)
    const before = pageToken === '' ? Number.POSITIVE_INFINITY : this.#read(pageToken, `${parent}\n${filter}`)
    const left = all.filter(item => item.createTime < before && test(item)).toSorted((a, b) => b.createTime - a.createTime)
    const items = left.slice(0, size)
    const last = items.at(-1)
    const nextPageToken = last !== undefined && left.length > size ? this.#make(last.createTime, `${parent}\n${filter}`) : ''
    return { items, nextPageToken, totalSize: filter === '' ? all.length : 0 }
  }

  #make(position: Micros, request: string): string {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64BE(BigInt(position))
    return Buffer.concat([bytes, this.#seal(bytes, request)]).toString('base64url')
  }

  #read(token: string, request: string): Micros {
    const all = Buffer.from(token, 'base64url')
    const bytes = all.subarray(0, 8)
    const seal = this.#seal(bytes, request)
    const given = all.subarray(8)
    if (given.byteLength !== seal.byteLength || !timingSafeEqual(given, seal)) throw invalid('The page token is not valid.')
    return Number(bytes.readBigUInt64BE())
  }

  #seal(bytes: Buffer, request: string): Buffer {
    return createHmac('sha256', this.#key).update(bytes).update(request).digest().subarray(0, 16)
  }
}
