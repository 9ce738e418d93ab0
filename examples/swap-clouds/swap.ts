// One service under load, whose configuration goes from cloud to cloud and back: `node examples/swap-clouds/swap.ts`.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryDriver, unsafeAllowEveryone, type SecretDriver } from '@strongroom/core'
import { openStrongroom, type OpenOptions } from 'strongroom'
import { startClouds, type Clouds } from './clouds.ts'
import { Load, type Counts } from './load.ts'
import { Service } from './service.ts'

type Cloud = keyof Clouds['stores']

const JOURNEY: readonly Cloud[] = ['memory', 'aws', 'gcp', 'azure', 'vault', 'aws']

export interface Swapped {
  readonly from: Cloud
  readonly to: Cloud
  readonly moved: number
  /** Secrets that are still in the store that was left. */
  readonly leftovers: number
}

/** What a store holds in the end. */
export interface Stock {
  readonly store: Cloud
  /** Records that point at a secret in it. */
  readonly records: number
  /** Of these, how many point at nothing. */
  readonly missing: number
  /** Secrets that are in it and that no record points at. */
  readonly strays: number
}

export interface Journey {
  readonly swaps: readonly Swapped[]
  readonly counts: Counts
  readonly problems: readonly string[]
  /** Secrets that were compared byte by byte in the end. */
  readonly compared: number
  /** Of every store on the way, once nothing is left to do. */
  readonly inventory: readonly Stock[]
  readonly vault: string
}

export async function travel({
  secrets = 25,
  say = () => {},
}: { readonly secrets?: number; readonly say?: (line: string) => void } = {}): Promise<Journey> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-swap-'))
  const clouds = await startClouds(folder)
  const config = join(folder, 'strongroom.yaml')
  // Memory lasts as long as whoever holds it, so here the program does: the service opens its configuration more than once.
  const memory: SecretDriver = keptOpen(memoryDriver({ name: 'swap-clouds' }))
  const options: OpenOptions = { environment: clouds.environment, schemes: { memory: () => memory } }
  const write = async (writeTo: Cloud, ...stores: readonly Cloud[]): Promise<void> => {
    const lines = [...new Set(stores)].map(name => `  ${name}: ${clouds.stores[name]}`)
    await writeFile(config, `stores:\n${lines.join('\n')}\nwriteTo: ${writeTo}\nmetadata: { type: sqlite, path: ./meta.db }\n`)
  }
  const swaps: Swapped[] = []
  try {
    await write('memory', 'memory')
    const service = await Service.start(config, options)
    const load = new Load(service)
    try {
      await load.begin(secrets)
      for (const [index, to] of JOURNEY.slice(1).entries()) {
        const from = JOURNEY[index] as Cloud
        await write(to, from, to) // the one line is writeTo; the old store stays as long as it holds something
        await service.reload()
        const swap = await move(config, options, from, to)
        await write(to, to)
        await service.reload()
        swaps.push(swap)
        say(`${from} → ${to}: ${swap.moved} moved, ${swap.leftovers} left over; ${load.counts.reads} reads and ${load.counts.updates} updates so far`)
      }
    } finally {
      await load.end()
    }
    const compared = await load.compareAll()
    await service.stop()
    const last = JOURNEY.at(-1) as Cloud
    await write(last, ...JOURNEY)
    return { swaps, counts: load.counts, problems: load.problems, compared, inventory: await takeStock(config, options, last), vault: clouds.vault }
  } finally {
    await clouds.stop()
    await rm(folder, { recursive: true })
  }
}

/** What an operator does: migrate, let the old copies go, and wait until nothing names the old store. */
async function move(config: string, options: OpenOptions, from: Cloud, to: Cloud): Promise<Swapped> {
  await using room = await openStrongroom(config, { ...options, authorize: unsafeAllowEveryone })
  const [registry, migrator] = [await room.registry(), await room.migrator({ id: 'operator', type: 'user' })]
  let moved = 0
  const deadline = performance.now() + 120_000
  for (;;) {
    for await (const { outcome } of migrator.migrate({ from, to, rate: room.rates, graceMs: 0 })) if (outcome === 'moved') moved += 1
    await migrator.dropOldCopies(from)
    await registry.maintain({ maxItems: 1000 })
    const { records, intents, tasks } = await migrator.references(from)
    if (records + intents + tasks === 0) break
    if (performance.now() > deadline) throw new Error(`${from} is still named by ${records} records, ${intents} writes and ${tasks} tasks`)
  }
  const left = await Array.fromAsync(room.store(from).list())
  return { from, to, moved, leftovers: left.length }
}

/** Lists every store, the last one too, and the first ones once more: something could have come late. */
async function takeStock(config: string, options: OpenOptions, last: Cloud): Promise<readonly Stock[]> {
  await using room = await openStrongroom(config, { ...options, authorize: unsafeAllowEveryone })
  const [registry, migrator] = [await room.registry(), await room.migrator({ id: 'operator', type: 'user' })]
  const deadline = performance.now() + 120_000
  for (;;) {
    await registry.maintain({ maxItems: 1000 })
    const { intents, tasks } = await migrator.references(last)
    if (intents + tasks === 0) break
    if (performance.now() > deadline) throw new Error(`${last} still has ${intents} writes and ${tasks} tasks`)
  }
  const pointers = (await Array.fromAsync(migrator.records())).map(({ pointer }) => pointer)
  const stocks = [...new Set(JOURNEY)].map(async (store): Promise<Stock> => {
    const named = new Set<string>(pointers.filter(pointer => pointer.store === store).map(({ path }) => path))
    const there = new Set((await Array.fromAsync(room.store(store).list())).map(({ name }) => name))
    const without = (some: ReadonlySet<string>, others: ReadonlySet<string>): number => [...some].filter(one => !others.has(one)).length
    return { store, records: named.size, missing: without(named, there), strays: without(there, named) }
  })
  return await Promise.all(stocks)
}

/** A driver that no room closes, since another one goes on with it. */
function keptOpen(driver: SecretDriver): SecretDriver {
  return { ...driver, close: async () => {} }
}

if (import.meta.main) {
  const { counts, problems, compared, inventory, vault } = await travel({ say: line => console.log(line) })
  console.log(`Vault was ${vault}`)
  console.log(
    `${counts.reads} reads: ${counts.failedReads} failed, ${counts.staleReads} stale; ${counts.updates} updates: ${counts.failedUpdates} failed; ${counts.deleted} created and deleted; ${compared} compared byte by byte in the end`,
  )
  for (const { store, records, missing, strays } of inventory)
    console.log(`${store}: ${records} records, ${missing} of them missing, ${strays} strays`)
  for (const problem of problems.slice(0, 20)) console.log(problem)
  process.exitCode = problems.length === 0 && inventory.every(({ missing, strays }) => missing + strays === 0) ? 0 : 1
}
