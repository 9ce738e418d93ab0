import { AUDIT_GENESIS, verifyAudit, type AccountId, type AuditEntry, type StoredRecord } from '@strongroom/core'
import { trailLength } from '../../parts/trail-length.ts'
import { AUDIT_FORMAT, verifyFile, type AuditLine, type TrailVerdict } from '../audit-file.ts'
import { EXIT } from '../failure.ts'
import { fileSize } from '../file-size.ts'
import { dateText, printJson, printTable } from '../output.ts'
import type { AccountOptions } from '../program.ts'
import { isShown, startProgress, type Progress } from '../progress.ts'
import { accountOf, actorOf, withAccount, withRoom } from '../session.ts'

export interface TrailOptions extends AccountOptions {
  readonly all?: boolean
}

export async function list(options: AccountOptions & { readonly after: number }): Promise<void> {
  await withAccount(options, async (secrets, { signal }) => {
    const entries = secrets.audit({ after: options.after, signal })
    if (options.json === true) {
      for await (const entry of entries) printJson(entry)
      return
    }
    const all = await Array.fromAsync(entries)
    printTable(
      ['NO', 'AT', 'ACTOR', 'ACTION', 'OUTCOME', 'KEY'],
      all.map(({ sequence, at, actor, action, outcome, code, key, secret }) => [
        sequence,
        dateText(at),
        actor.id,
        action,
        code === undefined ? outcome : `${outcome} (${code})`,
        key ?? secret,
      ]),
    )
  })
}

export async function verify(file: string | undefined, options: TrailOptions): Promise<void> {
  if (file !== undefined) {
    using progress = startProgress({ label: 'verify', unit: 'bytes', total: await fileSize(file), json: options.json, prints: true })
    for await (const verdict of verifyFile(file, bytes => progress.add(bytes))) tell(verdict, options)
    return
  }
  await eachTrail('verify', options, async (account, entries) => tell({ account, ...(await verifyAudit(entries)) }, options))
}

export async function exportTrails(options: TrailOptions): Promise<void> {
  const print = (line: AuditLine): void => printJson(line)
  const written = { accounts: 0, entries: 0 }
  await eachTrail(
    'export',
    options,
    async (account, trail) => {
      let entries = 0
      let lastHash = AUDIT_GENESIS
      for await (const entry of trail) {
        print({ type: 'entry', ...entry })
        entries += 1
        lastHash = entry.hash
      }
      print({ type: 'account', account, entries, lastHash })
      written.accounts += 1
      written.entries += entries
    },
    registry => print({ type: 'export', format: AUDIT_FORMAT, registry, exportedAt: new Date() }),
  )
  print({ type: 'end', ...written })
}

/** The trail of the account, or with `all` of every account that has secrets, by name. */
async function eachTrail(
  label: string,
  options: TrailOptions,
  work: (account: AccountId, entries: AsyncIterable<AuditEntry>) => Promise<void>,
  begin: (registry: string) => void = () => {},
): Promise<void> {
  const only = options.all === true ? undefined : accountOf(options)
  await withRoom(options, async (room, signal) => {
    const registry = await room.registry()
    const migrator = await room.migrator(actorOf(options))
    const accounts = only === undefined ? await accountsOf(migrator.records({ signal })) : [only]
    const quiet = { json: options.json, prints: true }
    const total = only === undefined ? accounts.length : isShown(quiet) ? await trailLength(options.config, only, signal) : undefined
    using progress = startProgress({ label, unit: only === undefined ? 'accounts' : 'entries', total, ...quiet })
    begin(room.config.id)
    for (const account of accounts) {
      const entries = registry.account(account, actorOf(options)).audit({ signal })
      await work(account, only === undefined ? entries : counted(entries, progress))
      if (only === undefined) progress.add()
    }
  })
}

/** The accounts that have secrets, by name. */
async function accountsOf(records: AsyncIterable<StoredRecord>): Promise<readonly AccountId[]> {
  const names = new Set<AccountId>()
  for await (const { accountId: account } of records) names.add(account)
  return [...names].toSorted()
}

async function* counted<T>(items: AsyncIterable<T>, progress: Progress): AsyncGenerator<T> {
  for await (const item of items) {
    progress.add()
    yield item
  }
}

function tell(verdict: TrailVerdict, { json }: TrailOptions): void {
  if (!verdict.ok) process.exitCode = EXIT.failed
  if (json === true) return printJson(verdict)
  const { account } = verdict
  process.stdout.write(
    verdict.ok
      ? `${account}: ${verdict.entries} entries, the chain holds, last hash ${verdict.lastHash}\n`
      : `${account}: entry ${verdict.sequence}: broken (${verdict.problem})\n`,
  )
}
