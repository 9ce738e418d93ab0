// The operations of a service, over and over: `memory.ts` starts it and gets the size of the heap before and after.
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accountId, createSecretReader, createSecretRegistry, memoryDriver, unsafeAllowEveryone } from '@strongroom/core'
import { sqliteMetadata } from '@strongroom/sqlite'

const operations = Number(process.argv[2])
const WARM_UP = Math.ceil(operations / 10)
/** Each cycle leaves what was there before it. */
const CYCLE = 10

// In memory where there is such a folder: it is the heap that is looked at, and not the disk.
const folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'strongroom-bench-'))
const shared = {
  id: 'bench',
  metadata: sqliteMetadata({ path: join(folder, 'metadata.db') }),
  stores: { main: memoryDriver() },
  authorize: unsafeAllowEveryone,
}
const registry = await createSecretRegistry({ ...shared, writeTo: 'main' })
const reader = await createSecretReader(shared)
const secrets = registry.account(accountId('acme'), { id: 'alice', type: 'user' })
const values = reader.account(accountId('acme'), { id: 'checkout', type: 'service_account' })

let done = 0

async function cycle(): Promise<void> {
  const key = `key-${done}`
  const { id } = await secrets.create({ key, value: 'the first value' })
  using first = (await values.read({ id })).value
  await secrets.update(id, { value: 'the second value', description: 'What it is for.' })
  using second = (await values.read({ key })).value
  if (first.equals(second)) throw new Error('the update was not made')
  await secrets.describe(id)
  await secrets.list({ limit: 10 })
  await secrets.create({ key, value: 'refused' }).catch(() => {})
  await secrets.update(id, { description: 'Something else.' })
  await secrets.delete(id)
  await registry.maintain()
  done += CYCLE
}

function heap(): number {
  for (let round = 0; round < 4; round += 1) globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

for (let count = 0; count < 50; count += 1) await secrets.create({ key: `kept-${count}`, value: 'a value that stays' })
while (done < WARM_UP) await cycle()
const before = heap()
done = 0
while (done < operations) await cycle()
const after = heap()
await registry.close()
await reader.close()
await rm(folder, { recursive: true })
process.send?.({ before, after })
