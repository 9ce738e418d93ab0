import { isSecretError, type Migration, type MigrationPlan, type MigrationReport, type References } from '@strongroom/core'
import { EXIT } from '../exit-codes.ts'
import { UsageError } from '../failure.ts'
import { printJson, printTable } from '../output.ts'
import type { AccountOptions } from '../program.ts'
import { isShown, startProgress } from '../progress.ts'
import { actorOf, withRoom } from '../session.ts'
import { checkStoreName } from '../store-name.ts'

interface MigrateArguments extends AccountOptions {
  readonly from: string
  readonly to?: string
  readonly plan?: boolean
  readonly measure?: boolean
  readonly skipUnfit?: boolean
  readonly concurrency?: number
  readonly grace?: number | 'keep'
}

export async function migrate(options: MigrateArguments): Promise<void> {
  const { from, measure, concurrency, skipUnfit, grace: graceMs, json } = options
  await withRoom(options, async (room, signal) => {
    const { stores, writeTo } = room.config
    const { to = writeTo } = options
    for (const name of [from, to]) checkStoreName(name, stores)
    if (from === to)
      throw new UsageError(
        `--from and --to are two stores, and both are ${from}${options.to === undefined ? ': without --to it is the one of writeTo' : ''}`,
      )
    const migrator = await room.migrator(actorOf(options))
    const about = { from, to, concurrency, measure, rate: room.rates, signal }
    if (options.plan === true) {
      const plan = await migrator.plan(about)
      if (plan.unfit.length > 0) process.exitCode = EXIT.failed
      return json === true ? printJson(plan) : showPlan(plan)
    }
    const stayed: Migration[] = []
    const outcomes = { moved: 0, returned: 0, gone: 0, busy: 0, unfit: 0, failed: 0 }
    const told = (migration: Migration): void => {
      outcomes[migration.outcome] += 1
      if (json === true) printJson(migration)
      else if (migration.code !== undefined || migration.outcome === 'busy') stayed.push(migration)
    }
    const total = isShown(options) ? (await migrator.references(from, { signal })).records : undefined
    let report: MigrationReport
    try {
      report = await follow(migrator.migrate({ ...about, graceMs, skipUnfit }), { total, json, signal, told })
    } catch (error) {
      const done = `${outcomesText(outcomes, 0)}; the same command goes on from there`
      if (isSecretError(error, 'aborted')) {
        process.stderr.write(`strongroom: interrupted: ${done}\n`)
        process.exitCode = EXIT.interrupted
        return
      }
      if (outcomes.moved + outcomes.returned > 0) process.stderr.write(`strongroom: not finished: ${done}\n`)
      throw error
    } finally {
      // What does not fit is told before the refusal.
      if (stayed.length > 0) {
        const rows = stayed.map(({ outcome, account, key, reason }) => [outcome, account, key, reason ?? 'other writes went before it; run it again'])
        printTable(['OUTCOME', 'ACCOUNT', 'KEY', 'REASON'], rows)
      }
    }
    if (report.left > 0) process.exitCode = EXIT.failed
    if (json === true) return printJson(report)
    process.stdout.write(`${textOf(report)}\n${sourceText(from, await migrator.references(from))}\n`)
  })
}

interface Following {
  readonly total: number | undefined
  readonly json: boolean | undefined
  readonly signal: AbortSignal
  readonly told: (migration: Migration) => void
}

async function follow(run: AsyncGenerator<Migration, MigrationReport>, { total, json, signal, told }: Following): Promise<MigrationReport> {
  using progress = startProgress({ label: 'migrate', unit: 'secrets', total, json })
  const stopping = (): void => {
    progress.stop()
    process.stderr.write('strongroom: ends what is put already; once more ends it here\n')
  }
  signal.addEventListener('abort', stopping, { once: true })
  for (;;) {
    const step = await run.next()
    if (step.done === true) return step.value
    progress.add()
    told(step.value)
  }
}

export async function dropOldCopies(store: string, options: AccountOptions): Promise<void> {
  await withRoom(options, async (room, signal) => {
    checkStoreName(store, room.config.stores)
    const dropped = await (await room.migrator(actorOf(options))).dropOldCopies(store, { signal })
    if (options.json === true) return printJson({ dropped })
    process.stdout.write(`${dropped} old copies are due: strongroom maintain\n`)
  })
}

function showPlan({ from, to, secrets, oldCopies, measured, unfit, calls, secondsAtLeast }: MigrationPlan): void {
  if (unfit.length > 0) {
    printTable(
      ['ACCOUNT', 'KEY', 'REASON'],
      unfit.map(({ account, key, reason }) => [account, key, reason]),
    )
  }
  const lines = [
    `${secrets} secrets from ${from} to ${to}${oldCopies > 0 ? `, ${oldCopies} of them with an old copy there, which is taken again where it is still the same` : ''}`,
    measured ? `every value was read: ${unfit.length} do not fit` : `${to} takes all that ${from} holds`,
    `calls at least: ${from} ${calls.from.reads} reads and ${calls.from.removals} removals later, ${to} ${calls.to.creates} creates and ${calls.to.reads} reads`,
    ...(secondsAtLeast === undefined ? [] : [`time: ${durationText(secondsAtLeast)} at least, by the rates`]),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

function textOf({ outcomes, resumed, compared, different, left }: MigrationReport): string {
  const verified = compared === 0 ? 'no copy to compare' : `${compared} copies read back and compared, ${different} different`
  return `${outcomesText(outcomes, resumed)}; ${verified}${left > 0 ? `; ${left} are left` : ''}`
}

function outcomesText(outcomes: MigrationReport['outcomes'], resumed: number): string {
  const { moved, returned, gone, ...others } = outcomes
  const parts = [
    `${moved} moved${resumed > 0 ? ` (${resumed} of them were put before)` : ''}`,
    ...(returned > 0 ? [`${returned} returned to their old copy`] : []),
    ...(gone > 0 ? [`${gone} deleted meanwhile`] : []),
    ...Object.entries(others).flatMap(([outcome, count]) => (count > 0 ? [`${count} ${outcome}`] : [])),
  ]
  return parts.join(', ')
}

function sourceText(store: string, { records, intents, tasks }: References): string {
  if (records + intents + tasks === 0) return `nothing names ${store} any more: it may leave the configuration`
  return `${store} stays in the configuration as long as ${records} secrets, ${intents} writes and ${tasks} tasks, such as purges of old copies, name it`
}

function durationText(seconds: number): string {
  if (seconds < 120) return `${Math.ceil(seconds)} s`
  return seconds < 7200 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}
