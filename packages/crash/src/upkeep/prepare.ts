import {
  accountId,
  createSecretRegistry,
  SecretError,
  secretId,
  unsafeAllowEveryone,
  type MetadataStore,
  type SecretDriver,
  type SecretRegistry,
  type VersionId,
} from '@strongroom/core'
import { changed } from '@strongroom/testbed'
import { databaseOf } from '../databases/index.ts'
import { ACCOUNT, ACTORS, KEYS, STORE, type Job } from '../messages.ts'
import { settle } from '../settle.ts'
import { reconciling } from './mend.ts'
import { isOfCreation, isReconcile, type UpkeepOperation } from './operations.ts'

interface Ground {
  readonly metadata: MetadataStore
  readonly driver: SecretDriver
  /** The secret that was made, and its first version. */
  readonly id: string
  readonly first: VersionId
}

/** A put that was sent, and is held up. */
class HeldUp extends Error {}

/** Leaves what a process leaves that died in the middle, or a put that landed late; all of it by the registry itself. */
export async function leave(operation: UpkeepOperation, job: Job, ground: Ground): Promise<void> {
  const { metadata, driver, id, first } = ground
  const { values } = job
  const open = (store: MetadataStore, by: SecretDriver = driver): Promise<SecretRegistry> =>
    createSecretRegistry({
      id: job.registry,
      metadata: store,
      stores: { [STORE]: by },
      authorize: unsafeAllowEveryone,
      writeTo: STORE,
      policy: job.times,
    })
  const secretsOf = (registry: SecretRegistry): ReturnType<SecretRegistry['account']> =>
    registry.account(accountId(ACCOUNT), { id: ACTORS.child, type: 'service_account' })
  const after = { value: values.after, description: 'after' }
  const died = async (write: Promise<unknown>): Promise<void> => {
    const ended = await write.then(
      () => 'done',
      (error: unknown) => (error instanceof SecretError ? error.effect : String(error)),
    )
    if (ended === 'done') throw new Error('the write that should be left in the middle came to its end')
  }

  switch (operation) {
    case 'maintain a creation': {
      const registry = await open(changed(metadata, { commitCreate: async () => await Promise.reject(unheard()) }))
      return await died(secretsOf(registry).create({ key: KEYS.new, ...after }))
    }
    case 'maintain an update': {
      const registry = await open(changed(metadata, { commitUpdate: async () => await Promise.reject(unheard()) }))
      return await died(secretsOf(registry).update(secretId(id), after))
    }
    case 'maintain an unsent update': {
      const beginUpdate: MetadataStore['beginUpdate'] = async (request, call) => {
        await metadata.beginUpdate(request, call)
        throw unheard()
      }
      return await died(secretsOf(await open(changed(metadata, { beginUpdate }))).update(secretId(id), after))
    }
    case 'maintain a promote': {
      const commitRollback: MetadataStore['commitRollback'] = async (request, call) => withoutClaims(await metadata.commitRollback(request, call))
      return void (await secretsOf(await open(changed(metadata, { commitRollback }))).rollback(secretId(id), first))
    }
    case 'maintain a destroy':
      return void (await secretsOf(await open(metadata)).update(secretId(id), after))
    case 'maintain a purge': {
      const commitDelete: MetadataStore['commitDelete'] = async (request, call) => withoutClaims(await metadata.commitDelete(request, call))
      return await secretsOf(await open(changed(metadata, { commitDelete }))).delete(secretId(id))
    }
    case 'maintain a stray':
    case 'maintain a watch':
    case 'maintain a watch of a creation':
    case 'reconcile an orphan':
    case 'reconcile a drift': {
      const held = holding(driver)
      const secrets = secretsOf(await open(metadata, held.driver))
      await died(isOfCreation(operation) ? secrets.create({ key: KEYS.new, ...after }) : secrets.update(secretId(id), after))
      const registry = await open(metadata)
      const advance = (ms: number): Promise<void> => databaseOf(job.database).advance(job.place, ms)
      await advance(job.times.leaseMs + 1_000)
      await registry.maintain({ maxItems: 1_000 })
      // Past the horizon nobody looks for it any more.
      if (isReconcile(operation) && (await settle(registry, advance)) > 0) throw new Error('upkeep does not come to an end')
      await held.land()
      if (operation !== 'maintain a stray') return
      await advance(job.times.putHorizonMs + 1_000)
      return void (await registry.maintain({ maxItems: 1 }))
    }
    // The parent does it: an outsider has no part of this library.
    case 'maintain a repair':
    case 'reconcile a moved label':
    case 'reconcile an outside value':
  }
}

/** Answers the piece of upkeep. */
export async function upkeepOf(
  operation: UpkeepOperation,
  job: Job,
  { metadata, driver, registry }: Pick<Ground, 'metadata' | 'driver'> & { readonly registry: SecretRegistry },
): Promise<() => Promise<unknown>> {
  if (!isReconcile(operation)) return () => registry.maintain({ maxItems: 1 })
  return await reconciling({ id: job.registry, metadata, driver, policy: job.times }, ACTORS.mender)
}

/** What a writer that is dead does not do: the tasks that it claimed. */
function withoutClaims<T extends { readonly state: string }>(outcome: T): T {
  return 'claimed' in outcome ? { ...outcome, claimed: [] } : outcome
}

/** Keeps a put back, and sends it when it is told to. */
function holding(driver: SecretDriver): { readonly driver: SecretDriver; readonly land: () => Promise<void> } {
  let send = async (): Promise<unknown> => await Promise.reject(new Error('nothing was put'))
  const call = { signal: new AbortController().signal, attempt: 1 }
  const held =
    <R extends { readonly payload: { readonly bytes: Uint8Array; readonly text: boolean } }>(
      put: (request: R, at: typeof call) => Promise<unknown>,
    ) =>
    async (request: R): Promise<never> => {
      const payload = { ...request.payload, bytes: Uint8Array.from(request.payload.bytes) }
      send = () => put({ ...request, payload }, call)
      throw new HeldUp()
    }
  return {
    driver: changed(driver, {
      create: held((request, at) => driver.create(request, at)),
      append: held((request, at) => driver.append(request, at)),
      classify: error => (error instanceof HeldUp ? { code: 'unavailable', retryable: false, effect: 'unknown' } : driver.classify(error)),
    }),
    land: async () => void (await send()),
  }
}

function unheard(): SecretError {
  return new SecretError({ code: 'unavailable', retryable: false, effect: 'unknown', operation: 'metadata' })
}
