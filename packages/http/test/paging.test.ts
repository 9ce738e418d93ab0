import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryMetadata, type MetadataStore } from '@strongroom/core'
import { sqliteMetadata } from '@strongroom/sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startService, type Service } from './support/service.ts'

const SECRETS = '/v5/sgp/secrets'
const COUNT = 23

interface Page {
  readonly items: readonly { readonly id: string; readonly key: string }[]
  readonly has_more: boolean
  readonly total: number
  readonly limit: number
  readonly object: string
}

describe.each(['memory', 'sqlite'] as const)('pages, on %s', kind => {
  let folder = ''
  let service: Service
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'strongroom-paging-'))
    const metadata: MetadataStore = kind === 'memory' ? memoryMetadata() : sqliteMetadata({ path: join(folder, 'meta.db') })
    service = await startService({ metadata })
    for (let n = 0; n < COUNT; n += 1) await service.call('POST', SECRETS, { key: `key-${String(n).padStart(2, '0')}`, value: 'v' })
  })
  afterEach(async () => {
    await service[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  })

  const page = async (query: string): Promise<Page> => {
    const { status, json, text } = await service.call('GET', `${SECRETS}?${query}`)
    expect(status, text).toBe(200)
    return json as Page
  }
  const keys = ({ items }: Page): readonly string[] => items.map(({ key }) => key)
  const all = Array.from({ length: COUNT }, (_, n) => `key-${String(n).padStart(2, '0')}`)
  const remove = async (id: string | undefined): Promise<void> => expect((await service.call('DELETE', `${SECRETS}/${id}`)).status).toBe(204)

  it('the default: 100, the newest first', async () => {
    const found = await page('')
    expect([found.limit, found.total, found.has_more, found.object]).toEqual([100, COUNT, false, 'list'])
    expect(keys(found)).toEqual(all.toReversed())
  })

  it.each(['created_at', 'updated_at', 'key'])('by %s, in both orders, forward by the last id and backward by the first', async sortBy => {
    await service.call('PATCH', `${SECRETS}/${(await page('limit=1')).items[0]?.id}`, { description: 'x' })
    for (const sortOrder of ['asc', 'desc']) {
      const order = `sort_by=${sortBy}&sort_order=${sortOrder}`
      const whole = keys(await page(order))
      const forward: Page[] = [await page(`${order}&limit=5`)]
      while (forward.at(-1)?.has_more === true) forward.push(await page(`${order}&limit=5&starting_after=${forward.at(-1)?.items.at(-1)?.id}`))
      expect(forward.flatMap(keys)).toEqual(whole)
      expect(forward.map(({ total, limit }) => [total, limit])).toEqual(Array.from({ length: 5 }, () => [COUNT, 5]))
      const last = forward.at(-1)?.items.at(-1)?.id
      const backward: Page[] = [await page(`${order}&limit=5&ending_before=${last}`)]
      while (backward.at(-1)?.has_more === true) backward.push(await page(`${order}&limit=5&ending_before=${backward.at(-1)?.items[0]?.id}`))
      expect(backward.toReversed().flatMap(keys)).toEqual(whole.slice(0, -1))
    }
  })

  it('while the cursor itself is deleted, forward: what is left is seen once', async () => {
    const order = 'sort_by=key&sort_order=asc&limit=4'
    let now = await page(order)
    const seen = [...keys(now)]
    while (now.has_more) {
      const last = now.items.at(-1)?.id
      await remove(last)
      now = await page(`${order}&starting_after=${last}`)
      seen.push(...keys(now))
    }
    expect(seen).toEqual(all)
    expect((await page('')).total).toBe(COUNT - 5)
  })

  it('while the cursor itself is deleted, backward: what is left is seen once', async () => {
    const order = 'sort_by=key&sort_order=asc&limit=4'
    const [end] = (await page('sort_by=key&sort_order=desc&limit=1')).items
    let now = await page(`${order}&ending_before=${end?.id}`)
    const seen = [...keys(now)]
    while (now.has_more) {
      const first = now.items[0]?.id
      await remove(first)
      now = await page(`${order}&ending_before=${first}`)
      seen.unshift(...keys(now))
    }
    expect(seen).toEqual(all.slice(0, -1))
  })

  it('while all that was seen is deleted', async () => {
    const order = 'limit=4'
    let now = await page(order)
    const seen = [...keys(now)]
    while (now.has_more) {
      for (const { id } of now.items) await remove(id)
      now = await page(`${order}&starting_after=${now.items.at(-1)?.id}`)
      seen.push(...keys(now))
    }
    expect(seen).toEqual(all.toReversed())
  })

  it('of ten thousand at most, and of one', async () => {
    expect((await page('limit=10000')).limit).toBe(10_000)
    const one = await page('limit=1')
    expect([one.items.length, one.has_more, one.total]).toEqual([1, true, COUNT])
  })

  it('of an account with nothing', async () => {
    const { json } = await service.call('GET', SECRETS, undefined, { 'x-selected-account-id': 'other' })
    expect(json).toEqual({ items: [], has_more: false, total: 0, limit: 100, object: 'list' })
  })
})
