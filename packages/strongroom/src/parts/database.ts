import { accountId, type AccountId, type MetadataStore, type NativePath, type StoredRecord } from '@strongroom/core'
import { checkConfig } from '../config/check.ts'
import { ConfigError } from '../config/problems.ts'
import { readConfig } from '../config/read.ts'
import { metadataOf } from './metadata.ts'

const PAGE = 500

/** What an operator's tool reads of a configuration's database beyond what a registry tells: every account's records, with their pointers. */
export interface Database extends AsyncDisposable {
  /** How many records there are in all. */
  count(signal: AbortSignal): Promise<number>
  /** Every record of the configuration's stores, a store after the other, in the order of the paths; in bounded memory. */
  records(signal: AbortSignal): AsyncGenerator<StoredRecord>
  /** The number of entries in an account's audit trail. */
  trailLength(account: AccountId, signal: AbortSignal): Promise<number>
}

/** @throws ConfigError; also without `metadata` */
export async function openDatabase(config: string | undefined): Promise<Database> {
  const { source, folder, config: given, schemes } = await readConfig(config, process.env)
  const { id: registry, metadata: chosen, stores } = checkConfig(source, given, process.env, Object.keys(schemes))
  if (chosen === undefined)
    throw new ConfigError(source, [
      { path: 'metadata', found: 'nothing', allowed: 'the database of the registry, such as { type: sqlite, path: ./meta.db }' },
    ])
  // What is risky was told when the configuration itself was opened.
  const metadata = await metadataOf(chosen, { source, folder, environment: process.env, warn: () => {} })
  return {
    count: async signal => (await metadata.references({ registry }, { signal })).records,
    records: signal => recordsOf(metadata, registry, Object.keys(stores), signal),
    trailLength: (account, signal) => trailLength(metadata, registry, account, signal),
    [Symbol.asyncDispose]: () => metadata.close(),
  }
}

/** The accounts that have secrets, by name. */
export async function accountsOf(database: Database, signal: AbortSignal): Promise<readonly AccountId[]> {
  const names = new Set<AccountId>()
  for await (const record of database.records(signal)) names.add(record.accountId)
  return [...names].toSorted().map(accountId)
}

async function* recordsOf(metadata: MetadataStore, registry: string, stores: readonly string[], signal: AbortSignal): AsyncGenerator<StoredRecord> {
  for (const store of stores) {
    let after: NativePath | undefined
    for (;;) {
      const page: readonly StoredRecord[] = await metadata.scan({ registry, store, after, limit: PAGE }, { signal })
      yield* page
      after = page.at(-1)?.pointer.path
      if (page.length < PAGE) break
    }
  }
}

/** Sequences have no gaps, so that the last one is found by doubling and halving, some forty looks at a trail of a million. */
async function trailLength(metadata: MetadataStore, registry: string, account: AccountId, signal: AbortSignal): Promise<number> {
  const isBeyond = async (after: number): Promise<boolean> =>
    (await metadata.readAudit({ registry, account, after, limit: 1 }, { signal })).length === 0
  let most = 1
  while (!(await isBeyond(most))) most *= 2
  let least = most === 1 ? 0 : most / 2
  while (least < most) {
    const middle = Math.floor((least + most) / 2)
    if (await isBeyond(middle)) most = middle
    else least = middle + 1
  }
  return least
}
