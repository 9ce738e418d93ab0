import { AUDIT_GENESIS, verifyAudit, type AccountId, type AuditEntry, type SecretMigrator } from '@strongroom/core'
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

export interface ListOptions extends TrailOptions {
  readonly after: number
}

export async function list(options: ListOptions): Promise<void> {
  if (options.all !== true) return await withAccount(options, (secrets, { signal }) => show(secrets.audit({ after: options.after, signal }), options))
  let isFirst = true
  await eachTrail('list', options, async (account, entries) => {
    if (options.json !== true) process.stdout.write(`${isFirst ? '' : '\n'}${account}\n`)
    isFirst = false
    await show(entries, options)
  })
}

async function show(entries: AsyncIterable<AuditEntry>, { json }: TrailOptions): Promise<void> {
  if (json === true) {
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

/** The trail of the account, or with `all` of every account that has one, in the order of their ids. */
async function eachTrail(
  label: string,
  options: TrailOptions & Partial<ListOptions>,
  work: (account: AccountId, entries: AsyncIterable<AuditEntry>) => Promise<void>,
  begin: (registry: string) => void = () => {},
): Promise<void> {
  const only = options.all === true ? undefined : accountOf(options)
  await withRoom(options, async (room, signal) => {
    const registry = await room.registry()
    const migrator = await room.migrator(actorOf(options))
    const quiet = { json: options.json, prints: true }
    const count = async (): Promise<number | undefined> =>
      only === undefined ? await countAccounts(migrator, signal) : await trailLength(options.config, only, signal)
    const total = isShown(quiet) ? await count() : undefined
    using progress = startProgress({ label, unit: only === undefined ? 'accounts' : 'entries', total, ...quiet })
    begin(room.config.id)
    for await (const account of only === undefined ? migrator.accounts({ signal }) : [only]) {
      const entries = registry.account(account, actorOf(options)).audit({ after: options.after, signal })
      await work(account, only === undefined ? entries : counted(entries, progress))
      if (only === undefined) progress.add()
    }
  })
}

async function countAccounts(migrator: SecretMigrator, signal: AbortSignal): Promise<number> {
  let count = 0
  for await (const _ of migrator.accounts({ signal })) count += 1
  return count
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
