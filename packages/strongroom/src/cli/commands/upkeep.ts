import { startMaintenance, type MaintenanceReport, type SecretRegistry } from '@strongroom/core'
import { messageOf } from '../failure.ts'
import { dateText, printJson, printTable } from '../output.ts'
import type { GlobalOptions } from '../program.ts'
import { isShown, startProgress } from '../progress.ts'
import { withRoom } from '../session.ts'

/** Pieces of work between two looks at the progress. */
const SLICE = 50

export async function maintain(
  options: GlobalOptions & { readonly maxItems: number; readonly watch?: boolean; readonly interval: number },
): Promise<void> {
  const { maxItems, watch, interval: intervalMs } = options
  await withRoom(options, async (room, signal) => {
    const registry = await room.registry()
    const tell = (report: MaintenanceReport): void => (options.json === true ? printJson(report) : void process.stdout.write(`${textOf(report)}\n`))
    if (watch !== true) return tell(await pass(registry, options, signal))
    const onError = (error: unknown): void => void process.stderr.write(`${messageOf(error)}; trying again\n`)
    await using _maintenance = startMaintenance(registry, { maxItems, intervalMs, onReport: tell, onError })
    // The passes' own timer keeps no process alive.
    const alive = setInterval(() => {}, 60_000)
    await new Promise<void>(done => (signal.aborted ? done() : signal.addEventListener('abort', () => done(), { once: true })))
    clearInterval(alive)
  })
}

export async function pending(options: GlobalOptions & { readonly attention?: boolean }): Promise<void> {
  await withRoom(options, async (room, signal) => {
    const registry = await room.registry()
    const items = []
    for await (const item of registry.pending({ signal })) {
      if (options.attention === true && item.attention === undefined) continue
      if (options.json === true) printJson(item)
      else items.push(item)
    }
    if (options.json === true) return
    printTable(
      ['TASK', 'ACCOUNT', 'SECRET', 'STORE', 'SINCE', 'DUE', 'TRIED', 'WHY', 'ATTENTION'],
      items.map(({ task, account, secret, store, since, dueAt, attempts, code, retainedUntil, attention }) => [
        task,
        account,
        secret,
        store,
        dateText(since),
        dateText(dueAt),
        attempts,
        retainedUntil === undefined ? code : `retained until ${dateText(retainedUntil)}`,
        attention,
      ]),
    )
  })
}

/**
 * As many passes as it takes, since one ends after a minute; and several small ones for a person who watches, who sees it go on. What
 * was put off is not due again so soon.
 */
async function pass(
  registry: SecretRegistry,
  options: GlobalOptions & { readonly maxItems: number },
  signal: AbortSignal,
): Promise<MaintenanceReport> {
  const { maxItems } = options
  const total = isShown(options) ? await dueOf(registry, maxItems, signal) : undefined
  using progress = startProgress({ ...options, label: 'maintain', unit: 'pieces of work', total })
  let sum: MaintenanceReport | undefined
  for (let left = maxItems; ;) {
    const report = await registry.maintain({ maxItems: Math.min(left, total === undefined ? maxItems : SLICE), signal })
    const worked = workOf(report)
    progress.add(worked)
    left -= worked
    sum = sum === undefined ? report : sumOf(sum, report)
    if (!report.more || left <= 0) return sum
  }
}

async function dueOf(registry: SecretRegistry, most: number, signal: AbortSignal): Promise<number> {
  let due = 0
  for await (const { dueAt } of registry.pending({ signal })) if (dueAt.getTime() <= Date.now() && ++due === most) break
  return due
}

function workOf({ recovered, promoted, destroyed, purged, watched, forgotten, retained, postponed }: MaintenanceReport): number {
  return recovered + promoted + destroyed + purged + watched + forgotten + retained + postponed
}

/** The counts of both, and what is left after the later one. */
function sumOf(one: MaintenanceReport, later: MaintenanceReport): MaintenanceReport {
  return {
    ...later,
    recovered: one.recovered + later.recovered,
    promoted: one.promoted + later.promoted,
    destroyed: one.destroyed + later.destroyed,
    purged: one.purged + later.purged,
    watched: one.watched + later.watched,
    forgotten: one.forgotten + later.forgotten,
    retained: one.retained + later.retained,
    postponed: one.postponed + later.postponed,
    unanswered: [...new Set([...one.unanswered, ...later.unanswered])],
  }
}

function textOf({ oldest, needsAttention, backlog, more: _more, unanswered, ...counts }: MaintenanceReport): string {
  const done = Object.entries(counts).flatMap(([name, count]) => (count > 0 ? [`${count} ${name}`] : []))
  const left = backlog === 0 ? 'nothing left' : `${backlog} left${oldest === null ? '' : `, the oldest since ${dateText(oldest)}`}`
  const attention = needsAttention.length === 0 ? '' : `; ${needsAttention.length} need attention: strongroom pending --attention`
  const silent = unanswered.length === 0 ? '' : `; left alone, since it did not answer in time: ${unanswered.join(', ')}`
  return `${done.length === 0 ? 'nothing done' : done.join(', ')}; ${left}${silent}${attention}`
}
