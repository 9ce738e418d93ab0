// One process of the tests with many. Prints its answer as JSON.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  accountId,
  createSecretRegistry,
  isSecretError,
  memoryDriver,
  secretId,
  unsafeAllowEveryone,
  type BeginCreate,
  type MetadataStore,
  type NativePath,
  type VersionId,
} from '@strongroom/core'
import { sqliteMetadata } from '@strongroom/sqlite'

const [task = '', path = '', startAt = '0'] = process.argv.slice(2)
const account = accountId('account-1')
const registry = 'registry-1'

const TASKS: Readonly<Record<string, (store: MetadataStore) => Promise<unknown>>> = {
  /** Creates twenty keys, the same ones as every other child. */
  async race(store) {
    const states: string[] = []
    for (let number = 0; number < 20; number += 1) states.push(await begin(store, `key-${number}`))
    return states
  },
  /** Creates records until it fails. */
  async fill(store) {
    const acknowledged: string[] = []
    for (;;) {
      const request = createRequest(randomUUID(), 'x'.repeat(4000))
      try {
        const answer = await store.beginCreate(request, {})
        if (answer.state !== 'begun') return { acknowledged, busy: true }
        const { id: intent, token } = answer.intent
        const version = 'v1' as VersionId
        await store.commitCreate({ registry, intent, account, token, version, fullPath: 'full', enqueue: [] }, {})
        acknowledged.push(request.secret)
      } catch (error) {
        return { acknowledged, ...errorOf(error) }
      }
    }
  },
  /** Reads, then writes, as a user for whom the file is read-only. */
  async readonly(store) {
    if (process.getuid?.() === 0) process.setuid?.(65_534)
    return [await outcomeOf(store.references({ registry }, {})), await outcomeOf(store.beginCreate(createRequest('k', null), {}))]
  },
  open: openRegistry,
}

/** Opens a registry on the file, as a user for whom it is read-only. */
async function openRegistry(metadata: MetadataStore): Promise<unknown> {
  if (process.getuid?.() === 0) process.setuid?.(65_534)
  const options = { id: registry, metadata, stores: { main: memoryDriver() }, writeTo: 'main', authorize: unsafeAllowEveryone }
  return await outcomeOf(createSecretRegistry(options))
}

function createRequest(key: string, description: string | null): BeginCreate {
  const secret = secretId(randomUUID())
  const token = randomUUID()
  return {
    registry,
    account,
    secret,
    key,
    description,
    actor: { id: 'a', type: 'user' },
    store: 'main',
    path: secret as string as NativePath,
    token,
    leaseMs: 60_000,
  }
}

async function begin(store: MetadataStore, key: string): Promise<string> {
  return (await store.beginCreate(createRequest(key, null), {})).state
}

async function outcomeOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call
  } catch (error) {
    return errorOf(error)
  }
}

function errorOf(error: unknown): object {
  if (!isSecretError(error)) return { unexpected: String(error) }
  const { code, effect, retryable } = error
  return { code, effect, retryable }
}

// Everybody starts at the same moment.
await sleep(Math.max(0, Number(startAt) - Date.now()))
const store = sqliteMetadata({ path })
const answer = await TASKS[task]?.(store)
await store.close()
process.stdout.write(JSON.stringify(answer))
