import type { Finding, ReconcileReport, RepairKind } from '@strongroom/core'
import { EXIT } from '../exit-codes.ts'
import { printJson, printTable } from '../output.ts'
import type { AccountOptions } from '../program.ts'
import { isShown, startProgress } from '../progress.ts'
import { actorOf, withRoom } from '../session.ts'
import { checkStoreName } from '../store-name.ts'

export async function reconcile(
  options: AccountOptions & { readonly store?: string; readonly repair?: readonly RepairKind[]; readonly grace: number },
): Promise<void> {
  const { store, repair, grace: graceMs, json } = options
  await withRoom(options, async (room, signal) => {
    if (store !== undefined) checkStoreName(store, room.config.stores)
    const migrator = await room.migrator(actorOf(options))
    const names = store === undefined ? room.config.stores : [store]
    const records = isShown(options) ? (await Promise.all(names.map(name => migrator.references(name)))).map(found => found.records) : []
    const findings: Finding[] = []
    let report: ReconcileReport
    let left = false
    try {
      // Each record is compared with its secret, and each secret with its record.
      using progress = startProgress({ label: 'reconcile', unit: 'compared', total: 2 * records.reduce((sum, count) => sum + count, 0), json })
      const run = migrator.reconcile({ store, repair, graceMs, onProgress: () => progress.add(), signal })
      let step = await run.next()
      for (; step.done !== true; step = await run.next()) {
        left ||= step.value.repair !== 'done' && step.value.repair !== 'queued'
        if (json === true) printJson(step.value)
        else findings.push(step.value)
      }
      report = step.value
    } finally {
      // Also of a run that ends with an error or by Ctrl-C: what it has mended stands.
      if (findings.length > 0) printTable(['KIND', 'STORE', 'ACCOUNT', 'KEY OR PATH', 'REPAIR', 'REASON'], findings.map(rowOf))
    }
    if (left) process.exitCode = EXIT.failed
    if (json === true) return printJson(report)
    process.stdout.write(`${textOf(report)}\n`)
  })
}

function rowOf({ kind, store, account, key, path, version, repair, reason }: Finding): readonly (string | undefined)[] {
  return [kind, store, account, key ?? path, repair, version === undefined ? reason : `version ${version}: ${reason}`]
}

function textOf({ records, secrets, skipped, findings, queued, done, failed }: ReconcileReport): string {
  const found = Object.entries(findings).flatMap(([kind, count]) => (count > 0 ? [`${count} ${kind}`] : []))
  const mended = [
    ...(done > 0 ? [`${done} mended`] : []),
    ...(queued > 0 ? [`${queued} queued: strongroom maintain`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ]
  const looked = `${records} records and ${secrets} secrets compared${skipped > 0 ? `, ${skipped} left for another run` : ''}`
  return [looked, found.length === 0 ? 'no difference' : found.join(', '), ...mended].join('; ')
}
