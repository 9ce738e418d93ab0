// One process of the tests with many. Prints its answer as JSON.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { accountId, isSecretError, secretId, type BeginCreate, type MetadataStore, type NativePath, type VersionId } from '@strongroom/core'
import { postgresMetadata } from '@strongroom/postgres'
import pg from 'pg'
import { withQueries } from './pools.ts'

const [task = '', connectionString = '', schema = '', startAt = '0'] = process.argv.slice(2)
const account = accountId('account-1')
const registry = 'registry-1'

const TASKS: Readonly<Record<string, () => Promise<unknown>>> = {
  /** Eight at once create the same key as everyone else does. */
  async create() {
    const store = postgresMetadata({ connectionString, schema })
    await sleep(Math.max(0, Number(startAt) - Date.now()))
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => create(store, 'the-one-key')))
    await store.close()
    return outcomes
  },
  /** Begins, and stands still before its transaction is committed, with everything locked that it has locked. */
  async hang() {
    const store = postgresMetadata({
      pool: withQueries(new pg.Pool({ connectionString }), async query => {
        if (query.text === 'COMMIT' && isBegun) {
          process.stdout.write('hanging')
          await sleep(60_000)
        }
        isBegun ||= query.text.startsWith('INSERT INTO intents')
        return query
      }),
      schema,
    })
    let isBegun = false
    return await store.beginCreate(createRequest('the-one-key'), {})
  },
}

/** Creates the key unless another has it; waits while another is creating it. */
async function create(store: MetadataStore, key: string): Promise<string> {
  for (;;) {
    try {
      const answer = await store.beginCreate(createRequest(key), {})
      if (answer.state === 'begun') {
        const { id: intent, token } = answer.intent
        const version = 'v1' as VersionId
        return (await store.commitCreate({ registry, intent, account, token, version, fullPath: 'full', enqueue: [] }, {})).state
      }
    } catch (error) {
      return isSecretError(error) ? error.code : String(error)
    }
    await sleep(20)
  }
}

function createRequest(key: string): BeginCreate {
  const secret = secretId(randomUUID())
  const path = secret as string as NativePath
  return {
    registry,
    account,
    secret,
    key,
    description: null,
    actor: { id: 'a', type: 'user' },
    store: 'main',
    path,
    token: randomUUID(),
    leaseMs: 60_000,
  }
}

process.stdout.write(JSON.stringify(await TASKS[task]?.()))
