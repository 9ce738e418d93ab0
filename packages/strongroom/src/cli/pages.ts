import type { AccountSecrets, RecordPage, SecretId } from '@strongroom/core'

const MAX_PAGE = 10_000

/** An account's secrets by key, page by page, at most `limit` of them. */
export async function* pagesOf(secrets: AccountSecrets, signal: AbortSignal, limit: number = Infinity): AsyncGenerator<RecordPage> {
  let startingAfter: SecretId | undefined
  for (let left = limit, more = true; more && left > 0;) {
    const page = await secrets.list({ sortBy: 'key', sortOrder: 'asc', limit: Math.min(left, MAX_PAGE), startingAfter, signal })
    yield page
    startingAfter = page.items.at(-1)?.id
    left -= page.items.length
    more = page.hasMore
  }
}
