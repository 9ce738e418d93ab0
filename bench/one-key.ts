// What 64 registries make of one key that all of them create at once, each with connections of its own to one database, and one cloud: what
// they answer, and what is left in the cloud once the upkeep has been.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accountId, createSecretRegistry, isSecretError, memoryDriver, unsafeAllowEveryone, type MetadataStore } from '@strongroom/core'
import { postgresMetadata } from '@strongroom/postgres'
import { sqliteMetadata } from '@strongroom/sqlite'
import { startPostgres } from '@strongroom/testbed'
import { NONE, print, type Row } from './measure.ts'

const CREATORS = 64
const ACTOR = { id: 'alice', type: 'user' } as const

export async function oneKey(): Promise<readonly Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-bench-'))
  const server = await startPostgres()
  try {
    return [
      await race('SQLite', () => sqliteMetadata({ path: join(folder, 'one-key.db') })),
      await race('PostgreSQL', () => postgresMetadata({ connectionString: server.url, maxConnections: 1 })),
    ]
  } finally {
    await server.stop()
    await rm(folder, { recursive: true })
  }
}

async function race(database: string, open: () => MetadataStore): Promise<Row> {
  const cloud = memoryDriver()
  const shared = { id: 'bench', stores: { main: cloud }, writeTo: 'main', authorize: unsafeAllowEveryone }
  const registries = await Promise.all(Array.from({ length: CREATORS }, async () => await createSecretRegistry({ ...shared, metadata: open() })))
  const create = async (registry: (typeof registries)[number]): Promise<string> => {
    try {
      await registry.account(accountId('acme'), ACTOR).create({ key: 'the-one-key', value: 'v' })
      return 'made'
    } catch (error) {
      return isSecretError(error) ? error.code : 'unknown'
    }
  }
  const counts = new Map<string, number>()
  for (const outcome of await Promise.all(registries.map(create))) counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
  await registries[0]?.maintain()
  const call = { signal: AbortSignal.timeout(10_000), attempt: 1 }
  const { items } = await cloud.list({ prefix: '', withLabels: false, page: undefined }, call)
  for (const registry of registries) await registry.close()
  const isAsItShould = counts.get('made') === 1 && counts.get('already_exists') === CREATORS - 1 && items.length === 1
  return {
    what: `${CREATORS} creators of one key at once, ${database}`,
    ours: [...counts]
      .map(([outcome, count]) => `${count} ${outcome}`)
      .toSorted()
      .join(', '),
    baseline: NONE,
    difference: `${items.length - 1} left over`,
    goal: '1 made, none left over',
    reached: isAsItShould,
  }
}

if (import.meta.main) print(await oneKey())
