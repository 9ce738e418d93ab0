// A process that asks for one write with an idempotency key, as often as it takes. Told what to do, and to go, over its parent's channel.
import { setTimeout as sleep } from 'node:timers/promises'
import { accountId, createSecretRegistry, isSecretError, unsafeAllowEveryone, type SecretRecord } from '@strongroom/core'
import { changed } from '@strongroom/testbed'
import { databaseOf } from '../src/databases/index.ts'
import { die } from '../src/failpoints.ts'
import { ask, BACKENDS, type Asking, type Said } from './asking.ts'

const PATIENCE_MS = 100_000
const tell = (said: Said): void => void process.send?.(said)

async function prepare(asking: Asking): Promise<() => Promise<SecretRecord>> {
  const { registry: id, dies, policy } = asking
  const metadata = databaseOf(asking.database).open(asking.place)
  const dying = <R, A>(commit: (request: R, call: object) => Promise<A>) => {
    return async (request: R, call: object): Promise<A> => {
      if (dies === 'before the commit') die()
      const outcome = await commit(request, call)
      return dies === 'after the commit' ? die() : outcome
    }
  }
  const registry = await createSecretRegistry({
    id,
    metadata: changed(metadata, {
      commitCreate: dying((request, call) => metadata.commitCreate(request, call)),
      commitUpdate: dying((request, call) => metadata.commitUpdate(request, call)),
    } as Partial<typeof metadata>),
    stores: { main: BACKENDS[asking.backend].driver(asking.config) },
    writeTo: 'main',
    authorize: unsafeAllowEveryone,
    requestKeys: [Buffer.from(asking.requestKey, 'hex')],
    policy,
  })
  const secrets = registry.account(accountId('account-1'), { id: 'robot', type: 'service_account' })
  return async () => {
    const giveUpAt = performance.now() + PATIENCE_MS
    for (;;) {
      try {
        return await ask(secrets, asking)
      } catch (error) {
        if (!isSecretError(error) || !error.retryable || performance.now() > giveUpAt) throw error
      }
      await sleep(50)
    }
  }
}

let go: (() => Promise<SecretRecord>) | undefined
process.on('disconnect', () => process.exit(0))
process.on('message', (message: Asking | 'go') => {
  void (async () => {
    try {
      if (message !== 'go') {
        go = await prepare(message)
        tell({ type: 'ready' })
      } else if (go !== undefined) tell({ type: 'answer', record: await go() })
    } catch (error) {
      tell({ type: 'failed', text: String(error) })
    }
  })()
})
