import { startMaintenance, type MaintenanceReport } from '@strongroom/core'
import { messageOf } from '../failure.ts'
import { dateText, printJson, printTable } from '../output.ts'
import type { GlobalOptions } from '../program.ts'
import { withRoom } from '../session.ts'

export async function maintain(
  options: GlobalOptions & { readonly maxItems: number; readonly watch?: boolean; readonly interval: number },
): Promise<void> {
  const { maxItems, watch, interval: intervalMs } = options
  await withRoom(options, async (room, signal) => {
    const registry = await room.registry()
    const tell = (report: MaintenanceReport): void => (options.json === true ? printJson(report) : void process.stdout.write(`${textOf(report)}\n`))
    if (watch !== true) return tell(await registry.maintain({ maxItems, signal }))
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

function textOf({ oldest, needsAttention, backlog, ...counts }: MaintenanceReport): string {
  const done = Object.entries(counts).flatMap(([name, count]) => (count > 0 ? [`${count} ${name}`] : []))
  const left = backlog === 0 ? 'nothing left' : `${backlog} left${oldest === null ? '' : `, the oldest since ${dateText(oldest)}`}`
  const attention = needsAttention.length === 0 ? '' : `; ${needsAttention.length} need attention: strongroom pending --attention`
  return `${done.length === 0 ? 'nothing done' : done.join(', ')}; ${left}${attention}`
}
