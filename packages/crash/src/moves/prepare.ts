import { accountId, createSecretMigrator, createSecretReader, createSecretRegistry, unsafeAllowEveryone, type SecretDriver } from '@strongroom/core'
import { seeded } from '@strongroom/testbed'
import { databaseOf } from '../databases/index.ts'
import { Failpoints } from '../failpoints.ts'
import { ACCOUNT, ACTORS, KEYS, OTHER, STORE, type Job, type ToParent } from '../messages.ts'
import { operate } from '../operate.ts'
import { GRACE_MS } from './scenarios.ts'

/** A migration that meets trouble waits for a lease to end: nobody waits for that here. */
const PATIENCE_MS = 2_500

/** Makes the secret that is moved, and answers the migration. */
export async function prepareMove(
  job: Job,
  first: SecretDriver,
  second: SecretDriver,
  { tell, sleep }: { readonly tell: (message: ToParent) => Promise<void>; readonly sleep: () => Promise<void> },
): Promise<() => Promise<void>> {
  Math.random = seeded(job.seed)
  const account = accountId(ACCOUNT)
  const actor = (id: string): { readonly id: string; readonly type: 'service_account' } => ({ id, type: 'service_account' })
  const isReturn = job.operation === 'return'
  const failpoints = new Failpoints(job.fault, sleep)
  const metadata = failpoints.metadata(databaseOf(job.database).open(job.place, failpoints.insideTransaction))
  const stores = { [STORE]: failpoints.driver(first, isReturn ? 'to' : 'from'), [OTHER]: failpoints.driver(second, isReturn ? 'from' : 'to') }
  const shared = { id: job.registry, metadata, stores, policy: job.times }
  const registry = await createSecretRegistry({ ...shared, writeTo: STORE, authorize: unsafeAllowEveryone })
  const reader = await createSecretReader({ id: job.registry, metadata, stores, authorize: unsafeAllowEveryone })
  const migrator = await createSecretMigrator({ ...shared, actor: actor(ACTORS.child) })
  const { values } = job
  const { id } = await registry.account(account, actor(ACTORS.maker)).create({ key: KEYS.old, value: values.first, description: 'before' })
  await registry.account(account, actor(ACTORS.setUp)).update(id, { value: values.before })
  const migrate = async (from: string, to: string, signal?: AbortSignal): Promise<void> => {
    // Not measured: these values fit everywhere.
    for await (const _ of migrator.migrate({ from, to, concurrency: 1, measure: false, graceMs: GRACE_MS, signal }));
  }
  if (isReturn) await migrate(STORE, OTHER)
  await tell({ type: 'ready' })

  const [from, to] = isReturn ? [OTHER, STORE] : [STORE, OTHER]
  const work = (): Promise<void> => migrate(from, to, AbortSignal.timeout(job.times.deadlineMs + PATIENCE_MS))
  const readBack = async (): Promise<boolean> => {
    const { value } = await reader.account(account, actor(ACTORS.child)).read({ key: KEYS.old })
    return [values.before, values.after].includes(value.revealText())
  }
  return () => operate(job, { failpoints, work, readBack, tell, close: () => metadata.close() })
}
