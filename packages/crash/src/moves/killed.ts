import {
  createSecretMigrator,
  createSecretReader,
  createSecretRegistry,
  accountId,
  unsafeAllowEveryone,
  type SecretReader,
  type SecretRegistry,
} from '@strongroom/core'
import { forkBound, seeded, temporaryFolder } from '@strongroom/testbed'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Backend, Running } from '../backends/backend.ts'
import type { Database } from '../databases/database.ts'
import { ACCOUNT, OTHER, STORE, type Times } from '../messages.ts'
import { putOf } from './scenarios.ts'

interface KilledOptions {
  readonly pair: readonly [Backend, Backend]
  readonly database: Database
  readonly secrets: number
  readonly kills: number
  readonly seed: number
  readonly say?: ((line: string) => void) | undefined
}

interface KilledResult {
  readonly secrets: number
  readonly kills: number
  /** Puts that the target has seen; undefined where it has no wire. */
  readonly puts: number | undefined
  /** How many puts there may be: each kill makes at most one of them twice; where a create is more than one request, as many as were under way. */
  readonly mostPuts: number
  /** Secrets that a later run found put and did not put again. */
  readonly resumed: number
  readonly moved: number
  /** Records that are not in the target, values that are not byte for byte what was written, and what nobody names in either of the two. */
  readonly missing: number
  readonly different: number
  readonly leftovers: number
  readonly unfinished: number
}

/** What a process that migrates is told. */
export interface KilledWork {
  readonly backends: readonly [string, string]
  readonly configs: readonly [unknown, unknown]
  readonly database: string
  readonly place: unknown
  readonly registry: string
  readonly times: Times
}

export type KilledTold = { readonly type: 'moved'; readonly resumed: boolean } | { readonly type: 'ended'; readonly left: number }

const TIMES: Times = { deadlineMs: 30_000, leaseMs: 90_000, putHorizonMs: 120_000 }
const REGISTRY = 'killed'
/** The migrator's default. */
const CONCURRENCY = 16
const ACTOR = { id: 'operator', type: 'service_account' } as const
const account = accountId(ACCOUNT)
const HOUR_MS = 3_600_000
const JITTER_MS = 50
/** The last two are the most that every cloud takes. */
const BINARY_SIZES = [1, 2, 3, 255, 256, 257, 4_096, 18_749, 18_750]

type Value = string | Uint8Array

/** One migration of many secrets, by one process after another: each is killed with SIGKILL in the middle of its work, but for the last. */
export async function migrateKilled({ pair, database, secrets, kills, seed, say = () => {} }: KilledOptions): Promise<KilledResult> {
  const random = seeded(seed)
  const { path: folder, remove } = await temporaryFolder()
  const running = [await pair[0].start(), await pair[1].start()] as const
  const place = await database.make(folder, REGISTRY)
  const metadata = database.open(place)
  const drivers = [pair[0].driver(running[0].config), pair[1].driver(running[1].config)] as const
  const stores = { [STORE]: drivers[0], [OTHER]: drivers[1] }
  const shared = { id: REGISTRY, metadata, stores, policy: TIMES }
  const advance = async (ms: number): Promise<void> => {
    await database.advance(place, ms)
    for (const one of running) one.advance(ms)
  }
  try {
    const registry = await createSecretRegistry({ ...shared, writeTo: STORE, authorize: unsafeAllowEveryone })
    const values = valuesOf(secrets, random)
    await fill(registry, values)
    say(`${secrets} secrets are made, ${[...values.values()].filter(value => typeof value !== 'string').length} of them binary`)
    const sent = counting(running[1])
    sent.forget()
    const work: KilledWork = {
      backends: [pair[0].name, pair[1].name],
      configs: [running[0].config, running[1].config],
      database: database.name,
      place,
      registry: REGISTRY,
      times: TIMES,
    }
    let moved = 0
    let resumed = 0
    let killed = 0
    for (let run = 0; run <= kills; run += 1) {
      const dieAt = run === kills ? Number.POSITIVE_INFINITY : Math.max(moved + 1, Math.floor(((run + random()) * secrets) / (kills + 1)))
      // At any time; while the server has done a put and keeps its answer; or before a put that lands when its sender is dead.
      const applied = random() < 0.5
      const [wire, put] = [running[1].wire, putOf(pair[1])]
      const jitterMs = random() * JITTER_MS
      const isInPut = random() < 2 / 3 && wire !== undefined && put !== undefined
      const strike = (kill: () => void): void => {
        if (!isInPut) return void setTimeout(kill, jitterMs)
        const { promise: dead, resolve: die } = Promise.withResolvers<void>()
        const release = async (): Promise<void> => {
          kill()
          setTimeout(die, JITTER_MS)
          await dead
        }
        wire.inject({ kind: 'hold', applied, release }, { operations: [put] })
      }
      const done = await migrateOnce(work, join(folder, 'compiled'), Math.min(dieAt - moved, secrets), strike)
      wire?.clearFaults()
      moved += done.moved
      resumed += done.resumed
      killed += Number(done.isKilled)
      say(`run ${run + 1}: ${moved} told so far, ${done.resumed} taken over`)
      sent.note()
      await advance(TIMES.leaseMs + 1_000)
    }
    const puts = sent.count(putOf(pair[1]))
    const migrator = await createSecretMigrator({ ...shared, actor: ACTOR })
    const wanted = new Map<string, Value>()
    let missing = 0
    for await (const { key, pointer } of migrator.records()) {
      if (pointer.store === OTHER) wanted.set(pointer.path, values.get(key) ?? '')
      else missing += 1
    }
    for (let pass = 0; pass < 60 && (await registry.maintain({ maxItems: 2_000 })).backlog > 0; pass += 1) await advance(HOUR_MS)
    const [source, target] = [await running[0].look(`${REGISTRY}-`), await running[1].look(`${REGISTRY}-`)]
    const served = new Map(target.map(({ path, versions }) => [path, versions.filter(version => version.served)]))
    const changed = [...wanted].filter(([path, value]) => !isSame(served.get(path)?.[0]?.value, value)).length
    const different = changed + (await readOtherwise(await createSecretReader({ ...shared, policy: {}, authorize: unsafeAllowEveryone }), values))
    const strays = target.filter(({ path, versions }) => !wanted.has(path) || versions.filter(version => version.served).length > 1).length
    const { intents, tasks } = await metadata.references({ registry: REGISTRY }, {})
    const counts = { missing: missing + (secrets - missing - wanted.size), different, leftovers: source.length + strays, unfinished: intents + tasks }
    const isWhole = pair[1].requests?.create?.findLast(({ writes }) => writes)?.name === putOf(pair[1])
    return { secrets, kills: killed, puts, mostPuts: secrets + killed * (isWhole ? 1 : CONCURRENCY), resumed, moved, ...counts }
  } finally {
    await metadata.close()
    for (const driver of drivers) await driver.close()
    for (const one of running) await one.stop()
    await database.remove(place)
    remove()
  }
}

