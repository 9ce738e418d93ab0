import type { AccountId, StoredRecord } from '@strongroom/core'
import { printJson } from '../output.ts'
import { startProgress } from '../progress.ts'
import { accountOf, actorOf, withRoom } from '../session.ts'
import type { TrailOptions } from './audit.ts'

export const RECORDS_FORMAT = 'strongroom.records.v1'

/** What the database knows of the secrets, as JSON lines: what it is, each record, how many there were. Never a value. */
export async function exportRecords(options: TrailOptions): Promise<void> {
  const only = options.all === true ? undefined : accountOf(options)
  await withRoom(options, async (room, signal) => {
    // It refuses a database that names a store which the configuration lacks, so that no record is left out.
    const registry = await room.registry()
    const migrator = await room.migrator(actorOf(options))
    const counts = await Promise.all(room.config.stores.map(store => migrator.references(store, { signal })))
    const total = counts.reduce((sum, { records }) => sum + records, 0)
    using progress = startProgress({ label: 'export', unit: 'records', total, json: options.json, prints: true })
    printJson({ type: 'export', format: RECORDS_FORMAT, registry: room.config.id, exportedAt: new Date() })
    const accounts = new Set<AccountId>()
    /** In the account's trail, before anything of it is given out. */
    const enter = async (account: AccountId): Promise<void> => {
      if (accounts.has(account)) return
      accounts.add(account)
      await registry.account(account, actorOf(options)).list({ limit: 1, signal })
    }
    if (only !== undefined) await enter(only)
    let records = 0
    for await (const record of migrator.records({ signal })) {
      progress.add()
      if (only !== undefined && record.accountId !== only) continue
      await enter(record.accountId)
      printJson(lineOf(record))
      records += 1
    }
    // Those without a secret too: that they have none is told.
    if (only === undefined) for await (const account of migrator.accounts({ signal })) await enter(account)
    printJson({ type: 'end', accounts: accounts.size, records })
  })
}

function lineOf(record: StoredRecord) {
  const {
    accountId: account,
    key,
    id,
    description,
    revision,
    pointer,
    cloudSecretPath,
    versions,
    createdAt,
    createdBy,
    updatedAt,
    updatedBy,
  } = record
  return { type: 'record', account, key, id, description, revision, pointer, cloudSecretPath, versions, createdAt, createdBy, updatedAt, updatedBy }
}
