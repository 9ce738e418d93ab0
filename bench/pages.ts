// What a page of 100 costs in a registry of a million secrets, beside one of a thousand: `list` as a user calls it, its audit entry included.
import type { ListQuery, SecretId, SortField } from '@strongroom/core'
import { postgresDatabases, sqliteDatabases, type Database, type Databases } from './databases.ts'
import { filled, type Filled } from './fill.ts'
import { alternately, print, ratioRow, type Row } from './measure.ts'

const GOAL = 1.2
const LIMIT = 100
/** From cursor to cursor, so that no two pages after each other overlap. */
const STRIDE = 211
const SORTS = ['created_at', 'updated_at', 'key'] as const

interface Sizes {
  readonly small?: number
  readonly large?: number
  readonly rounds?: number
}

export async function pages(sizes: Sizes = {}): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const start of [sqliteDatabases, postgresDatabases]) {
    await using databases = await start()
    rows.push(...(await pagesOf(databases, sizes)))
  }
  return rows
}

async function pagesOf(databases: Databases, { small = 1_000, large = 1_000_000, rounds = 150 }: Sizes): Promise<readonly Row[]> {
  const sides = { small: await sideOf(databases, 'small', small), large: await sideOf(databases, 'large', large) }
  const rows: Row[] = []
  for (const sortBy of SORTS) {
    for (const place of ['first', 'middle'] as const) {
      // In both orders, and in the middle in both directions, by turns too; what is slowest counts.
      const ways = (['asc', 'desc'] as const).flatMap(sortOrder =>
        (place === 'first' ? [undefined] : (['startingAfter', 'endingBefore'] as const)).map(cursor => ({ sortOrder, cursor })),
      )
      const works: Record<string, () => Promise<void>> = {}
      for (const [number, { sortOrder, cursor }] of ways.entries()) {
        for (const size of ['small', 'large'] as const) {
          const cursors = sides[size].middle(sortBy)
          let turn = 0
          works[`${size} ${number}`] = async () => {
            turn = (turn + STRIDE) % cursors.length
            const from = cursor === undefined ? {} : { [cursor]: cursors[turn] }
            await sides[size].list({ sortBy, sortOrder, limit: LIMIT, ...from })
          }
        }
      }
      const medians = await alternately(works, { rounds, warmUp: Math.ceil(rounds / 5) })
      const found = ways.map((_, number) => ({ ours: medians[`large ${number}`] ?? Number.NaN, baseline: medians[`small ${number}`] ?? Number.NaN }))
      const [slowest] = found.toSorted((a, b) => b.ours / b.baseline - a.ours / a.baseline)
      if (slowest === undefined) throw new Error('nothing was measured')
      rows.push(ratioRow(`${databases.name}: ${place} page by ${sortBy}, ${large} secrets beside ${small}`, slowest.ours, slowest.baseline, GOAL))
    }
  }
  for (const { registry } of Object.values(sides)) await registry.close()
  return rows
}

interface Side extends Pick<Filled, 'registry'> {
  /** A page that is full, with an exact total. */
  list(query: ListQuery): Promise<void>
  /** Cursors over the middle half of the registry. */
  middle(sortBy: SortField): readonly SecretId[]
}

async function sideOf(databases: Databases, name: string, count: number): Promise<Side> {
  const database: Database = await databases.open(name)
  const { registry, secrets, sample } = await filled(database, count)
  return {
    registry,
    async list(query) {
      const { items, total, hasMore } = await secrets.list(query)
      if (items.length !== LIMIT || total !== count || !hasMore) throw new Error(`a page of ${items.length}, and ${total} in all`)
    },
    middle(sortBy) {
      const sorted = sample.toSorted((a, b) => (a[sortBy] < b[sortBy] || (a[sortBy] === b[sortBy] && a.id < b.id) ? -1 : 1))
      return sorted.slice(sorted.length / 4, (sorted.length * 3) / 4).map(({ id }) => id)
    },
  }
}

if (import.meta.main) print(await pages())
