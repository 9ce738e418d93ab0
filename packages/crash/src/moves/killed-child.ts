// A process that migrates until it is done, or killed.
import { createSecretMigrator } from '@strongroom/core'
import { backendOf } from '../backends/index.ts'
import { databaseOf } from '../databases/index.ts'
import { OTHER, STORE } from '../messages.ts'
import type { KilledTold, KilledWork } from './killed.ts'

process.once('disconnect', () => process.exit(1))
process.once('message', (work: KilledWork) => void migrate(work))

async function migrate({ backends: [first, second], configs, database, place, registry, times }: KilledWork): Promise<void> {
  const metadata = databaseOf(database).open(place)
  const stores = { [STORE]: backendOf(first).driver(configs[0]), [OTHER]: backendOf(second).driver(configs[1]) }
  const actor = { id: 'operator', type: 'service_account' } as const
  const migrator = await createSecretMigrator({ id: registry, metadata, stores, actor, policy: times })
  const tell = (told: KilledTold): void => void process.send?.(told)
  const run = migrator.migrate({ from: STORE, to: OTHER, measure: false })
  for (;;) {
    const step = await run.next()
    if (step.done === true) {
      tell({ type: 'ended', left: step.value.left })
      break
    }
    const { outcome, code, reason, resumed } = step.value
    if (outcome === 'moved') tell({ type: 'moved', resumed })
    else throw new Error(`one was ${outcome}: ${code}, ${reason}`)
  }
  await migrator.close()
  process.removeAllListeners('disconnect')
  process.disconnect()
}
