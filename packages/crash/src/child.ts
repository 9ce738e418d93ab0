// The process that dies. It is told what to do over the channel that its parent made.
import { flushCompileCache } from 'node:module'
import {
  accountId,
  createSecretReader,
  createSecretRegistry,
  isSecretError,
  secretId,
  unsafeAllowEveryone,
  type AccountSecrets,
  type SecretDriver,
  type VersionId,
} from '@strongroom/core'
import { seeded } from '@strongroom/testbed'
import { backendOf } from './backends/index.ts'
import { databaseOf } from './databases/index.ts'
import { Failpoints } from './failpoints.ts'
import { knockOutOf } from './knock-outs.ts'
import { ACCOUNT, ACTORS, KEYS, STORE, type Job, type Opened, type ToChild, type ToParent } from './messages.ts'
import { prepareMove } from './moves/prepare.ts'
import { operate } from './operate.ts'
import { isUpkeep } from './upkeep/operations.ts'
import { leave, upkeepOf } from './upkeep/prepare.ts'
import { openWorker, type Worker } from './worker.ts'

const account = accountId(ACCOUNT)
const actor = (id: string): { readonly id: string; readonly type: 'service_account' } => ({ id, type: 'service_account' })
let driver: SecretDriver | undefined
let other: SecretDriver | undefined
let go: (() => Promise<void>) | undefined
let worker: Worker | undefined

process.on('message', (message: ToChild) => {
  void take(message).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`, () => process.exit(1))
  })
})
process.on('disconnect', () => process.exit(0))

async function take(message: ToChild): Promise<void> {
  const { type } = message
  if (type === 'warm') {
    driver = await opened(message)
    other = message.other === undefined ? undefined : await opened(message.other)
    flushCompileCache() // now, since a process that is killed leaves none
    await tell({ type: 'warm' })
  } else if (driver === undefined) {
    throw new Error('not warm')
  } else if (type === 'prepare') {
    go = other === undefined ? await prepare(message.job, driver) : await prepareMove(message.job, driver, other, { tell, sleep })
  } else if (type === 'go') {
    await go?.()
  } else if (type === 'open') {
    worker = await openWorker(message.work, [driver, other], actor => tell({ type: 'restores', actor }))
    await tell({ type: 'opened' })
  } else if (worker !== undefined) {
    if (type === 'maintain') await tell({ type: 'maintained', ...(await worker.maintain(message.diesAt)) })
    else if (type === 'move') await tell({ type: 'moved', wrong: await worker.move(message.move, message.diesAt) })
    else await tell({ type: 'did', told: await worker.attempt(message.attempt, message.diesAt) })
  }
}

async function opened({ backend, config }: Opened): Promise<SecretDriver> {
  const driver = backendOf(backend).driver(config)
  const call = { signal: new AbortController().signal, attempt: 1 }
  await driver.list({ prefix: 'none', withLabels: false, page: undefined }, call).catch(() => {}) // the soak's wire may break it: warm all the same
  return driver
}

/** Makes the secret to work on, and answers the operation. */
async function prepare(job: Job, driver: SecretDriver): Promise<() => Promise<void>> {
  Math.random = seeded(job.seed)
  const failpoints = new Failpoints(job.fault, sleep)
  const knockOut = knockOutOf(job.knockOut)
  const metadata = knockOut.metadata(databaseOf(job.database).open(job.place, failpoints.insideTransaction))
  const rules = knockOut.driver(driver)
  const shared = { id: job.registry, metadata: failpoints.metadata(metadata), authorize: unsafeAllowEveryone }
  const stores = { [STORE]: failpoints.driver(rules) }
  const registry = await createSecretRegistry({ ...shared, stores, writeTo: STORE, policy: job.times })
  const reader = await createSecretReader({ ...shared, stores })
  const { values } = job
  const { id } = await registry.account(account, actor(ACTORS.maker)).create({ key: KEYS.old, value: values.first, description: 'before' })
  const setUp = registry.account(account, actor(ACTORS.setUp))
  const first = (await setUp.versions(id))[0]?.version
  if (first === undefined) throw new Error('nothing is kept')
  await setUp.update(id, { value: values.before })
  const secrets = registry.account(account, actor(ACTORS.child))
  const { operation } = job
  if (isUpkeep(operation)) await leave(operation, job, { metadata, driver: rules, id, first })
  const work = isUpkeep(operation)
    ? await upkeepOf(operation, job, { metadata: shared.metadata, driver: stores[STORE], registry })
    : () => perform(job, secrets, id, first)
  await tell({ type: 'ready' })

  const readBack = async (): Promise<boolean> => {
    const read = await reader
      .account(account, actor(ACTORS.child))
      .read({ key: operation === 'create' ? KEYS.new : KEYS.old })
      .then(({ value }) => value.revealText())
      .catch((error: unknown) => {
        if (!isSecretError(error)) throw error
        return error.code === 'not_found' ? undefined : `${error.code}, and no value`
      })
    return read === expectedOf(job, rules)
  }
  return () => operate(job, { failpoints, work, readBack, tell, close: () => metadata.close() })
}

/** What is read after it; a recovery may finish an update, or undo it. */
function expectedOf({ operation, values }: Job, driver: SecretDriver): string | undefined {
  const changed: Readonly<Partial<Record<Job['operation'], string | undefined>>> = {
    create: values.after,
    'update value': values.after,
    'maintain an update': driver.capabilities.versionProof === 'token' ? values.after : values.before,
    'maintain a destroy': values.after,
    rollback: values.first,
    'maintain a promote': values.first,
    delete: undefined,
    'maintain a purge': undefined,
  }
  return Object.hasOwn(changed, operation) ? changed[operation] : values.before
}

async function perform({ operation, values }: Job, secrets: AccountSecrets, id: string, first: VersionId): Promise<unknown> {
  const writes: Readonly<Partial<Record<Job['operation'], () => Promise<unknown>>>> = {
    create: () => secrets.create({ key: KEYS.new, value: values.after, description: 'after' }),
    'update value': () => secrets.update(secretId(id), { value: values.after, description: 'after' }),
    'update description': () => secrets.update(secretId(id), { description: 'after' }),
    rollback: () => secrets.rollback(secretId(id), first),
    delete: () => secrets.delete(secretId(id)),
  }
  const write = writes[operation]
  if (write === undefined) throw new RangeError('a migration needs two backends, and upkeep is no write')
  return await write()
}

/** Stops this process as a whole, timers and all, until its parent wakes it. */
async function sleep(): Promise<void> {
  await tell({ type: 'asleep' })
  process.kill(process.pid, 'SIGSTOP')
}

function tell(message: ToParent): Promise<void> {
  return new Promise((resolve, reject) => process.send?.(message, (error: Error | null) => (error === null ? resolve() : reject(error))))
}