/** One process, killed when it has told of so many; or to its end. */
async function migrateOnce(
  work: KilledWork,
  cache: string,
  until: number,
  strike: (kill: () => void) => void,
): Promise<{ readonly moved: number; readonly resumed: number; readonly isKilled: boolean }> {
  const child = forkBound(join(import.meta.dirname, 'killed-child.ts'), cache)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (part: Buffer) => (output += part.toString()))
  let moved = 0
  let resumed = 0
  let left: number | undefined
  child.on('message', (told: KilledTold) => {
    if (told.type === 'ended') {
      left = told.left
      return
    }
    moved += 1
    if (told.resumed) resumed += 1
    if (moved === until) strike(() => void child.kill('SIGKILL'))
  })
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  child.send(work)
  const [code, signal] = await closed
  if (signal !== 'SIGKILL' && (code !== 0 || left !== 0))
    throw new Error(`a migration ended with ${String(signal ?? code)}, ${String(left)} left: ${output}`)
  return { moved, resumed, isKilled: signal === 'SIGKILL' }
}

/** Text of every size up to some kilobytes, in any script; and every third binary, of the sizes at which something ends. */
function valuesOf(secrets: number, random: () => number): ReadonlyMap<string, Value> {
  const text = (index: number): string =>
    `${index} ${Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 2 ** 32).toString(36)).join('é✓𝄞')}`
  const binary = (index: number): Uint8Array => {
    const size = BINARY_SIZES[(index / 3) % BINARY_SIZES.length] ?? 1
    const first = Math.floor(random() * 256)
    return Uint8Array.from({ length: size }, (_, at) => (first + at * 7) % 256)
  }
  return new Map(Array.from({ length: secrets }, (_, index) => [`key-${index}`, index % 3 === 0 ? binary(index) : text(index)]))
}

async function fill(registry: SecretRegistry, values: ReadonlyMap<string, Value>): Promise<void> {
  const rest = [...values]
  const work = async (): Promise<void> => {
    for (let next = rest.pop(); next !== undefined; next = rest.pop()) await registry.account(account, ACTOR).create({ key: next[0], value: next[1] })
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work))
}

/** Byte for byte; where the backend has bytes alone, what was binary may look like text. */
function isSame(found: Value | undefined, value: Value): boolean {
  return found !== undefined && (typeof found === 'string' || typeof value !== 'string') && Buffer.from(found).equals(Buffer.from(value))
}

/** How many the library's own reader gives otherwise than they were written. */
async function readOtherwise(reader: SecretReader, values: ReadonlyMap<string, Value>): Promise<number> {
  let otherwise = 0
  for (const [key, value] of values) {
    const read = await reader
      .account(account, ACTOR)
      .read({ key })
      .then(
        answer => answer.value.revealBytes(),
        () => undefined,
      )
    if (read === undefined || !Buffer.from(read).equals(Buffer.from(value))) otherwise += 1
  }
  return otherwise
}

/** The requests of a server, as they are told, without keeping the others' names. */
function counting({ wire }: Running): {
  readonly forget: () => void
  readonly note: () => void
  readonly count: (name: string | undefined) => number | undefined
} {
  const counts = new Map<string, number>()
  const note = (): void => {
    for (const name of wire?.requests() ?? []) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return {
    note,
    forget: () => {
      note()
      counts.clear()
    },
    count: name => {
      note()
      return wire === undefined || name === undefined ? undefined : (counts.get(name) ?? 0)
    },
  }
}
